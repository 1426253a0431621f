"""Comparing every probe with every row: exact, by blocks, from memory or from disk.

On the CPU NumPy does it; on other devices torch does (index/torch_scan.py), which is not imported
before. Equal scores are ordered by gallery row, at the K boundary too: what is ranked is not the
score but an integer made of score and row, no two alike (index/keys.py).

Equal means equal as computed, in float32. Matrix products round by the place of a row in its block
and by the shapes of both sides, so that two copies of one vector may score a rounding step apart.
(Measured with torch 2.13 on an AMD EPYC, 582 rows: 0.7 % of copies for one probe, none for 64.)

Shapes: Q probes, R rows ranked, N gallery rows, n rows of one chunk, D dimensions.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from index.base import GalleryRows, Ids, Vectors
from index.choice import RowSubset
from index.keys import ranking_keys, rows_and_scores

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
    if device != "cpu":
        from index.torch_scan import best_keys  # noqa: PLC0415  torch, where it alone can

        return rows_and_scores(best_keys(chunks(gallery, choice), probes, count, device, PROBES))
    best = [_Best(count) for _ in probes]
    for rows, embeddings, wanted in chunks(gallery, choice):
        columns = np.asarray(embeddings).T  # (D, n)
        for first in range(0, len(probes), PROBES):
            scores = probes[first : first + PROBES] @ columns
            for of, mine in zip(best[first : first + PROBES], scores, strict=True):
                of.take(rows, mine, wanted)
    found = np.empty((len(probes), count), np.int64)
    for place, one in enumerate(best):
        found[place] = one.keys()
    return rows_and_scores(found)


class _Best:
    """The best rows of one probe, of the chunks seen so far."""

    def __init__(self, count: int) -> None:
        """Keep so many."""
        self._count = count
        self._keys: Ids = np.empty(0, np.int64)
        self._least = np.float32(-np.inf)  # the score of the last that is kept

    def take(self, rows: Ids, scores: Vectors, wanted: NDArray[np.bool_] | None) -> None:
        """Look at a chunk: rows (n,), their scores (n,), which of them are wanted (n,) or all."""
        near = ~(scores < self._least)  # so that what is no number is not passed over
        if wanted is not None:
            near &= wanted
        at = np.flatnonzero(near)
        if not len(at):
            return
        keys = np.concatenate([self._keys, ranking_keys(scores[at], rows[at])])
        if len(keys) >= self._count:
            keys = np.partition(keys, len(keys) - self._count)[len(keys) - self._count :]
            self._least = rows_and_scores(keys.min(keepdims=True))[1][0]
        self._keys = keys

    def keys(self) -> Ids:
        """Return what was kept, falling."""
        return np.sort(self._keys)[::-1]


def chunks(
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
