"""A collection as one file: whole on another machine, and refused if a byte differs."""

import hashlib
import io
import json
import shutil
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gallery.errors import CatalogueError, IndexFileError, UserError
from retrieval.collection.archive import LIST, export, import_archive
from retrieval.collection.collection import Collection
from retrieval.collection.verify import verify
from tests.retrieval.collection.test_compact import finished
from tests.retrieval.conftest import Gallery


@pytest.fixture
def archive(gallery: Gallery, tmp_path: Path) -> Path:
    path = tmp_path / "packed.tar"
    list(export(gallery.collection, path))
    return path


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Callable[[], Collection]]:
    """Open the imported collection."""
    opened: list[Collection] = []

    def open_it() -> Collection:
        opened.append(Collection.open(tmp_path / "imported"))
        return opened[-1]

    yield open_it
    for collection in opened:
        collection.close()


def repacked(archive: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Write the archive again with other members: bytes, or a ready TarInfo."""
    with tarfile.open(archive) as tar:
        members: dict[str, Any] = {}
        for info in tar:
            source = tar.extractfile(info)
            assert source is not None
            members[info.name] = source.read()
    change(members)
    path = archive.with_name("changed.tar")
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return path


def test_an_imported_collection_answers_without_the_photographs(
    gallery: Gallery, archive: Path, elsewhere: Callable[[], Collection], tmp_path: Path
) -> None:
    before = gallery.scores(gallery.open())
    shutil.rmtree(gallery.photos)
    steps = list(import_archive(archive, tmp_path / "imported"))
    assert (
        steps[-1].done
        == steps[-1].total
        == 1 + 3 + 8 + len(list((gallery.directory / "index" / "000001").iterdir()))
    )
    shutil.rmtree(gallery.collection.root)
    gallery.collection = elsewhere()
    assert gallery.scores(gallery.open()) == before
    found = finished(verify(gallery.collection))
    assert [one.kind for one in found] == ["file-missing"]
    row = gallery.collection.catalogue.images.rows(1, [3])[3]
    assert (row.identity, row.condition["pose"]) == ("p1", "45")


def test_a_moved_collection_works(gallery: Gallery, tmp_path: Path) -> None:
    before = gallery.scores(gallery.open())
    gallery.collection.close()
    gallery.collection.root.rename(tmp_path / "moved")
    gallery.collection = Collection.open(tmp_path / "moved")
    assert gallery.scores(gallery.open()) == before
    assert gallery.build().known == 8
    assert finished(verify(gallery.collection)) == []
    gallery.collection.close()


def test_an_imported_collection_can_be_built_on(
    gallery: Gallery, archive: Path, elsewhere: Callable[[], Collection], tmp_path: Path
) -> None:
    list(import_archive(archive, tmp_path / "imported"))
    gallery.photos.rename(gallery.photos.with_name("new home"))
    gallery.photos = gallery.photos.with_name("new home")
    gallery.collection = elsewhere()
    assert (gallery.build().indexed, gallery.build().known) == (0, 8)
    row = gallery.collection.catalogue.images.rows(1, [1])[1]
    assert row.path == str(gallery.photos / "0.png")


def test_a_damaged_collection_is_not_exported(gallery: Gallery, tmp_path: Path) -> None:
    path = gallery.directory / "embeddings" / "000001.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(
        IndexFileError, match=r"000001\.npy is damaged; see `mindseye index verify`"
    ):
        list(export(gallery.collection, tmp_path / "packed.tar"))
    path.unlink()
    with pytest.raises(IndexFileError, match=r"000001\.npy is missing; see `mindseye index verify"):
        list(export(gallery.collection, tmp_path / "packed.tar"))
    assert not list(tmp_path.glob("*.tar*"))
    assert not list(tmp_path.glob(".packed*"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (Path.unlink, r"excluded\.npy is missing; see `mindseye index verify"),
        (lambda path: path.write_bytes(b"other"), r"excluded\.npy is damaged; see `mindseye index"),
    ],
)
def test_a_damaged_index_is_not_exported(
    gallery: Gallery, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(gallery.directory / "index" / "000001" / "excluded.npy")
    with pytest.raises(IndexFileError, match=message):
        list(export(gallery.collection, tmp_path / "packed.tar"))


@pytest.mark.parametrize("name", ["contract.json", "index/000001/excluded.npy"])
def test_an_archive_whose_catalogue_or_manifest_tells_of_another_file_is_refused(
    archive: Path, tmp_path: Path, name: str
) -> None:
    def change(members: dict[str, Any]) -> None:
        changed = members[f"spaces/pose-32/{name}"].replace(b"none", b"nine").replace(b"0", b"1")
        members[f"spaces/pose-32/{name}"] = changed
        told = json.loads(members[LIST])
        sha256 = hashlib.sha256(changed).hexdigest()
        told["members"][f"spaces/pose-32/{name}"]["sha256"] = sha256
        members[LIST] = json.dumps(told, indent=1).encode()

    with pytest.raises(IndexFileError, match=r"(contract\.json is not the one|npy is damaged)"):
        list(import_archive(repacked(archive, change), tmp_path / "imported"))
    assert not (tmp_path / "imported").exists()


def test_what_is_there_is_not_overwritten(archive: Path, tmp_path: Path) -> None:
    target = tmp_path / "imported"
    target.mkdir()
    (target / "mine.txt").write_text("dear to me")
    with pytest.raises(CatalogueError, match="imported exists and is not empty; import into a new"):
        list(import_archive(archive, target))
    assert (target / "mine.txt").read_text() == "dear to me"
    (target / "mine.txt").unlink()
    list(import_archive(archive, target))
    assert (target / "catalogue.db").is_file()


SHARD = "spaces/pose-32/embeddings/000001.npy"


def link(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return info


def kind(name: str, wanted: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = wanted
    return info


def relisted(members: dict[str, Any], key: str, value: Any) -> None:
    told = json.loads(members[LIST])
    members[LIST] = json.dumps(told | {key: value}).encode()


def listing(members: dict[str, Any], name: str, size: int) -> None:
    told = json.loads(members[LIST])
    told["members"][name] = {"size": size, "sha256": "0" * 64}
    members[LIST] = json.dumps(told).encode()


BAD: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a byte": (
        lambda m: m.update({SHARD: m[SHARD][:-1] + b"?"}),
        "embeddings/000001.npy is damaged: another SHA-256 than listed",
    ),
    "a shorter member": (lambda m: m.update({SHARD: m[SHARD][:-9]}), "bytes, not as listed"),
    "a lacking member": (lambda m: m.pop(SHARD), "1 files are lacking, such as spaces/pose-32/em"),
    "an unlisted member": (
        lambda m: m.update({"spaces/pose-32/embeddings/000077.npy": b"x"}),
        "000077.npy' is not listed in mindseye.json, or twice",
    ),
    "a name that goes up": (lambda m: m.update({"../up.npy": b"x"}), r"'\.\./up\.npy' is no name"),
    "an absolute name": (lambda m: m.update({"/tmp/x": b"x"}), "'/tmp/x' is no name of a file"),  # noqa: S108
    "a space that goes up": (
        lambda m: m.update({"spaces/../contract.json": b"x"}),
        "is no name of a file in a collection",
    ),
    "a link": (lambda m: m.update({SHARD: link(SHARD)}), "is no plain file"),
    "a pipe": (lambda m: m.update({SHARD: kind(SHARD, tarfile.FIFOTYPE)}), "is no plain file"),
    "a device": (lambda m: m.update({SHARD: kind(SHARD, tarfile.CHRTYPE)}), "is no plain file"),
    "a hard link": (lambda m: m.update({SHARD: kind(SHARD, tarfile.LNKTYPE)}), "is no plain file"),
    "another format": (
        lambda m: relisted(m, "format", 9),
        "it has format 9, this mindseye reads 1",
    ),
    "no list": (lambda m: m.pop(LIST), "its first file is not mindseye.json; was it made by"),
    "a torn list": (lambda m: m.update({LIST: b"{"}), "mindseye.json is damaged"),
    "a list of nonsense": (lambda m: relisted(m, "members", [1]), "mindseye.json is damaged"),
    "a list that promises too much": (
        lambda m: listing(m, SHARD, 10**15),
        "lists more than a file of [0-9,]+ bytes can hold",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_an_archive_that_was_changed_is_refused(archive: Path, tmp_path: Path, name: str) -> None:
    change, message = BAD[name]
    with pytest.raises(IndexFileError, match=message):
        list(import_archive(repacked(archive, change), tmp_path / "imported"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("changed.tar", "collection", "packed.tar", "photos")
    ]


def test_an_archive_cut_anywhere_is_refused(archive: Path, tmp_path: Path) -> None:
    whole = archive.read_bytes()
    cut = tmp_path / "cut.tar"
    for share in (0, 0.01, 0.3, 0.6, 0.9):
        cut.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(IndexFileError, match=r"cut\.tar cannot be imported: .*Export the coll"):
            list(import_archive(cut, tmp_path / "imported"))
        assert not (tmp_path / "imported").exists()
    with pytest.raises(IndexFileError, match="There is no file .*none.tar; check the path"):
        list(import_archive(tmp_path / "none.tar", tmp_path / "imported"))


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("CREATE TRIGGER t AFTER INSERT ON image BEGIN DELETE FROM image; END", "the trigger 't'"),
        ("CREATE VIEW v AS SELECT 1", "it holds the view 'v'"),
        ("CREATE TABLE extra (x)", "it holds the table 'extra'"),
        ("UPDATE alembic_version SET version_num = '0099'", "has revision 0099"),
        ("UPDATE space SET name = '../up'", "cannot name a space"),
        ("UPDATE placement SET estimate = '{' WHERE image_id = 2", "a value of estimate in plac"),
        ("UPDATE placement SET estimate = '[\"pose\"]'", "a value of estimate in placement is"),
        ("UPDATE placement SET second_estimate = x'37'", "8 values of second_estimate in placem"),
        ("UPDATE placement SET landmarks = '[1, 2]'", "a value of landmarks in placement is"),
        ("UPDATE placement SET error = 9e999", "8 values of error in placement are of an"),
        ("UPDATE placement SET shard = 'x' WHERE image_id = 1", "row of placement|of shard in pl"),
        ("UPDATE image SET landmarks = x'05' WHERE id = 1", "a value of landmarks in image is of"),
        ("UPDATE image SET landmarks = '[1, NaN, 2, 3]'", "a value of landmarks in image is no"),
        ("UPDATE image SET sha256 = 'AB' WHERE id = 1", "a value of sha256 in image is of anot"),
        ("UPDATE space SET generation = 'one'", "a value of generation in space is of an"),
        ("UPDATE space SET generation = -1", "a value of generation in space is of anoth"),
        ("UPDATE space SET removals = 0.5", "a value of removals in space is of another"),
        ("UPDATE shard SET rows = 'many'", "values of rows in shard are of another type"),
        ("UPDATE shard SET rows = -1 WHERE number = 1", "a value of rows in shard is of anoth"),
        ("UPDATE file SET path = x'00' WHERE id = 1", "a value of path in file is of another"),
        ("UPDATE file SET path = 'a' || char(0) WHERE id = 1", "a value of path in file is of an"),
        ("UPDATE file SET mtime_ns = 'now'", "8 values of mtime_ns in file are of anoth"),
        ("UPDATE identity SET label = x'ff' WHERE id = 1", "a value of label in identity is of"),
        ("UPDATE value SET number = 'x'", "values of number in value are of another ty"),
        ("UPDATE alembic_version SET version_num = 3", "has revision 3, this mindseye knows 00"),
        ("UPDATE shard SET number = 9 WHERE number = 4", "names spaces/pose-32/embeddings/000009"),
    ],
)
def test_a_catalogue_that_holds_other_things_is_refused(
    archive: Path, tmp_path: Path, statement: str, message: str
) -> None:
    def change(members: dict[str, Any]) -> None:
        path = tmp_path / "other.db"
        path.write_bytes(members["catalogue.db"])
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA ignore_check_constraints = 1")
            database.execute(statement)
        database.close()
        members["catalogue.db"] = path.read_bytes()
        told = json.loads(members[LIST])
        told["members"]["catalogue.db"] = {
            "size": len(members["catalogue.db"]),
            "sha256": hashlib.sha256(members["catalogue.db"]).hexdigest(),
        }
        members[LIST] = json.dumps(told, indent=1).encode()

    with pytest.raises(UserError, match=message):
        list(import_archive(repacked(archive, change), tmp_path / "imported"))
    assert not (tmp_path / "imported").exists()
