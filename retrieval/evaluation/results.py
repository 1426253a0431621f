"""What a benchmark yields on its way, and what it measured.

Shapes: Q queries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.faces import Problem
from retrieval.evaluation.protocols import CRITERIA, Protocol


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a benchmark is.

    Attributes:
        phase: What is being done.
        done: Of this phase.
        total: Of this phase.
    """

    phase: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Fold:
    """The part of a benchmark that one set of weights answers.

    Attributes:
        weights: Name of the weights.
        sha256: Of their file.
        identities: Test people that are known.
        gallery: Test images, the unlabelled too.
        queries: Asked of this part, by criterion.
        dropped: Pairs left out because nothing in the gallery answers them, or their source
            cannot be read, by criterion.
        estimates_right: Values of gallery images that were estimated rightly.
        estimates: Values that are known: at most one for each image and attribute.
        problems: Files that could not be used, by the reader or by the benchmark.
    """

    weights: str
    sha256: str
    identities: int
    gallery: int
    queries: Mapping[str, int]
    dropped: Mapping[str, int]
    estimates_right: int
    estimates: int
    problems: tuple[Problem, ...]


@dataclass
class Results:
    """What a benchmark measured, over all folds.

    Attributes:
        spec: What was searched.
        protocol: How.
        folds: One for each set of weights.
        hits: Whether each query that the criterion can be measured on was answered, by (method,
            criterion, K): (Q,); chances for random.
        squared_errors: Of each query that C2 can be measured on, grey levels squared, by stage:
            (Q,).
        seconds: Spent on building the galleries, and on answering.
    """

    spec: str
    protocol: Protocol
    folds: list[Fold] = field(default_factory=list)
    hits: dict[tuple[str, str, int], list[NDArray[Any]]] = field(default_factory=dict)
    squared_errors: dict[str, list[NDArray[Any]]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def queries(self) -> dict[str, int]:
        """Queries asked, over all folds, by criterion."""
        return {c: sum(fold.queries[c] for fold in self.folds) for c in CRITERIA}

    @property
    def dropped(self) -> dict[str, int]:
        """Pairs left out, over all folds, by criterion."""
        return {c: sum(fold.dropped[c] for fold in self.folds) for c in CRITERIA}

    def hit_rate(self, method: str, criterion: str, k: int) -> float | None:
        """Share of the criterion's queries with a right image among the first K; None of none."""
        return _mean(self.hits[method, criterion, k])

    def mse(self, stage: str) -> float | None:
        """Mean squared error over the queries of C2, in squared grey levels; None of none."""
        return _mean(self.squared_errors[stage])


def _mean(parts: Sequence[NDArray[Any]]) -> float | None:
    together = np.concatenate(parts)
    return float(together.mean()) if len(together) else None
