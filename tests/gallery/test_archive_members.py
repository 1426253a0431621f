"""One reader for members of tar files: as tar wrote them, or one clear reason."""

import gzip
import io
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from gallery.archive_members import CHAIN, DamagedArchiveError, members, open_packed
from gallery.archives import unpacked
from gallery.errors import DatasetError
from tests.fuzzing import damaged, quick_and_long, tried

FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
LONG = "very/" * 30 + "long.png"


def header(kind: bytes, content: bytes, name: str = "././@LongLink", size: int = -1) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content) if size < 0 else size
    return info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)


def record(key: str, value: str) -> bytes:
    """Spell a record of an extended header; its length counts its own digits."""
    rest = f" {key}={value}\n".encode()
    length = len(rest)
    while length != len(str(length)) + len(rest):
        length = len(str(length)) + len(rest)
    return str(length).encode() + rest


PLAIN = header(tarfile.REGTYPE, b"x", "a.png")
END = bytes(1024)


def contents(data: bytes) -> dict[str, bytes]:
    return {one.name: one.read() for one in members(io.BytesIO(data))}


@pytest.mark.parametrize("written", FORMATS)
def test_members_come_out_as_tar_wrote_them(written: int) -> None:
    files = {"a.png": b"one" * 700, LONG: b"two", "José/ü.png": b"", "b.png": b"x" * 512}
    if written == tarfile.USTAR_FORMAT:
        files = {name[-90:]: content for name, content in files.items()}
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=written) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 1_000_000_000
            tar.addfile(info, io.BytesIO(content))
    found = list(members(io.BytesIO(file.getvalue())))
    assert [(one.name, one.size, one.is_file) for one in found] == [
        (name, len(content), True) for name, content in files.items()
    ]
    assert {one.mtime for one in found} == {1_000_000_000}
    assert contents(file.getvalue()) == files


def test_content_that_nobody_reads_is_skipped() -> None:
    data = header(tarfile.REGTYPE, b"x" * 5000, "big") + PLAIN + END
    assert [one.name for one in members(io.BytesIO(data))] == ["big", "a.png"]


def test_a_member_larger_than_headers_can_say_has_its_size_in_an_extended_one() -> None:
    more = header(tarfile.XHDTYPE, record("size", "3"), "pax")
    assert contents(more + header(tarfile.REGTYPE, b"abc", "a", size=0) + END) == {"a": b"abc"}


def chained(kind: bytes, content: bytes, count: int) -> bytes:
    return header(kind, content) * count + PLAIN + END


HOSTILE = {
    "thousands of long names": (
        chained(tarfile.GNUTYPE_LONGNAME, b"name\0", 5000),
        f"more than {CHAIN} headers in a row speak of one file",
    ),
    "thousands of extended headers": (
        chained(tarfile.XHDTYPE, record("path", "x"), 5000),
        "headers in a row",
    ),
    "thousands of global headers": (
        chained(tarfile.XGLTYPE, record("comment", "x"), 5000),
        "headers in a row",
    ),
    "a long name of gigabytes": (
        header(tarfile.GNUTYPE_LONGNAME, b"x", size=2**32) + PLAIN + END,
        "a header of 4,294,967,296 bytes, expected",
    ),
    "a long name and nothing behind": (
        header(tarfile.GNUTYPE_LONGNAME, b"name\0") + END,
        "a file is lacking behind its long name",
    ),
    "a record that claims more": (
        header(tarfile.XHDTYPE, b"99 path=x\n") + PLAIN + END,
        "an extended header is damaged",
    ),
    "a record of no length": (
        header(tarfile.XHDTYPE, b"0 path=x\n") + PLAIN + END,
        "an extended header is damaged",
    ),
    "a record of a million digits": (
        header(tarfile.XHDTYPE, b"9" * 1_000_000) + PLAIN + END,
        "an extended header is damaged",
    ),
    "a size that is none": (
        header(tarfile.XHDTYPE, record("size", "-1")) + PLAIN + END,
        "'a.png' claims '-1' bytes",
    ),
    "a size of a thousand digits": (
        header(tarfile.XHDTYPE, record("size", "9" * 1000)) + PLAIN + END,
        "claims '9999",
    ),
    "a size beyond the file": (
        header(tarfile.REGTYPE, b"x", "a.png", size=2**20) + END,
        "it is cut off inside a file",
    ),
    "a negative size": (
        header(tarfile.REGTYPE, b"", "a.png", size=0)[:124]
        + b"\xff" * 12
        + header(tarfile.REGTYPE, b"", "a.png")[136:],
        "damaged or no archive",
    ),
    "a sparse member": (
        header(tarfile.GNUTYPE_SPARSE, b"x", "a.png") + END,
        "'a.png' is stored with holes",
    ),
    "a sparse member by record": (
        header(tarfile.XHDTYPE, record("GNU.sparse.major", "1")) + PLAIN + END,
        "'a.png' is stored with holes",
    ),
    "a name with a zero": (
        header(tarfile.XHDTYPE, record("path", "a\0b")) + PLAIN + END,
        "is no name of a file",
    ),
    "no end": (PLAIN, "it is cut off or damaged"),
    "nothing": (b"", "it is cut off or damaged"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_what_no_tar_writes_is_refused_in_one_line(name: str, packed: bool, tmp_path: Path) -> None:
    data, why = HOSTILE[name]
    path = tmp_path / "faces.tar.gz"
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.raises(DatasetError) as refused:
        unpacked(path, tmp_path / "cache")
    said = str(refused.value)
    assert why in said
    assert "\n" not in said
    assert said.endswith("Unpack it by hand and give the folder instead")
    assert not list((tmp_path / "cache").iterdir())


def test_what_follows_the_end_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "faces.tar.gz"
    path.write_bytes(gzip.compress(PLAIN + END + bytes(3 * 2**20)))
    with open_packed(path) as file, pytest.raises(DamagedArchiveError, match="much follows"):
        list(members(file, trailing=2**20))


class FaceArchives:
    """Damages archives of face sets, plain and packed, before and after packing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plain = b"".join(
            (
                *(
                    header(tarfile.REGTYPE, bytes([n]) * 300 * n, f"faces/{n}.png")
                    for n in range(6)
                ),
                header(tarfile.XHDTYPE, record("path", "José/a.png") + record("mtime", "1e9")),
                PLAIN,
                header(tarfile.GNUTYPE_LONGNAME, LONG.encode() + b"\0"),
                header(tarfile.REGTYPE, b"y" * 2000, "short"),
                header(tarfile.SYMTYPE, b"", "link"),
                header(tarfile.DIRTYPE, b"", "folder/"),
                END,
            )
        )
        self.packed: tuple[Callable[[bytes], bytes], ...] = (bytes, gzip.compress)

    def __call__(self, random: Random) -> None:
        pack = random.choice(self.packed)
        if random.random() < 0.5:
            data = pack(damaged(self.plain, random))
        else:
            data = damaged(pack(self.plain), random)
        path = self.folder / "faces.tar"
        path.write_bytes(data)
        try:
            unpacked(path, self.folder / "cache")
        finally:
            left = list((self.folder / "cache").iterdir())
            shutil.rmtree(self.folder / "cache")
            assert len(left) <= 1
            assert not any(one.name.startswith(".") for one in left)


@pytest.mark.parametrize("seeds", quick_and_long(100, 500))
def test_damaged_archives_are_refused_in_one_line(tmp_path: Path, seeds: range) -> None:
    told = tried(FaceArchives, tmp_path, seeds)
    assert told["refused"] > 0
