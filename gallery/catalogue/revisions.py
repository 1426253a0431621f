"""Versions of the catalogue's tables: made, recognised, brought up to date.

Alembic keeps the revision in its table `alembic_version`. Catalogues of revision 0001 may lack it:
they have a table `version` that holds 1. A change of revision is one transaction.
"""

from pathlib import Path

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    String,
    Table,
    func,
    insert,
    inspect,
    select,
    text,
)

from gallery.catalogue import tables
from gallery.catalogue.changing import LOCK
from gallery.errors import CatalogueError

FIRST = "0001"
ALEMBIC = "alembic_version"
SCRIPTS = Path(__file__).with_name("migrations")


def bring_up_to_date(connection: Connection, shown: str) -> None:
    """Make the tables of an empty database; migrate older ones.

    Args:
        connection: Its transaction is the caller's to end.
        shown: The database's URL, without its password.

    Raises:
        CatalogueError: The tables are newer than this program, or not those of a catalogue; or they
            are older, and the database cannot be written.
    """
    found = revision(connection)
    if found == tables.REVISION:
        return
    if connection.dialect.name == "postgresql":  # another program may be making them just now
        connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
        found = revision(connection)
        if found == tables.REVISION:
            return
    if found is None:
        if connection.dialect.name == "postgresql":
            tables.tell_postgresql()
        tables.Table.metadata.create_all(connection)
        marks = MetaData()
        mark = Table(ALEMBIC, marks, Column("version_num", String(32), primary_key=True))
        marks.create_all(connection)
        connection.execute(insert(mark).values(version_num=tables.REVISION))
        return
    if not FIRST <= found < tables.REVISION:
        raise CatalogueError(
            f"The catalogue {shown} has revision {found}, this mindseye knows {FIRST} to"
            f" {tables.REVISION}; use the mindseye that made it, or a newer one"
        )
    try:
        _migrate(connection, found)
    except CatalogueError as error:
        raise CatalogueError(
            f"The catalogue {shown} has revision {found} and must be brought up to"
            f" {tables.REVISION}. {error}"
        ) from error


def revision(connection: Connection) -> str | None:
    """Return the revision of a database's tables, or None of an empty one."""
    there = set(inspect(connection).get_table_names())
    if ALEMBIC in there:
        found = connection.scalar(text(f"SELECT version_num FROM {ALEMBIC}"))  # noqa: S608
        return str(found)[:40]
    if "version" in there:
        number = connection.scalar(text("SELECT number FROM version"))
        return f"{number:04d}" if number is not None else "unknown"
    return "unknown" if there & tables.Table.metadata.tables.keys() else None


def _migrate(connection: Connection, found: str) -> None:
    from alembic import command  # noqa: PLC0415  a catalogue that is up to date does not wait for it
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    if ALEMBIC not in inspect(connection).get_table_names():
        command.stamp(config, found)
    command.upgrade(config, tables.REVISION)
