"""What the score of an answer is the sum of: its parts, and what each wish added.

Shapes: n images, F numbers of a fused vector.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gallery.arrays import Floats
from gallery.attributes import AttributeSpace
from gallery.wishes import Wishes
from retrieval.scoring.exclusions import NOT, Exclusion
from retrieval.scoring.terms import Layout


@dataclass(frozen=True, slots=True)
class Asked:
    """What a query asked of every image.

    Attributes:
        probe: The vector that searched, (1, F).
        wishes: As the space spells them.
        excluded: What must not be shown.
    """

    probe: Floats
    wishes: Wishes
    excluded: tuple[Exclusion, ...] = ()


@dataclass(frozen=True, slots=True)
class ScoreParts:
    """What scores of n images are made of.

    Attributes:
        terms: What each term added, by name: drawing, log_p, identity, and "not" where something
            is excluded, (n,) each. Their sum is the score.
        wishes: What each wish added, as it is spelt, (n,) each: of log_p and "not" together.
    """

    terms: Mapping[str, Floats]
    wishes: Mapping[str, Floats]


NO_PARTS = ScoreParts({}, {})


def parts_of(vectors: Floats, asked: Asked, space: AttributeSpace, layout: Layout) -> ScoreParts:
    """Split the scores of gallery vectors (n, F)."""
    terms = layout.split(vectors, asked.probe[0])
    taken = {one.spelt: one.scores(vectors) for one in asked.excluded}
    if taken:
        terms[NOT] = np.sum(list(taken.values()), axis=0)
    if "log_p" not in layout.terms:
        return ScoreParts(terms, {})
    place, added = layout.parts["log_p"].start, {}
    shown = {wish.attribute: wish for wish in asked.wishes.shown}
    for attribute in space:
        if (wish := shown.get(attribute.name)) is not None:
            block = slice(place, place + len(attribute.values))
            added[str(wish)] = vectors[:, block] @ asked.probe[0, block]
        place += len(attribute.values)
    return ScoreParts(terms, added | taken)
