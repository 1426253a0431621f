"""Measures of a ranking, and of a drawing. Pure functions of arrays.

Shapes: Q probes, R ranks. hits[q, r] says whether the item at rank r is relevant to probe q. Where
the ranks of all relevant items are known, they are given without a matrix: rank, from 0, and probe
of each of the L relevant items of all probes together.
Three measures are called "Recall@K" in the literature. Here `hit_rate_at_k` is what the papers we
follow print under that name, and `recall_at_k` is the one of information retrieval.
"""

from collections.abc import Callable
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


def first_ranks(ranks: Counts, probe: Counts, probes: int) -> Counts:
    """Return the rank of each probe's first relevant item, from 0, (Q,); -1 if none is ranked.

    Args:
        ranks: Rank of each relevant item, from 0; -1 if it is not ranked at all, (L,).
        probe: Which probe each is relevant to, (L,).
        probes: Probes, Q.
    """
    never = np.iinfo(np.int64).max
    first = np.full(probes, never, dtype=np.int64)
    np.minimum.at(first, probe, np.where(ranks >= 0, ranks, never))
    found: Counts = np.where(first == never, -1, first)
    return found


def average_precision_of_ranks(ranks: Counts, probe: Counts, probes: int) -> Values:
    """Average precision of whole rankings, of which only the relevant items' ranks are given.

    Args:
        ranks: Rank of each relevant item, from 0, (L,); -1 if it is not ranked, which counts 0.
        probe: Which probe each is relevant to, (L,).
        probes: Probes, Q.

    Returns:
        Average precision per probe, (Q,), in [0, 1]; NaN for a probe with nothing to find.

    Source: Manning, Raghavan, Schütze, "Introduction to Information Retrieval", 2008, eq. 8.8.
    """
    relevant = np.bincount(probe, minlength=probes)
    order = np.lexsort((ranks, probe))
    order = order[ranks[order] >= 0]
    mine, rank = probe[order], ranks[order]
    before = np.arange(len(mine)) - np.searchsorted(mine, mine)  # relevant items ranked before it
    total = np.bincount(mine, (before + 1) / (rank + 1), minlength=probes)
    with np.errstate(invalid="ignore"):  # 0 / 0: nothing to find
        found: Values = total / relevant
    return found


def expected_average_precision_at_random(relevant: Counts, gallery: int) -> Values:
    """Mean average precision of all orders of the gallery, (Q,).

    An item stands at rank i with chance 1/N, and (i - 1)(r - 1)/(N - 1) of the other relevant items
    before it; over all ranks: (H(N) + (r - 1)/(N - 1) (N - H(N))) / N with the harmonic number H.

    Args:
        relevant: Relevant items each probe has in the gallery, (Q,), in 1..gallery.
        gallery: Items N in the gallery.

    Raises:
        ValueError: relevant is out of range.
    """
    _check_possible(relevant, gallery)
    harmonic = float(np.sum(1 / np.arange(1, gallery + 1)))
    others = (relevant - 1) / max(gallery - 1, 1)
    expected: Values = (harmonic + others * (gallery - harmonic)) / gallery
    return expected


def expected_reciprocal_rank_at_random(relevant: Counts, gallery: int) -> Values:
    """Mean reciprocal rank of the first relevant item over all orders of the gallery, (Q,).

    The first of r relevant items stands after rank i with chance C(N - i, r)/C(N, r), the product
    of 1 - r/(N - j) over j < i; the sum of 1/i times the chance of standing at i is taken directly.

    Args:
        relevant: Relevant items each probe has in the gallery, (Q,), in 1..gallery.
        gallery: Items N in the gallery.

    Raises:
        ValueError: relevant is out of range.
    """
    _check_possible(relevant, gallery)
    counts, probe = np.unique(relevant, return_inverse=True)
    left = gallery - np.arange(gallery)  # items left before each rank
    expected = np.empty(len(counts))
    for place, count in enumerate(counts.tolist()):
        here = np.minimum(count / left, 1)  # chance of a hit at a rank, if there was none before
        after = np.cumprod(1 - here)
        at = np.concatenate([[1.0], after[:-1]]) * here
        expected[place] = np.sum(at / np.arange(1, gallery + 1))
    found: Values = expected[probe]
    return found


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
    return _mean_error(a, b, np.square)


