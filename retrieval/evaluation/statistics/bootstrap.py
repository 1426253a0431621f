"""Confidence intervals by bootstrap over identities. Pure functions of arrays.

Queries about one person are alike, so people are resampled and not queries. The estimator is a
ratio of sums: with person i drawn c_i times, the replicate is sum(c_i s_i) / sum(c_i n_i), where
s_i is the sum of a measure over the person's queries and n_i their number. A person with more
queries weighs more, exactly as in the mean over all queries, which is the replicate of c = 1. Two
methods are compared on the same draws, so that what makes a person hard for both cancels out.

What the intervals speak of: other people, with these weights. Another training of the same method
would differ too; that is what several seeds show, and no interval here holds it.

Intervals are percentile intervals, widened for few people as Hesterberg proposes: the percentile
bootstrap is too narrow by the factor sqrt((n - 1) / n) and by using the normal distribution where
Student's is meant; both are put right by taking the quantiles at Phi(-sqrt(n / (n - 1)) t).

Source: Field, Welsh, "Bootstrapping clustered data", JRSS B 69, 2007 (clusters are resampled);
Hesterberg, "What teachers should know about the bootstrap", The American Statistician 69, 2015,
section 4.1 (expanded percentile interval).

Shapes: Q queries, I people (clusters), B draws, M measures.
"""

from functools import lru_cache
from math import exp, lgamma, log, pi, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Counts = NDArray[np.int64]
LEVEL = 0.95
DRAWS = 2_000
SEED = 0


def resample(people: int, draws: int = DRAWS, seed: int = SEED) -> Values:
    """Draw people with replacement, as many as there are.

    Args:
        people: I.
        draws: B.
        seed: Seed of the draws.

    Returns:
        How often each was drawn, (B, I).
    """
    random = np.random.default_rng(seed)
    counts = random.multinomial(people, np.full(people, 1 / people), size=draws)
    return counts.astype(np.float64)


def cluster_sums(values: Values, person: Counts, people: int) -> tuple[Values, Values]:
    """Sum measures over each person's queries.

    Args:
        values: Values of each query, (Q, M).
        person: Whom each query asks about, (Q,), in 0..people - 1.
        people: I.

    Returns:
        Sums, (I, M), and numbers of queries, (I,).
    """
    sums = np.zeros((people, values.shape[1]))
    np.add.at(sums, person, values)
    sizes = np.bincount(person, minlength=people).astype(np.float64)
    return sums, sizes


def replicates(counts: Values, sums: Values, sizes: Values) -> Values:
    """Return the ratio of sums in every draw, (B, M); NaN of draws without any query."""
    with np.errstate(invalid="ignore"):
        ratios: Values = (counts @ sums) / (counts @ sizes)[:, None]
    return ratios


def interval(estimates: Values, people: int, level: float = LEVEL) -> Values | None:
    """Return the expanded percentile interval of each measure.

    Args:
        estimates: Replicates, or differences of replicates of two methods, (B, M).
        people: How many were resampled.
        level: Share of intervals that shall hold the truth.

    Returns:
        Lower and upper ends, (M, 2); None of fewer than two people, who tell nothing of others.
    """
    if people < 2:
        return None
    tail = _expanded_tail(people, level)
    ends: Values = np.nanquantile(estimates, [tail, 1 - tail], axis=0).T
    return ends


@lru_cache(maxsize=64)
def _expanded_tail(people: int, level: float) -> float:
    quantile = student_quantile((1 + level) / 2, people - 1)
    return NormalDist().cdf(-sqrt(people / (people - 1)) * quantile)


def student_quantile(share: float, freedom: int) -> float:
    """Return the quantile of Student's t distribution, by bisection of its integral.

    Args:
        share: Share of the distribution that lies below, above 0.5 and below 1.
        freedom: Degrees of freedom, at least 1.
    """
    low, high = 0.0, 1.0
    while _student_above_zero(high, freedom) < share - 0.5:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        if _student_above_zero(middle, freedom) < share - 0.5:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _student_above_zero(end: float, freedom: int) -> float:
    """Integrate the density from 0 to an end; t = sqrt(v) tan a turns it into a cosine's power."""
    scale = exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2) - log(pi) / 2)
    angle = np.linspace(0, np.arctan(end / sqrt(freedom)), 2_001)
    powers = np.cos(angle) ** (freedom - 1)
    weights = np.full(len(angle), 2.0)  # Simpson: 1 4 2 4 ... 4 1
    weights[1::2] = 4
    weights[[0, -1]] = 1
    return float(scale * (weights * powers).sum() * (angle[1] - angle[0]) / 3)
