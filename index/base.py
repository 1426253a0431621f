"""What every index shares: results, interface, gallery rows.

Shapes: Q probes, K results, N gallery rows, n rows of one block, D dimensions of an embedding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]

# Gallery floats in work at a time. Rows are bounded too, so that narrow embeddings do not make
# the table of scores (probes in work x rows in work) large instead.
BLOCK_BYTES = 64 * 2**20
BLOCK_ROWS = 32_768


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Results of a search: every image at most once per probe, best first.

    Attributes:
        ids: Catalogue ids of the images, (Q, K).
        scores: Inner product of the probe with the image's best row, (Q, K), falling along each
            row.
    """

    ids: Ids
    scores: Vectors


def nothing(probes: int) -> Neighbours:
    """Return results without a column: (Q, 0)."""
    return Neighbours(np.empty((probes, 0), np.int64), np.empty((probes, 0), np.float32))


@dataclass(frozen=True, slots=True)
class StoredVectors:
    """What an index compares some images by.

    Attributes:
        ids: Image of each vector, in gallery order, (r,): an image has one or several.
        vectors: The vectors as stored, not as a quantised kind holds them, (r, D).
    """

    ids: Ids
    vectors: Vectors

    def best(self, probe: Vectors, wanted: Ids) -> Vectors:
        """Return the vector of each image by which a probe (D,) finds it, (n,) -> (n, D).

        Args:
            probe: The probe. If an image has several vectors, the one closest to it counts.
            wanted: Images, in any order.

        Raises:
            ValueError: One of them has no vector here.
        """
        order = np.lexsort((np.arange(len(self.ids)), -(self.vectors @ probe), self.ids))
        known, first = np.unique(self.ids[order], return_index=True)
        places = np.searchsorted(known, wanted)
        if len(wanted) and (places.max() >= len(known) or (known[places] != wanted).any()):
            raise ValueError("an image that is wanted has no vector here")
        found: Vectors = self.vectors[order[first[places]]]
        return found


class Index(Protocol):
    """What can be searched for the nearest images."""

    @property
    def size(self) -> int:
        """Number of distinct images."""

    @property
    def dimension(self) -> int:
        """Length D of an embedding."""

    def search(
        self,
        probes: Vectors,
        k: int,
        *,
        allowed: Ids | None = None,
        excluded: Ids | None = None,
    ) -> Neighbours:
        """Find the k best images for each probe: (Q, D) -> (Q, K).

        With a choice of images, K is the smaller of k and the images that remain, possibly 0.

        Args:
            probes: Finite embeddings, (Q, D).
            k: Images wanted; at most `size` where no choice is given.
            allowed: The only images that may be found, (a,), rising; None for all. Ids that the
                index does not hold are no mistake.
            excluded: Images that may not be found, (e,), rising; None for none.

        Raises:
            ValueError: k is not in 1..size, the probes are not finite float32 of shape (Q, D), or
                a choice is not int64 and rising.
        """

    def stored(self, images: Ids) -> StoredVectors:
        """Copy the vectors of some images, (n,), rising; of those that can be found."""


