"""Integers that rank gallery rows by score, and equal scores by row: no two keys are alike.

Shapes: Q probes, R rows ranked, n rows of one chunk.
"""

import torch
from torch import Tensor

from index.base import Ids, Vectors

LAST_ROW = 2**32 - 1  # rows fill the lower half of a 64-bit key
HIDDEN = -(2**63)  # below the key of every finite score


def ranking_keys(scores: Tensor, rows: Tensor) -> Tensor:
    """Make integers that rank rows by score, and equal scores by row, earliest highest.

    The bits of IEEE 754 floats rank like integers, once those of negative ones are turned round.

    Args:
        scores: float32, (Q, n).
        rows: int64 row numbers in 0..LAST_ROW, (n,).

    Returns:
        int64 keys, (Q, n).
    """
    bits = (scores + 0.0).view(torch.int32)  # -0.0 equals 0.0, and + 0.0 makes it so in bits
    ranked = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    return (ranked.to(torch.int64) << 32) | (LAST_ROW - rows)


def rows_and_scores(keys: Tensor) -> tuple[Ids, Vectors]:
    """Undo `ranking_keys`: (Q, R) -> row numbers (Q, R), scores (Q, R)."""
    ranked = (keys >> 32).to(torch.int32)
    scores = (ranked ^ ((ranked >> 31) & 0x7FFFFFFF)).view(torch.float32)
    rows = LAST_ROW - (keys & LAST_ROW)
    return rows.cpu().numpy(), scores.cpu().numpy()
