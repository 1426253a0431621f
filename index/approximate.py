"""Search through FAISS: all kinds but `exact`.

FAISS holds the first rows of the gallery. The rows added since (the tail) are compared one by one,
so that an addition rewrites nothing. What a quantised kind finds is compared again with the stored
embeddings, so that scores are exact in every kind. Where only few rows may be found, or FAISS
brings fewer than were asked for, the stored embeddings answer alone, exactly.

Shapes: Q probes, K results, R rows found, N gallery rows, T rows of the tail, D dimensions.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.base import (
    GalleryRows,
    Ids,
    Neighbours,
    StoredVectors,
    Vectors,
    check_search,
    nothing,
)
from index.choice import ImageRows, RowSubset
from index.faiss_library import loaded_faiss, on_gpu, selector
from index.manifest import Effort
from index.merge import merge_by_image
from index.row_store import StoredRows
from index.scan import best_rows

FEW_ROWS = 10_000  # so many are compared one by one
FEW_PROBES = 8  # so many are compared without a matrix product
GPU_ROWS = 2048  # that FAISS returns from a GPU; it takes no selectors there
TUNED_FOR = 10  # neighbours that the effort was tuned for


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What an approximate index is put together of.

    Attributes:
        main: FAISS index of the first rows; its ids are row numbers.
        effort: How it is searched.
        ids: Image of each row, (N,).
        kept: Which rows can be found, (N,); None for all.
        stored: All embeddings.
        images: Distinct images that can be found.
    """

    main: Any
    effort: Effort
    ids: Ids
    kept: NDArray[np.bool_] | None
    stored: StoredRows
    images: int


@dataclass(frozen=True, slots=True)
class _Limit:
    """What may be found: the rows, the same for FAISS (None for all), and of the tail (T,).

    `told` keeps what FAISS is told to do, by the number of rows that it shall return.
    """

    choice: RowSubset
    chosen: Any
    tail: NDArray[np.bool_] | None
    told: dict[int, Any] = field(default_factory=dict)


