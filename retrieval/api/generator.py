"""A generator: draws a wished image, estimates what an image shows, embeds it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from gallery import sheets
from gallery.align import Crop, Pixels
from gallery.arrays import Floats, normalise
from gallery.errors import WeightsError
from gallery.portraits import portrait_aligner
from gallery.provenance import WHOLE, mark
from gallery.wishes import Wishes
from generator.canonical import Rule, canonicalise
from generator.drawer import Drawer
from generator.values import shares_of
from generator.weights_file import find_weights
from retrieval.api.additions import open_engine
from retrieval.api.sources import Source, Wish, open_sources, spelt
from retrieval.estimation.landmark_pose import for_card, log_p_of
from retrieval.search.crops import FIND, asking_for_crops, find_faces, parse_crop
from retrieval.search.drawing import draw_wish


class Generator:
    """Weights, ready to draw; made by `mindseye.load_generator`.

    Every method takes `crop`: where the face is, as "X,Y,W,H" in pixels or shares up to 1, or
    "face" to look for it; None: the weights' own crop, or else the centre square.
    """

    def __init__(self, engine: Drawer) -> None:
        self._engine = engine
        self._pose = for_card(engine.card)
        spelt = "" if self._pose is None else self._pose.calibration.spell()
        self._rule = replace(Rule.of(engine.card), landmarks=spelt)

    @property
    def name(self) -> str:
        """Name of the weights."""
        return self._engine.card.name

    @property
    def attributes(self) -> dict[str, tuple[str, ...]]:
        """What can be wished for: the values of each attribute."""
        return {one.name: one.values for one in self._engine.card.space.attributes}

    def __repr__(self) -> str:
        return f"<Generator {self.name}: {', '.join(self.attributes)}>"

    def draw(self, image: Source, wish: Wish, *, crop: str | Crop | None = None) -> Image.Image:
        """Draw an image under a wish; what is not wished for stays as it is estimated to be.

        Args:
            image: A path, or an image that Pillow opened.
            wish: What is wished for: {"pose": 45}, or like "pose=45".
            crop: Where the face is.

        Raises:
            UserError: The wish is unknown, or the image cannot be used.
        """
        wished = Wishes.parse(spelt(wish)).within(self._engine.card.space)
        pixels, log_p = self._seen(image, crop)
        made = draw_wish(self._engine, self._rule, pixels, wished, log_p=log_p)
        return mark(sheets.to_image(made.drawn.refined[0]), WHOLE)

    def estimate(self, image: Source, *, crop: str | Crop | None = None) -> dict[str, str]:
        """Estimate the values that an image shows, by the rule that was measured best.

        Args:
            image: A path, or an image that Pillow opened.
            crop: Where the face is.

        Raises:
            UserError: The image cannot be used.
        """
        pixels, log_p = self._seen(image, crop)
        seen = canonicalise(self._engine, pixels, self._rule, log_p(1))
        return dict(seen.estimates[0])

    def probabilities(
        self, image: Source, *, crop: str | Crop | None = None
    ) -> dict[str, dict[str, float]]:
        """Say how likely an image shows each value of each attribute.

        Args:
            image: A path, or an image that Pillow opened.
            crop: Where the face is.

        Raises:
            UserError: The image cannot be used, or the weights have no attribute estimator.
        """
        _, estimate = self._seen(image, crop)
        log_p = estimate(1)
        if log_p is None:
            raise WeightsError(
                f"{self.name} has no attribute estimator; see `mindseye weights list` for weights"
                " that have one, or ask estimate()"
            )
        parts = shares_of(log_p, self._engine.card.space)
        return {
            name: dict(zip(values, part[0].tolist(), strict=True))
            for (name, values), part in zip(self.attributes.items(), parts, strict=True)
        }

    def embed(self, image: Source, wish: Wish = (), *, crop: str | Crop | None = None) -> Floats:
        """Return the embedding of an image as a gallery keeps it, or as a wish searches.

        Args:
            image: A path, or an image that Pillow opened.
            wish: Empty: the image's canonical view is embedded, as images of a gallery are. Else
                the drawing of the wish, as a search does.
            crop: Where the face is.

        Returns:
            Unit length, (D,). The dot product of both kinds is the score of the drawing alone.

        Raises:
            UserError: The wish is unknown, or the image cannot be used.
        """
        pixels, log_p = self._seen(image, crop)
        if not (wishes := spelt(wish)):
            whole = canonicalise(self._engine, pixels, self._rule, log_p(1)).embeddings
            return np.asarray(whole[0])
        wished = Wishes.parse(wishes).within(self._engine.card.space)
        made = draw_wish(self._engine, self._rule, pixels, wished, log_p=log_p)
        return np.asarray(normalise(made.drawn.features)[0])

    def _seen(
        self, image: Source, crop: str | Crop | None
    ) -> tuple[Pixels, Callable[[int], Floats | None]]:
        """Cut the face out of an image, (1, S, S, C); and say how to estimate what it shows."""
        aligner, where = self._engine.card.aligner, parse_crop(crop)
        photographs = open_sources([image])
        if where == FIND:
            where = find_faces(photographs, aligner).crops[0]
        square = where if isinstance(where, Crop) else None
        with asking_for_crops(photographs):
            pixels = aligner.align(photographs[0].image, crop=square)[None]
        if self._pose is None:
            return pixels, lambda _: log_p_of(self._engine, None, pixels, None)
        cut = portrait_aligner(aligner, self._pose.form)
        portrait = cut.align(photographs[0].image, crop=square)[None]
        return pixels, lambda _: log_p_of(self._engine, self._pose, pixels, portrait)


def load_generator(weights: str | Path, device: str) -> Generator:
    """Open weights to draw with; see `mindseye.load_generator`."""
    return Generator(open_engine(find_weights(str(weights)), device))
