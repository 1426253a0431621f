"""What a record says of every query: measures of each method, and kinds of wrong answers.

Shapes: Q queries, K depth, M measures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from gallery.arrays import Doubles
from retrieval.evaluation.protocol.wishes import compared
from retrieval.evaluation.records import (
    CRITERIA,
    Flags,
    Integers,
    MethodRecord,
    QueryTable,
    Record,
)
from retrieval.evaluation.statistics import metrics

RANDOM = "random"
RANDOM_NOTE = "chance, computed and not sampled"


class Kind(IntEnum):
    """What an image is to a query."""

    NOTHING = 0  # there is no image at this rank
    RIGHT = 1  # right under C2
    OTHER_ATTRIBUTE = 2  # identity and wished values are right, another attribute is not as it was
    WRONG_VALUE = 3  # the identity is right, a wished value is not
    WRONG_IDENTITY = 4  # all wished values are right, the identity is not
    ELSE = 5


@dataclass(frozen=True, slots=True)
class FirstRanks:
    """Where one method ranks the first right image of each query, and how well all of them.

    Attributes:
        first: Rank of the first right image, from 0; -1 if none is ranked, (Q,).
        precision: Average precision of the whole ranking; NaN where the criterion is not measured,
            (Q,).
    """

    first: Integers
    precision: Doubles


@dataclass(frozen=True, slots=True)
class Scores:
    """Measures of one method under one criterion, of every query.

    Attributes:
        name: Name of the method.
        seeds: Seeds of the trainings that were averaged.
        values: Mean over the seeds, (Q, M); the rows that the criterion is not measured on are NaN.
        by_seed: Mean over the measured queries, for each seed, (number of seeds, M).
    """

    name: str
    seeds: tuple[int, ...]
    values: Doubles
    by_seed: Doubles


def measure_names(cutoffs: Sequence[int]) -> tuple[str, ...]:
    """Name the measures, in the order of `Scores.values`."""
    return (*(f"R@{k}" for k in cutoffs), "mAP", "MRR")


def rank_all(method: MethodRecord, queries: QueryTable) -> dict[str, FirstRanks]:
    """Say how a method ranks what is right, by criterion."""
    count = len(queries)
    owner = np.repeat(np.arange(count), np.diff(queries.right_starts))
    ranked = {}
    for criterion, chosen in (("C1", slice(None)), ("C2", queries.right_strict)):
        ranks, mine = method.right_ranks[chosen], owner[chosen]
        ranked[criterion] = FirstRanks(
            metrics.first_ranks(ranks, mine, count),
            metrics.average_precision_of_ranks(ranks, mine, count),
        )
    return ranked


def score_ranked(ranked: FirstRanks, measured: Flags, cutoffs: Sequence[int]) -> Doubles:
    """Turn ranks into measures, (Q, M)."""
    found = ranked.first >= 0
    hits = [found & (ranked.first < k) for k in cutoffs]
    reciprocal = np.where(found, 1 / np.where(found, ranked.first + 1, 1), 0.0)
    scores = np.stack([*hits, ranked.precision, reciprocal], axis=1).astype(np.float64)
    scores[~measured] = np.nan
    return scores


def scores_of(methods: Sequence[MethodRecord], record: Record) -> dict[str, Scores]:
    """Average the seeds of one method.

    Args:
        methods: Records of one name that ran, at least one.
        record: Theirs.

    Returns:
        Scores by criterion.
    """
    cutoffs = record.provenance.cutoffs
    measured = record.queries.measured
    seeds = tuple(method.seed for method in methods)
    ranked = [rank_all(method, record.queries) for method in methods]
    scores = {}
    for criterion in CRITERIA:
        each = [score_ranked(one[criterion], measured[criterion], cutoffs) for one in ranked]
        means = np.stack([_mean(one[measured[criterion]]) for one in each])
        scores[criterion] = Scores(methods[0].name, seeds, np.mean(each, axis=0), means)
    return scores


def random_scores(record: Record) -> dict[str, Scores]:
    """Return the chances of an order drawn by lot, query by query; nothing is sampled."""
    cutoffs = record.provenance.cutoffs
    left_out = bool(record.provenance.protocol.get("exclude_source", False))
    gone = (1 + record.queries.copied) * left_out
    fold = record.gallery.fold[record.queries.source]
    ranked = np.delete(record.gallery.fold, record.queries.hidden)
    sizes = np.bincount(ranked, minlength=len(record.folds))
    scores = {}
    for criterion, relevant in record.queries.relevant.items():
        values = np.full((len(record.queries), len(cutoffs) + 2), np.nan)
        for size in np.unique(sizes[fold] - gone).tolist():
            mine = (sizes[fold] - gone == size) & (relevant > 0)
            if mine.any():
                values[mine] = _chances(relevant[mine], size, cutoffs)
        means = _mean(values[relevant > 0])[None]
        scores[criterion] = Scores(RANDOM, (0,), values, means)
    return scores


def kinds(record: Record, method: MethodRecord) -> NDArray[np.int8]:
    """Say of each image in a method's rankings what it is to its query, as `Kind`, (Q, K)."""
    queries, gallery = record.queries, record.gallery
    top, source = method.top, queries.source
    found = np.full(top.shape, Kind.ELSE, dtype=np.int8)
    who = gallery.identity[top] == gallery.identity[source][:, None]  # (Q, K)
    wished = queries.wished[:, None]  # (Q, 1, A)
    value = ((gallery.values[top] == wished) | (wished < 0)).all(axis=2)
    known = compared(gallery.values, gallery.space)
    mine = known[source][:, None]
    alike = (known[top] == mine) & (mine >= 0)  # (Q, K, A)
    alike |= wished >= 0
    found[value] = Kind.WRONG_IDENTITY
    found[who] = Kind.WRONG_VALUE
    found[who & value] = Kind.OTHER_ATTRIBUTE
    found[who & value & alike.all(axis=2)] = Kind.RIGHT
    for query in np.flatnonzero(queries.copied).tolist():  # of the source's value, as one sees
        copy = np.isin(top[query], queries.copies[int(source[query])])
        found[query, copy & who[query]] = Kind.WRONG_VALUE
    found[top < 0] = Kind.NOTHING
    return found


