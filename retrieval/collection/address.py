"""Where the catalogue of a collection is: in its folder, or in a database that its users named.

The folder of a collection holds `catalogue.db`, or else `catalogue.url` with the URL of a database.
A URL in there has no password: database drivers take that from elsewhere.
"""

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from gallery.catalogue.engine import sqlite_url
from gallery.errors import CatalogueError, ConfigError
from gallery.files import write_whole

DATABASE = "catalogue.db"
ADDRESS = "catalogue.url"
EXAMPLE = "postgresql+psycopg://me@host/faces"


def has_catalogue(root: Path) -> bool:
    """Say whether a folder is that of a collection."""
    return (root / DATABASE).is_file() or (root / ADDRESS).is_file()


def address(root: Path) -> URL:
    """Return the URL of a collection's catalogue; that of a file in its folder if it has none yet.

    Raises:
        CatalogueError: `catalogue.url` cannot be read, or holds no URL.
    """
    path = root / ADDRESS
    try:
        return parse(path.read_text("utf-8").strip())
    except FileNotFoundError:
        return sqlite_url(root / DATABASE)
    except (OSError, ValueError, ConfigError) as error:
        raise CatalogueError(f"{path} does not say where the catalogue is: {error}") from error


def parse(text: str, option: str = "--catalogue") -> URL:
    """Read the URL of a database.

    Args:
        text: The URL.
        option: What messages call it.

    Raises:
        ConfigError: It is none, names a SQLite file, or holds a password.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise ConfigError(f"{option} wants the URL of a database, like {EXAMPLE}") from error
    if url.get_backend_name() == "sqlite":
        raise ConfigError(f"{option} is for database servers; SQLite lies in the collection")
    if url.password or any("password" in key for key in url.query):  # sslpassword, too
        raise ConfigError(
            f"{option} is kept in the collection's folder, so it cannot hold a password; for"
            " PostgreSQL put that into ~/.pgpass or PGPASSWORD"
        )
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def spell(url: URL) -> str:
    """Spell a URL, which holds no password; of a SQLite file its path."""
    if url.get_backend_name() == "sqlite" and url.database:
        return url.database
    return url.render_as_string(hide_password=False)


def require_same(root: Path, url: URL) -> None:
    """Refuse to give a collection another catalogue than it has.

    Raises:
        CatalogueError: It has another.
    """
    if has_catalogue(root) and (there := address(root)) != url:
        raise CatalogueError(
            f"The collection {root} has its catalogue in {spell(there)}, not in {spell(url)};"
            " leave out --catalogue, or build in another --collection"
        )


def write_address(root: Path, url: URL) -> None:
    """Write down where the catalogue of a collection is."""
    write_whole(root / ADDRESS, f"{spell(url)}\n".encode())
