"""Connections to the catalogue's database."""

import sqlite3
from pathlib import Path

from sqlalchemy import Engine, create_engine, event, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, OperationalError
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
    try:
        if not inspect(engine).has_table(Version.__tablename__):
            Table.metadata.create_all(engine)
            with Session(engine) as session, session.begin():
                session.add(Version(number=SCHEMA_VERSION))
        with Session(engine) as session:
            found = session.scalar(select(Version.number))
    except (DatabaseError, OperationalError) as error:
        engine.dispose()
        raise CatalogueError(f"Cannot open the catalogue {shown}: {error.orig}") from error
    if found != SCHEMA_VERSION:
        engine.dispose()
        raise CatalogueError(
            f"The catalogue {shown} has version {found}, this mindseye reads {SCHEMA_VERSION};"
            " use the mindseye that made it, or build the collection anew"
        )
    return engine


def _configure_sqlite(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    """Check foreign keys, and let readers read while a build writes."""
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA busy_timeout=10000")
