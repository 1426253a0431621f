"""Comparing every probe with every row: exact, by blocks, from memory or from disk.

Equal scores are ordered by gallery row, at the K boundary too. torch.topk promises no order among
equals, so what is ranked is not the score but an integer made of score and row, no two alike.

Equal means equal as computed, in float32. Matrix products round by the place of a row in its block
and by the shapes of both sides, so that two copies of one vector may score a rounding step apart.
(Measured with torch 2.13 on an AMD EPYC, 582 rows: 0.7 % of copies for one probe, none for 64.)

Shapes: Q probes, R rows ranked, N gallery rows, n rows of one chunk, D dimensions.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from index.base import GalleryRows, Ids, Vectors
from index.choice import RowSubset
from index.keys import HIDDEN, ranking_keys, rows_and_scores

PROBES = 256  # in work at a time: the score table stays below 256 x BLOCK_ROWS
SPARSE = 0.25  # of the rows: a smaller choice is copied together, a larger one masked


def best_rows(
    gallery: GalleryRows,
    probes: Vectors,
    count: int,
    choice: RowSubset | None = None,
    device: str = "cpu",
) -> tuple[Ids, Vectors]:
    """Find the best rows for each probe.

    Args:
        gallery: Where to look; rows that are not kept are passed over.
        probes: Finite embeddings, (Q, D).
        count: Rows R wanted; at most those chosen.
        choice: Rows that may be found; None for all that are kept.
        device: Where scores are computed. All probes, and one chunk of gallery, fit there.

    Returns:
        Row numbers (Q, R) and scores (Q, R), best first; equal scores in gallery order.
    """
    groups = _tensor(probes).to(device).split(PROBES)
    none = torch.empty(0, dtype=torch.int64, device=device)
    best = [none.expand(len(group), 0) for group in groups]
    for rows, embeddings, wanted in _chunks(gallery, choice):
        columns = _tensor(embeddings).to(device).T  # (D, n)
        numbers = torch.from_numpy(rows).to(device)
        unwanted = None if wanted is None else ~torch.from_numpy(wanted).to(device)
        for place, group in enumerate(groups):
            new = ranking_keys(group @ columns, numbers)
            if unwanted is not None:
                new.masked_fill_(unwanted, HIDDEN)
            best[place] = _largest(torch.cat([best[place], new], dim=1), count)
    return rows_and_scores(torch.cat(best))


def _chunks(
    gallery: GalleryRows, choice: RowSubset | None
) -> Iterator[tuple[Ids, Vectors, NDArray[np.bool_] | None]]:
    """Yield rows, embeddings, and which of them are wanted; None if all are.

    Of a small choice only its own rows are read; where most rows are chosen, to pass over the
    others is cheaper than to copy.
    """
    if choice is None:
        for rows, embeddings in gallery.chunks():
            yield rows, embeddings, None
    elif choice.size < SPARSE * choice.total:
        for rows, embeddings in gallery.gathered(choice.rows):
            yield rows, embeddings, None
    else:
        mask = choice.mask()
        for rows, embeddings in gallery.chunks():
            yield rows, embeddings, mask[rows]


def _tensor(array: Vectors) -> Tensor:
    """Share memory with an array, or copy what torch cannot share (read-only, not contiguous)."""
    return torch.from_numpy(np.require(array, requirements=["C", "W", "E"]))


def _largest(keys: Tensor, count: int) -> Tensor:
    """Return the largest keys of each row, falling: (Q, n) -> (Q, min(count, n))."""
    return torch.topk(keys, min(count, keys.shape[1]), dim=1).values
