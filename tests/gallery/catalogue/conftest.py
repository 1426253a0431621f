"""Fixtures for the catalogue's tests: an empty catalogue in a file, offers of made-up images."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gallery.attributes import Condition
from gallery.catalogue.engine import sqlite_url
from gallery.catalogue.records import Offer
from gallery.catalogue.store import Catalogue


@pytest.fixture
def url(tmp_path: Path) -> str:
    return sqlite_url(tmp_path / "catalogue.db")


@pytest.fixture
def open_catalogue(url: str) -> Iterator[Callable[[], Catalogue]]:
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
def offer() -> Callable[..., Offer]:
    """Offer a file that holds some content; keywords are its condition."""

    def make(
        path: str, content: str | None = None, identity: str | None = None, **values: Any
    ) -> Offer:
        digest = hashlib.sha256((content or path).encode()).hexdigest()
        return Offer(path, digest, None, identity, Condition(values), 10, 1_000)

    return make
