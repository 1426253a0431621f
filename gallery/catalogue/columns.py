"""Types of columns that take nothing else out of a database than what they stand for.

SQLite stores any value in any column. A file that is damaged, or comes from elsewhere, may hold a
text where a number belongs, or a number where a path does; whoever reads it would fail somewhere
else. PostgreSQL keeps types itself.
"""

import math
from collections.abc import Callable
from typing import Any

from sqlalchemy import Dialect, Double, Integer, String, Text
from sqlalchemy.types import TypeDecorator

from gallery.errors import CatalogueError

ADVICE = "See `mindseye index verify`, and put back a copy of catalogue.db"


def damaged(found: object, expected: str) -> CatalogueError:
    """Return the error for a value that does not belong where it stands."""
    shown = f"{found!a}"
    shown = shown if len(shown) <= 60 else f"{shown[:60]}…"
    return CatalogueError(
        f"The catalogue is damaged: it holds {shown}, expected {expected}. {ADVICE}"
    )


class _Checked(TypeDecorator[Any]):
    """A column whose values are looked at when they come from SQLite."""

    cache_ok = True
    expected = ""

    def __init__(self, *arguments: int, needed: bool = False) -> None:
        """Describe a column.

        Args:
            arguments: Arguments of the type beneath.
            needed: Whether null is damage, too: of a column that is never null, nor joined where
                there may be no row.
        """
        super().__init__(*arguments)
        self.needed = needed

    def result_processor(self, dialect: Dialect, _coltype: object) -> Callable[[Any], Any] | None:
        return self._check if dialect.name == "sqlite" else None

    def _check(self, value: Any) -> Any:  # noqa: ANN401  SQLite stores anything
        if self.fits(value) or (value is None and not self.needed):
            return value
        raise damaged(value, self.expected)

    @staticmethod
    def fits(value: object) -> bool:
        """Say whether a value belongs into the column."""
        raise NotImplementedError


class Whole(_Checked):
    """A whole number."""

    impl = Integer
    cache_ok = True
    expected = "a whole number"

    @staticmethod
    def fits(value: object) -> bool:
        """See `_Checked`."""
        return type(value) is int


class Number(_Checked):
    """A finite number."""

    impl = Double
    cache_ok = True
    expected = "a finite number"

    @staticmethod
    def fits(value: object) -> bool:
        """See `_Checked`."""
        return isinstance(value, float | int) and math.isfinite(value)


class Words(_Checked):
    """A text of so many letters."""

    impl = String
    cache_ok = True
    expected = "a text"

    @staticmethod
    def fits(value: object) -> bool:
        """See `_Checked`."""
        return type(value) is str and "\0" not in value


class LongWords(Words):
    """A text of any length."""

    impl = Text
    cache_ok = True
