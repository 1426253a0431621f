"""The fake engine of tests: draws without a network; the closest drawing is found by definition.

Shapes: N images, A length of the one-hot code.
"""

import numpy as np

from gallery.align import Aligner, Pixels
from gallery.arrays import Floats
from gallery.attributes import Attribute, AttributeSpace
from generator.card import Card
from generator.drawer import Closest, Drawer, DrawnBatch


class FakeEngine(Drawer):
    """Draws and estimates what a test says, and does all else as an engine does.

    A child defines `draw`, and where it has an estimator that looks at more than a pixel,
    `estimates` and `log_probabilities`.

    Attributes:
        probabilities: By grey level of an image's first pixel, (N, A), or of every image the same,
            (1, A); None without an estimator.
    """

    def __init__(self, card: Card, probabilities: Floats | None = None) -> None:
        """Take the card of weights that are not there."""
        self.card = card
        self.on, self.runtime, self.precision = "cpu", "none", "float32"
        self.refines, self.fuses = True, False
        self.probabilities = probabilities

    @property
    def estimates(self) -> bool:
        return self.probabilities is not None

    def log_probabilities(self, pixels: Pixels) -> Floats:
        assert self.probabilities is not None
        rows = pixels[:, 0, 0, 0] if len(self.probabilities) > 1 else [0] * len(pixels)
        found: Floats = np.log(self.probabilities[rows]).astype(np.float32)
        return found

    @property
    def dimension(self) -> int:
        """Length of the features that `draw` gives."""
        size, channels = self.card.aligner.size, self.card.aligner.channels
        blank = np.zeros((1, size, size, channels), dtype=np.uint8)
        code = np.zeros((1, self.card.space.size), dtype=np.float32)
        return int(self.draw(blank, code).features.shape[1])

    def closest(
        self,
        pixels: Pixels,
        codes: Floats,
        *,
        handicap: Floats | None = None,
        refine_best: int | None = None,
    ) -> Closest:
        """Draw value by value and keep the closest; every wish is refined."""
        assert refine_best is None
        drawn = [self.draw(pixels, codes[:, wish]) for wish in range(codes.shape[1])]
        errors = np.stack(
            [np.square(one.refined - pixels).mean(axis=(1, 2, 3)) for one in drawn], axis=1
        )
        handicapped = errors if handicap is None else errors + handicap
        choice = handicapped.argmin(axis=1)  # (N,): of equals the earlier
        kept = [drawn[wish] for wish in choice]
        rows = range(len(pixels))
        return Closest(
            choice,
            errors[np.arange(len(pixels)), choice],
            DrawnBatch(
                np.stack([kept[row].first[row] for row in rows]),
                np.stack([kept[row].refined[row] for row in rows]),
                np.stack([kept[row].features[row] for row in rows]),
            ),
        )


class Told(FakeEngine):
    """Its redrawings have the errors, and its estimator the probabilities, that a test says.

    Image n is all n: so it is known which one is drawn. Of several attributes the errors of the
    values add up.
    """

    def __init__(
        self, errors: Floats, probabilities: Floats | None, *attributes: Attribute
    ) -> None:
        """Be told.

        Args:
            errors: Mean squared error of each image under each value, (N, A).
            probabilities: See `FakeEngine`.
            attributes: Whose values these are.
        """
        super().__init__(card_of(*attributes), probabilities)
        self.errors = errors

    def draw(self, pixels: Pixels, codes: Floats) -> DrawnBatch:
        """Draw the image, brighter by the root of its error."""
        off = np.sqrt((self.errors[pixels[:, 0, 0, 0]] * codes).sum(axis=1))
        refined = (pixels + off[:, None, None, None]).astype(np.float32)
        return DrawnBatch(refined, refined, refined.reshape(len(codes), -1))


def card_of(*attributes: Attribute) -> Card:
    """Return the card of a generator without a network, of images of 2 x 2 pixels."""
    return Card(
        name="told",
        architecture="none",
        space=AttributeSpace(attributes),
        aligner=Aligner(size=2, channels=1),
        mean=(0.0,),
        deviation=(1.0,),
    )


def numbered(count: int) -> Pixels:
    """Return images of which number n is all n, (N, 2, 2, 1)."""
    levels = np.arange(count, dtype=np.uint8)[:, None, None, None]
    return np.broadcast_to(levels, (count, 2, 2, 1)).copy()


def coarse_features(drawn: Floats, codes: Floats) -> Floats:
    """Return the means of 4 x 4 pixels of drawings of 32 x 32, and the codes: (N, 64 + A)."""
    coarse = drawn.reshape(len(codes), 8, 4, 8, 4, -1).mean(axis=(2, 4, 5))
    features = np.concatenate([coarse.reshape(len(codes), -1) - 100, codes], axis=1)
    return features.astype(np.float32)
