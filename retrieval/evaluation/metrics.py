"""Measures of a ranking, and of a drawing. Pure functions of arrays.

Shapes: Q probes, R ranks. hits[q, r] says whether the item at rank r is relevant to probe q.
Three measures are called "Recall@K" in the literature. Here `hit_rate_at_k` is what the papers we
follow print under that name, and `recall_at_k` is the one of information retrieval.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.bool_]
Counts = NDArray[np.int64]
Values = NDArray[np.float64]


def hit_rate_at_k(hits: Hits, k: int) -> NDArray[np.bool_]:
    """Whether each probe has a relevant item in its first k ranks, (Q,).

    Its mean is the rank-k identification rate (one point of the CMC curve), which metric-learning
    papers print as "Recall@K".

    Args:
        hits: Relevance along each ranking, (Q, R).
        k: Cut-off, 1 <= k <= R.

    Raises:
        ValueError: hits is not boolean (Q, R), or k is out of range.
    """
    _check_hits(hits, k)
    found: Hits = np.any(hits[:, :k], axis=1)
    return found


def recall_at_k(hits: Hits, relevant: Counts, k: int) -> Values:
    """Share of each probe's relevant gallery items that stand in its first k ranks.

    Args:
        hits: Relevance along each ranking, (Q, R).
        relevant: Relevant items each probe has in the whole gallery, (Q,).
        k: Cut-off, 1 <= k <= R.

    Returns:
        Recall per probe, (Q,), in [0, 1].

    Raises:
        ValueError: hits is not boolean (Q, R), k is out of range, a probe has more hits than
            relevant items, or has nothing to find. Leave such probes out by protocol; a silent 0
            or 1 would move the mean.
    """
    _check_hits(hits, k)
    _check_relevant(hits, relevant)
    found: Values = hits[:, :k].sum(axis=1) / relevant
    return found


def reciprocal_rank(hits: Hits) -> Values:
    """One over the rank, from 1, of each probe's first relevant item, (Q,); 0 without one.

    Args:
        hits: Relevance along each ranking, (Q, R).

    Raises:
        ValueError: hits is not boolean (Q, R).

    Source: Voorhees, "The TREC-8 question answering track report", 1999.
    """
    _check_hits(hits)
    first = np.argmax(hits, axis=1) + 1
    found: Values = np.where(hits.any(axis=1), 1 / first, 0.0)
    return found


def average_precision(hits: Hits, relevant: Counts) -> Values:
    """Mean, over a probe's relevant items, of the precision at their ranks.

    A relevant item outside the R ranks counts 0, so a ranking cut off at R gives a lower bound.

    Args:
        hits: Relevance along each ranking, (Q, R).
        relevant: Relevant items each probe has in the whole gallery, (Q,).

    Returns:
        Average precision per probe, (Q,), in [0, 1].

    Raises:
        ValueError: As for `recall_at_k`.

    Source: Manning, Raghavan, Schütze, "Introduction to Information Retrieval", 2008, eq. 8.8.
    """
    _check_hits(hits)
    _check_relevant(hits, relevant)
    precision = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)  # (Q, R)
    found: Values = (precision * hits).sum(axis=1) / relevant
    return found


def expected_hit_rate_at_random(relevant: Counts, gallery: int, k: int) -> Values:
    """Chance that k items drawn from the gallery without replacement hold a relevant one.

    1 - C(N - r, k) / C(N, k) for r of N relevant items, as a product of k ratios summed in
    logarithms: no binomial is formed, and tiny chances keep their digits.

    Args:
        relevant: Relevant items each probe has in the gallery, (Q,), in 0..gallery.
        gallery: Items N in the gallery.
        k: Items drawn, 1 <= k <= gallery.

    Returns:
        Chance per probe, (Q,), in [0, 1]; 0 where nothing is relevant.

    Raises:
        ValueError: relevant or k is out of range.
    """
    if not 1 <= k <= gallery:
        raise ValueError(f"k must lie in 1..{gallery}, the items of the gallery, got {k}")
    if ((relevant < 0) | (relevant > gallery)).any():
        raise ValueError(f"relevant must lie in 0..{gallery}, got {relevant.tolist()}")
    counts, probe = np.unique(relevant, return_inverse=True)
    left = gallery - np.arange(k)  # items left before each draw
    taken = np.minimum(counts[:, None] / left, 1)  # chance of each draw, if none hit before
    with np.errstate(divide="ignore"):  # log 0: a draw that cannot miss
        missed = np.log1p(-taken).sum(axis=1)
    chance: Values = -np.expm1(missed)
    return chance[probe]


def mean_squared_error(a: NDArray[Any], b: NDArray[Any]) -> Values:
    """Mean over pixels and channels of the squared difference of each pair of images.

    Args:
        a: Images of grey levels in 0..255, uint8 or float, (N, ...).
        b: Images of the same shape.

    Returns:
        Error per pair, (N,), in squared grey levels.

    Raises:
        ValueError: The shapes differ, or hold no pixels.
    """
    if a.shape != b.shape or a.ndim < 2 or 0 in a.shape[1:]:
        raise ValueError(f"images must share a shape (N, ...), got {a.shape} and {b.shape}")
    errors = np.empty(len(a), dtype=np.float64)
    for number, (one, other) in enumerate(zip(a, b, strict=True)):
        difference = one.astype(np.float64) - other  # uint8 would wrap round
        errors[number] = np.mean(difference**2)
    return errors


def _check_hits(hits: Hits, k: int = 1) -> None:
    if hits.ndim != 2 or hits.dtype != np.bool_:
        raise ValueError(f"hits must be boolean (Q, R), got {hits.dtype} {hits.shape}")
    if not 1 <= k <= hits.shape[1]:
        raise ValueError(f"k must lie in 1..R for hits of shape (Q, R), got {k} and {hits.shape}")


def _check_relevant(hits: Hits, relevant: Counts) -> None:
    if relevant.shape != hits.shape[:1]:
        raise ValueError(f"relevant must be ({len(hits)},), got {relevant.shape}")
    nothing = np.flatnonzero(relevant <= 0)
    if len(nothing):
        raise ValueError(f"probes {nothing.tolist()} have nothing to find")
    more = np.flatnonzero(hits.sum(axis=1) > relevant)
    if len(more):
        raise ValueError(f"probes {more.tolist()} have more hits than relevant items")
