"""What an index is tuned and measured with: rows of the gallery, or what its queries look like.

Whoever knows what a vector is made of says what queries look like; an index knows vectors alone.

Shapes: P probes, D dimensions of an embedding.
"""

from dataclasses import dataclass
from typing import Protocol

from index.base import Vectors

UNKNOWN = "rows"  # also what manifests of formats 1 and 2 were tuned with


class QueryShape(Protocol):
    """Makes probes of gallery rows."""

    @property
    def name(self) -> str:
        """Changes whenever the probes of the same rows would; kept in the manifest."""

    def probes(self, rows: Vectors) -> Vectors:
        """Make what a query would look like that each row answers: (P, D) -> (P, D), float32."""


@dataclass(frozen=True, slots=True)
class RowsThemselves:
    """Queries look like rows; or nobody knows what they look like.

    Attributes:
        name: Name of this shape.
    """

    name: str = UNKNOWN

    def probes(self, rows: Vectors) -> Vectors:
        """Return the rows."""
        return rows


ROWS = RowsThemselves()
