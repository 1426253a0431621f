"""Embeddings in shards, fetched row by row: what is found is compared again with what was stored.

Shapes: N gallery rows, n rows fetched, D dimensions of an embedding.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from index.base import Ids, Vectors

MANY = 64  # rows that are worth gathering shard by shard


class StoredRows:
    """Rows of many shards, each mapped into memory when it is first needed.

    Attributes:
        total: Rows N.
        dimension: Length D of an embedding.
    """

    def __init__(
        self, lengths: Sequence[int], opened: Callable[[int], Vectors], dimension: int
    ) -> None:
        """Open nothing yet.

        Args:
            lengths: Rows of each shard, in gallery order.
            opened: Maps the shard at a place, (n, D).
            dimension: D.
        """
        self._starts = np.cumsum([0, *lengths])
        self._opened = opened
        self._blocks: list[Vectors | None] = [None] * len(lengths)
        self.total = int(self._starts[-1])
        self.dimension = dimension

    def gather(self, rows: Ids) -> Vectors:
        """Copy rows together, in any order, rising ones faster: numbers (n,) -> (n, D)."""
        places = np.searchsorted(self._starts, rows, side="right") - 1
        offsets = rows - self._starts[places]
        out = np.empty((len(rows), self.dimension), dtype=np.float32)
        if len(rows) > MANY and (rows[1:] > rows[:-1]).all():
            edges = [0, *(np.flatnonzero(np.diff(places)) + 1).tolist(), len(rows)]
            for begin, end in pairwise(edges):
                out[begin:end] = self._block(int(places[begin]))[offsets[begin:end]]
            return out
        for row, (place, offset) in enumerate(zip(places.tolist(), offsets.tolist(), strict=True)):
            block = self._blocks[place]
            out[row] = (self._block(place) if block is None else block)[offset]
        return out

    def blocks(self) -> list[Vectors]:
        """Map all shards."""
        return [self._block(place) for place in range(len(self._blocks))]

    def _block(self, place: int) -> Vectors:
        block = self._blocks[place]
        if block is None:
            block = self._blocks[place] = self._opened(place)
        return block
