"""Long lists of values, cut to what one query takes."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")
LOOKUP = 500  # SQLite before 3.32 takes at most 999 values in one IN clause


def parts(values: Sequence[T]) -> Iterable[list[T]]:
    """Yield the values without repetitions, in lists of at most 500."""
    unique = list(dict.fromkeys(values))
    for start in range(0, len(unique), LOOKUP):
        yield unique[start : start + LOOKUP]
