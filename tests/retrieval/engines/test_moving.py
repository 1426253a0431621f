"""A collection that moves from its folder to PostgreSQL and back: all vectors, the same answers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gallery.errors import CatalogueError
from index.backend import fingerprint
from retrieval.collection import moving
from retrieval.collection.collection import Collection
from retrieval.collection.moving import move
from retrieval.collection.verify import verify
from tests.retrieval.collection.test_compact import finished
from tests.retrieval.engines.conftest import new_database
from tests.running import Mindseye, one_line_error


@pytest.fixture
def far(server: str) -> str:
    return new_database(server)


@pytest.fixture
def home(
    mindseye: Mindseye,
    faces_dir: Path,
    make_fitted_weights: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A collection of 28 faces in four shards; one was removed, and one file is damaged."""
    monkeypatch.setattr("retrieval.collection.builder.BATCH", 8)
    photos, root = tmp_path / "photos", tmp_path / "home"
    photos.mkdir()
    for path in faces_dir.iterdir():
        (photos / path.name).write_bytes(path.read_bytes())
    whole = (photos / "p5-0-left.png").read_bytes()
    (photos / "p5-0-left.png").write_bytes(whole[:90])
    at = ("--collection", root)
    mindseye("index", "build", f"folder:{photos}", "--weights", make_fitted_weights(), *at)
    mindseye("index", "remove", photos / "p4-0-left.png", *at)
    return root


def found(mindseye: Mindseye, root: Path, faces_dir: Path) -> list[tuple[str, float]]:
    wish = ("--wish", "pose=45", "-k", "5", "--where", "light=left", "--json")
    hits = mindseye("query", faces_dir / "p1-0-left.png", *wish, "--collection", root).json["hits"]
    return [(hit["path"], hit["score"]) for hit in hits]


def known(root: Path) -> tuple[Any, ...]:
    """Return what a collection knows of its images, and a fingerprint of its vectors."""
    collection = Collection.open(root)
    try:
        (space,) = collection.catalogue.spaces.all()
        counts = collection.catalogue.spaces.state_counts(space.id)
        skipped = sorted(collection.catalogue.spaces.skipped(space.id))
        ids = collection.catalogue.spaces.placed_ids(space.id, "indexed")
        rows = collection.catalogue.images.rows(space.id, ids)
        wrong = [one.kind for one in finished(verify(collection)) if one.todo]
        vectors = fingerprint(moving.stored_rows(collection, space))
        return counts, skipped, rows, vectors, [kind for kind in wrong if kind != "rows-to-drop"]
    finally:
        collection.close()


def test_a_collection_moves_to_postgresql_and_back(
    mindseye: Mindseye, home: Path, far: str, faces_dir: Path, tmp_path: Path
) -> None:
    before, first = known(home), found(mindseye, home, faces_dir)
    there, back = tmp_path / "home-moved", tmp_path / "back"
    moved = mindseye("index", "move", "--to", far, "--collection", home)
    assert moved.out == f"Collection: {there}. The old one stays in {home}\n"
    assert known(there) == before
    assert found(mindseye, there, faces_dir) == first
    assert not (there / moving.NOTE).exists()
    mindseye("index", "move", "--to", back, "--collection", there)
    assert known(back) == before
    assert found(mindseye, back, faces_dir) == first
    assert known(home) == before
    (tmp_path / "photos" / "p5-0-left.png").write_bytes((faces_dir / "p5-0-left.png").read_bytes())
    added = mindseye("index", "add", f"folder:{tmp_path / 'photos'}", "--collection", there)
    assert "1 images indexed, 28 known already" in added.out  # a new id, that none has had


def test_a_collection_moves_to_milvus(
    mindseye: Mindseye, home: Path, faces_dir: Path, tmp_path: Path
) -> None:
    pytest.importorskip("pymilvus", reason='needs pymilvus: pip install "mindseye[milvus]"')
    pytest.importorskip("milvus_lite", reason="needs milvus-lite, a double of Milvus")
    there = tmp_path / "there"
    to = ("--to", f"milvus:{tmp_path / 'faces.db'}", "--into", there)
    mindseye("index", "move", *to, "--collection", home)
    assert known(there) == known(home)
    assert found(mindseye, there, faces_dir) == found(mindseye, home, faces_dir)


def is_later(step: moving.MovingStep, phase: str, done: int) -> bool:
    """Say whether a step is of a phase, and further than another one was."""
    return step.phase.startswith(phase) and (step.done > done or phase == "copying")


def test_a_move_that_is_stopped_goes_on(home: Path, far: str, tmp_path: Path) -> None:
    before, there, moved = known(home), tmp_path / "there", [0]
    collection = Collection.open(home)
    for phase in ("copying", "moving", "moving"):
        steps = move(collection, there, far)
        moved.append(next(one.done for one in steps if is_later(one, phase, moved[-1])))
        steps.close()  # type: ignore[attr-defined]  # a generator has it
        assert (there / moving.NOTE).exists()
    assert 0 < moved[2] < moved[3] < before[0]["indexed"]
    list(move(collection, there, far))
    collection.close()
    assert known(there) == before


def test_a_move_does_not_go_on_after_the_collection_was_changed(
    home: Path, mindseye: Mindseye, tmp_path: Path
) -> None:
    there, collection = tmp_path / "there", Collection.open(home)
    steps = move(collection, there, None)
    next(one for one in steps if one.phase.startswith("moving"))
    steps.close()  # type: ignore[attr-defined]  # a generator has it
    collection.close()
    mindseye("index", "remove", tmp_path / "photos" / "p3-0-left.png", "--collection", home)
    collection = Collection.open(home)
    with pytest.raises(CatalogueError, match="the table image is another one.*to a new place"):
        list(move(collection, there, None))  # it would forget that the image was removed by hand
    collection.close()


def test_nothing_is_moved_over_something_else(
    home: Path, far: str, tmp_path: Path, mindseye: Mindseye
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("dear")
    collection = Collection.open(home)
    with pytest.raises(CatalogueError, match="name a new folder"):
        list(move(collection, other, None))
    list(move(collection, tmp_path / "first", far))
    with pytest.raises(CatalogueError, match="holds a collection already"):
        list(move(collection, tmp_path / "second", far))
    assert not (tmp_path / "second").exists()
    collection.close()
    refused = mindseye("index", "move", "--to", other, "--into", other, "--collection", home)
    assert "leave out" in one_line_error(refused)


def test_what_differs_at_the_end_is_not_published(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = moving.stored_rows
    collection = Collection.open(home)

    def turned(asked: Collection, space: Any) -> Iterator[moving.Rows]:
        for ids, vectors in plain(asked, space):
            yield ids, vectors if asked is collection else -vectors

    monkeypatch.setattr(moving, "stored_rows", turned)
    with pytest.raises(CatalogueError, match="the vectors of fitted-32 are others"):
        list(move(collection, tmp_path / "there", None))
    collection.close()
    opened = Collection.open(tmp_path / "there")
    assert opened.catalogue.spaces.get("fitted-32").generation is None
    opened.close()
