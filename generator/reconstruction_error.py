"""How far redrawings usually are from their images: tells photographs that weights do not know.

A canonical view is an image redrawn as it is. Of faces like those that weights were trained on it
comes close; of others it does not, and then neither estimates nor drawings can be trusted. What is
usual is measured on people that nothing was trained on, and stands on the card (`Card.redrawing`):
quantiles of the mean squared error, in squared grey levels.

Shapes: N images, S side, C channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gallery.align import Pixels
from gallery.arrays import Floats
from gallery.errors import WeightsError
from generator.canonical import ESTIMATOR, Rule, redraw
from generator.card import Card
from generator.drawer import Drawer

QUANTILES = (0.5, 0.9, 0.99)
BATCH = 64
ENOUGH = 100  # images: of fewer, none tells where the worst of a hundred lies


@dataclass(frozen=True, slots=True)
class Usual:
    """What errors are usual.

    Attributes:
        median: Half of the images are redrawn better, mean squared error.
        limit: 99 of 100 are.
    """

    median: float
    limit: float

    @classmethod
    def of(cls, card: Card) -> Self | None:
        """Return what was measured; None if nothing was, or of too few images.

        Raises:
            WeightsError: The card holds something else.
        """
        found = usual_quantiles(card)
        return None if found is None else cls(found[0], found[-1])


def usual_quantiles(card: Card) -> tuple[float, ...] | None:
    """Return the usual errors at QUANTILES; None if nothing was measured, or of too few images.

    Raises:
        WeightsError: The card holds something else.
    """
    if not card.redrawing:
        return None
    found, images = _measured(card)
    return found if images >= ENOUGH else None


def usual_errors(
    errors: NDArray[np.floating[Any]], spec: str, people: Sequence[str]
) -> dict[str, Any]:
    """Return what goes onto the card.

    Args:
        errors: Mean squared distance of every canonical view to its image, (N,).
        spec: SPEC of the collection that shows them.
        people: Whom it was measured on.

    Raises:
        ValueError: There is no image.
    """
    if not len(errors):
        raise ValueError("usual errors need at least one image")
    found = np.quantile(np.asarray(errors, dtype=np.float64), QUANTILES)
    return {
        "quantiles": {
            f"{share:g}": round(float(one), 2) for share, one in zip(QUANTILES, found, strict=True)
        },
        "images": len(errors),
        "measured_on": {"spec": spec, "people": list(people)},
    }


def usual_text(card: Card) -> str:
    """Say what stands on a card, for people; it must hold something.

    Raises:
        WeightsError: It is nothing that `usual_errors` returns.
    """
    found, images = _measured(card)
    pairs = zip(QUANTILES, found, strict=True)
    shares = ", ".join(f"{100 * share:g} % below {error:g}" for share, error in pairs)
    few = "" if images >= ENOUGH else f" (too few to judge by: {ENOUGH} are needed)"
    return f"error of redrawing {images} images of people not trained on: {shares}{few}"


def _measured(card: Card) -> tuple[tuple[float, ...], int]:
    """Return the errors at QUANTILES, rising, and of how many images; the card must hold some."""
    told = card.redrawing
    try:
        found = tuple(float(told["quantiles"][f"{share:g}"]) for share in QUANTILES)
        images = int(told["images"])
        if not 0 <= found[0] <= found[1] <= found[2] < np.inf:
            raise ValueError(f"quantiles {found}")
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise WeightsError(
            f"The usual errors on the card of {card.name} are damaged: {error!r}; measure them"
            " again: mindseye weights fit"
        ) from error
    return found, images


def own_errors(engine: Drawer, pixels: Pixels, rule: Rule) -> Floats | None:
    """Mean squared distance of every image to its canonical view, (N,).

    Args:
        engine: Draws.
        pixels: Aligned images, 0..255, (N, S, S, C), N at least 1.
        rule: How canonical views are chosen; of several attributes it is always the estimator.

    Returns:
        None for several attributes without an estimator, whose views a search alone chooses.
    """
    if len(engine.card.space.attributes) > 1:
        if not engine.estimates:
            return None
        rule = Rule(ESTIMATOR)
    parts = [pixels[at : at + BATCH] for at in range(0, len(pixels), BATCH)]
    return np.concatenate([redraw(engine, part, rule).errors for part in parts])
