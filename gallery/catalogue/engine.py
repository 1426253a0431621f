"""Connections to the catalogue's database."""

import sqlite3
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import DatabaseError, InternalError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from gallery.catalogue.revisions import bring_up_to_date
from gallery.errors import CatalogueError


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite file."""
    return f"sqlite:///{path}"


def connect(url: str) -> Engine:
    """Open a catalogue; an empty database gets its tables, an older one is migrated.

    Args:
        url: Any SQLAlchemy URL.

    Raises:
        CatalogueError: The database cannot be opened, is damaged, or newer than this program.
    """
    shown = make_url(url).render_as_string(hide_password=True)
    try:
        engine = create_engine(url)
    except (ImportError, NoSuchModuleError) as error:
        raise CatalogueError(
            f"The catalogue {shown} needs a driver that is not installed ({error}). For PostgreSQL:"
            ' pip install "mindseye[postgres]", and write postgresql+psycopg://…'
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "handle_error", partial(_explain, shown))
    try:
        with engine.begin() as connection:
            bring_up_to_date(connection, shown)
    except DatabaseError as error:  # raised where no statement was running yet
        engine.dispose()
        raise CatalogueError(f"Cannot open the catalogue {shown}: {error.orig}") from error
    except CatalogueError:
        engine.dispose()
        raise
    return engine


def _explain(shown: str, context: ExceptionContext) -> None:
    """Turn what the database cannot do (full disk, lock, damage) into an error for the user."""
    error = context.original_exception
    if isinstance(context.sqlalchemy_exception, OperationalError | InternalError) or (
        type(context.sqlalchemy_exception) is DatabaseError
    ):
        raise CatalogueError(
            f"The catalogue {shown} does not work: {error}. What was finished is kept; put this"
            " right and run the command again"
        ) from error


def _configure_sqlite(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    """Check foreign keys, and let readers read while a build writes.

    Transactions are begun by SQLAlchemy's own `begin`: left to itself, Python's sqlite3 commits
    before every change of a table, and a migration could be killed halfway.
    """
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA busy_timeout=10000")
    connection.execute("PRAGMA case_sensitive_like=ON")  # as in every other database


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
