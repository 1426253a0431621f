"""A collection that lives in PostgreSQL as a whole: its commands, and who may not have it."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from gallery.catalogue.records import FileRecord, ImageState
from gallery.errors import CatalogueError, ConfigError
from index.contract import IndexContract
from retrieval.collection.bulk import add_embedded
from retrieval.collection.collection import Collection
from retrieval.collection.repair import repair
from retrieval.collection.storing import keep
from retrieval.collection.verify import verify
from tests.retrieval import fused_gallery
from tests.retrieval.collection.test_compact import finished
from tests.retrieval.engines.conftest import Filled, Place, filled_with, new_database
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
    vectors = filled.collection.vectors(filled.space)
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
