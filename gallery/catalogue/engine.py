"""Connections to the catalogue's database."""

import sqlite3
from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from weakref import finalize

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import DatabaseError, InternalError, NoSuchModuleError, OperationalError

from gallery.catalogue.revisions import bring_up_to_date
from gallery.catalogue.sqlite import PREFIX, copy_whole, is_read_only, open_file, open_frozen
from gallery.errors import CatalogueError, DatabaseFailedError, name_not_utf8

WAITING = {  # of PostgreSQL's client, in seconds but for the last; else it waits for hours
    "connect_timeout": 20,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # milliseconds
}


def sqlite_url(path: Path) -> URL:
    """Return the URL of a SQLite file; its path may hold any signs."""
    return URL.create("sqlite", database=str(path))


def connect(url: str | URL) -> Engine:
    """Open a catalogue; an empty database gets its tables, an older one is migrated.

    Args:
        url: Any SQLAlchemy URL.

    Raises:
        CatalogueError: The database cannot be opened, is damaged, or newer than this program.
    """
    where = make_url(url)
    shown = _spell(where)
    engine = _engine(where, shown)
    event.listen(engine, "handle_error", partial(_explain, shown))
    try:
        with engine.begin() as connection:
            bring_up_to_date(connection, shown)
    except DatabaseError as error:  # raised where no statement was running yet
        engine.dispose()
        said = " ".join(str(error.orig).split())  # in one line
        raise CatalogueError(f"Cannot open the catalogue {shown}: {said}") from error
    except sqlite3.Error as error:
        engine.dispose()
        raise CatalogueError(f"Cannot open the catalogue {shown}: {error}") from error
    except CatalogueError as error:
        engine.dispose()
        if is_read_only(error) and where.database:
            return _migrated_copy(Path(where.database), shown)
        raise
    return engine


def _migrated_copy(path: Path, shown: str) -> Engine:
    """Open an older catalogue that cannot be written: a copy of it, brought up to date.

    The copy can be read alone, and is gone when the engine is.
    """
    folder = Path(mkdtemp(prefix=PREFIX))
    try:
        copy = copy_whole(path, folder)
        connect(sqlite_url(copy)).dispose()
    except BaseException:
        rmtree(folder, ignore_errors=True)
        raise
    opening = partial(open_frozen, copy)
    engine = create_engine("sqlite://", creator=opening, poolclass=QueuePool)
    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "handle_error", partial(_explain, shown))
    finalize(engine, rmtree, folder, ignore_errors=True)
    return engine


def _engine(url: URL, shown: str) -> Engine:
    if url.get_backend_name() == "sqlite" and url.database:
        opening = partial(open_file, Path(url.database))
        engine = create_engine("sqlite://", creator=opening, poolclass=QueuePool)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    waiting = WAITING if url.get_backend_name() == "postgresql" else {}
    given = {key: value for key, value in waiting.items() if key not in url.query}
    try:
        return create_engine(url, connect_args=given)
    except (ImportError, NoSuchModuleError) as error:
        raise CatalogueError(
            f"The catalogue {shown} needs a driver that is not installed ({error}). For PostgreSQL:"
            ' pip install "mindseye[postgres]", and write postgresql+psycopg://…'
        ) from error


def _spell(url: URL) -> str:
    """Spell where a catalogue is, for people: the path of a SQLite file, or a URL."""
    if url.get_backend_name() == "sqlite" and url.database:
        return url.database
    return url.render_as_string(hide_password=True)


def _explain(shown: str, context: ExceptionContext) -> None:
    """Turn what the database cannot do (full disk, lock, damage) into an error for the user."""
    error = context.original_exception
    if isinstance(error, UnicodeEncodeError):
        raise CatalogueError(
            f"{name_not_utf8(error)}, so no catalogue can hold it; rename the file or folder"
        ) from error
    if is_read_only(error):
        raise CatalogueError(
            f"The catalogue {shown} cannot be written ({error}); copy the collection to where it"
            " can be, and use that one"
        ) from error
    if isinstance(context.sqlalchemy_exception, OperationalError | InternalError) or (
        type(context.sqlalchemy_exception) is DatabaseError
    ):
        said = " ".join(str(error).split())  # in one line
        raise DatabaseFailedError(
            f"The catalogue {shown} does not work: {said}; put this right and run the command again"
        ) from error


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
