"""A collection that lives in PostgreSQL as a whole: its commands, and who may not have it."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from gallery.catalogue.records import FileRecord, ImageState
from gallery.errors import CatalogueError, ConfigError, DatabaseFailedError
from index.backend import Backend, Limit
from index.contract import IndexContract
from index.postgres.reading import SearchConnection
from index.postgres.vectors import PostgresVectors
from retrieval.collection.bulk import add_embedded
from retrieval.collection.collection import Collection
from retrieval.collection.repair import repair
from retrieval.collection.storing import keep
from retrieval.collection.verify import verify
from retrieval.search.live import WhereChoice
from tests.retrieval import fused_gallery
from tests.retrieval.collection.test_compact import finished
from tests.retrieval.engines.conftest import Filled, Place, filled_with, new_database
from tests.retrieval.engines.forks import in_forks
from tests.running import Mindseye


@pytest.fixture
def far(server: str) -> str:
    return new_database(server)


def test_commands_do_not_change_with_the_engine(
    mindseye: Mindseye,
    far: str,
    faces_dir: Path,
    make_fitted_weights: Callable[..., Path],
    tmp_path: Path,
) -> None:
    pose_weights = make_fitted_weights()
    spec, at = f"folder:{faces_dir}", ("--collection", tmp_path / "mine")
    there = ("--collection", tmp_path / "theirs")

    def found(where: tuple[object, ...]) -> list[tuple[str, float]]:
        wish = ("--wish", "pose=45", "-k", "5", "--where", "light=left", "--json")
        hits = mindseye("query", faces_dir / "p1-0-left.png", *wish, *where).json["hits"]
        return [(hit["path"], hit["score"]) for hit in hits]

    built = ("index", "build", spec, "--weights", pose_weights)
    assert "30 images indexed" in mindseye(*built, "--engine", far, *at).out
    assert not (tmp_path / "mine" / "spaces" / "fitted-32" / "embeddings").exists()
    assert "30 images indexed" in mindseye(*built, *("--collection", tmp_path / "folder")).out
    first = found(at)
    assert first == found(("--collection", tmp_path / "folder"))
    joined = mindseye("index", "build", spec, "--weights", pose_weights, "--engine", far, *there)
    assert "0 images indexed, 30 known already" in joined.out
    assert found(there) == first
    assert mindseye("index", "remove", first[0][0], *there).out == "1 images removed\n"
    assert first[0][0] not in [path for path, _ in found(at)]
    assert mindseye("index", "compact", *at).status == 0
    shown = mindseye("index", "show", "--json", *at).json
    assert (shown["engine"], shown["images"]) == (far, 29)
    assert (shown["spaces"][0]["kind"], shown["spaces"][0]["vectors"]) == ("exact", 29)
    assert mindseye("index", "verify", "--json", *there).json["problems"] == []
    assert "pg_dump" in mindseye("index", "export", "mine.tar", *at).err
    refused = mindseye(*built, "--kind", "pq", *at)
    assert "PostgreSQL has no index of kind pq; it has exact, hnsw, auto" in refused.err


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        ("faces", "--engine cannot be 'faces'; it takes postgresql://"),
        ("postgresql://me:secret@host/faces", "--engine is kept in .* cannot hold a password"),
        ("postgresql://me@host/faces?sslpassword=secret", "cannot hold a password"),
        ("milvus:faces", "it takes .* milvus:FILE.db"),
    ],
)
def test_an_address_that_will_not_do_is_refused(tmp_path: Path, engine: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        Collection.open_or_create(tmp_path / "mine", engine=engine)
    assert "secret" not in str(refused.value)
    assert not (tmp_path / "mine").exists()


def test_a_collection_keeps_the_engine_it_was_made_with(far: str, tmp_path: Path) -> None:
    Collection.open_or_create(tmp_path / "folder").close()
    with pytest.raises(CatalogueError, match="keeps its vectors in its folder; leave out --engine"):
        Collection.open_or_create(tmp_path / "folder", engine=far)
    Collection.open_or_create(tmp_path / "mine", engine=far).close()
    other = far.replace("/faces_", "/other_")
    with pytest.raises(CatalogueError, match="has its engine at"):
        Collection.open_or_create(tmp_path / "mine", engine=other)
    with pytest.raises(CatalogueError, match="holds the catalogue of another collection"):
        Collection.open_or_create(tmp_path / "third", catalogue=far)


def test_vectors_too_long_for_pgvector_are_refused_by_name(far: str, tmp_path: Path) -> None:
    contract = IndexContract(
        extractor="two-stage-60 refiner",
        weights_sha256="0" * 64,
        attribute_space=(("pose", ("0", "45")),),
        aligner="none",
        canonicalisation="none",
        projection="none",
        dimension=28_800,
    )
    with Place(tmp_path / "mine", far).opened() as collection:
        with pytest.raises(
            ConfigError, match="at most 4,000 numbers a vector, and the weights papers give 28,800"
        ):
            list(add_embedded(collection, "papers", contract, []))
        assert collection.catalogue.spaces.all() == []


@pytest.fixture
def filled(far: str, tmp_path: Path, fused: fused_gallery.Space) -> Iterator[Filled]:
    with filled_with(Place(tmp_path / "mine", far), fused, 50) as made:
        yield made


@pytest.mark.parametrize("few", [4000, 1])  # compared one by one; or looked for in all rows
def test_a_filter_and_what_it_leaves_are_asked_in_one_statement(
    filled: Filled, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    asked: list[str] = []
    ask = SearchConnection.ask

    def counted(self: SearchConnection, *given: Any) -> list[tuple[Any, ...]]:
        asked.append(given[0])
        return ask(self, *given)

    live = filled.live()
    monkeypatch.setattr(SearchConnection, "ask", counted)
    monkeypatch.setattr("index.postgres.vectors.FEW", few)
    chosen = WhereChoice(filled.collection.catalogue, "pose=2", filled.space.id)
    found = live.find(filled.made.queries[:1], 100, Limit(chosen)).ids[0]
    assert sorted(found.tolist()) == chosen.ids().tolist()
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("UPDATE space SET name = '../../elsewhere'", "of a space '../../elsewhere'"),
        ("UPDATE space_file SET name = 'a.sh'", "holds a file 'a.sh' of a space 'made-up'"),
        ("UPDATE space_file SET content = 'torn'", "contract.json in the database has not the"),
    ],
)
def test_files_that_no_mindseye_has_put_into_the_database_are_refused(
    filled: Filled, far: str, tmp_path: Path, change: str, message: str
) -> None:
    with filled.collection.catalogue.changing() as session:
        session.execute(text(change))
    with pytest.raises(CatalogueError, match=message):
        Collection.open_or_create(tmp_path / "a" / "b" / "other", engine=far)
    written = [path.name for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert sorted(written) == ["catalogue.url", "engine.url"]


def test_a_machine_that_is_gone_is_not_waited_for_by_the_hour(filled: Filled) -> None:
    """A connection whose other end is gone says so by itself; what the user says counts."""
    engine = filled.collection.catalogue.session.get_bind().engine
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        given = driver.info.get_parameters()
    assert (given["tcp_user_timeout"], given["keepalives_idle"]) == ("60000", "30")


def test_an_image_that_is_removed_while_it_is_drawn_stays_removed(filled: Filled) -> None:
    catalogue, space = filled.collection.catalogue, filled.space
    offer = FileRecord("/late.png", hashlib.sha256(b"late").hexdigest())
    (late,) = catalogue.images.register([offer])
    assert late is not None
    catalogue.images.remove([late])  # by another program, while this one draws
    keep(
        filled.collection,
        space,
        [ImageState(late, "indexed")],
        (np.array([late]), filled.made.rows[60:61]),
        1,
    )
    assert catalogue.spaces.states(space.id, [late]) == {late: "removed"}
    assert late not in filled.live().find(filled.made.queries[:1], 100).ids
    assert filled.collection.vectors(space).count() == 50


def disconnect(far: str) -> None:
    """End all connections to a database, as a server that is started again does."""
    engine = create_engine(make_url(far).set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        others = text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
        )
        connection.execute(others, {"name": make_url(far).database}).all()
    engine.dispose()


def test_a_server_that_went_away_is_said_in_a_line_and_asked_again(
    filled: Filled, far: str
) -> None:
    live, query = filled.live(), filled.made.queries[:1]
    before = live.find(query, 10).ids
    disconnect(far)
    with pytest.raises(DatabaseFailedError) as failed:
        live.find(query, 10)
    assert "\n" not in str(failed.value)
    for _ in range(2):  # each of its connections finds out for itself
        with suppress(DatabaseFailedError):
            live.find(query, 10)
    assert np.array_equal(live.find(query, 10).ids, before)


@pytest.mark.parametrize("step", ["upsert", "_copy", "delete"])
def test_a_connection_that_is_lost_while_writing_leaves_nothing_half_done(
    filled: Filled, far: str, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = getattr(PostgresVectors, step)

    def lose(self: PostgresVectors, *given: Any) -> None:
        disconnect(far)
        before(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(PostgresVectors, step, lose)
        with pytest.raises(DatabaseFailedError) as failed:
            filled.add(np.arange(50, 80))
    assert "\n" not in str(failed.value)
    with Place(filled.collection.root, far).opened() as collection:
        made = Filled(collection, filled.made, 80)
        assert len(collection.catalogue.spaces.placed_ids(made.space.id, "indexed")) == 50
        assert collection.vectors(made.space).count() == 50
        made.add(np.arange(50, 80))
        assert collection.vectors(made.space).count() == 80


def test_a_server_that_is_not_there_is_said_in_a_line(tmp_path: Path) -> None:
    away = "postgresql://me@127.0.0.1:1/faces"
    with pytest.raises(
        DatabaseFailedError, match=r"127\.0\.0\.1:1/faces does not work: .*"
    ) as failed:
        Collection.open_or_create(tmp_path, engine=away)
    assert "\n" not in str(failed.value)
    assert not list(tmp_path.glob("*.url"))


def test_programs_that_write_and_read_at_once_do_not_disturb_each_other(
    far: str, tmp_path: Path, fused: fused_gallery.Space
) -> None:
    """Two add the same images, one removes some, two search: as on five machines."""
    with Place(tmp_path / "first", far).opened() as collection:
        made = Filled(collection, fused, 0)
        made.add(np.arange(20))
        made.publish()

    def write(child: int) -> None:
        with Place(tmp_path / f"writer{child}", far).opened() as collection:
            for start in range(0, 200, 20):
                Filled(collection, fused, 0).add(np.arange(start, start + 20))

    def remove(_: int) -> None:
        with Place(tmp_path / "remover", far).opened() as collection:
            for image_id in range(1, 11):
                collection.catalogue.images.remove([image_id])
                live = Filled(collection, fused, 0).live()
                found = live.find(fused.queries[:1], 500).ids[0]
                assert not np.isin(np.arange(1, image_id + 1), found).any()

    def read(child: int) -> None:
        with Place(tmp_path / f"reader{child}", far).opened() as collection:
            live = Filled(collection, fused, 0).live()
            for query in fused.queries[:30]:
                found = live.find(query[None], 10).ids
                live.stored(np.sort(found[0]))
                assert found.shape == (1, 10)

    work = [partial(write, 0), partial(write, 1), partial(remove, 0), partial(read, 0)]
    assert in_forks([*work, partial(read, 1)]) == [0] * 5
    with Place(tmp_path / "first", far).opened() as collection:
        made = Filled(collection, fused, 0)
        indexed = collection.catalogue.spaces.placed_ids(made.space.id, "indexed")
        assert len(indexed) == 190
        assert sorted(set(collection.vectors(made.space).ids().tolist())) == indexed
        problems = [one for one in finished(verify(collection)) if one.kind != "weights-damaged"]
        assert [one.what for one in problems if one.is_problem] == []


def test_verify_finds_what_is_wrong_and_repair_lets_go_of_it(filled: Filled) -> None:
    collection, space = filled.collection, filled.space
    with collection.catalogue.changing() as session:
        session.execute(text("DELETE FROM embedding WHERE image_id = 3"))
        session.execute(text("UPDATE embedding SET stored = stored + stored WHERE image_id = 5"))
    found = finished(verify(collection))
    assert {one.kind for one in found if one.is_problem} >= {"row-without-vector", "vector-damaged"}
    assert repair(collection, found) == 2
    assert collection.vectors(space).count() == 48
    assert not {"row-without-vector", "vector-damaged"} & {
        one.kind for one in finished(verify(collection))
    }
    filled.add(np.array([2, 4]))
    assert collection.vectors(space).count() == 50


def test_a_backend_holds_the_same_rows_as_another_of_the_same_fingerprint(filled: Filled) -> None:
    vectors: Backend = filled.collection.vectors(filled.space)
    before = vectors.fingerprint()
    assert vectors.fingerprint() == before
    with filled.collection.catalogue.changing():
        vectors.delete(np.array([7]))
    assert vectors.fingerprint() != before
    with filled.collection.catalogue.changing():
        vectors.upsert(np.array([7]), filled.rows[6:7])
    assert vectors.fingerprint() == before
    assert sum(len(ids) for ids, _ in vectors.rows()) == 50
    with filled.collection.catalogue.changing():
        vectors.drop()
    with filled.collection.catalogue.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM embedding")) == 0
