"""Fixtures for the catalogue's tests: an empty catalogue in a file, offers of made-up images."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, create_engine, text

from gallery.attributes import Condition
from gallery.catalogue.engine import sqlite_url
from gallery.catalogue.records import FileRecord
from gallery.catalogue.store import Catalogue


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str | URL:
    """An empty database: a SQLite file, or what a test's `url` parameter names."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return sqlite_url(tmp_path / "catalogue.db")
    return emptied(request.getfixturevalue("server"))


def emptied(url: str) -> str:
    """Take everything out of a PostgreSQL database."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return url


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of modules that say DATABASES on each of those."""
    databases = getattr(metafunc.module, "DATABASES", ())
    if databases and "url" in metafunc.fixturenames:
        metafunc.parametrize("url", databases, indirect=True)


@pytest.fixture
def open_catalogue(url: str | URL) -> Iterator[Callable[[], Catalogue]]:
    """Open the same catalogue as often as wanted; all are closed in the end."""
    opened: list[Catalogue] = []

    def open_it() -> Catalogue:
        opened.append(Catalogue.open(url))
        return opened[-1]

    yield open_it
    for catalogue in opened:
        catalogue.close()


@pytest.fixture
def catalogue(open_catalogue: Callable[[], Catalogue]) -> Catalogue:
    return open_catalogue()


@pytest.fixture
def offer() -> Callable[..., FileRecord]:
    """Offer a file that holds some content; keywords are its condition."""

    def make(
        path: str, content: str | None = None, identity: str | None = None, **values: Any
    ) -> FileRecord:
        digest = hashlib.sha256((content or path).encode()).hexdigest()
        return FileRecord(path, digest, None, identity, Condition(values), 10, 1_000)

    return make