class ApproximateIndex:
    """A FAISS index with a tail, that answers by image and with exact scores.

    Equal scores are ordered by gallery row within the rows that FAISS returns. Which of several
    equal rows it returns at the K boundary is FAISS's own choice; `ExactIndex` decides that too.

    Attributes:
        size: Number of distinct images.
        dimension: Length D of an embedding.
        parts: What is searched.
    """

    size: int
    dimension: int

    def __init__(self, parts: Parts, device: str = "cpu") -> None:
        """Take the parts; the tail is copied into memory.

        Args:
            parts: What to search.
            device: "cuda" copies the FAISS index to the GPU, where FAISS has one and can.
        """
        self.parts = parts
        self._main = parts.main
        self._gpu = on_gpu(parts.main) if device.startswith("cuda") else None
        self._first = int(parts.main.ntotal)
        self._tail = parts.stored.gather(np.arange(self._first, parts.stored.total))
        self._images: ImageRows | None = None
        self._standing: tuple[Ids | None, _Limit] | None = None
        self.size = parts.images
        self.dimension = parts.stored.dimension

    def search(
        self,
        probes: Vectors,
        k: int,
        *,
        allowed: Ids | None = None,
        excluded: Ids | None = None,
    ) -> Neighbours:
        """Find the k best images for each probe: (Q, D) -> (Q, K); see `Index.search`.

        To leave out the same images again, pass the same array, unchanged: it is not looked
        through again.
        """
        check_search(probes, k, self, allowed, excluded)
        images = self._image_rows()
        limit = self._limit(allowed, excluded)
        k = min(k, limit.choice.images)
        if k == 0:
            return nothing(len(probes))
        rows, scores = self._best(probes, limit.choice.rows_needed(k), limit)
        ids = self.parts.ids[rows]
        return Neighbours(ids, scores) if images.single else merge_by_image(ids, scores, k)

    def stored(self, images: Ids) -> StoredVectors:
        """Copy the vectors of some images; see `Index.stored`."""
        rows = self._image_rows().choose(images, None).rows
        return StoredVectors(self.parts.ids[rows], self.parts.stored.gather(rows))

    def _image_rows(self) -> ImageRows:
        if self._images is None:
            self._images = ImageRows(self.parts.ids, self.parts.kept)
        return self._images

    def _limit(self, allowed: Ids | None, excluded: Ids | None) -> _Limit:
        """Work out which rows may be found; once for all searches that leave out the same."""
        if allowed is None and self._standing is not None and self._standing[0] is excluded:
            return self._standing[1]
        choice = self._image_rows().choose(allowed, excluded)
        limit = _Limit(choice, None, None)
        if choice.size < choice.total:
            mask = choice.mask()
            limit = _Limit(choice, selector(mask), mask[self._first :])
        if allowed is None:
            self._standing = (excluded, limit)
        return limit

    def _best(self, probes: Vectors, count: int, limit: _Limit) -> tuple[Ids, Vectors]:
        """Find the best rows, (Q, R), with their scores, best first."""
        if self._few(count, limit.choice):
            return self._exactly(probes, count, limit.choice)
        rows, scores = self._from_main(probes, count, limit)
        short = (rows >= 0).sum(axis=1) < min(count, self._held(limit))  # though there are more
        if len(self._tail):
            tail_rows, tail_scores = self._from_tail(probes, limit)
            rows = np.concatenate([rows, tail_rows], axis=1)
            scores = np.concatenate([scores, tail_scores], axis=1)
        rows, scores = ranked(rows, scores, count)
        if short.any():
            rows[short], scores[short] = self._exactly(probes[short], count, limit.choice)
        return rows, scores

    def _held(self, limit: _Limit) -> int:
        """Count the rows that FAISS holds and that may be found."""
        tail = len(self._tail) if limit.tail is None else int(limit.tail.sum())
        return limit.choice.size - tail

    def _few(self, count: int, choice: RowSubset) -> bool:
        """Say whether comparing one by one is less work than asking FAISS, and surer."""
        if choice.size <= min(FEW_ROWS, choice.total // 4):
            return True
        return self.parts.effort != Effort() and 2 * count >= choice.size

    def _from_main(self, probes: Vectors, count: int, limit: _Limit) -> tuple[Ids, Vectors]:
        """Ask FAISS: rows (Q, R), -1 where there are fewer, and their exact scores."""
        depth = self.parts.effort.depth
        wanted = min(self._first, max(count, TUNED_FOR) * depth if depth else count)
        main = self._main
        if self._gpu is not None and limit.chosen is None and wanted <= GPU_ROWS:
            main = self._gpu
        scores, rows = main.search(probes, wanted, params=self._told(wanted, limit))
        missing = rows < 0
        lacking = missing.any()
        if depth:
            there = np.maximum(rows, 0) if lacking else rows
            for probe, found, row_scores in zip(probes, there, scores, strict=True):
                row_scores[:] = self.parts.stored.scores(probe, found)
        if lacking:
            scores[missing] = -np.inf
        return rows, scores

    def _told(self, wanted: int, limit: _Limit) -> Any:  # noqa: ANN401  FAISS ships no types
        if wanted not in limit.told:
            share = limit.choice.size / limit.choice.total
            limit.told[wanted] = search_parameters(
                self._main, self.parts.effort, wanted, share, limit.chosen
            )
        return limit.told[wanted]

    def _from_tail(self, probes: Vectors, limit: _Limit) -> tuple[Ids, Vectors]:
        """Compare with all rows that FAISS does not hold: (Q, T)."""
        scores = products(probes, self._tail)
        rows = np.arange(self._first, limit.choice.total)
        if limit.tail is not None:
            scores[:, ~limit.tail] = -np.inf
        return np.where(np.isneginf(scores), -1, rows), scores

    def _exactly(self, probes: Vectors, count: int, choice: RowSubset) -> tuple[Ids, Vectors]:
        stored = self.parts.stored
        if choice.size > FEW_ROWS:
            everything = GalleryRows(self.parts.ids, stored.blocks(), self.parts.kept)
            return best_rows(everything, probes, count, choice)
        rows = choice.rows
        embeddings = stored.gather(rows)
        if len(probes) > FEW_PROBES:
            places, scores = best_rows(GalleryRows(rows, [embeddings]), probes, count)
            return rows[places], scores
        scores = products(probes, embeddings)
        places = np.argsort(-scores, axis=1, kind="stable")[:, :count]
        return rows[places], np.take_along_axis(scores, places, axis=1)


def ranked(rows: Ids, scores: Vectors, count: int) -> tuple[Ids, Vectors]:
    """Return the best rows and their scores, (Q, R) -> (Q, count); equal scores by row number."""
    if len(rows) == 1:  # the usual search: half the time
        order = np.lexsort((rows[0], -scores[0]))[:count]
        return rows[:, order], scores[:, order]
    order = np.lexsort((rows, -scores))[:, :count]
    return np.take_along_axis(rows, order, axis=1), np.take_along_axis(scores, order, axis=1)


def products(probes: Vectors, rows: Vectors) -> Vectors:
    """Return the inner products (Q, T), of few probes without waking a second thread.

    On a busy machine a matrix product waits for its slowest thread: 70 ms instead of 0.2 were
    measured for one probe and 1,000 rows.
    """
    if len(probes) > FEW_PROBES:
        return probes @ rows.T
    found: Vectors = np.einsum("qd,td->qt", probes, rows)
    return found


def search_parameters(
    main: Any,  # noqa: ANN401  FAISS ships no types
    effort: Effort,
    wanted: int,
    share: float = 1.0,
    chosen: Any = None,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Say to FAISS how much to do: the less of the gallery may be found, the more of it is visited.

    Args:
        main: FAISS index that will be searched.
        effort: For a search of everything.
        wanted: Rows it shall return.
        share: Share of the rows that may be found, in (0, 1].
        chosen: FAISS selector of these; None for all.

    Returns:
        FAISS parameters, or None where there is nothing to say.
    """
    faiss = loaded_faiss()
    if effort.lists:
        lists = min(int(main.nlist), int(np.ceil(effort.lists / share)))
        return faiss.SearchParametersIVF(nprobe=lists, sel=chosen)
    if effort.breadth:
        breadth = min(int(main.ntotal), max(wanted, int(np.ceil(effort.breadth / share))))
        return faiss.SearchParametersHNSW(efSearch=breadth, sel=chosen)
    return None if chosen is None else faiss.SearchParameters(sel=chosen)
