"""Integers that rank gallery rows by score, and equal scores by row: no two keys are alike.

On other devices than the CPU, torch makes the same ones (index/torch_keys.py).

Shapes: R rows ranked.
"""

import numpy as np
from numpy.typing import NDArray

from index.base import Ids, Vectors

LAST_ROW = 2**32 - 1  # rows fill the lower half of a 64-bit key
HIDDEN = -(2**63)  # below the key of every finite score
_MAGNITUDE = np.int32(0x7FFFFFFF)  # all bits of a float32 but its sign


def ranking_keys(scores: Vectors, rows: Ids) -> Ids:
    """Make integers that rank rows by score, and equal scores by row, earliest highest.

    The bits of IEEE 754 floats rank like integers, once those of negative ones are turned round.

    Args:
        scores: Of any shape.
        rows: Row numbers in 0..LAST_ROW, of the same shape, or of its last axis.

    Returns:
        Keys, of the shape of the scores.
    """
    bits = (scores + np.float32(0)).view(np.int32)  # -0.0 equals 0.0: + 0.0 makes it so in bits
    keys: Ids = (_turned(bits).astype(np.int64) << 32) | (LAST_ROW - rows)
    return keys


def rows_and_scores(keys: Ids) -> tuple[Ids, Vectors]:
    """Undo `ranking_keys`: return row numbers and scores."""
    scores = _turned((keys >> 32).astype(np.int32)).view(np.float32)
    return LAST_ROW - (keys & LAST_ROW), scores


def _turned(bits: NDArray[np.int32]) -> NDArray[np.int32]:
    turned: NDArray[np.int32] = bits ^ ((bits >> 31) & _MAGNITUDE)
    return turned
