import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gallery.errors import DatasetError
from gallery.readers.files import walk


def test_files_come_in_natural_order(put: Callable[..., Path], photos: Path) -> None:
    for name in ("s10/a.png", "s9/b10.png", "s9/b9.png", "a.png", "z.png"):
        put(name)
    assert list(walk(photos)) == [
        ("a.png", True),
        ("s9/b9.png", True),
        ("s9/b10.png", True),
        ("s10/a.png", True),
        ("z.png", True),
    ]


def test_hidden_files_and_folders_are_passed_over(put: Callable[..., Path], photos: Path) -> None:
    for name in (".hidden.png", ".git/a.png", "._a.png", "sub/.DS_Store", "sub/a.png"):
        put(name)
    assert list(walk(photos)) == [("sub/a.png", True)]


def test_what_is_no_regular_file_is_said_to_be_none(put: Callable[..., Path], photos: Path) -> None:
    (photos / "link.png").symlink_to(put("a.png"))
    (photos / "loop").symlink_to(photos)
    (photos / "nowhere.png").symlink_to(photos / "gone.png")
    os.mkfifo(photos / "pipe.png")
    assert dict(walk(photos)) == {
        "a.png": True,
        "link.png": False,
        "loop": False,
        "nowhere.png": False,
        "pipe.png": False,
    }


def test_there_must_be_a_folder(photos: Path, put: Callable[..., Path]) -> None:
    with pytest.raises(DatasetError, match=r"There is no folder .*gone; check the path"):
        list(walk(photos / "gone"))
    with pytest.raises(DatasetError, match=r"There is no folder .*a\.png"):
        list(walk(put("a.png")))


@pytest.mark.skipif(os.geteuid() == 0, reason="root lists everything")
def test_a_folder_that_cannot_be_listed_is_named(photos: Path) -> None:
    (photos / "secret").mkdir(mode=0)
    with pytest.raises(DatasetError, match="Cannot list .*secret: Permission denied"):
        list(walk(photos))
