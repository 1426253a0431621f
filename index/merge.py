"""One result per image, where an image may have several rows (rival hypotheses).

Shapes: Q probes, R rows found for each, K images wanted, M distinct images.
"""

import numpy as np
from numpy.typing import NDArray

from index.base import Ids, Neighbours, Vectors


def rows_per_image(ids: Ids) -> NDArray[np.int64]:
    """Count the rows of every distinct image, most first: (N,) -> (M,)."""
    counts = np.unique(ids, return_counts=True)[1].astype(np.int64)
    return np.sort(counts)[::-1]


def rows_needed(counts: NDArray[np.int64], k: int) -> int:
    """Return how many best rows always hold k distinct images.

    The k - 1 images with most rows cannot fill one row more than they have. Never more than k
    times the most rows of an image, and k itself where every image has one row.

    Args:
        counts: Rows of every distinct image, most first, (M,).
        k: Distinct images wanted, 1 <= k <= M.
    """
    return int(counts[: k - 1].sum()) + 1


def merge_by_image(ids: Ids, scores: Vectors, k: int) -> Neighbours:
    """Keep the best row of every image, and the best k images.

    Args:
        ids: Image of each row found, best first, (Q, R).
        scores: Their scores, falling along each row, (Q, R).
        k: Images to keep for each probe.

    Returns:
        Neighbours of shape (Q, K), in the order of their best rows.

    Raises:
        ValueError: A probe has fewer than k distinct images among its rows.
    """
    first = _is_first(ids)
    if ids.shape[1] < k or (first.sum(axis=1) < k).any():
        raise ValueError(f"fewer than {k} distinct images among {ids.shape[1]} rows")
    places = np.argsort(~first, axis=1, kind="stable")[:, :k]  # (Q, K)
    return Neighbours(
        np.take_along_axis(ids, places, axis=1), np.take_along_axis(scores, places, axis=1)
    )


def _is_first(ids: Ids) -> NDArray[np.bool_]:
    """Whether no earlier place of the same ranking holds the same id: (Q, R) -> (Q, R)."""
    order = np.argsort(ids, axis=1, kind="stable")  # copies side by side, earliest first
    in_order = np.take_along_axis(ids, order, axis=1)
    starts = np.ones(ids.shape, dtype=np.bool_)
    starts[:, 1:] = in_order[:, 1:] != in_order[:, :-1]
    first = np.empty_like(starts)
    np.put_along_axis(first, order, starts, axis=1)
    return first


def places_among_equals(ids: Ids) -> Ids:
    """Return how many earlier rows are of the same image, for each row: (n,) -> (n,)."""
    order = np.argsort(ids, kind="stable")
    starts = np.flatnonzero(np.diff(ids[order], prepend=ids[order][:1] - 1))
    lengths = np.diff(np.append(starts, len(ids)))
    places = np.empty_like(order)
    places[order] = np.arange(len(ids)) - np.repeat(starts, lengths)
    return places
