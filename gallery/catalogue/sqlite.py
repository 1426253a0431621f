"""Connections to a SQLite file, wherever it lies.

A file that can be written is opened in WAL mode, so that readers read while a build writes. On
read-only media SQLite opens no such file, unless a writer left its index of the log beside it; then
it is told that the file is immutable. What a log left beside it holds would be lost by that, so
file and log are copied to where they can be read together.

Source: https://www.sqlite.org/wal.html#readonly, https://www.sqlite.org/uri.html
"""

import os
import shutil
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

LOGS = ("-wal", "-journal")
PREFIX = "mindseye-catalogue-"  # of temporary folders


def open_file(path: Path) -> sqlite3.Connection:
    """Open a database; a new one is made if there is none and the folder can be written.

    Foreign keys are checked. Transactions are begun by SQLAlchemy's own `begin`: left to itself,
    Python's sqlite3 commits before every change of a table, and a migration could be killed
    halfway.

    Raises:
        sqlite3.Error: It cannot be opened, or is damaged.
    """
    connection = _connect(path, "rwc")
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:
        connection.close()
        if not _cannot_write(error) or not path.exists():
            raise
        connection = _open_for_reading(path)
    return _configured(connection)


def _configured(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA busy_timeout=10000")
    connection.execute("PRAGMA case_sensitive_like=ON")  # as in every other database
    return connection


def is_read_only(error: BaseException | None) -> bool:
    """Say whether SQLite complains that it may not write."""
    while error is not None and _code(error) is None:
        error = error.__cause__
    return _code(error) == sqlite3.SQLITE_READONLY


def _code(error: BaseException | None) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF  # without what it says of where


def _cannot_write(error: BaseException) -> bool:
    return _code(error) in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


def _open_for_reading(path: Path) -> sqlite3.Connection:
    try:
        return _tried(_connect(path, "ro"))
    except sqlite3.OperationalError as error:
        if not _cannot_write(error):
            raise
    if any(_size(path, log) for log in LOGS):
        return _copied(path)
    return open_frozen(path)


def _copied(path: Path) -> sqlite3.Connection:
    """Open a copy with what its log holds; it is gone from disk when the connection is closed."""
    with TemporaryDirectory(prefix=PREFIX) as folder:
        return open_frozen(copy_whole(path, Path(folder)))


def copy_whole(path: Path, folder: Path) -> Path:
    """Copy a database with what its log holds into a folder, as one file; return where it is."""
    copy = folder / "catalogue.db"
    shutil.copyfile(path, copy)
    for log in LOGS:
        if _size(path, log):
            shutil.copyfile(f"{path}{log}", f"{copy}{log}")
    whole = _connect(copy, "rw")
    try:
        whole.execute("PRAGMA journal_mode=DELETE")
    finally:
        whole.close()
    return copy


def open_frozen(path: Path) -> sqlite3.Connection:
    """Open a file that nobody changes, to read it."""
    return _configured(_tried(_connect(path, "ro&immutable=1")))


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open a path as it is, whatever signs it holds."""
    address = f"file:{quote(os.fsencode(path.absolute()))}?mode={mode}"
    return sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)


def _tried(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Return a connection that has read its file."""
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _size(path: Path, log: str) -> int:
    try:
        return os.stat(f"{path}{log}").st_size  # noqa: PTH116  a name beside another
    except OSError:
        return 0
