"""A check finds each kind of damage, says what to do, and that helps."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from gallery.errors import IndexFileError
from index import store
from retrieval.collection import finding
from retrieval.collection.collection import Collection
from retrieval.collection.finding import Finding
from retrieval.collection.publish import publish
from retrieval.collection.repair import repair
from retrieval.collection.verify import verify
from tests.index.test_store import rewrite_manifest
from tests.retrieval.collection.test_compact import finished
from tests.retrieval.conftest import Gallery

Damage = Callable[[Gallery], None]


def sql(gallery: Gallery, statement: str) -> None:
    with sqlite3.connect(gallery.collection.root / "catalogue.db") as database:
        database.execute(statement)
    database.close()


def check(gallery: Gallery) -> list[Finding]:
    found: list[Finding] = finished(verify(gallery.collection))
    return found


def problems(gallery: Gallery) -> list[str]:
    return [one.kind for one in check(gallery) if one.is_problem]


def flip(gallery: Gallery, name: str) -> None:
    path = gallery.directory / name
    content = bytearray(path.read_bytes())
    content[-3] ^= 4
    path.write_bytes(content)


def other_contract(gallery: Gallery) -> None:
    rewrite_manifest(gallery.directory / "index/000001/manifest.json", {"contract": "0" * 64})


def vectors_of_another_length(gallery: Gallery) -> None:
    ids, embeddings = store.open_shard(gallery.directory, 2)
    shard = store.append_shard(gallery.directory, 2, ids, np.array(embeddings) * 2)
    sql(
        gallery,
        f"UPDATE shard SET embeddings_sha256 = '{shard.embeddings_sha256}' WHERE number = 2",  # noqa: S608
    )


DAMAGE: dict[str, tuple[Damage, set[str]]] = {
    "flipped byte in a shard": (
        lambda gallery: flip(gallery, "embeddings/000002.npy"),
        {"shard-damaged", "index-damaged"},
    ),
    "flipped byte in the ids of a shard": (
        lambda gallery: flip(gallery, "embeddings/000002.ids.npy"),
        {"shard-damaged", "index-damaged"},
    ),
    "missing shard": (
        lambda gallery: (gallery.directory / "embeddings" / "000003.npy").unlink(),
        {"shard-missing", "index-damaged"},
    ),
    "vectors of another length": (
        vectors_of_another_length,
        {"vector-damaged", "index-damaged"},
    ),
    "index of another contract": (other_contract, {"index-of-another-contract"}),
    "missing index": (
        lambda gallery: shutil.rmtree(gallery.directory / "index"),
        {"index-damaged"},
    ),
    "flipped byte in the list of images left out": (
        lambda gallery: flip(gallery, "index/000001/excluded.npy"),
        {"index-damaged"},
    ),
    "flipped byte in a manifest": (
        lambda gallery: flip(gallery, "index/000001/manifest.json"),
        {"index-damaged"},
    ),
    "row without a vector": (
        lambda gallery: sql(gallery, "UPDATE placement SET shard = 1 WHERE image_id = 5"),
        {"row-without-vector"},
    ),
    "row without a shard": (
        lambda gallery: sql(gallery, "UPDATE placement SET shard = NULL WHERE image_id = 5"),
        {"row-without-vector"},
    ),
    "vector without a row": (
        lambda gallery: sql(gallery, "DELETE FROM placement WHERE image_id = 5"),
        {"vector-without-row"},
    ),
}


def test_a_whole_collection_has_no_problem(gallery: Gallery) -> None:
    assert check(gallery) == []
    assert finding.to_text([]) == "Everything is as it should be."
    assert finding.to_json([]) == {"ok": True, "problems": [], "notes": []}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_found_and_mended(gallery: Gallery, name: str) -> None:
    before = gallery.scores(gallery.open())
    damage, kinds = DAMAGE[name]
    damage(gallery)
    found = check(gallery)
    assert {one.kind for one in found if one.is_problem} == kinds
    assert all(one.todo and one.space == "pose-32" for one in found)
    told = finding.to_json(found)
    assert not told["ok"]
    assert json.loads(json.dumps(told)) == told
    repair(gallery.collection, found)
    gallery.build()
    assert problems(gallery) == []
    assert sorted(gallery.scores(gallery.open())) == sorted(before)


def test_a_flipped_byte_in_an_index_of_faiss_is_found_and_mended(gallery: Gallery) -> None:
    pytest.importorskip("faiss")
    gallery.build(request=store.Request(kind="flat"))
    before = gallery.scores(gallery.open())
    assert problems(gallery) == []
    flip(gallery, f"index/{gallery.space.generation:06d}/index.faiss")
    found = check(gallery)
    assert [one.kind for one in found if one.is_problem] == ["index-damaged"]
    repair(gallery.collection, found)
    assert problems(gallery) == []
    assert gallery.scores(gallery.open()) == before


REMOVED = 4  # of the eight images


def removed_from(gallery: Gallery, kind: str) -> Path:
    """Remove an image and publish an index of some kind without it; return its folder."""
    if kind != "exact":
        pytest.importorskip("faiss", reason='needs FAISS: pip install "mindseye[cpu]"')
    gallery.collection.catalogue.images.remove([REMOVED])
    gallery.build(request=store.Request(kind=kind))
    return gallery.directory / "index" / f"{gallery.space.generation:06d}"


def name_another(path: Path, old: int, new: int) -> None:
    """Let a file of ids name another image."""
    ids = np.load(path)
    ids[ids == old] = new
    np.save(path, np.sort(ids) if path.name == "excluded.npy" else ids)


@pytest.mark.parametrize(
    ("kind", "name", "old", "new"),
    [
        ("exact", "excluded.npy", REMOVED, REMOVED + 1),
        ("sq8", "excluded.npy", REMOVED, REMOVED + 1),
        ("sq8", "ids.npy", REMOVED, REMOVED + 1),
        ("flat", "ids.npy", REMOVED + 1, REMOVED),
    ],
)
@pytest.mark.parametrize("mend", ["repair", "build"])
def test_one_changed_id_never_brings_a_removed_image_back(
    gallery: Gallery, kind: str, name: str, old: int, new: int, mend: str
) -> None:
    folder = removed_from(gallery, kind)
    before = gallery.scores(gallery.open())
    assert len(before) == 7
    name_another(folder / name, old, new)
    with pytest.raises(IndexFileError, match=rf"{name} has SHA-256 .*: it is damaged"):
        gallery.open()
    found = check(gallery)
    assert [one.kind for one in found if one.is_problem] == ["index-damaged"]
    if mend == "repair":
        repair(gallery.collection, found)
    else:
        gallery.build()
    assert problems(gallery) == []
    assert gallery.scores(gallery.open()) == before


def without_hashes(gallery: Gallery) -> None:
    """Make of a manifest what it was before it held hashes."""
    path = gallery.directory / "index" / f"{gallery.space.generation:06d}" / "manifest.json"
    told = json.loads(path.read_text("utf-8")) | {"format": 2}
    del told["files"], told["sha256"]
    path.write_text(json.dumps(told), "utf-8")


@pytest.mark.parametrize("kind", ["exact", "sq8"])
def test_an_older_generation_is_said_to_have_no_hashes_until_the_next_build(
    gallery: Gallery, kind: str
) -> None:
    removed_from(gallery, kind)
    before = gallery.scores(gallery.open())
    without_hashes(gallery)
    assert [(one.kind, one.is_problem) for one in check(gallery)] == [
        ("rows-to-drop", False),
        ("index-without-hashes", False),
    ]
    assert gallery.scores(gallery.open()) == before
    gallery.build()
    assert [one.kind for one in check(gallery)] == ["rows-to-drop"]
    assert gallery.scores(gallery.open()) == before


@pytest.mark.parametrize("kind", ["exact", "sq8"])
@pytest.mark.parametrize("name", ["excluded.npy", "ids.npy"])
def test_one_changed_id_of_an_older_generation_is_found_and_brings_nothing_back(
    gallery: Gallery, kind: str, name: str
) -> None:
    folder = removed_from(gallery, kind)
    if not (folder / name).exists():
        pytest.skip("of this kind there is no such file")
    without_hashes(gallery)
    name_another(folder / name, REMOVED, REMOVED + 1)
    removed = Path(f"{REMOVED - 1}.png").name
    assert removed not in gallery.names(gallery.open())
    expected = ["index-damaged"] if name == "excluded.npy" else []  # ids are those of the shards
    assert problems(gallery) == expected
    gallery.build()
    assert problems(gallery) == []
    assert len(gallery.names(gallery.open())) == 7
    assert removed not in gallery.names(gallery.open())


def test_what_repair_lets_go_of_is_counted(gallery: Gallery) -> None:
    flip(gallery, "embeddings/000002.npy")
    sql(gallery, "UPDATE placement SET shard = 1 WHERE image_id = 5")
    assert repair(gallery.collection, check(gallery)) == 3
    assert gallery.states() == {"indexed": 5, "pending": 3}
    assert len(gallery.names(gallery.open())) == 5


def test_damaged_weights_and_contracts_are_found(gallery: Gallery) -> None:
    flip(gallery, "weights.safetensors")
    assert problems(gallery) == ["weights-damaged"]
    gallery.build()
    assert problems(gallery) == []
    path = gallery.directory / "contract.json"
    whole = path.read_text("utf-8")
    path.write_text(whole.replace('"none"', '"pca-9"'), "utf-8")
    assert problems(gallery) == ["contract-changed"]
    for use in (gallery.build, partial(publish, gallery.collection, "pose-32")):
        with pytest.raises(IndexFileError, match=r"contract\.json is not the one .*from a copy"):
            use()
    path.write_text("{", "utf-8")
    assert problems(gallery) == ["contract-damaged"]
    path.write_text(whole, "utf-8")
    assert problems(gallery) == []


def test_rows_that_point_to_nothing_are_found(gallery: Gallery) -> None:
    sql(gallery, "INSERT INTO placement (space_id, image_id, state) VALUES (1, 99, 'skipped')")
    (found,) = [one for one in check(gallery) if one.is_problem]
    assert found.kind == "catalogue-damaged"
    assert found.what == "a row of placement points to no row of image"
    sql(gallery, "INSERT INTO placement (space_id, image_id, state) VALUES (1, 98, 'skipped')")
    (found,) = [one for one in check(gallery) if one.is_problem]
    assert found.what == "2 rows of placement point to no row of image"


def test_what_is_good_to_know_is_no_problem(gallery: Gallery) -> None:
    (gallery.photos / "1.png").unlink()
    gallery.collection.catalogue.images.remove([gallery.id_of("7.png")])
    (gallery.directory / "embeddings" / "000009.npy").write_bytes(b"of a killed build")
    found = check(gallery)
    assert not any(one.is_problem for one in found)
    assert {one.kind for one in found} == {"file-missing", "rows-to-drop", "stray-file"}
    text = finding.to_text(found)
    assert "note: 1 images are no longer on disk; they are still found" in text
    assert "do: index the folder they moved to: mindseye index build SPEC; or, if they" in text
    assert text.endswith("Everything is as it should be.")


def test_problems_come_first() -> None:
    note = Finding(kind="a", what="small", todo="nothing", is_problem=False)
    problem = Finding(kind="b", what="large", todo="mend it", space="s")
    assert finding.to_text([note, problem]).splitlines() == [
        "problem: space s: large",
        "  do: mend it",
        "note: small",
        "  do: nothing",
        "1 problems",
    ]


def test_a_check_changes_nothing(gallery: Gallery) -> None:
    flip(gallery, "embeddings/000002.npy")

    def state() -> dict[Path, bytes]:
        return {p: p.read_bytes() for p in gallery.directory.rglob("*") if p.is_file()}

    before = state()
    check(gallery)
    assert state() == before


def test_values_of_wrong_types_are_found(gallery: Gallery) -> None:
    path = gallery.collection.root / "catalogue.db"
    gallery.collection.close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE placement SET estimate = 'a' WHERE image_id = 1")
        database.execute("UPDATE image SET landmarks = '[9, 9, 9]' WHERE id = 2")
        database.execute("UPDATE file SET size_bytes = 'large' WHERE id = 3")
    database.close()
    gallery.collection = Collection.open(path.parent)
    found = finished(verify(gallery.collection))
    assert [one.what for one in found if one.kind == "catalogue-damaged"] == [
        "a value of landmarks in image is not spelt as they should be",
        "a value of size_bytes in file is of another type or out of range",
        "a value of estimate in placement is not spelt as they should be",
    ]
