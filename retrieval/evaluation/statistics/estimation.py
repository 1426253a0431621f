"""Means over queries with their intervals; all methods are resampled with the same draws.

Shapes: Q queries, q of them in a sample, I people, B draws, M measures.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gallery.arrays import Doubles
from retrieval.evaluation.records import Flags, Integers
from retrieval.evaluation.statistics import bootstrap


@dataclass(frozen=True, slots=True)
class Figure:
    """A number and its 95 % interval.

    Attributes:
        value: Mean over the queries, or a difference of two such means; NaN of none.
        interval: Lower and upper end; None where fewer than two people were asked about.
    """

    value: float
    interval: tuple[float, float] | None


class Sample:
    """Some of the queries, whose people are resampled.

    Attributes:
        rows: Positions of the queries, (q,).
        people: How many people they ask about, I.
    """

    def __init__(self, chosen: Flags, identity: Integers) -> None:
        """Take the chosen queries, (Q,); identity says whom each asks about, (Q,)."""
        self.rows = np.flatnonzero(chosen)
        who, person = np.unique(identity[self.rows], return_inverse=True)
        self._person = person.astype(np.int64)
        self.people = len(who)

    def __len__(self) -> int:
        return len(self.rows)

    def figures(self, values: Doubles) -> list[Figure]:
        """Return the mean of each measure, of values (Q, M)."""
        return self._figures(self._mean(values), self._replicates(values))

    def differences(self, values: Doubles, reference: Doubles) -> list[Figure]:
        """Return the mean of each measure minus that of another method, on the same draws."""
        mean = self._mean(values) - self._mean(reference)
        return self._figures(mean, self._replicates(values) - self._replicates(reference))

    @cached_property
    def _counts(self) -> Doubles:
        return bootstrap.resample(self.people)

    def _mean(self, values: Doubles) -> Doubles:
        if not len(self.rows):
            return np.full(values.shape[1], np.nan)
        mean: Doubles = values[self.rows].mean(axis=0)
        return mean

    def _replicates(self, values: Doubles) -> Doubles:
        if self.people < 2:
            return np.empty((0, values.shape[1]))
        sums, sizes = bootstrap.cluster_sums(values[self.rows], self._person, self.people)
        return bootstrap.replicates(self._counts, sums, sizes)

    def _figures(self, mean: Doubles, replicates: Doubles) -> list[Figure]:
        ends = bootstrap.interval(replicates, self.people)
        if ends is None:
            return [Figure(value, None) for value in mean.tolist()]
        pairs = zip(mean.tolist(), ends.tolist(), strict=True)
        return [Figure(value, (low, high)) for value, (low, high) in pairs]
