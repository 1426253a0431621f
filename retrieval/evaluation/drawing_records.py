"""What is noted of a fold's drawings, and of what its images are estimated to show.

Shapes: Q queries, S side, C channels, n images found.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.align import Pixels
from gallery.arrays import Doubles


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorMap:
    """Squared errors of the refined drawings of one wish, pixel by pixel.

    Attributes:
        attribute: Position of the wished attribute in the gallery's space.
        value: Position of the wished value.
        total: Sum over queries of the squared error, mean over channels, grey levels squared,
            (S, S).
        count: Queries that were added; only those with a target, that is, measured under C2.
    """

    attribute: int
    value: int
    total: Doubles
    count: int


@dataclass(frozen=True, slots=True)
class Drawings:
    """How far drawings are from their targets.

    Attributes:
        squared_errors: Mean squared error of each query by stage ("source", "stage 1", "stage 2",
            and methods that draw), grey levels squared; NaN where it was not measured, (Q,).
        maps: One for each wished attribute and value, of stage 2.
    """

    squared_errors: Mapping[str, Doubles] = field(default_factory=dict)
    maps: tuple[ErrorMap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """How well the values of gallery images are estimated.

    Attributes:
        by: Who estimates: "ours" (the canonical view), "two-step" (its classifier).
        attribute: Name.
        values: Names of the values, in the order of the matrix.
        confusion: Images by true value (row) and estimated value (column); images whose true value
            is not among `values` are counted in `foreign`.
        foreign: Images of another value, which no estimate can get right.
    """

    by: str
    attribute: str
    values: tuple[str, ...]
    confusion: NDArray[np.int64]
    foreign: int = 0

    def __post_init__(self) -> None:
        check_shape("confusion", self.confusion, (len(self.values), len(self.values)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """Pictures of one query, as the method `ours` answered it.

    Attributes:
        query: Position in the query table.
        source: (S, S, C).
        drawn: The refined drawing, rounded and clipped, (S, S, C).
        target: The first image that is right under C2, or else C1, (S, S, C).
        found: The first images of the ranking, at most five, (n, S, S, C).
    """

    query: int
    source: Pixels
    drawn: Pixels
    target: Pixels
    found: Pixels


def check_shape(name: str, array: NDArray[Any], shape: tuple[int, ...]) -> None:
    """Refuse an array of another shape.

    Raises:
        ValueError: It is of another one; the message says which.
    """
    if array.shape != shape:
        raise ValueError(f"{name} must have the shape {shape}, got {array.shape}")
