"""The same made-up gallery of fused vectors, searched by each backend in turn."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from gallery.arrays import Floats
from gallery.attributes import Condition
from gallery.catalogue.records import FileRecord, SpaceRow
from index.base import Ids
from index.contract import IndexContract
from index.exact import ExactIndex
from index.kinds import Request
from retrieval.collection.bulk import EmbeddedImages, add_embedded
from retrieval.collection.collection import Collection
from retrieval.collection.publish import publish
from retrieval.search.live import Live, open_live
from tests.retrieval import fused_gallery

NAME = "made-up"
ENGINES = ("folder", "postgresql", "milvus")
NUMBERS = count(1)


@pytest.fixture(scope="session")
def fused() -> fused_gallery.Space:
    """Vectors of a fused score with the column, 1,260 of them, and 300 queries."""
    return fused_gallery.make_space(fused_gallery.make_parts(12), fused=True, column=True)


@pytest.fixture(scope="session", autouse=True)
def password() -> Iterator[None]:
    """Say to PostgreSQL's client what no URL of an engine may hold, if there is one."""
    given = make_url(os.environ.get("MINDSEYE_TEST_POSTGRES", "postgresql://")).password
    with pytest.MonkeyPatch.context() as patch:
        if given:
            patch.setenv("PGPASSWORD", str(given))
        yield


def new_database(server: str) -> str:
    """Make an empty database; its URL has no password."""
    url, name = make_url(server), f"faces_{next(NUMBERS)}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return url._replace(database=name, password=None).render_as_string(hide_password=False)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a collection is: its folder, and its engine."""

    root: Path
    engine: str | None

    @contextmanager
    def opened(self, root: Path | None = None) -> Iterator[Collection]:
        """Open it, in its own folder or in that of another machine."""
        collection = Collection.open_or_create(root or self.root, engine=self.engine)
        try:
            yield collection
        finally:
            collection.close()


def make_place(request: pytest.FixtureRequest, root: Path) -> Place:
    """Make an empty place for a collection, of the engine that a test is for."""
    engine = None
    if request.param == "postgresql":
        engine = new_database(request.getfixturevalue("server"))
    elif request.param == "milvus":
        pytest.importorskip("pymilvus", reason='needs pymilvus: pip install "mindseye[milvus]"')
        pytest.importorskip("milvus_lite", reason="needs milvus-lite, a double of Milvus")
        engine = f"milvus:{root / 'milvus.db'}"
    return Place(root / "collection", engine)


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place for a collection that a test changes."""
    return make_place(request, tmp_path)


@pytest.fixture(params=ENGINES, scope="module")
def lasting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """An empty place for a collection that no test changes."""
    return make_place(request, tmp_path_factory.mktemp("lasting"))


def smiles(number: int) -> dict[str, str]:
    """Return the strength of a smile, as labels have it."""
    return {} if number % 2 else {"smile": str(number // 2 % 11 / 10), "größe": "m"}


def offers(numbers: Ids) -> tuple[FileRecord, ...]:
    """Make up files of images: people of 105 images, poses in turn, of two in three the light.

    Of every other one it is known how much it smiles: 0, 0.1, … 1.
    """
    lights: tuple[dict[str, str], ...] = ({}, {"light": "left"}, {"light": "right"})
    return tuple(
        FileRecord(
            f"/photos/{n // 105}/{n}.png",
            hashlib.sha256(str(n).encode()).hexdigest(),
            None,
            f"p{n // 105}",
            Condition(pose=str(n % 7), **lights[n % 3], **smiles(n)),
        )
        for n in numbers.tolist()
    )


@dataclass(frozen=True, slots=True)
class Filled:
    """A collection with the first of the vectors. The ids of images are their numbers from 1."""

    collection: Collection
    made: fused_gallery.Space
    size: int

    def add(self, numbers: Ids) -> None:
        estimates = tuple(Condition(pose=str(n % 7)) for n in numbers.tolist())
        portion = EmbeddedImages(offers(numbers), self.made.rows[numbers], estimates)
        list(add_embedded(self.collection, NAME, self.made.contract, [portion]))

    def publish(self, kind: str | None = None) -> None:
        """Publish; what queries look like is known without a card."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("retrieval.collection.publish.query_shape", lambda *_: self.made.shape)
            publish(self.collection, NAME, None if kind is None else Request(kind=kind))

    @property
    def space(self) -> SpaceRow:
        return self.collection.catalogue.spaces.get(NAME)

    @property
    def rows(self) -> Floats:
        return self.made.rows[: self.size]

    def live(self, contract: IndexContract | None = None) -> Live:
        return open_live(self.collection, self.space, contract or self.made.contract, "cpu")


@contextmanager
def filled_with(place: Place, made: fused_gallery.Space, size: int) -> Iterator[Filled]:
    """Open a collection with the first so many vectors, published."""
    with place.opened() as collection:
        filled = Filled(collection, made, size)
        filled.add(np.arange(size))
        filled.publish()
        yield filled


@pytest.fixture
def filled(place: Place, fused: fused_gallery.Space) -> Iterator[Filled]:
    """A hundred images."""
    with filled_with(place, fused, 100) as made:
        yield made


@pytest.fixture(scope="module")
def still(lasting: Place, fused: fused_gallery.Space) -> Iterator[Filled]:
    """All images; not to be changed but for its kind of index."""
    with filled_with(lasting, fused, len(fused.rows)) as made:
        yield made


def truth(rows: Floats, probes: Floats, k: int) -> Ids:
    """Return what exact search finds: numbers of rows, (Q, k)."""
    return ExactIndex(np.arange(len(rows)), [rows]).search(probes, k).ids


def overlap(found: Ids, wanted: Ids) -> float:
    """Return the mean share of what is wanted that was found, a row for each probe."""
    pairs = zip(found, wanted, strict=True)
    return float(np.mean([np.isin(other, one).mean() for one, other in pairs]))
