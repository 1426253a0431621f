import gzip
import io
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gallery import archives
from gallery.archives import ArchiveLimits, default_cache, is_archive, unpacked
from gallery.errors import DatasetError

FILES = {"faces/an2i/a.pgm": b"P5 one", "faces/b.pgm": b"P5 two" * 900, "README": b"hello"}


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mtime = kind, target, 1_000_000_000
    return info


def tar_of(*members: tuple[tarfile.TarInfo, bytes], packed: str = "") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=f"w:{packed}") as tar:  # type: ignore[call-overload]
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


def tar_of_files(packed: str = "") -> bytes:
    return tar_of(*((member(name), data) for name, data in FILES.items()), packed=packed)


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if not path.is_dir()
    }


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "faces.tar.gz"
    path.write_bytes(gzip.compress(tar_of_files(), mtime=0))
    return path


def test_an_archive_is_known_by_its_name() -> None:
    assert all(is_archive(Path(name)) for name in ("a.tar", "a.TAR.GZ", "a.b.tgz", "a.tar.xz"))
    assert not any(is_archive(Path(name)) for name in ("a.zip", "a.gz", "tar", "a.tar.gz.part"))


@pytest.mark.parametrize("suffix", ["tar", "tar.gz", "tgz", "tar.xz", "tar.bz2"])
def test_files_come_out_as_they_went_in(suffix: str, tmp_path: Path, cache: Path) -> None:
    path = tmp_path / f"faces.{suffix}"
    path.write_bytes(tar_of_files({"tgz": "gz"}.get(suffix, suffix.partition(".")[2])))
    folder = unpacked(path, cache)
    assert content(folder) == FILES
    assert (folder / "README").stat().st_mtime == 1_000_000_000


