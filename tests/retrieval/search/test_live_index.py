"""An open searcher takes over what is published, tries again after a failure, never goes back."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gallery.errors import CatalogueError, IndexFileError
from index import store
from retrieval.collection.compact import compact
from retrieval.collection.publish import publish
from retrieval.search.live_index import LiveIndex
from tests.retrieval.collection.test_compact import finished
from tests.retrieval.conftest import Gallery

REMOVED = "3.png"


def remove_and_publish(gallery: Gallery) -> Path:
    """Remove an image, publish a generation without it, and return that one's folder."""
    gallery.collection.catalogue.images.remove([gallery.id_of(REMOVED)])
    publish(gallery.collection, gallery.space.name)
    return gallery.directory / "index" / f"{gallery.space.generation:06d}"


def torn_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{", "utf-8")


def lost_file(folder: Path) -> None:
    (folder / "excluded.npy").unlink()


def lost_folder(folder: Path) -> None:
    shutil.rmtree(folder)


@pytest.mark.parametrize("damage", [torn_manifest, lost_file, lost_folder])
def test_a_removed_image_never_comes_back_after_a_failed_takeover(
    gallery: Gallery, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    index = gallery.open()
    assert REMOVED in gallery.names(index)
    folder = remove_and_publish(gallery)
    shutil.copytree(folder, tmp_path / "whole")
    damage(folder)
    for _ in range(3):
        with pytest.raises(IndexFileError, match=r"(damaged|missing).*mindseye index build"):
            gallery.names(index)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(tmp_path / "whole", folder)
    assert len(gallery.names(index)) == 7
    assert REMOVED not in gallery.names(index)


@pytest.mark.parametrize("question", ["get", "removed_since"])
def test_a_removed_image_never_comes_back_after_the_catalogue_failed_once(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    index = gallery.open()
    remove_and_publish(gallery)
    gallery.collection.catalogue.images.remove([gallery.id_of("5.png")])

    def fail(*_: object) -> None:
        raise CatalogueError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(gallery.collection.catalogue.spaces, question, fail)
        for _ in range(2):
            with pytest.raises(CatalogueError, match="disk is full"):
                index.search(np.ones((1, gallery.engine.dimension), np.float32), 3)
    assert {REMOVED, "5.png"}.isdisjoint(gallery.names(index))


def test_a_catalogue_that_fails_is_asked_again_through_another_connection(gallery: Gallery) -> None:
    index = gallery.open()
    assert REMOVED in gallery.names(index)
    watching = gallery.collection.catalogue.spaces.watching
    assert watching is not None
    database = watching.connection.dbapi_connection
    assert database is not None
    gallery.collection.catalogue.images.remove([gallery.id_of(REMOVED)])
    database.set_progress_handler(lambda: 1, 1)  # what it is asked is interrupted
    assert REMOVED not in gallery.names(index)
    assert gallery.collection.catalogue.spaces.mark(gallery.space.id) is not None
    assert REMOVED not in gallery.names(index)


def test_a_question_that_failed_half_way_does_not_hide_what_is_new(gallery: Gallery) -> None:
    index = gallery.open()
    session = gallery.collection.catalogue.session
    gallery.collection.catalogue.images.count()
    session.connection()  # begun, and never ended
    assert session.in_transaction()
    gallery.names(index)
    assert not session.in_transaction()


def test_a_search_goes_on_when_a_compaction_takes_its_shards_away(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("faiss", reason='needs FAISS: pip install "mindseye[cpu]"')
    gallery.build(request=store.Request(kind="sq8"))
    index = gallery.open()
    gallery.collection.catalogue.images.remove([gallery.id_of(REMOVED)])
    refresh, calls = LiveIndex.refresh, 0

    def compact_after_the_first(self: LiveIndex) -> None:
        nonlocal calls
        refresh(self)
        calls += 1
        if calls == 1:
            finished(compact(gallery.collection))

    monkeypatch.setattr(LiveIndex, "refresh", compact_after_the_first)
    assert len(gallery.names(index)) == 7
    assert calls == 2
    assert REMOVED not in gallery.names(index)
