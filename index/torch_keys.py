"""The keys of index/keys.py, made by torch; the benchmark ranks by them, and other devices.

Shapes: Q probes, R rows ranked, n rows of one chunk.
"""

import torch
from torch import Tensor

from index.base import Ids, Vectors
from index.keys import LAST_ROW
from index.keys import rows_and_scores as of_arrays


def ranking_keys(scores: Tensor, rows: Tensor) -> Tensor:
    """Make integers that rank rows by score, and equal scores by row; see `index.keys`.

    Args:
        scores: float32, (Q, n).
        rows: int64 row numbers in 0..LAST_ROW, (n,).

    Returns:
        int64 keys, (Q, n).
    """
    bits = (scores + 0.0).view(torch.int32)
    ranked = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    return (ranked.to(torch.int64) << 32) | (LAST_ROW - rows)


def rows_and_scores(keys: Tensor) -> tuple[Ids, Vectors]:
    """Undo `ranking_keys`: (Q, R) -> row numbers (Q, R), scores (Q, R)."""
    return of_arrays(keys.cpu().numpy())
