import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gallery.errors import DatasetError
from gallery.readers.files import NOT_REGULAR, Entry, walk


def test_files_come_in_natural_order(put: Callable[..., Path], photos: Path) -> None:
    for name in ("s10/a.png", "s9/b10.png", "s9/b9.png", "a.png", "z.png"):
        put(name)
    names = ["a.png", "s9/b9.png", "s9/b10.png", "s10/a.png", "z.png"]
    assert list(walk(photos)) == [Entry(name) for name in names]


def test_hidden_files_and_folders_are_passed_over(put: Callable[..., Path], photos: Path) -> None:
    for name in (".hidden.png", ".git/a.png", "._a.png", "sub/.DS_Store", "sub/a.png"):
        put(name)
    assert list(walk(photos)) == [Entry("sub/a.png")]


def test_what_is_no_regular_file_is_said_to_be_none(put: Callable[..., Path], photos: Path) -> None:
    (photos / "link.png").symlink_to(put("a.png"))
    (photos / "loop").symlink_to(photos)
    (photos / "nowhere.png").symlink_to(photos / "gone.png")
    os.mkfifo(photos / "pipe.png")
    assert {entry.name: entry.problem for entry in walk(photos)} == {
        "a.png": None,
        "link.png": NOT_REGULAR,
        "loop": NOT_REGULAR,
        "nowhere.png": NOT_REGULAR,
        "pipe.png": NOT_REGULAR,
    }


def test_a_name_that_is_not_utf8_is_a_problem(photos: Path) -> None:
    (photos / os.fsdecode(b"caf\xe9.png")).write_bytes(b"")
    assert list(walk(photos)) == [Entry(r"caf\udce9.png", "its name is not UTF-8; rename it")]


def test_there_must_be_a_folder(photos: Path, put: Callable[..., Path]) -> None:
    with pytest.raises(DatasetError, match=r"There is no folder .*gone; check the path"):
        list(walk(photos / "gone"))
    with pytest.raises(DatasetError, match=r"a\.png is a file, not a folder"):
        list(walk(put("a.png")))


@pytest.mark.skipif(os.geteuid() == 0, reason="root lists everything")
def test_a_root_that_cannot_be_listed_is_named(photos: Path) -> None:
    (photos / "secret").mkdir(mode=0)
    with pytest.raises(DatasetError, match="Cannot list .*secret: Permission denied"):
        list(walk(photos / "secret"))


def test_a_folder_below_that_cannot_be_listed_stops_nothing(
    put: Callable[..., Path], photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("a/x.png"), put("b/x.png")
    scandir = os.scandir

    def refusing(folder: Path | str) -> object:
        if str(folder).endswith("a"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    reason = "the folder cannot be listed: Permission denied"
    assert list(walk(photos)) == [Entry("a/", reason), Entry("b/x.png")]
