"""Connections to the catalogue's database."""

import sqlite3
from functools import partial
from pathlib import Path

from sqlalchemy import Engine, create_engine, event, inspect, select
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import DatabaseError, InternalError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from gallery.catalogue.tables import SCHEMA_VERSION, Table, Version
from gallery.errors import CatalogueError


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite file."""
    return f"sqlite:///{path}"


def connect(url: str) -> Engine:
    """Open a catalogue; an empty database gets its tables.

    Args:
        url: Any SQLAlchemy URL.

    Raises:
        CatalogueError: The database cannot be opened, is damaged, or has tables of another version.
    """
    shown = make_url(url).render_as_string(hide_password=True)
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "handle_error", partial(_explain, shown))
    try:
        found = _version(engine)
    except DatabaseError as error:  # raised where no statement was running yet
        engine.dispose()
        raise CatalogueError(f"Cannot open the catalogue {shown}: {error.orig}") from error
    except CatalogueError:
        engine.dispose()
        raise
    if found != SCHEMA_VERSION:
        engine.dispose()
        raise CatalogueError(
            f"The catalogue {shown} has version {found}, this mindseye reads {SCHEMA_VERSION};"
            " use the mindseye that made it, or build the collection anew"
        )
    return engine


def _version(engine: Engine) -> int:
    """Return the version of the tables; where there are none, or not all, they are made."""
    if inspect(engine).has_table(Version.__tablename__):
        with Session(engine) as session:
            found: int | None = session.scalar(select(Version.number))
        if found is not None:
            return found
    Table.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add(Version(number=SCHEMA_VERSION))
    return SCHEMA_VERSION


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
    """Check foreign keys, and let readers read while a build writes."""
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA busy_timeout=10000")
