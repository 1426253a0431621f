"""Embeddings in shards, fetched row by row: what is found is compared again with what was stored.

Shapes: N gallery rows, n rows fetched, D dimensions of an embedding.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from index.base import Ids, Vectors

MANY = 64  # rows that are worth gathering shard by shard
ONE_THREAD = 9216  # numbers that OpenBLAS multiplies without waking a second thread


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
        self._blocks = _Blocks(opened)
        self.total = int(self._starts[-1])
        self.dimension = dimension

    def gather(self, rows: Ids) -> Vectors:
        """Copy rows together, in any order, rising ones faster: numbers (n,) -> (n, D)."""
        places = self._starts.searchsorted(rows, side="right") - 1
        offsets = rows - self._starts[places]
        if not len(rows) or (len(rows) > MANY and (rows[1:] > rows[:-1]).all()):
            return self._by_shard(places, offsets)
        blocks, where = self._blocks, zip(places.tolist(), offsets.tolist(), strict=True)
        found = [blocks[place][offset] for place, offset in where]
        return np.concatenate(found).reshape(len(rows), self.dimension)

    def scores(self, probe: Vectors, rows: Ids) -> Vectors:
        """Compare one probe (D,) with rows (n,): inner products (n,).

        Few rows are multiplied by BLAS, which is quicker to call; of many it would give a part to
        another thread, and on a busy machine wait for that.
        """
        embeddings = self.gather(rows)
        few = embeddings.size < ONE_THREAD
        found: Vectors = embeddings.dot(probe) if few else np.einsum("d,nd->n", probe, embeddings)
        return found

    def _by_shard(self, places: Ids, offsets: Ids) -> Vectors:
        out = np.empty((len(places), self.dimension), dtype=np.float32)
        edges = [0, *(np.flatnonzero(np.diff(places)) + 1).tolist(), len(places)]
        for begin, end in pairwise(edges) if len(places) else ():
            out[begin:end] = self._blocks[int(places[begin])][offsets[begin:end]]
        return out

    def blocks(self) -> list[Vectors]:
        """Map all shards."""
        return [self._blocks[place] for place in range(len(self._starts) - 1)]


class _Blocks(dict[int, Vectors]):
    """Shards by their place, each opened when it is first asked for."""

    def __init__(self, opened: Callable[[int], Vectors]) -> None:
        super().__init__()
        self._opened = opened

    def __missing__(self, place: int) -> Vectors:
        block = self[place] = self._opened(place)
        return block
