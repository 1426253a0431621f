"""The on-disk format: round trips, leftovers of killed runs, damage, and refusals."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.errors import IndexFileError
from gallery.files import file_sha256
from index.base import GalleryRows
from index.contract import IndexContract
from index.exact import ExactIndex
from index.faiss_library import has_faiss
from index.integrity import describe
from index.manifest import own_hash
from index.store import (
    FORMAT,
    KINDS,
    Manifest,
    Request,
    ShardId,
    append_shard,
    open_index,
    open_shard,
    publishing,
    read_contract,
    read_manifest,
    verify_shard,
    write_contract,
)

CONTRACT = IndexContract(
    extractor="refiner",
    weights_sha256="ab" * 32,
    attribute_space=(("pose", ("-45", "0", "45")),),
    aligner="eyes-60",
    canonicalisation="reconstruction",
    projection="none",
    dimension=5,
)
NOTHING = np.empty(0, dtype=np.int64)
needs_faiss = pytest.mark.skipif(not has_faiss(), reason='needs FAISS: pip install "mindseye[cpu]"')


def rows(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids with repetitions (N,), and embeddings of small whole numbers (N, 5)."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 9, size=count), rng.integers(-2, 3, (count, 5)).astype(np.float32)


@pytest.fixture
def space(tmp_path: Path) -> Path:
    write_contract(tmp_path / "spaces" / "pose-60", CONTRACT)
    return tmp_path / "spaces" / "pose-60"


@pytest.fixture
def shards(space: Path) -> list[ShardId]:
    return [append_shard(space, number, *rows(number, 10 * number)) for number in (1, 2, 3)]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    if request.param != "exact":
        pytest.importorskip("faiss", reason='needs FAISS: pip install "mindseye[cpu]"')
    return str(request.param)


def publish(
    space: Path,
    generation: int,
    kind: str | Request,
    contract: IndexContract,
    shards: list[ShardId],
    excluded: np.ndarray,
    previous: int | None = None,
) -> Manifest:
    request = Request(kind=kind) if isinstance(kind, str) else kind
    steps = publishing(space, generation, request, contract, shards, excluded, previous=previous)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            manifest: Manifest = end.value
            return manifest


def names(directory: Path) -> list[str]:
    return sorted(p.relative_to(directory).as_posix() for p in directory.rglob("*") if p.is_file())


def rewrite_manifest(path: Path, change: dict[str, Any]) -> None:
    """Change a manifest, with the hash of itself that it then should have."""
    data = json.loads(path.read_text("utf-8")) | change
    path.write_text(json.dumps(data | {"sha256": own_hash(data)}), "utf-8")


def killed_after(monkeypatch: pytest.MonkeyPatch, renames: int) -> list[str]:
    """Stop at the next renaming of a file after some; return the names of those, as they come."""
    rename = Path.replace
    done: list[str] = []

    def replace_or_stop(path: Path, target: Path) -> Path:
        if len(done) == renames:
            raise KeyboardInterrupt("killed")
        done.append(target.name)
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", replace_or_stop)
    return done


def test_a_contract_is_read_as_written(space: Path) -> None:
    assert read_contract(space) == CONTRACT


def test_a_space_keeps_its_contract(space: Path) -> None:
    write_contract(space, CONTRACT)
    with pytest.raises(IndexFileError, match=r"pose-60 was made under.*eyes-80 here, eyes-60"):
        write_contract(space, replace(CONTRACT, aligner="eyes-80"))
    assert read_contract(space) == CONTRACT


@pytest.mark.parametrize("text", ["", "{", '{"extractor": ', "[]", "\udce4"])
def test_a_damaged_contract_is_reported_with_its_path(space: Path, text: str) -> None:
    (space / "contract.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(IndexFileError, match=r"contract\.json.*mindseye index build"):
        read_contract(space)


def test_a_missing_contract_is_reported(tmp_path: Path) -> None:
    with pytest.raises(IndexFileError, match=r"contract\.json is missing.*mindseye index build"):
        read_contract(tmp_path)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_shard_is_read_as_written(space: Path, order: Any) -> None:
    ids, embeddings = rows(1, 12)
    shard = append_shard(space, 7, ids, np.asarray(embeddings, order=order))
    read_ids, read_embeddings = open_shard(space, 7)
    assert (shard.number, shard.rows) == (7, 12)
    assert read_ids.dtype == np.int64
    assert read_embeddings.dtype == np.float32
    assert np.array_equal(read_ids, ids)
    assert np.array_equal(read_embeddings, embeddings)
    assert isinstance(read_embeddings.base, np.memmap)
    verify_shard(space, shard)


def test_the_same_rows_make_the_same_shard(space: Path) -> None:
    first = append_shard(space, 1, *rows(1, 12))
    assert append_shard(space, 1, *rows(1, 12)) == first
    assert append_shard(space, 1, *rows(2, 12)) != first


def test_writing_to_an_opened_shard_does_not_reach_the_disk(space: Path) -> None:
    shard = append_shard(space, 1, *rows(1, 12))
    ids, embeddings = open_shard(space, 1)
    ids[:], embeddings[:] = 0, 0
    verify_shard(space, shard)


def test_an_opened_shard_is_searched_without_a_copy(space: Path) -> None:
    append_shard(space, 1, *rows(1, 12))
    ids, embeddings = open_shard(space, 1)
    ((_, part),) = GalleryRows(ids, [embeddings]).chunks()
    assert np.require(part, requirements=["C", "W", "E"]).base is not None
    assert np.shares_memory(np.require(part, requirements=["C", "W", "E"]), embeddings)


@pytest.mark.parametrize(
    ("ids", "embeddings", "message"),
    [
        (NOTHING, np.empty((0, 5), dtype=np.float32), "at least one row"),
        (np.arange(2), np.zeros((3, 5), dtype=np.float32), "2 ids for 3 rows"),
        (np.arange(2), np.zeros((2, 5)), "float64"),
        (np.arange(2), np.full((2, 5), np.nan, dtype=np.float32), "finite"),
        (np.arange(2), np.full((2, 5), np.inf, dtype=np.float32), "finite"),
    ],
)
def test_rows_that_make_no_shard_are_refused_and_write_nothing(
    space: Path, ids: np.ndarray, embeddings: np.ndarray, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        append_shard(space, 1, ids, embeddings)
    assert names(space) == ["contract.json"]


def test_numbers_start_at_one(space: Path) -> None:
    with pytest.raises(ValueError, match="shards are numbered from 1, got 0"):
        append_shard(space, 0, *rows(1, 2))
    with pytest.raises(ValueError, match="generations are numbered from 1, got 0"):
        read_manifest(space, 0)


def killed_before_any_rename(directory: Path) -> None:
    (directory / "000001.ids.npy.tmp").write_bytes(b"\x93NUMPY half")


def killed_between_the_renames(directory: Path) -> None:
    np.save(directory / "000001.ids.npy", np.arange(4))
    (directory / "000001.npy.tmp").write_bytes(b"\x93NUMPY half")


def killed_after_both_renames(directory: Path) -> None:
    np.save(directory / "000001.ids.npy", np.arange(12))
    np.save(directory / "000001.npy", np.ones((12, 5), dtype=np.float32))


@pytest.mark.parametrize(
    "leave", [killed_before_any_rename, killed_between_the_renames, killed_after_both_renames]
)
def test_what_a_killed_writer_left_is_overwritten(
    space: Path, leave: Callable[[Path], None]
) -> None:
    (space / "embeddings").mkdir()
    leave(space / "embeddings")
    ids, embeddings = rows(1, 12)
    verify_shard(space, append_shard(space, 1, ids, embeddings))
    read_ids, read_embeddings = open_shard(space, 1)
    assert np.array_equal(read_ids, ids)
    assert np.array_equal(read_embeddings, embeddings)
    assert names(space / "embeddings") == ["000001.ids.npy", "000001.npy"]


@pytest.mark.parametrize("leave", [killed_before_any_rename, killed_between_the_renames])
def test_half_a_shard_is_no_shard(space: Path, leave: Callable[[Path], None]) -> None:
    (space / "embeddings").mkdir()
    leave(space / "embeddings")
    with pytest.raises(IndexFileError, match=r"npy is missing.*mindseye index build"):
        open_shard(space, 1)


@pytest.mark.parametrize("renames", [0, 1])
def test_a_writer_killed_while_overwriting_leaves_no_mixture(
    space: Path, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    append_shard(space, 1, *rows(1, 12))
    done = killed_after(monkeypatch, renames)
    with pytest.raises(KeyboardInterrupt, match="killed"):
        append_shard(space, 1, *rows(2, 12))
    assert done == ["000001.ids.npy"][:renames]
    with pytest.raises(IndexFileError, match=r"000001\.npy is missing"):
        open_shard(space, 1)


@pytest.mark.parametrize("name", ["000001.npy", "000001.ids.npy"])
@pytest.mark.parametrize("kept", [0, 1, 8, 40, 127, 128, 150, -1])
def test_a_torn_shard_is_reported_with_its_file(space: Path, name: str, kept: int) -> None:
    append_shard(space, 1, *rows(1, 12))
    path = space / "embeddings" / name
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(IndexFileError, match=rf"/{name} is damaged.*mindseye index build"):
        open_shard(space, 1)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("000001.npy", np.zeros((12, 5)), "holds float64"),
        ("000001.npy", np.zeros(12, dtype=np.float32), r"holds float32 \(12,\)"),
        ("000001.npy", np.zeros((12, 5), dtype=np.float32, order="F"), "in C order"),
        ("000001.npy", np.zeros((11, 5), dtype=np.float32), "12 ids for the 11 rows"),
        ("000001.ids.npy", np.zeros((12, 1), dtype=np.int64), r"holds int64 \(12, 1\)"),
        ("000001.ids.npy", np.zeros(12, dtype=np.int32), "holds int32"),
        ("000001.ids.npy", np.array([None] * 12), "Python objects"),
    ],
)
def test_another_array_is_refused(space: Path, name: str, array: np.ndarray, message: str) -> None:
    append_shard(space, 1, *rows(1, 12))
    np.save(space / "embeddings" / name, array)
    with pytest.raises(IndexFileError, match=rf"{message}.*mindseye index build"):
        open_shard(space, 1)


@pytest.mark.parametrize("name", ["000001.npy", "000001.ids.npy"])
def test_a_changed_byte_is_found(space: Path, name: str) -> None:
    shard = append_shard(space, 1, *rows(1, 12))
    path = space / "embeddings" / name
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    with pytest.raises(IndexFileError, match=rf"/{name} has SHA-256 .*: it is damaged"):
        verify_shard(space, shard)


def test_a_published_index_finds_what_the_shards_hold(
    space: Path, shards: list[ShardId], kind: str
) -> None:
    manifest = publish(space, 1, kind, CONTRACT, shards, NOTHING)
    index = open_index(space, 1, CONTRACT)
    ids, blocks = zip(*(rows(number, 10 * number) for number in (1, 2, 3)), strict=True)
    reference = ExactIndex(np.concatenate(ids), blocks)
    probes = rows(9, 20)[1]
    found, expected = index.search(probes, index.size), reference.search(probes, index.size)
    assert (index.size, index.dimension) == (reference.size, 5)
    assert np.array_equal(np.sort(found.ids), np.sort(expected.ids))
    assert np.array_equal(found.scores, expected.scores)  # equal scores may come in any order
    assert (manifest.vectors, manifest.images, manifest.excluded) == (60, index.size, 0)


def test_excluded_images_are_never_found(space: Path, shards: list[ShardId], kind: str) -> None:
    manifest = publish(space, 1, kind, CONTRACT, shards, np.array([7, 3, 3, 500]))
    index = open_index(space, 1, CONTRACT)
    found = index.search(rows(9, 20)[1], index.size)
    assert {3, 7}.isdisjoint(found.ids.ravel().tolist())
    assert index.size == manifest.images == 7
    assert manifest.excluded == 3


def test_a_later_generation_leaves_the_earlier_one_as_it_was(
    space: Path, shards: list[ShardId], kind: str
) -> None:
    publish(space, 1, kind, CONTRACT, shards[:1], NOTHING)
    before = open_index(space, 1, CONTRACT)
    probes = rows(9, 4)[1]
    expected = before.search(probes, before.size)
    publish(space, 2, kind, CONTRACT, shards, NOTHING)
    again = open_index(space, 1, CONTRACT)
    assert np.array_equal(again.search(probes, again.size).ids, expected.ids)
    assert np.array_equal(before.search(probes, before.size).ids, expected.ids)
    assert open_index(space, 2, CONTRACT).size >= before.size


def test_a_space_holds_the_files_that_the_format_names(space: Path, shards: list[ShardId]) -> None:
    publish(space, 1, "exact", CONTRACT, shards[:1], NOTHING)
    assert names(space / "index") == ["000001/excluded.npy", "000001/manifest.json"]
    assert names(space)[:3] == [
        "contract.json",
        "embeddings/000001.ids.npy",
        "embeddings/000001.npy",
    ]
    assert json.loads((space / "index/000001/manifest.json").read_text("utf-8")) == {
        "format": 3,
        "kind": "exact",
        "contract": CONTRACT.digest(),
        "dimension": 5,
        "vectors": 10,
        "images": len(np.unique(rows(1, 10)[0])),
        "excluded": 0,
        "shards": [asdict(shards[0])],
        "asked": "exact",
        "memory": 2 * 10**9,
        "accuracy": 0.99,
        "main": None,
        "files": [asdict(describe(space / "index/000001/excluded.npy"))],
        "sha256": own_hash(asdict(read_manifest(space, 1))),
    }


@needs_faiss
def test_a_generation_of_faiss_holds_its_file_and_the_ids(
    space: Path, shards: list[ShardId]
) -> None:
    manifest = publish(space, 1, "sq8", CONTRACT, shards, NOTHING)
    files = ["excluded.npy", "ids.npy", "index.faiss", "manifest.json"]
    assert names(space / "index" / "000001") == files
    path = space / "index" / "000001" / "index.faiss"
    assert manifest.main is not None
    assert manifest.main.rows == 60
    assert manifest.main.bytes == path.stat().st_size
    assert manifest.main.sha256 == file_sha256(path)


@needs_faiss
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "exact"])
def test_faiss_never_sees_a_damaged_file_of_the_same_length(
    space: Path, shards: list[ShardId], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(space, 1, kind, CONTRACT, shards, NOTHING)
    path = space / "index" / "000001" / "index.faiss"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 64
    path.write_bytes(content)

    def read(*_: object, **__: object) -> None:
        raise AssertionError("FAISS reads damaged bytes")

    with monkeypatch.context() as patch:
        patch.setattr("index.loader.read_faiss", read)
        patch.setattr("index.faiss_file.read_faiss", read)
        with pytest.raises(IndexFileError, match=r"index\.faiss has SHA-256 .*: it is damaged"):
            open_index(space, 1, CONTRACT)
        publish(space, 2, kind, CONTRACT, shards, NOTHING, previous=1)
    assert inode(space, 1) != inode(space, 2)
    assert open_index(space, 2, CONTRACT).size == 9


def test_a_manifest_of_which_one_number_was_changed_is_refused(
    space: Path, shards: list[ShardId], kind: str
) -> None:
    publish(space, 1, kind, CONTRACT, shards, NOTHING)
    path = space / "index" / "000001" / "manifest.json"
    path.write_text(path.read_text("utf-8").replace('"memory": 2', '"memory": 3'), "utf-8")
    with pytest.raises(IndexFileError, match=r"manifest\.json is damaged: it has another SHA-256"):
        open_index(space, 1, CONTRACT)


def inode(space: Path, generation: int) -> int:
    return (space / "index" / f"{generation:06d}" / "index.faiss").stat().st_ino


@needs_faiss
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "exact"])
def test_an_addition_and_a_removal_take_the_index_over_and_are_seen(
    space: Path, shards: list[ShardId], kind: str
) -> None:
    first = publish(space, 1, kind, CONTRACT, shards[:2], NOTHING)
    second = publish(space, 2, kind, CONTRACT, shards, np.array([3]), previous=1)
    third = publish(space, 3, kind, CONTRACT, shards, np.array([3, 4]), previous=2)
    assert first.main == second.main == third.main
    assert inode(space, 1) == inode(space, 2) == inode(space, 3)
    ids, blocks = zip(*(rows(number, 10 * number) for number in (1, 2, 3)), strict=True)
    joined, probes = np.concatenate(ids), rows(9, 20)[1]
    for generation, gone in ((2, [3]), (3, [3, 4])):
        reference = ExactIndex(joined, blocks, ~np.isin(joined, gone))
        index = open_index(space, generation, CONTRACT)
        found, expected = (one.search(probes, index.size) for one in (index, reference))
        assert np.array_equal(np.sort(found.ids), np.sort(expected.ids))
        assert np.array_equal(found.scores, expected.scores)


@needs_faiss
@pytest.mark.parametrize("kind", ["flat", "hnsw", "sq8", "pq", "rabitq"])
def test_a_long_tail_is_added_to_the_index_without_training(
    space: Path, shards: list[ShardId], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.faiss_file.TAIL_ROWS", 25)
    first = publish(space, 1, kind, CONTRACT, shards[:2], NOTHING)

    def train(*_: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr("index.faiss_train.train", train)
    monkeypatch.setattr("index.faiss_train.FURTHER", 100)
    second = publish(space, 2, kind, CONTRACT, shards, NOTHING, previous=1)
    assert first.main is not None
    assert second.main is not None
    assert (first.main.rows, second.main.rows, second.main.drift.added) == (30, 60, 30)
    assert second.main.measured.seconds == first.main.measured.seconds
    assert second.main.measured.probes == (1 if kind == "flat" else 3)
    index = open_index(space, 2, CONTRACT)
    own = rows(3, 30)
    assert np.isin(own[0], index.search(own[1], index.size).ids).all()


@needs_faiss
def test_rows_that_have_drifted_let_the_index_be_trained_again(
    space: Path, shards: list[ShardId], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.faiss_file.TAIL_ROWS", 10)
    first = publish(space, 1, "ivf", CONTRACT, shards, NOTHING)
    ids, far = rows(4, 40)
    shards.append(append_shard(space, 4, ids, far + 20))
    second = publish(space, 2, "ivf", CONTRACT, shards, NOTHING, previous=1)
    assert first.main is not None
    assert second.main is not None
    assert (first.main.drift.trained, second.main.drift.trained) == (60, 100)
    assert second.main.drift.added == 0


@needs_faiss
@pytest.mark.parametrize(
    "request_",
    [
        Request(kind="ivf"),
        Request(kind="sq8", accuracy=0.9),
        Request(kind="auto", memory=10**6),
    ],
)
def test_another_request_makes_the_index_anew(
    space: Path, shards: list[ShardId], request_: Request
) -> None:
    publish(space, 1, "sq8", CONTRACT, shards, NOTHING)
    second = publish(space, 2, request_, CONTRACT, shards, NOTHING, previous=1)
    assert (second.asked, second.accuracy) == (request_.kind, request_.accuracy)
    assert second.main is None or inode(space, 1) != inode(space, 2)


@needs_faiss
def test_other_shards_make_the_index_anew(space: Path, shards: list[ShardId]) -> None:
    publish(space, 1, "sq8", CONTRACT, shards, NOTHING)
    second = publish(space, 2, "sq8", CONTRACT, shards[1:], NOTHING, previous=1)
    assert second.main is not None
    assert second.main.rows == 50
    assert inode(space, 1) != inode(space, 2)


@needs_faiss
def test_where_files_cannot_have_two_names_the_index_is_copied(
    space: Path, shards: list[ShardId], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no hard links here")

    monkeypatch.setattr("os.link", refuse)
    publish(space, 1, "sq8", CONTRACT, shards, NOTHING)
    publish(space, 2, "sq8", CONTRACT, shards, NOTHING, previous=1)
    assert inode(space, 1) != inode(space, 2)
    assert open_index(space, 2, CONTRACT).size == 9


@needs_faiss
def test_a_publication_says_before_what_it_costs_and_after_how_good_it_is(space: Path) -> None:
    rng = np.random.default_rng(0)
    embeddings = rng.standard_normal((6000, 5)).astype(np.float32)
    shard = append_shard(space, 1, np.arange(6000), embeddings)
    steps = list(publishing(space, 1, Request(kind="sq8"), CONTRACT, [shard], NOTHING))
    notes = [step.note for step in steps if step.note]
    assert notes[0].startswith("Index of kind sq8: about ")
    assert steps[0].note == notes[0]
    assert re.fullmatch(
        r"sq8: overlap @10 with exact search (1\.0|0\.99)\d+ on 300 held-out images", notes[1]
    )
    measured = read_manifest(space, 1).main
    assert measured is not None
    assert measured.measured.reached
    assert measured.measured.overlap >= 0.99
    assert measured.effort.lists >= 1


@needs_faiss
def test_an_accuracy_that_is_not_reached_is_said_and_stored(
    space: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.search_effort.BREADTHS", (1,))
    monkeypatch.setattr("index.kinds.LINKS", 2)
    monkeypatch.setattr("index.faiss_train.LINKS", 2)
    monkeypatch.setattr("index.approximate.TUNED_FOR", 10)
    rng = np.random.default_rng(0)
    embeddings = rng.standard_normal((6000, 5)).astype(np.float32)
    shard = append_shard(space, 1, np.arange(6000), embeddings)
    steps = list(publishing(space, 1, Request(kind="hnsw"), CONTRACT, [shard], NOTHING))
    assert (steps[-1].note or "").startswith("Warning: hnsw: overlap @10 with exact search 0.")
    main = read_manifest(space, 1).main
    assert main is not None
    assert not main.measured.reached


def test_a_generation_of_format_1_is_read_or_refused_with_the_next_step(
    space: Path, shards: list[ShardId]
) -> None:
    publish(space, 1, "exact", CONTRACT, shards, NOTHING)
    path = space / "index" / "000001" / "manifest.json"
    old = json.loads(path.read_text("utf-8")) | {"format": 1}
    for name in ("asked", "memory", "accuracy", "main", "files", "sha256"):
        del old[name]
    path.write_text(json.dumps(old), "utf-8")
    assert open_index(space, 1, CONTRACT).size == 9
    path.write_text(json.dumps(old | {"kind": "flat"}), "utf-8")
    assert read_manifest(space, 1).asked == "flat"
    with pytest.raises(IndexFileError, match=r"has format 1, whose kind 'flat'.*index build"):
        open_index(space, 1, CONTRACT)


def test_the_manifest_is_read_as_published(space: Path, shards: list[ShardId]) -> None:
    manifest = publish(space, 12, "exact", CONTRACT, shards, NOTHING)
    assert read_manifest(space, 12) == manifest
    assert manifest.shards == tuple(shards)


def test_what_a_killed_publication_left_is_replaced(
    space: Path, shards: list[ShardId], kind: str
) -> None:
    for left in (".tmp-000001", "000001"):
        (space / "index" / left / "deep").mkdir(parents=True)
        (space / "index" / left / "manifest.json").write_text("{", "utf-8")
    manifest = publish(space, 1, kind, CONTRACT, shards, NOTHING)
    assert read_manifest(space, 1) == manifest
    assert [entry.name for entry in (space / "index").iterdir()] == ["000001"]
    assert not (space / "index" / "000001" / "deep").exists()


@pytest.mark.parametrize("renames", [0, 1])
def test_a_killed_publication_is_not_seen(
    space: Path, shards: list[ShardId], monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    killed_after(monkeypatch, renames)
    with pytest.raises(KeyboardInterrupt, match="killed"):
        publish(space, 1, "exact", CONTRACT, shards, NOTHING)
    monkeypatch.undo()
    with pytest.raises(IndexFileError, match=r"index/000001/manifest\.json is missing"):
        open_index(space, 1, CONTRACT)
    publish(space, 1, "exact", CONTRACT, shards, NOTHING)
    assert open_index(space, 1, CONTRACT).size == 9


def test_publishing_refuses_a_torn_a_changed_or_a_missing_shard(
    space: Path, shards: list[ShardId]
) -> None:
    ids_path = space / "embeddings" / "000002.ids.npy"
    np.save(ids_path, np.arange(20))
    with pytest.raises(IndexFileError, match=r"000002\.ids\.npy has SHA-256"):
        publish(space, 1, "exact", CONTRACT, shards, NOTHING)
    with pytest.raises(IndexFileError, match=r"000001\.ids\.npy holds 10 rows, expected 11"):
        publish(space, 1, "exact", CONTRACT, [replace(shards[0], rows=11)], NOTHING)
    ids_path.unlink()
    with pytest.raises(IndexFileError, match=r"000002\.ids\.npy is missing"):
        publish(space, 1, "exact", CONTRACT, shards, NOTHING)
    with pytest.raises(IndexFileError, match="is missing"):
        open_index(space, 1, CONTRACT)


def test_publishing_refuses_embeddings_of_another_dimension(space: Path) -> None:
    shard = append_shard(space, 1, np.arange(2), np.zeros((2, 6), dtype=np.float32))
    with pytest.raises(IndexFileError, match=r"000001\.npy has dimension 6, expected 5"):
        publish(space, 1, "exact", CONTRACT, [shard], NOTHING)


def test_publishing_refuses_another_contract(space: Path, shards: list[ShardId]) -> None:
    with pytest.raises(IndexFileError, match="projection: pca here, none there"):
        publish(space, 1, "exact", replace(CONTRACT, projection="pca"), shards, NOTHING)


def test_publishing_refuses_wrong_calls(space: Path, shards: list[ShardId]) -> None:
    with pytest.raises(ValueError, match="kind must be one of exact, flat, .*, got 'annoy'"):
        publish(space, 1, "annoy", CONTRACT, shards, NOTHING)
    with pytest.raises(ValueError, match=r"excluded_ids must be int64 \(e,\), got float64"):
        publish(space, 1, "exact", CONTRACT, shards, np.array([1.0]))


def test_searching_under_another_contract_names_the_first_difference(
    space: Path, shards: list[ShardId], kind: str
) -> None:
    publish(space, 1, kind, CONTRACT, shards, NOTHING)
    other = replace(CONTRACT, weights_sha256="cd" * 32, projection="pca")
    with pytest.raises(IndexFileError, match="weights_sha256: cdcdcdcdcdcd… here, abababababab…"):
        open_index(space, 1, other)


def test_a_generation_of_another_contract_than_its_space_is_refused(
    space: Path, shards: list[ShardId]
) -> None:
    publish(space, 1, "exact", CONTRACT, shards, NOTHING)
    other = replace(CONTRACT, projection="pca")
    (space / "contract.json").write_text(json.dumps(other.to_json()), "utf-8")
    with pytest.raises(IndexFileError, match=r"index/000001 was made under another contract"):
        open_index(space, 1, other)


def test_an_index_without_images_is_not_opened(
    space: Path, shards: list[ShardId], kind: str
) -> None:
    publish(space, 1, kind, CONTRACT, [], NOTHING)
    assert publish(space, 2, kind, CONTRACT, shards, np.arange(9)).vectors == 0
    for generation in (1, 2):
        with pytest.raises(IndexFileError, match=r"holds no images.*mindseye index build"):
            open_index(space, generation, CONTRACT)


def test_a_missing_generation_is_reported_with_the_next_step(space: Path) -> None:
    with pytest.raises(IndexFileError, match=r"000004/manifest\.json is missing.*index build"):
        open_index(space, 4, CONTRACT)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": FORMAT + 1}, r"has format 4, this version of mindseye reads format 3"),
        ({"format": None}, "has format None"),
        ({"kind": "annoy"}, "has kind 'annoy', expected one of exact, flat"),
        ({"main": {}}, "is damaged"),
        ({"kind": 3}, "is damaged"),
        ({"vectors": "60"}, "is damaged"),
        ({"colour": 1}, "is damaged"),
        ({"shards": None}, "is damaged"),
        ({"shards": [{"number": 1}]}, "is damaged"),
        ({"shards": [{"number": 0, "rows": 1, "embeddings_sha256": "", "ids_sha256": ""}]}, "1 on"),
        ({"images": 8}, "holds 9 images of dimension 5, its manifest says 8 of 5"),
        ({"dimension": 6}, "made under another contract"),
    ],
)
def test_a_manifest_that_cannot_be_right_is_refused(
    space: Path, shards: list[ShardId], change: dict[str, Any], message: str
) -> None:
    publish(space, 1, "exact", CONTRACT, shards, NOTHING)
    rewrite_manifest(space / "index" / "000001" / "manifest.json", change)
    with pytest.raises(IndexFileError, match=rf"{message}.*mindseye index build"):
        open_index(space, 1, CONTRACT)


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1', '{"format": 1}'])
def test_a_damaged_manifest_is_refused(space: Path, shards: list[ShardId], text: str) -> None:
    publish(space, 1, "exact", CONTRACT, shards, NOTHING)
    (space / "index" / "000001" / "manifest.json").write_text(text, "utf-8")
    with pytest.raises(IndexFileError, match=r"manifest\.json .*mindseye index build"):
        open_index(space, 1, CONTRACT)


def test_a_generation_that_lost_a_file_is_refused(
    space: Path, shards: list[ShardId], kind: str
) -> None:
    publish(space, 1, kind, CONTRACT, shards, NOTHING)
    lost = ["excluded.npy"] if kind == "exact" else ["excluded.npy", "ids.npy", "index.faiss"]
    for name in reversed(lost):
        (space / "index" / "000001" / name).unlink()
        with pytest.raises(IndexFileError, match=rf"{name} is missing.*mindseye index build"):
            open_index(space, 1, CONTRACT)


def test_embeddings_of_any_order_in_memory_are_read_as_they_were_stored(space: Path) -> None:
    embeddings = np.arange(50, dtype=np.float32).reshape(10, 5)
    laid_out = [np.asfortranarray(embeddings), np.repeat(embeddings, 2, axis=1)[:, ::2]]
    for number, rows_ in enumerate(laid_out, start=1):
        assert not rows_.flags.c_contiguous
        append_shard(space, number, np.arange(10), rows_)
        assert np.array_equal(open_shard(space, number)[1], embeddings)
