"""The methods that a benchmark compares, each a way to rank a gallery for queries.

A method searches vectors with vectors by cosine, in the whole gallery or in a part of it:

- `ours`: embedding of the drawing, against those of the canonical views;
- `ours-pixels`: pixels of the drawing, against pixels of the canonical views;
- `two-step-true/pixels`, `two-step-true/features`: no drawing. The gallery is first cut down to the
  images that truly have the wished value (labels that a user would not have: an upper bound for
  every estimate), then ranked by the source's own pixels, or by the embedding of the source's own
  canonical view;
- `random`: chance, computed and not sampled (retrieval/evaluation/metrics.py).

Shapes: N gallery images, Q queries, K ranks, D dimensions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from generator.engine import Floats
from index.exact import ExactIndex
from retrieval.embedding import normalise
from retrieval.evaluation.protocols import Labels, Queries

METHODS = ("ours", "ours-pixels", "two-step-true/features", "two-step-true/pixels")
Ranking = NDArray[np.int64]
Kept = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class GalleryViews:
    """What methods search in.

    Attributes:
        embeddings: Of the canonical views, unit length, (N, D).
        canonical_pixels: Of the canonical views, flat, unit length, (N, P).
        source_pixels: Of the aligned photographs, flat, unit length, (N, P).
    """

    embeddings: Floats
    canonical_pixels: Floats
    source_pixels: Floats


@dataclass(frozen=True, slots=True)
class Probes:
    """What drawn methods search with.

    Attributes:
        embeddings: Of the drawings, unit length, (Q, D).
        pixels: Of the drawings, flat, unit length, (Q, P).
    """

    embeddings: Floats
    pixels: Floats


@dataclass(frozen=True, slots=True)
class Case:
    """Queries about a gallery, with all that a method may use.

    Attributes:
        views: The gallery.
        labels: Of the gallery.
        queries: The queries, Q of them.
        probes: Their drawings.
    """

    views: GalleryViews
    labels: Labels
    queries: Queries
    probes: Probes


def rank(method: str, case: Case, depth: int, *, exclude_source: bool) -> Ranking:
    """Rank the gallery for each query by one method.

    Args:
        method: One of METHODS.
        case: Gallery and queries.
        depth: Ranks wanted, K.
        exclude_source: Whether a query's own source image is left out.

    Returns:
        Gallery positions, best first, (Q, K); -1 where the gallery, or the part that is searched,
        has no more images.

    Raises:
        ValueError: There is no such method.
    """
    views, probes = case.views, case.probes
    own = case.queries.sources if exclude_source else None
    if method == "ours":
        return _search(views.embeddings, probes.embeddings, depth, own)
    if method == "ours-pixels":
        return _search(views.canonical_pixels, probes.pixels, depth, own)
    if method == "two-step-true/features":
        return _filtered(views.embeddings, case, depth)
    if method == "two-step-true/pixels":
        return _filtered(views.source_pixels, case, depth)
    raise ValueError(f"there is no method {method!r}")


def flat_pixels(images: NDArray[np.uint8] | Floats) -> Floats:
    """Turn images (N, S, S, C) into vectors of unit length, (N, S·S·C)."""
    return normalise(images.reshape(len(images), -1).astype(np.float32))


def _search(
    gallery: Floats, probes: Floats, depth: int, own: Ranking | None, kept: Kept | None = None
) -> Ranking:
    """Search exactly, in all or some of the gallery; ties stand in gallery order."""
    extra = 0 if own is None else 1
    found = np.full((len(probes), depth), -1, dtype=np.int64)
    size = len(gallery) if kept is None else int(kept.sum())
    if not size or not len(probes):
        return found
    index = ExactIndex(np.arange(len(gallery), dtype=np.int64), [gallery], kept)
    ids = index.search(probes, min(depth + extra, size)).ids
    if own is not None:
        ids = _without(ids, own)
    width = min(depth, ids.shape[1])
    found[:, :width] = ids[:, :width]
    return found


def _without(ids: Ranking, own: Ranking) -> Ranking:
    """Drop one position from each row: its own, or else the last one."""
    mine = ids == own[:, None]
    mine[~mine.any(axis=1), -1] = True
    others: Ranking = ids[~mine].reshape(len(ids), -1)
    return others


def _filtered(gallery: Floats, case: Case, depth: int) -> Ranking:
    """Rank, for each query, the images that truly have the wished value, by its own source.

    The source is never among them: the value it has already is never wished for.
    """
    queries = case.queries
    found = np.full((len(queries), depth), -1, dtype=np.int64)
    wishes = np.stack([queries.attributes, queries.values], axis=1)
    for attribute, value in np.unique(wishes, axis=0):
        asked = np.flatnonzero((wishes == (attribute, value)).all(axis=1))
        having = case.labels.values[:, attribute] == value
        probes = gallery[queries.sources[asked]]
        found[asked] = _search(gallery, probes, depth, None, having)
    return found
