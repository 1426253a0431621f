"""Two builders of one collection in PostgreSQL, at once, each on a machine of its own."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from gallery.readers.registry import open_faces
from generator.engine import Engine
from retrieval.collection.build import build
from retrieval.collection.verify import verify
from tests.retrieval.collection.test_compact import finished
from tests.retrieval.engines.conftest import Place, new_database
from tests.retrieval.engines.forks import in_forks


def test_two_builders_of_the_same_images_leave_each_once(
    server: str,
    tmp_path: Path,
    photos: Path,
    photograph: Callable[..., Path],
    quick: Callable[[Path], Engine],
    pose_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("retrieval.collection.builder.BATCH", 2)
    weights, far = pose_weights, new_database(server)
    for number in range(16):
        photograph(photos / f"{number}.png", seed=number)
    (photos / "again.png").write_bytes((photos / "3.png").read_bytes())

    def build_all(machine: int) -> None:
        faces, engine = open_faces(f"folder:{photos}"), quick(weights)
        with Place(tmp_path / f"machine{machine}", far).opened() as collection:
            list(build(collection, faces, engine, weights))

    assert in_forks([partial(build_all, 0), partial(build_all, 1)]) == [0, 0]
    with Place(tmp_path / "machine2", far).opened() as collection:
        (space,) = collection.catalogue.spaces.all()
        assert collection.catalogue.spaces.state_counts(space.id)["indexed"] == 16
        assert collection.vectors(space).count() == 16
        assert len(collection.catalogue.images.duplicates()) == 1
        assert [one.what for one in finished(verify(collection)) if one.is_problem] == []
