"""The tables that vectors are in: made, recognised, brought up to date.

They stand in the database of the catalogue, whose tables they refer to, with a version of their
own: `embedding_version`.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from gallery.errors import CatalogueError

VERSION_TABLE = "embedding_version"
NEWEST = "0001"
SCRIPTS = Path(__file__).with_name("migrations")
OLDEST_PGVECTOR = (0, 8)  # the first with iterative scans


def has_vectors(connection: Connection) -> bool:
    """Say whether a database keeps vectors."""
    return inspect(connection).has_table(VERSION_TABLE)


def is_current(connection: Connection) -> bool:
    """Say whether the tables are those of this version."""
    return _version(connection) == NEWEST


def bring_up_to_date(connection: Connection, shown: str) -> None:
    """Make the tables, or migrate older ones.

    Args:
        connection: Its transaction is the caller's to end.
        shown: The database's URL, without its password.

    Raises:
        CatalogueError: pgvector is missing or too old, or the tables are newer than this program.
    """
    found = _version(connection)
    if found == NEWEST:
        return
    if found is not None and found > NEWEST:
        raise CatalogueError(
            f"The vectors in {shown} have version {found}, this mindseye knows {NEWEST}; use the"
            " mindseye that made them, or a newer one"
        )
    _require_pgvector(connection, shown)
    from alembic import command  # noqa: PLC0415  what is up to date does not wait for it
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    try:
        command.upgrade(config, NEWEST)
    except DBAPIError as error:
        raise CatalogueError(
            f"Cannot make the tables of vectors in {shown}: {error.orig}"
        ) from error


def _version(connection: Connection) -> str | None:
    if not has_vectors(connection):
        return None
    return str(connection.scalar(text("SELECT version_num FROM embedding_version")))


def _require_pgvector(connection: Connection, shown: str) -> None:
    query = "SELECT default_version FROM pg_available_extensions WHERE name = 'vector'"
    found = connection.scalar(text(query))
    if found is None:
        raise CatalogueError(
            f"The server of {shown} has no pgvector; install it there (Debian:"
            " postgresql-NN-pgvector), or keep the vectors in the folder: leave out --engine"
        )
    if tuple(int(part) for part in str(found).split(".")[:2]) < OLDEST_PGVECTOR:
        raise CatalogueError(
            f"The server of {shown} has pgvector {found}, this mindseye needs 0.8 or newer"
        )
