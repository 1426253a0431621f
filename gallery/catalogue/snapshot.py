"""A catalogue as one SQLite file: to be carried elsewhere, and to be judged before it is opened."""

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from gallery.catalogue.engine import connect, sqlite_url
from gallery.catalogue.tables import Table
from gallery.errors import CatalogueError

if TYPE_CHECKING:
    from gallery.catalogue.store import Catalogue

PAGE = 10_000


def write_snapshot(catalogue: "Catalogue", path: Path) -> None:
    """Copy a catalogue, in any database, into a new SQLite file.

    Every table is read in one transaction: what another process commits meanwhile is not in it.
    """
    engine = connect(sqlite_url(path))
    try:
        with catalogue.reading() as source, engine.begin() as target:
            for table in Table.metadata.sorted_tables:
                keys = table.primary_key.columns
                rows = source.execute(select(table).order_by(*keys)).mappings()
                while page := rows.fetchmany(PAGE):
                    target.execute(insert(table), [dict(row) for row in page])
        with engine.connect() as connection:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA journal_mode=DELETE")  # one file, no -wal beside it
    finally:
        engine.dispose()


def refuse_foreign(path: Path) -> None:
    """Refuse a SQLite file that holds more than the tables of a catalogue.

    Triggers and views run when a file is used; a catalogue has none.

    Raises:
        CatalogueError: It has other tables, triggers or views, or is no database.
    """
    known = {*Table.metadata.tables, "alembic_version", "version"}
    try:
        database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            rows = database.execute("SELECT type, name, tbl_name FROM sqlite_master").fetchall()
            whole = database.execute("PRAGMA quick_check").fetchone()[0]
        finally:
            database.close()
    except sqlite3.Error as error:
        raise CatalogueError(f"{path.name} is no catalogue: {error}") from error
    for kind, name, table in rows:
        if kind not in ("table", "index") or table not in known:
            raise CatalogueError(
                f"{path.name} is no catalogue of ours: it holds the {kind} {name!r:.80}; get the"
                " archive from someone you trust"
            )
    if whole != "ok":
        why = " ".join(str(whole).split())[:200]
        raise CatalogueError(f"{path.name} is damaged: {why}; export the collection again")