@dataclass(frozen=True, slots=True)
class GalleryRows:
    """Embeddings of a gallery, with the image that each row belongs to.

    Attributes:
        ids: Image of each row, (N,); an id may occur several times (rival hypotheses).
        blocks: Finite embeddings, each (n, D), N rows together; memory maps stay on disk.
        kept: Which rows can be found, (N,); None for all.
    """

    ids: Ids
    blocks: Sequence[Vectors]
    kept: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        shapes = {block.shape[1:] for block in self.blocks}
        if len(shapes) != 1 or any(b.ndim != 2 or b.dtype != np.float32 for b in self.blocks):
            described = ", ".join(f"{b.dtype} {b.shape}" for b in self.blocks) or "no block"
            raise ValueError(f"blocks must be float32 (n, D) with one D, got {described}")
        if self.ids.ndim != 1 or self.ids.dtype != np.int64:
            raise ValueError(f"ids must be int64 (N,), got {self.ids.dtype} {self.ids.shape}")
        rows = sum(len(block) for block in self.blocks)
        if len(self.ids) != rows:
            raise ValueError(f"{len(self.ids)} ids for {rows} rows of embeddings")
        if self.kept is not None and (self.kept.shape != (rows,) or self.kept.dtype != np.bool_):
            raise ValueError(
                f"kept must be bool ({rows},), got {self.kept.dtype} {self.kept.shape}"
            )
        if not len(self.kept_ids):
            raise ValueError("an index needs at least one row that can be found")

    @property
    def dimension(self) -> int:
        """Length D of an embedding."""
        return int(self.blocks[0].shape[1])

    @property
    def kept_ids(self) -> Ids:
        """Image of each row that can be found, in gallery order."""
        return self.ids if self.kept is None else self.ids[self.kept]

    def first(self, rows: int) -> "GalleryRows | None":
        """Return the first so many rows alone, or None if none of them can be found."""
        if rows == len(self.ids):
            return self
        starts = np.cumsum([0, *(len(block) for block in self.blocks)])
        parts = [
            block[: rows - start]
            for start, block in zip(starts.tolist(), self.blocks, strict=False)
            if start < rows
        ]
        kept = None if self.kept is None else self.kept[:rows]
        if not rows or not (kept is None or kept.any()):
            return None
        return GalleryRows(self.ids[:rows], parts, kept)

    def chunks(self) -> Iterator[tuple[Ids, Vectors]]:
        """Yield the rows that can be found, in order: row numbers (n,), embeddings (n, D).

        A chunk holds at most BLOCK_BYTES, or one row; a whole chunk of a block is not copied.
        """
        size = self._chunk_rows()
        start = 0
        for block in self.blocks:
            for first in range(0, len(block), size):
                rows, part = self._kept_part(block[first : first + size], start + first)
                if len(rows):
                    yield rows, part
            start += len(block)

    def gathered(self, rows: Ids) -> Iterator[tuple[Ids, Vectors]]:
        """Yield copies of some rows, in chunks as large as those of `chunks`.

        Args:
            rows: Rising row numbers, (r,); `kept` is not asked.
        """
        starts = np.cumsum([0, *(len(block) for block in self.blocks)])
        size = self._chunk_rows()
        for first in range(0, len(rows), size):
            chosen = rows[first : first + size]
            places = np.searchsorted(starts, chosen, side="right") - 1  # block of each row
            part = np.empty((len(chosen), self.dimension), dtype=np.float32)
            edges = [0, *(np.flatnonzero(np.diff(places)) + 1).tolist(), len(chosen)]
            for begin, end in pairwise(edges):
                place = places[begin]
                part[begin:end] = self.blocks[place][chosen[begin:end] - starts[place]]
            yield chosen, part

    def gather(self, rows: Ids) -> Vectors:
        """Copy some rows together: rising numbers (r,) -> (r, D)."""
        out = np.empty((len(rows), self.dimension), dtype=np.float32)
        start = 0
        for _, part in self.gathered(rows):
            out[start : start + len(part)] = part
            start += len(part)
        return out

    def _chunk_rows(self) -> int:
        return min(BLOCK_ROWS, max(1, BLOCK_BYTES // (4 * max(1, self.dimension))))

    def _kept_part(self, part: Vectors, start: int) -> tuple[Ids, Vectors]:
        rows = np.arange(start, start + len(part))
        if self.kept is None or self.kept[rows].all():
            return rows, part
        kept = self.kept[rows]
        return rows[kept], part[kept]


def check_search(
    probes: Vectors,
    k: int,
    index: Index,
    allowed: Ids | None = None,
    excluded: Ids | None = None,
) -> None:
    """Refuse what no index can answer.

    Raises:
        ValueError: k is not in 1..size, the probes are not finite float32 of shape (Q, D), or a
            choice of images is not int64 and rising.
    """
    if allowed is None and excluded is None and not 1 <= k <= index.size:
        raise ValueError(f"k must lie in 1..{index.size}, the images of the index, got {k}")
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    if probes.ndim != 2 or probes.shape[1] != index.dimension or probes.dtype != np.float32:
        raise ValueError(
            f"probes must be float32 (Q, {index.dimension}), got {probes.dtype} {probes.shape}"
        )
    if not np.isfinite(probes).all():
        raise ValueError("probes must be finite, got infinite values or NaN")
    for name, ids in (("allowed", allowed), ("excluded", excluded)):
        if ids is not None:
            _check_choice(name, ids)


def _check_choice(name: str, ids: Ids) -> None:
    if ids.ndim != 1 or ids.dtype != np.int64:
        raise ValueError(f"{name} must be int64 (n,), got {ids.dtype} {ids.shape}")
    if (ids[1:] <= ids[:-1]).any():
        raise ValueError(f"{name} must rise, without repetitions")
