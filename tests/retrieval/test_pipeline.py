"""A build reads ahead by one batch, in threads, and ends as one that does one thing at a time."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest

from gallery.faces import Face, FaceSet
from gallery.readers.registry import open_faces
from generator.canonical import canonicalise
from retrieval.collection import ingest
from retrieval.collection.build import build
from retrieval.collection.collection import Collection
from retrieval.collection.verify import verify
from retrieval.collection.workers import here
from retrieval.scoring import canonical_views
from tests.retrieval.collection.test_compact import finished
from tests.retrieval.conftest import Gallery


def files(gallery: Gallery) -> dict[str, bytes]:
    return {
        str(path.relative_to(gallery.directory)): path.read_bytes()
        for path in sorted(gallery.directory.rglob("*"))
        if path.is_file()
    }


def test_threads_change_no_byte(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class AtOnce:
        """Does what it is given when it is given it."""

        def __init__(self, _workers: int) -> None: ...

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def shutdown(self, **_: object) -> None: ...

        def map(self, work: Callable[..., Any], items: Any) -> list[Any]:
            return [work(item) for item in items]

        def submit(self, work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
            result = work(*arguments, **named)

            class Done:
                def result(self) -> Any:
                    return result

            return Done()

    expected = files(gallery)
    monkeypatch.setattr(here, "ThreadPoolExecutor", AtOnce)
    monkeypatch.setattr(ingest, "ThreadPoolExecutor", AtOnce)
    gallery.collection = Collection.open_or_create(tmp_path / "one by one")
    gallery.build()
    assert files(gallery) == expected
    gallery.collection.close()


def test_no_more_than_one_batch_is_read_ahead(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    lock = threading.Lock()
    plain = FaceSet.read

    def recorded(faces: FaceSet, face: Face) -> bytes:
        with lock:
            read.append(face.name)
        return plain(faces, face)

    monkeypatch.setattr(FaceSet, "read", recorded)
    gallery.collection = Collection.open_or_create(tmp_path / "other")
    faces = open_faces(f"folder:{gallery.photos}")
    for step in build(gallery.collection, faces, gallery.engine, gallery.weights):
        assert len(read) <= step.done + 2
    assert sorted(read) == sorted(face.name for face in faces.faces)  # each of them once
    gallery.collection.close()


def test_what_does_not_fit_into_memory_is_read_twice(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = files(gallery)
    monkeypatch.setattr(ingest, "KEPT_BYTES", 2_000)  # one photograph
    gallery.collection = Collection.open_or_create(tmp_path / "other")
    assert gallery.build().indexed == 8
    assert files(gallery) == expected
    gallery.collection.close()


def test_a_build_that_is_stopped_keeps_the_batch_in_hand(gallery: Gallery, tmp_path: Path) -> None:
    expected = gallery.scores(gallery.open())
    gallery.collection = Collection.open_or_create(tmp_path / "other")
    faces = open_faces(f"folder:{gallery.photos}")
    steps = build(gallery.collection, faces, gallery.engine, gallery.weights)
    assert next(steps).done == 2
    steps.close()  # type: ignore[attr-defined]  # a generator has it
    assert gallery.states() == {"indexed": 4}
    last = gallery.build()
    assert (last.indexed, last.known) == (4, 4)
    assert gallery.scores(gallery.open()) == expected
    assert finished(verify(gallery.collection)) == []
    gallery.collection.close()


def test_a_drawing_that_fails_loses_nothing(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = files(gallery)
    gallery.collection = Collection.open_or_create(tmp_path / "other")
    drawn = 0
    plain = canonicalise

    def failing(*arguments: Any, **named: Any) -> Any:
        nonlocal drawn
        drawn += 1
        if drawn == 3:
            raise RuntimeError("CUDA out of memory")
        return plain(*arguments, **named)

    monkeypatch.setattr(canonical_views, "canonicalise", failing)
    with pytest.raises(RuntimeError, match="CUDA out of memory"):
        gallery.build()
    assert gallery.states()["indexed"] == 4
    assert gallery.build().indexed == 4
    assert files(gallery) == expected
    gallery.collection.close()