def check_consistent(record: Record) -> None:
    """Refuse rankings that contradict themselves.

    The images of a ranking and the ranks of the right images are found in two ways; where both
    speak, they must say the same.

    Raises:
        ValueError: They do not, or a method asked for the wrong number of images.
    """
    queries = record.queries
    owner = np.repeat(np.arange(len(queries)), np.diff(queries.right_starts))
    for method in (method for method in record.methods if not method.skipped):
        depth = method.top.shape[1]
        inside = (method.right_ranks >= 0) & (method.right_ranks < depth)
        there = method.top[owner[inside], method.right_ranks[inside]]
        wrong = there != queries.right[inside]
        counted = np.isin(kinds(record, method), (Kind.RIGHT, Kind.OTHER_ATTRIBUTE)).sum()
        if wrong.any() or counted != inside.sum():
            raise ValueError(
                f"the ranking of {method.name} has {int(counted)} right images in its first {depth}"
                f" ranks, but {int(inside.sum())} exact ranks are there,"
                f" {int(wrong.sum())} of them of other images"
            )


def ran(record: Record) -> Iterator[tuple[str, list[MethodRecord]]]:
    """Yield the methods that ran, by name, with the records of all seeds."""
    for name in dict.fromkeys(method.name for method in record.methods):
        alike = [m for m in record.methods if m.name == name and not m.skipped]
        if alike:
            yield name, alike


def _chances(relevant: Integers, size: int, cutoffs: Sequence[int]) -> Doubles:
    hits = [metrics.expected_hit_rate_at_random(relevant, size, min(k, size)) for k in cutoffs]
    precision = metrics.expected_average_precision_at_random(relevant, size)
    reciprocal = metrics.expected_reciprocal_rank_at_random(relevant, size)
    return np.stack([*hits, precision, reciprocal], axis=1)


def _mean(values: Doubles) -> Doubles:
    """Mean over queries, (M,); NaN of none."""
    if not len(values):
        return np.full(values.shape[1], np.nan)
    mean: Doubles = values.mean(axis=0)
    return mean
