from collections.abc import Iterator
from typing import Any

import pytest

from gallery.catalogue.records import ShardRow
from gallery.errors import IndexFileError
from retrieval.collection import compact as module
from retrieval.collection.compact import Compacted, compact, plan, to_text
from tests.retrieval.conftest import Gallery


def finished(steps: Any) -> Any:
    """Return what a generator returns."""

    def following() -> Iterator[Any]:
        kept.append((yield from steps))

    kept: list[Any] = []
    list(following())
    return kept[0]


def test_what_was_removed_is_gone_from_disk_and_small_shards_become_one(gallery: Gallery) -> None:
    gone = [gallery.id_of("2.png"), gallery.id_of("5.png")]
    index = gallery.open()
    gallery.collection.catalogue.images.remove(gone)
    before = gallery.scores(index)
    done = finished(compact(gallery.collection))
    assert done == Compacted(4, 1, rows_dropped=2, files_removed=8, forgotten=2)
    assert gallery.scores(index) == before
    assert gallery.scores(gallery.open()) == before
    spaces = gallery.collection.catalogue.spaces
    (shard,) = spaces.shards(gallery.space.id)
    assert (shard.number, shard.rows) == (5, 6)
    names = sorted(path.name for path in (gallery.directory / "embeddings").iterdir())
    assert names == ["000005.ids.npy", "000005.npy"]
    assert len(list((gallery.directory / "index").iterdir())) == 1
    database = (gallery.collection.root / "catalogue.db").read_bytes()
    assert b"/2.png" not in database
    assert b"/3.png" in database


def test_compacting_again_changes_nothing(gallery: Gallery) -> None:
    finished(compact(gallery.collection))
    before = gallery.space
    files = sorted(gallery.directory.rglob("*"))
    assert finished(compact(gallery.collection)) == Compacted(1, 1, 0, 0, 0)
    assert gallery.space == before
    assert sorted(gallery.directory.rglob("*")) == files


def test_what_was_done_is_told_in_a_line() -> None:
    assert to_text(Compacted(4, 1, rows_dropped=2, files_removed=8, forgotten=3)) == (
        "2 vectors taken from disk, 4 shards are now 1, 8 needless files removed"
    )


def test_a_build_goes_on_after_a_compaction(gallery: Gallery) -> None:
    finished(compact(gallery.collection))
    assert gallery.build().known == 8
    gallery.collection.catalogue.images.remove([1, 2])
    finished(compact(gallery.collection))
    last = gallery.build()  # the removed files are still there
    assert (last.indexed, last.known, last.removed) == (0, 6, 2)
    assert gallery.build(restore=True).indexed == 2
    assert len(gallery.names(gallery.open())) == 8


def test_a_damaged_shard_is_not_copied(gallery: Gallery) -> None:
    path = gallery.directory / "embeddings" / "000002.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(IndexFileError, match=r"000002\.npy has SHA-256 .*: it is damaged"):
        finished(compact(gallery.collection))
    with pytest.raises(IndexFileError, match=r"000002\.npy has SHA-256 .*: it is damaged"):
        gallery.open()
    gallery.build()
    assert len(gallery.names(gallery.open())) == 8


def row(number: int, rows: int) -> ShardRow:
    return ShardRow(number, rows, "e" * 64, "f" * 64)


def test_shards_are_chosen_by_their_needless_rows_and_their_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SHARD_BYTES", 4 * 10 * 100)  # 100 rows of dimension 10
    shards = [row(1, 100), row(2, 20), row(3, 60), row(4, 30), row(5, 60), row(6, 10), row(7, 5)]
    needed = {1: 100, 2: 20, 3: 59, 4: 30, 5: 60, 6: 10}
    groups = plan(shards, needed, 10)
    assert [[shard.number for shard in group] for group in groups] == [[2, 3], [4, 6, 7]]
    assert plan([row(1, 100), row(2, 20), row(3, 60)], {1: 100, 2: 20, 3: 60}, 10) == []
    assert plan([row(1, 3)], {}, 10) == [[row(1, 3)]]
    assert plan([], {}, 10) == []
