"""Values chosen by their scores: what is laid out as the one-hot code, read without torch.

Shapes: N images, A length of the one-hot code, T attributes, M combinations of their values.
"""

import numpy as np
from numpy.typing import NDArray

from gallery.attributes import AttributeSpace, Condition

# Of an estimated strength: 0 and 1 are then -10 apart, where log p is clipped.
SPREAD = 20**-0.5


def best_values(scores: NDArray[np.float32], space: AttributeSpace) -> NDArray[np.int64]:
    """Return the position of the greatest score of each attribute, (N, A) -> (N, T)."""
    return np.stack([part.argmax(axis=1) for part in split_scores(scores, space)], axis=1)


def split_scores(scores: NDArray[np.float32], space: AttributeSpace) -> list[NDArray[np.float32]]:
    """Split what is laid out as the one-hot code, (N, A), into one part for each attribute."""
    ends = np.cumsum([len(attribute.values) for attribute in space.attributes])
    return np.split(scores, ends[:-1], axis=1)


def conditions_at(positions: NDArray[np.int64], space: AttributeSpace) -> tuple[Condition, ...]:
    """Return the conditions whose values stand at these positions, (N, T)."""
    return tuple(
        Condition({a.name: a.values[at] for a, at in zip(space.attributes, row, strict=True)})
        for row in positions.tolist()
    )


def best_combinations(
    scores: NDArray[np.float32], space: AttributeSpace, most: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the greatest sums of one score of each attribute, falling.

    Args:
        scores: Laid out as the one-hot code, (N, A).
        space: A space of T attributes.
        most: How many combinations, at most; M of all there are.

    Returns:
        Positions of the values, (N, M, T), and the sums, (N, M). Of equal sums the earlier value
        comes first.
    """
    chosen = np.empty((len(scores), 1, 0), dtype=np.int64)
    sums = np.zeros((len(scores), 1), dtype=np.float32)
    for part in split_scores(scores, space):
        values = part.shape[1]
        each = (sums[:, :, None] + part[:, None]).reshape(len(scores), -1)  # (N, M * values)
        order = np.argsort(-each, axis=1, kind="stable")[:, :most]
        sums = np.take_along_axis(each, order, axis=1)
        before = np.take_along_axis(chosen, (order // values)[:, :, None], axis=1)
        chosen = np.concatenate([before, (order % values)[:, :, None]], axis=2)
    return chosen, sums


def shares_of(log_p: NDArray[np.float32], space: AttributeSpace) -> list[NDArray[np.float32]]:
    """Return the probability of each value, (N, A) -> (N, values) for each attribute."""
    parts = zip(split_scores(np.exp(log_p), space), space, strict=True)
    return [one / one.sum(axis=1, keepdims=True) if a.is_strength else one for one, a in parts]
