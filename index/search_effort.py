"""How much a search must do to find what exact search finds, and how well it then does.

Probes are made of images of the gallery that the index was not trained on, in the shape of queries
(`index/probing.py`). Half of them decide how much is done, the other half says how well. An image
is no neighbour of itself. Probes of real queries are drawings, which may lie further from the
gallery than its images do from each other: benchmarks measure with those.

Shapes: P probes, R rows found, N gallery rows, D dimensions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.approximate import TUNED_FOR, search_parameters
from index.base import GalleryRows, Ids, Index, Vectors
from index.faiss_library import require_faiss, selector
from index.manifest import Effort
from index.merge import merge_by_image, rows_needed, rows_per_image
from index.probing import ROWS, QueryShape

DEPTHS = (1, 2, 4, 8, 16, 32, 64)
BREADTHS = (16, 32, 64, 128, 256, 512, 1024, 2048)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """Held-out images, with their true neighbours.

    Attributes:
        embeddings: What is asked for each, (P, D).
        own: The image itself, (P,).
        truth: The nearest other images by exact search, (P, up to 10).
    """

    embeddings: Vectors
    own: Ids
    truth: Ids

    def halves(self) -> "tuple[Probes, Probes]":
        """Divide them: every other one to tune with, the rest to measure with."""
        tune, measure = (
            Probes(
                embeddings=self.embeddings[first::2],
                own=self.own[first::2],
                truth=self.truth[first::2],
            )
            for first in (0, 1)
        )
        return tune, measure


def with_truth(gallery: GalleryRows, rows: Ids, shape: QueryShape = ROWS) -> Probes:
    """Make probes of some images of a gallery; find their neighbours by exact search of all rows.

    Args:
        gallery: What can be found.
        rows: Rising row numbers of the images, (P,).
        shape: What queries look like.
    """
    copies = rows_per_image(gallery.kept_ids)
    k = min(TUNED_FOR + 1, len(copies))
    own = gallery.ids[rows]
    embeddings = shape.probes(gallery.gather(rows))
    found = _nearest_rows(gallery, embeddings, rows_needed(copies, k))
    scores = np.zeros(found.shape, dtype=np.float32)  # in order already
    truth = without_own(merge_by_image(gallery.ids[found], scores, k).ids, own)
    return Probes(embeddings=embeddings, own=own, truth=truth)


def _nearest_rows(gallery: GalleryRows, probes: Vectors, count: int) -> Ids:
    """Find the rows with the largest scores, best first, (P, count): by FAISS, block by block."""
    faiss = require_faiss()
    scores = np.empty((len(probes), 0), dtype=np.float32)
    found: Ids = np.empty((len(probes), 0), dtype=np.int64)
    for rows, part in gallery.chunks():
        new, places = faiss.knn(
            probes, part, min(count, len(part)), metric=faiss.METRIC_INNER_PRODUCT
        )
        both = np.hstack([scores, new])
        numbers: Ids = np.hstack([found, rows[places]])
        best = np.argsort(-both, axis=1, kind="stable")[:, :count]
        scores = np.take_along_axis(both, best, axis=1)
        found = np.take_along_axis(numbers, best, axis=1)
    return found


def without_own(found: Ids, own: Ids) -> Ids:
    """Leave the image itself, or else the last one, out of each ranking: (P, R) -> (P, R - 1)."""
    itself = found == own[:, None]
    itself[~itself.any(axis=1), -1] = True
    first = itself & (np.cumsum(itself, axis=1) == 1)
    others: Ids = found[~first].reshape(len(found), found.shape[1] - 1)
    return others


def overlaps(found: Ids, truth: Ids) -> NDArray[np.float64]:
    """Return the share of true neighbours that were found, for each probe: (P, R), (P, T) -> (P,).

    Source: neighbour overlap; FAISS calls it intersection measure (`contrib/evaluation.py`).
    """
    there = [np.isin(true, row).mean() for true, row in zip(truth, found, strict=True)]
    return np.array(there, dtype=np.float64)


def measure(index: Index, probes: Probes) -> float:
    """Return the mean neighbour overlap of an index with exact search; 1 without probes."""
    if not probes.truth.size:
        return 1.0
    found = index.search(probes.embeddings, probes.truth.shape[1] + 1).ids
    return float(overlaps(without_own(found, probes.own), probes.truth).mean())


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Rows that surely hold the neighbours tuned for, where images may have several.

    Attributes:
        rows: For so many images.
        with_itself: For one more.
    """

    rows: int
    with_itself: int


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Which rows may be found.

    Attributes:
        ids: Image of each row, (N,).
        share: Share of the rows that may be found.
        chosen: FAISS selector of these; None for all.
    """

    ids: Ids
    share: float
    chosen: Any

    @classmethod
    def of(cls, gallery: GalleryRows) -> "_Chosen":
        kept = gallery.kept
        if kept is None or kept.all():
            return cls(gallery.ids, 1.0, None)
        return cls(gallery.ids, float(kept.mean()), selector(kept))


def tune(
    main: Any,  # noqa: ANN401  FAISS ships no types
    gallery: GalleryRows,
    probes: Probes,
    accuracy: float,
    *,
    quantised: bool,
) -> Effort:
    """Find the least effort whose overlap surely reaches an accuracy, or the greatest there is.

    Surely: the mean less two standard errors. Of a quantised kind, half of what may be lost is left
    for the codes; lists are enough if they lose no more than the other half. Of a graph, half is
    left for walks that go astray: they are rare and lose all, so some hundred probes say little.

    Args:
        main: FAISS index; its ids are row numbers.
        gallery: The rows that it holds; those that are not kept are passed over, as in searches.
        probes: Held-out images.
        accuracy: Overlap wanted, in (0, 1].
        quantised: Whether rows found are compared again with their stored embeddings.
    """
    effort = Effort()
    copies = rows_per_image(gallery.kept_ids)
    limit = _Chosen.of(gallery)
    wanted = _Wanted(
        *(rows_needed(copies, min(k, len(copies))) for k in (TUNED_FOR, TUNED_FOR + 1))
    )
    for effort in _efforts(main, quantised=quantised):
        if not probes.truth.size:
            continue  # nothing to tune with: the greatest effort
        found = _candidates(main, limit, probes, effort, wanted)
        spared = (1 + accuracy) / 2 if effort.depth or effort.breadth else accuracy
        if _surely(overlaps(found, probes.truth)) >= spared:
            return _shallower(effort, found, probes, accuracy, wanted)
    return effort


def _efforts(main: Any, *, quantised: bool) -> Iterator[Effort]:  # noqa: ANN401
    """Yield efforts, each greater than the one before."""
    if hasattr(main, "nlist"):
        some = {1, *(2**p for p in range(1, 24)), *(3 * 2**p for p in range(23)), int(main.nlist)}
        for lists in sorted(some):
            if lists <= main.nlist:
                yield Effort(lists=lists, depth=DEPTHS[-1] if quantised else 0)
    elif hasattr(main, "hnsw"):
        for breadth in BREADTHS:
            yield Effort(breadth=breadth)
    else:
        yield Effort()


def _candidates(
    main: Any,  # noqa: ANN401
    limit: _Chosen,
    probes: Probes,
    effort: Effort,
    wanted: _Wanted,
) -> Ids:
    """Find the images that an effort brings, best first, (P, R); -1 where there are fewer."""
    count = min(int(main.ntotal), wanted.rows * effort.depth or wanted.with_itself)
    parameters = search_parameters(main, effort, count, limit.share, limit.chosen)
    _, rows = main.search(probes.embeddings, count, params=parameters)
    images: Ids = np.where(rows < 0, -1, limit.ids[rows])
    return images


def _shallower(
    effort: Effort, found: Ids, probes: Probes, accuracy: float, wanted: _Wanted
) -> Effort:
    """Return the effort with the least depth that surely reaches an accuracy."""
    for depth in DEPTHS if effort.depth else ():
        if _surely(overlaps(found[:, : wanted.rows * depth], probes.truth)) >= accuracy:
            return Effort(lists=effort.lists, depth=depth)
    return effort


def _surely(shares: NDArray[np.float64]) -> float:
    """Return the mean less two standard errors; a mean of 1 is sure."""
    return float(shares.mean() - 2 * shares.std() / np.sqrt(len(shares)))