def test_twice_gives_the_same_folder_and_unpacks_once(
    archive: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = unpacked(archive, cache)
    monkeypatch.setattr(archives, "_unpack_whole", lambda *_: pytest.fail("unpacked again"))
    assert unpacked(archive, cache) == first
    renamed = archive.rename(archive.with_name("faces.tgz"))
    assert unpacked(renamed, cache) == first


def test_other_content_has_another_folder(archive: Path, cache: Path) -> None:
    first = unpacked(archive, cache)
    archive.write_bytes(gzip.compress(tar_of((member("README"), b"new"))))
    assert unpacked(archive, cache) != first
    assert content(first) == FILES


def test_without_a_cache_the_users_is_taken(
    archive: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "default_cache", lambda: cache)
    assert unpacked(archive).parent == cache


def test_the_users_cache_lies_in_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tmp_path in default_cache().parents


# What an archive may not do


@pytest.mark.parametrize(
    "name", ["../evil", "faces/../../evil", "/evil", "faces/..", "..\\evil", "c:\\evil"]
)
def test_a_member_that_leaves_the_archive_is_refused(
    name: str, tmp_path: Path, cache: Path
) -> None:
    path = tmp_path / "deep" / "faces.tar"
    path.parent.mkdir()
    path.write_bytes(tar_of((member("good"), b"x"), (member(name), b"evil")))
    with pytest.raises(DatasetError, match="leaves the archive"):
        unpacked(path, cache / "below")
    assert not list(tmp_path.rglob("*evil*"))
    assert list((cache / "below").iterdir()) == []


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_are_left_out_and_nothing_is_written_through_them(
    kind: bytes, tmp_path: Path, cache: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    path = tmp_path / "faces.tar"
    path.write_bytes(
        tar_of(
            (member("door", kind, str(outside)), b""),
            (member("door/evil"), b"evil"),
            (member("passwords", kind, "/etc/passwd"), b""),
        )
    )
    assert content(unpacked(path, cache)) == {"door/evil": b"evil"}
    assert list(outside.iterdir()) == []


def test_devices_pipes_and_folders_are_left_out(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "faces.tar"
    kinds = (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE)
    odd = [(member(f"odd{number}", kind), b"") for number, kind in enumerate(kinds)]
    path.write_bytes(tar_of(*odd, (member("good"), b"x")))
    folder = unpacked(path, cache)
    assert [entry.name for entry in folder.iterdir()] == ["good"]


def test_rights_that_the_archive_wishes_for_are_not_granted(tmp_path: Path, cache: Path) -> None:
    tool = member("tool")
    tool.mode = 0o6777
    path = tmp_path / "faces.tar"
    path.write_bytes(tar_of((tool, b"x")))
    assert (unpacked(path, cache) / "tool").stat().st_mode & 0o6111 == 0


@pytest.mark.parametrize("limits", [ArchiveLimits(members=2), ArchiveLimits(total_bytes=5000)])
def test_too_much_is_refused(limits: ArchiveLimits, archive: Path, cache: Path) -> None:
    with pytest.raises(DatasetError, match="more than .* unpack it by hand and give the folder"):
        unpacked(archive, cache, limits)
    assert list(cache.iterdir()) == []


def test_an_archive_that_swells_is_refused(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "bomb.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        info = member("a.pgm")
        info.size = 10**6
        tar.addfile(info, io.BytesIO(bytes(info.size)))
    limits = ArchiveLimits(ratio=50, ratio_from=1000)
    with pytest.raises(DatasetError, match="unpacks to more than 50 times its size, as no coll"):
        unpacked(path, cache, limits)
    assert list(cache.iterdir()) == []
    assert (unpacked(path, cache, ArchiveLimits(ratio=50)) / "a.pgm").stat().st_size == 10**6


def test_the_limits_themselves_are_allowed(archive: Path, cache: Path) -> None:
    total = sum(map(len, FILES.values()))
    assert content(unpacked(archive, cache, ArchiveLimits(members=3, total_bytes=total))) == FILES


@pytest.mark.parametrize("mtime", ["nan", "inf", "1e300", "-1e300"])
def test_an_impossible_date_does_no_harm(mtime: str, tmp_path: Path, cache: Path) -> None:
    info = member("a.pgm")
    info.pax_headers = {"mtime": mtime}
    path = tmp_path / "faces.tar"
    path.write_bytes(tar_of((info, b"x")))
    assert content(unpacked(path, cache)) == {"a.pgm": b"x"}


def test_of_a_member_written_twice_the_last_holds(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "faces.tar"
    path.write_bytes(
        tar_of((member("a"), b"old and long"), (member("b"), b""), (member("a"), b"new"))
    )
    assert content(unpacked(path, cache)) == {"a": b"new", "b": b""}


def test_a_file_that_is_also_a_folder_is_refused(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "faces.tar"
    path.write_bytes(tar_of((member("a"), b"file"), (member("a/b"), b"file")))
    with pytest.raises(DatasetError, match="Cannot unpack"):
        unpacked(path, cache)
    assert list(cache.iterdir()) == []


# Damage


def test_a_missing_archive_is_refused(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(DatasetError, match=r"Cannot unpack .*none\.tar: .*No such file.* by hand"):
        unpacked(tmp_path / "none.tar", cache)


@pytest.mark.parametrize("data", [b"", b"not an archive" * 100, b"\x1f\x8b\x08"])
def test_what_is_no_archive_is_refused(data: bytes, tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "faces.tar.gz"
    path.write_bytes(data)
    with pytest.raises(DatasetError, match="Cannot unpack"):
        unpacked(path, cache)
    assert list(cache.iterdir()) == []


def is_refused(data: bytes, path: Path, cache: Path) -> bool:
    """Unpack; if that is not refused, every file must come out as it went in."""
    path.write_bytes(data)
    try:
        folder = unpacked(path, cache)
    except DatasetError:
        assert list(cache.iterdir()) == []
        return True
    assert content(folder) == FILES
    shutil.rmtree(folder)
    return False


@pytest.mark.parametrize("packed", ["gz", "xz", "bz2"])
def test_a_cut_archive_is_refused(packed: str, tmp_path: Path, cache: Path) -> None:
    whole = tar_of_files(packed)
    assert not is_refused(whole, tmp_path / "faces.tar", cache)
    for length in range(1, len(whole) - 4, max(1, len(whole) // 40)):
        assert is_refused(whole[:length], tmp_path / "faces.tar", cache)


def test_an_archive_cut_between_two_members_is_refused(tmp_path: Path, cache: Path) -> None:
    whole = tar_of_files()
    used = len(whole.rstrip(b"\0")) + 512  # a block of zeros marks the end
    for length in range(512, used // 512 * 512, 512):
        assert is_refused(whole[:length], tmp_path / "faces.tar", cache)
    assert not is_refused(whole, tmp_path / "faces.tar", cache)


@pytest.mark.parametrize("packed", ["gz", "xz", "bz2"])
def test_a_damaged_archive_never_gives_other_files(
    packed: str, tmp_path: Path, cache: Path
) -> None:
    whole = tar_of_files(packed)
    refused = 0
    for position in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[position] ^= 0x55
        refused += is_refused(bytes(damaged), tmp_path / "faces.tar", cache)
    assert refused > len(whole) // 3 * 0.8


def test_damage_inside_a_packed_photograph_is_refused(tmp_path: Path, cache: Path) -> None:
    levels = np.random.default_rng(0).integers(0, 256, 6_000)
    photograph = b"P2\n100 60\n255\n" + b" ".join(b"%d" % level for level in levels)
    whole = tar_of((member("a.pgm"), photograph), packed="gz")
    for position in range(len(whole) // 10, len(whole), len(whole) // 10):
        damaged = bytearray(whole)
        damaged[position] ^= 0x55
        assert is_refused(bytes(damaged), tmp_path / "faces.tar", cache)


def test_a_damaged_header_inside_is_refused(tmp_path: Path, cache: Path) -> None:
    whole = bytearray(tar_of_files())
    second = 2 * 512  # the first member takes a header and one block
    assert whole[second : second + 5] == b"faces"
    whole[second] ^= 1
    assert is_refused(bytes(whole), tmp_path / "faces.tar", cache)


# Interrupted


@pytest.mark.parametrize("after", [0, 1, 2])
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_a_kill_half_way_leaves_nothing(
    after: int,
    error: type[BaseException],
    archive: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write = archives.write_member
    done: list[object] = []

    def killed(*arguments: object) -> None:
        if len(done) == after:
            raise error("killed half-way")
        done.append(arguments)
        write(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(archives, "write_member", killed)
    with pytest.raises(error, match="killed half-way"):
        unpacked(archive, cache)
    assert list(cache.iterdir()) == []
    monkeypatch.undo()
    assert content(unpacked(archive, cache)) == FILES


def test_what_a_lost_process_left_is_not_taken_for_the_whole(archive: Path, cache: Path) -> None:
    folder = unpacked(archive, cache)
    left = cache / f".{folder.name}-lost"
    folder.rename(left)
    (left / "README").unlink()
    again = unpacked(archive, cache)
    assert again == folder
    assert content(again) == FILES


def test_a_faster_process_wins(archive: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write: Callable[..., None] = archives.write_member

    def slow(*arguments: object) -> None:
        monkeypatch.setattr(archives, "write_member", write)
        unpacked(archive, cache)  # another process, from first to last
        write(*arguments)

    monkeypatch.setattr(archives, "write_member", slow)
    folder = unpacked(archive, cache)
    assert content(folder) == FILES
    assert list(cache.iterdir()) == [folder]


def test_a_cache_that_cannot_be_written_is_named(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetError, match="Cannot unpack"):
        unpacked(archive, tmp_path / "file" / "cache")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_cache_is_refused(archive: Path, cache: Path) -> None:
    cache.mkdir(mode=0o500)
    with pytest.raises(DatasetError, match="Cannot unpack .*Permission denied"):
        unpacked(archive, cache)
