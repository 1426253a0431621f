"""A connection of its own for searches, in which every statement is a transaction.

Shapes: D dimensions of an embedding.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Engine

from gallery.errors import DatabaseFailedError
from index.base import Vectors

SETTINGS = (
    "SET jit = off",  # compiling takes longer than any of these statements
    "SET work_mem = '64MB'",  # the ids that a filter allows are kept in a hash table
    "SET hnsw.iterative_scan = strict_order",
)


class SearchConnection:
    """Asks statements; a connection that failed is given up, the next statement opens another."""

    def __init__(self, engine: Engine, shown: str) -> None:
        """Connect to nothing yet.

        Args:
            engine: Whose database.
            shown: How messages call it.
        """
        self._engine = engine
        self._shown = shown
        self._connection: Any = None
        self._set: tuple[str, ...] = ()

    def ask(
        self,
        statement: str,
        values: Any = (),  # noqa: ANN401  a sequence or a mapping, of anything
        settings: Sequence[str] = (),
    ) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, values as the binary protocol brings them.

        Args:
            statement: In SQL, with psycopg's placeholders.
            values: For these.
            settings: Statements that say how; said again only where they differ from before.

        Raises:
            DatabaseFailedError: The server is away, or refuses.
        """
        import psycopg  # noqa: PLC0415  of the extra "postgres"

        try:
            connection = self._opened(settings)
            with connection.cursor(binary=True) as cursor:
                cursor.execute(statement, values)
                rows: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
                return rows
        except psycopg.Error as error:
            self.close()
            raise self.failed(error) from error

    def copied(self, statement: str) -> Iterable[bytes | memoryview]:
        """Yield what COPY TO STDOUT sends.

        Raises:
            DatabaseFailedError: The server is away, or refuses.
        """
        import psycopg  # noqa: PLC0415

        try:
            with self._opened(()).cursor() as cursor, cursor.copy(statement) as copy:
                yield from copy
        except psycopg.Error as error:
            self.close()
            raise self.failed(error) from error

    def close(self) -> None:
        """Give the connection up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _opened(self, settings: Sequence[str]) -> Any:  # noqa: ANN401
        if self._connection is None:
            pooled = self._engine.raw_connection()
            self._connection = pooled.driver_connection
            pooled.detach()  # it is ours to close
            self._connection.autocommit = True
            self._set = ()
            for setting in SETTINGS:
                self._connection.execute(setting)
        if self._set != tuple(settings):
            for setting in settings:
                self._connection.execute(setting)
            self._set = tuple(settings)
        return self._connection

    def failed(self, error: Exception) -> DatabaseFailedError:
        """Return what a user is told of an error of the driver, in one line."""
        said = str(error).strip().splitlines()
        return DatabaseFailedError(
            f"The database {self._shown} does not answer: {said[0] if said else type(error)};"
            " start it, or put this right, and try again"
        )


def spell_vector(vector: Vectors) -> str:
    """Spell a vector (D,) as pgvector reads it back, to the last bit."""
    return f"[{','.join(map(repr, vector.tolist()))}]"