def mean_absolute_error(a: NDArray[Any], b: NDArray[Any]) -> Values:
    """Mean over pixels and channels of the absolute difference of each pair of images.

    Args:
        a: Images of grey levels in 0..255, uint8 or float, (N, ...).
        b: Images of the same shape.

    Returns:
        Error per pair, (N,), in grey levels.

    Raises:
        ValueError: The shapes differ, or hold no pixels.
    """
    return _mean_error(a, b, np.abs)


def _mean_error(a: NDArray[Any], b: NDArray[Any], of: Callable[[Values], Values]) -> Values:
    if a.shape != b.shape or a.ndim < 2 or 0 in a.shape[1:]:
        raise ValueError(f"images must share a shape (N, ...), got {a.shape} and {b.shape}")
    errors = np.empty(len(a), dtype=np.float64)
    for number, (one, other) in enumerate(zip(a, b, strict=True)):
        errors[number] = np.mean(of(one.astype(np.float64) - other))  # uint8 would wrap round
    return errors


def _check_hits(hits: Hits, k: int = 1) -> None:
    if hits.ndim != 2 or hits.dtype != np.bool_:
        raise ValueError(f"hits must be boolean (Q, R), got {hits.dtype} {hits.shape}")
    if not 1 <= k <= hits.shape[1]:
        raise ValueError(f"k must lie in 1..R for hits of shape (Q, R), got {k} and {hits.shape}")


def _check_possible(relevant: Counts, gallery: int) -> None:
    if ((relevant < 1) | (relevant > gallery)).any():
        raise ValueError(f"relevant must lie in 1..{gallery}, got {relevant.tolist()}")


def _check_relevant(hits: Hits, relevant: Counts) -> None:
    if relevant.shape != hits.shape[:1]:
        raise ValueError(f"relevant must be ({len(hits)},), got {relevant.shape}")
    nothing = np.flatnonzero(relevant <= 0)
    if len(nothing):
        raise ValueError(f"probes {nothing.tolist()} have nothing to find")
    more = np.flatnonzero(hits.sum(axis=1) > relevant)
    if len(more):
        raise ValueError(f"probes {more.tolist()} have more hits than relevant items")


def reliability(confidence: Values, right: NDArray[np.bool_], bins: int = 10) -> Values:
    """Compare how sure answers were with how often they were right, in bins of equal width.

    Args:
        confidence: Said before, in [0, 1], (Q,).
        right: What came true, (Q,).
        bins: Number of bins, B.

    Returns:
        For each bin the number of answers, their mean confidence, and the share that is right; the
        latter two NaN where it is empty, (B, 3).

    Raises:
        ValueError: The arrays do not fit together, or a confidence is not in [0, 1].
    """
    if confidence.shape != right.shape or not ((confidence >= 0) & (confidence <= 1)).all():
        raise ValueError("confidences must lie in [0, 1], one for each answer")
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    counts = np.bincount(place, minlength=bins).astype(np.float64)
    sure = np.bincount(place, weights=confidence, minlength=bins)
    hits = np.bincount(place, weights=right.astype(np.float64), minlength=bins)
    with np.errstate(invalid="ignore"):
        found: Values = np.stack([counts, sure / counts, hits / counts], axis=1)
    return found


def calibration_error(confidence: Values, right: NDArray[np.bool_], bins: int = 10) -> float:
    """Return the expected calibration error: how far confidence and truth lie apart, in the mean.

    Source: Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017,
    equation 3.
    """
    table = reliability(confidence, right, bins)
    table = table[table[:, 0] > 0]
    apart = table[:, 0] * np.abs(table[:, 1] - table[:, 2])
    return float(apart.sum() / len(confidence)) if len(confidence) else float("nan")
