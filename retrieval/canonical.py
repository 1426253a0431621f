"""Canonicalisation: redraw every gallery image in its own best-fitting value.

A drawing never looks quite like a photograph, so drawings are compared with drawings. Which values
a gallery image shows is not asked of its labels but estimated.

Rule `reconstruction` (the papers'): of the redrawings under every value, keep the one with the
smallest squared pixel distance to the image. With several attributes a full product is never drawn:
attribute by attribute, in order, the others are held at what was chosen before (at first, at their
first values).

Source: arXiv 1511.08446, section 4.1.2; BMVC 2016, section 4.1, "Retrieval results".

Shapes: N images, S side, C channels, D dimensions, A length of the one-hot code.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gallery.align import Pixels
from gallery.attributes import Condition
from generator.engine import Drawn, Engine, Floats
from retrieval.embedding import normalise

RECONSTRUCTION = "reconstruction"


@dataclass(frozen=True, slots=True)
class Canonical:
    """Canonical views of N images.

    Attributes:
        estimates: The values under which each was redrawn.
        images: The redrawings, grey levels in [0, 255], (N, S, S, C).
        embeddings: Of the redrawings, unit length, (N, D).
        errors: Mean squared pixel distance of each redrawing to its image, (N,).
    """

    estimates: tuple[Condition, ...]
    images: Floats
    embeddings: Floats
    errors: NDArray[np.float32]


def canonicalise(engine: Engine, pixels: Pixels) -> Canonical:
    """Redraw images by the rule `reconstruction`.

    Args:
        engine: Draws.
        pixels: Aligned images, 0..255, (N, S, S, C), N at least 1.
    """
    space = engine.card.space
    first = Condition({a.name: a.values[0] for a in space.attributes})
    conditions = [first] * len(pixels)
    best: Canonical | None = None
    for attribute in space.attributes:
        best = None
        for value in attribute.values:
            tried = [condition.replace({attribute.name: value}) for condition in conditions]
            codes = np.stack([space.one_hot(condition) for condition in tried])
            view = _view(tried, engine.draw(pixels, codes), pixels)
            best = view if best is None else _closer(best, view)
        conditions = list(best.estimates) if best else conditions
    if best is None:
        raise ValueError("a generator without attributes has no canonical view")
    return best


def _view(tried: list[Condition], drawn: Drawn, pixels: Pixels) -> Canonical:
    errors = np.square(drawn.refined - pixels).mean(axis=(1, 2, 3))
    return Canonical(tuple(tried), drawn.refined, normalise(drawn.features), errors)


def _closer(best: Canonical, view: Canonical) -> Canonical:
    """Keep, image by image, the redrawing that is closer; of equals, the earlier value."""
    better = view.errors < best.errors
    estimates = zip(better, view.estimates, best.estimates, strict=True)
    best.images[better] = view.images[better]
    best.embeddings[better] = view.embeddings[better]
    best.errors[better] = view.errors[better]
    chosen = tuple(new if is_better else old for is_better, new, old in estimates)
    return Canonical(chosen, best.images, best.embeddings, best.errors)
