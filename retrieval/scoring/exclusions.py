"""Wishes that something is not so: a log(1 - p(excluded values | gallery image)).

It is no inner product, and nothing is stored for it: log p of every value is stored as it is, so
log(1 - p) follows from it when scores are computed, for the images that can be among the best
(retrieval/search/excluding.py). Values of one attribute exclude each other: of several, the sum of
their p counts. Like log p it is clipped at -CLIP. log p itself is clipped there, too, which moves
log(1 - p) by less than exp(-CLIP) = 0.00005 for each value.

Shapes: N images, A values of all attributes, F numbers of a fused vector, E excluding wishes.
"""

from dataclasses import dataclass

import numpy as np

from gallery.arrays import Doubles, Floats
from gallery.attributes import AttributeSpace
from gallery.wishes import Wish, Wishes
from index.base import Ids
from retrieval.scoring.log_probability import CLIP
from retrieval.scoring.terms import Coefficients, Layout

NOT = "not"  # what the part of a score is called


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What must not be shown of one attribute.

    Attributes:
        wishes: As they were wished.
        places: Where log p of the values stands in a fused vector.
        weight: Coefficient of log(1 - p), at least 0.
    """

    wishes: tuple[Wish, ...]
    places: Ids
    weight: float

    @property
    def spelt(self) -> str:
        """The wishes as they are written."""
        return ", ".join(map(str, self.wishes))

    def scores(self, vectors: Floats) -> Floats:
        """Return what it adds to the scores of gallery vectors, at most 0: (N, F) -> (N,)."""
        log_p = CLIP * vectors[:, self.places].astype(np.float64)
        found = self.weight * log_of_none(log_p)
        return found.astype(np.float32)


def log_of_none(log_p: Doubles) -> Doubles:
    """Return log(1 - the sum of p), clipped at -CLIP, (N, values) -> (N,).

    Args:
        log_p: Of values that exclude each other, float64.
    """
    one = log_p.shape[1] == 1
    left = -np.expm1(log_p[:, 0]) if one else 1 - np.exp(log_p).sum(axis=1)
    found: Doubles = np.log(np.maximum(left, np.exp(-CLIP)))
    return found


def exclusions(
    wishes: Wishes, space: AttributeSpace, layout: Layout, weights: Coefficients
) -> tuple[Exclusion, ...]:
    """Return what a search must not show, one for each attribute that has something.

    Args:
        wishes: As the space spells them.
        space: What can be wished for.
        layout: Of vectors that hold log p.
        weights: Weights of the terms.
    """
    first = layout.parts["log_p"].start if wishes.excluded else 0
    found, start = [], first
    for attribute in space:
        own = tuple(wish for wish in wishes.excluded if wish.attribute == attribute.name)
        if own:
            places = np.array([start + attribute.index(wish.value) for wish in own])
            found.append(Exclusion(own, places, own[0].weight * weights.of("log_p")))
        start += len(attribute.values)
    return tuple(found)
