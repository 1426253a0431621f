"""What a benchmark yields on its way, and what it measured.

Shapes: Q queries.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.faces import Problem
from retrieval.evaluation.protocols import Protocol


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
        identities: Test people.
        gallery: Test images.
        queries: Asked of this part.
        dropped: Queries left out because nothing in the gallery answers them.
        estimates_right: Values of gallery images that were estimated rightly.
        estimates: Values estimated: one for each image and attribute.
        problems: Files that could not be used.
    """

    weights: str
    sha256: str
    identities: int
    gallery: int
    queries: int
    dropped: int
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
        hits: Whether each query was answered, by (method, criterion, K): (Q,); chances for random.
        squared_errors: Of each query with a target, grey levels squared, by stage: (Q,).
        seconds: Spent on building the galleries, and on answering.
    """

    spec: str
    protocol: Protocol
    folds: list[Fold] = field(default_factory=list)
    hits: dict[tuple[str, str, int], list[NDArray[Any]]] = field(default_factory=dict)
    squared_errors: dict[str, list[NDArray[Any]]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def queries(self) -> int:
        """Queries asked, over all folds."""
        return sum(fold.queries for fold in self.folds)

    def hit_rate(self, method: str, criterion: str, k: int) -> float:
        """Share of all queries with a right image among the first K."""
        return float(np.concatenate(self.hits[method, criterion, k]).mean())

    def mse(self, stage: str) -> float:
        """Mean squared error over all queries, in squared grey levels."""
        return float(np.concatenate(self.squared_errors[stage]).mean())
