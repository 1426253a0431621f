"""Canonicalisation: redraw every gallery image in its own best-fitting value.

A drawing never looks quite like a photograph, so drawings are compared with drawings. Which values
a gallery image shows is not asked of its labels but estimated.

Rule `reconstruction` (the papers'): of the redrawings under every value, keep the one with the
smallest squared pixel distance to the image. With several attributes a full product is never drawn:
attribute by attribute, in order, the others are held at what was chosen before (at first, at their
first values). Its shortcut refines only the drawings whose first stage comes closest.

Source: arXiv 1511.08446, section 4.1.2; BMVC 2016, section 4.1, "Retrieval results".

Shapes: N images, S side, C channels, D dimensions, A length of the one-hot code.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gallery.align import Pixels
from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.errors import IndexFileError
from generator.engine import Engine, Floats
from retrieval.embedding import normalise

RECONSTRUCTION = "reconstruction"
_SHORTENED = re.compile(r"reconstruction, best ([1-9][0-9]*) refined")


def rule_name(refine_best: int | None) -> str:
    """Name the rule, for the index contract: `reconstruction`, or its shortcut."""
    return RECONSTRUCTION if refine_best is None else f"reconstruction, best {refine_best} refined"


def refined_by(rule: str) -> int | None:
    """Return how many wishes of an image a rule refines; None for all.

    Raises:
        IndexFileError: There is no such rule.
    """
    shortened = _SHORTENED.fullmatch(rule)
    if rule != RECONSTRUCTION and shortened is None:
        raise IndexFileError(
            f"The space was made by the rule {rule!r}, which this version does not know. Update"
            " mindseye, or build the space again: mindseye index build"
        )
    return int(shortened[1]) if shortened else None


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


def canonicalise(engine: Engine, pixels: Pixels, *, refine_best: int | None = None) -> Canonical:
    """Redraw images by the rule `reconstruction`.

    Args:
        engine: Draws.
        pixels: Aligned images, 0..255, (N, S, S, C), N at least 1.
        refine_best: See `Engine.closest`; None follows the rule to the letter.
    """
    space = engine.card.space
    if not space.attributes:
        raise ValueError("a generator without attributes has no canonical view")
    first = Condition({a.name: a.values[0] for a in space.attributes})
    conditions = [first] * len(pixels)
    for attribute in space.attributes:
        held = {condition: _codes(space, condition, attribute) for condition in set(conditions)}
        codes = np.stack([held[condition] for condition in conditions])  # (N, K, A)
        closest = engine.closest(pixels, codes, refine_best=refine_best)
        conditions = [
            condition.replace({attribute.name: attribute.values[choice]})
            for condition, choice in zip(conditions, closest.choice.tolist(), strict=True)
        ]
    drawn = closest.drawn
    return Canonical(tuple(conditions), drawn.refined, normalise(drawn.features), closest.errors)


def _codes(space: AttributeSpace, held: Condition, attribute: Attribute) -> Floats:
    """One-hot codes of every value of an attribute, the others held, (K, A)."""
    tried = [held.replace({attribute.name: value}) for value in attribute.values]
    return np.stack([space.one_hot(condition) for condition in tried])
