"""Second hypotheses: a gallery image whose value is in doubt is redrawn, and stored, in two.

The first hypothesis is what the rule of the weights chooses (generator/canonical.py). The
second is the likeliest other condition by the weights' estimator. The margin is log p(first) - log
p(second); where it is small, both canonical views are stored. It is below zero where a rule that
looks at redrawings, too, has chosen what the estimator holds for less likely.

log p and identity belong to the image and are the same in both of its vectors. So the better vector
is always the one whose drawing comes closer, and a search gives an image once, with that one.

Without log p in the score second hypotheses do harm: an image then answers to the wrong value as
readily as to the right one.

Shapes: N images, M of them with a second hypothesis, A length of the one-hot code, T attributes, D
dimensions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gallery.align import Pixels
from gallery.arrays import Floats, normalise
from gallery.attributes import AttributeSpace, Condition
from generator.drawer import Drawer
from generator.hypotheses import Hypotheses
from generator.values import best_values, conditions_at, split_scores
from index.base import Ids


@dataclass(frozen=True, slots=True)
class Rivals:
    """The second hypothesis about every one of N images.

    Attributes:
        conditions: The likeliest ones but the first.
        margins: log p(first) - log p(second), (N,); inf where there is no second condition.
    """

    conditions: tuple[Condition, ...]
    margins: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Seconds:
    """The second canonical views of some of N images.

    Attributes:
        of: Positions of these images, rising, (M,).
        conditions: The conditions in which they were redrawn.
        embeddings: Embeddings of the redrawings, unit length, (M, D).
    """

    of: Ids
    conditions: tuple[Condition, ...]
    embeddings: Floats


def rivals(log_p: Floats, first: Sequence[Condition], space: AttributeSpace) -> Rivals:
    """Find the likeliest condition of each image but the one that was chosen.

    Attributes are estimated each by itself: that condition is the likeliest one of all; where this
    was chosen, it differs from it in the one attribute where the least is lost.

    Args:
        log_p: log p(value | image), laid out as the one-hot code, (N, A).
        first: What was chosen for each.
        space: The attributes.
    """
    positions = np.array(
        [[a.index(one[a.name]) for a in space.attributes] for one in first], dtype=np.int64
    ).reshape(len(first), len(space.attributes))  # (N, T)
    parts = split_scores(log_p, space)
    likeliest = best_values(log_p, space)
    losses, seconds = zip(*(_second_best(part) for part in parts), strict=True)
    lost = np.stack(losses, axis=1)  # (N, T)
    flipped = lost.argmin(axis=1)
    rows = np.arange(len(first))
    found = likeliest.copy()
    same = (likeliest == positions).all(axis=1)
    found[rows[same], flipped[same]] = np.stack(seconds, axis=1)[rows[same], flipped[same]]
    margins = _log_p_of(parts, positions) - _log_p_of(parts, found)
    margins[same] = lost[rows[same], flipped[same]]
    return Rivals(conditions_at(found, space), margins.astype(np.float32))


def second_views(engine: Drawer, pixels: Pixels, found: Rivals, hypotheses: Hypotheses) -> Seconds:
    """Redraw the images that have a second hypothesis in it.

    Args:
        engine: Draws.
        pixels: Aligned images, 0..255, (N, S, S, C).
        found: Their second hypotheses.
        hypotheses: Which images have one.
    """
    of = np.flatnonzero(hypotheses.chosen(found.margins))
    conditions = tuple(found.conditions[place] for place in of.tolist())
    if not len(of):
        return Seconds(of, (), np.empty((0, engine.dimension), dtype=np.float32))
    codes = np.stack([engine.card.space.one_hot(condition) for condition in conditions])
    drawn = engine.draw(pixels[of], codes)
    return Seconds(of, conditions, normalise(drawn.features))


def _second_best(part: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Return what the second-best value of one attribute loses, and which it is, (N,) each."""
    if part.shape[1] == 1:
        endless = np.full(len(part), np.inf, dtype=np.float32)
        return endless, np.zeros(len(part), dtype=np.int64)
    rows = np.arange(len(part))
    best = part.argmax(axis=1)
    others = part.copy()
    others[rows, best] = -np.inf
    second = others.argmax(axis=1)
    return part[rows, best] - part[rows, second], second


def _log_p_of(parts: Sequence[Floats], positions: NDArray[np.int64]) -> Floats:
    """Return the log-probability of whole conditions, (N,)."""
    rows = np.arange(len(positions))
    terms = [part[rows, positions[:, at]] for at, part in enumerate(parts)]
    total: Floats = np.sum(terms, axis=0)
    return total
