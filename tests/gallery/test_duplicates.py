from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gallery import images
from gallery.duplicates import equal_files, number_contents
from gallery.faces import Face, FaceSet
from gallery.readers.registry import open_faces


@pytest.fixture
def folder(tmp_path: Path) -> FaceSet:
    """Five files: the first and the fourth are equal, the second and third are as long."""
    for name, content in zip("abcde", (b"one", b"two", b"two!", b"one", b"eno"), strict=True):
        (tmp_path / f"{name}.png").write_bytes(content)
    return FaceSet(
        spec="folder:x",
        root=tmp_path,
        faces=tuple(Face(f"{name}.png") for name in "abcde"),
        space=open_faces("studio-mini").space,
    )


def test_equal_files_have_equal_numbers_whatever_they_are_called(folder: FaceSet) -> None:
    assert number_contents(folder) == (0, 1, 2, 0, 4)
    assert [[face.name for face in group] for group in equal_files(folder)] == [["a.png", "d.png"]]


def test_images_that_lie_in_an_archive_are_compared_by_what_is_read(folder: FaceSet) -> None:
    contents = {face.name: folder.read(face) for face in folder.faces}
    inside = replace(folder, root=Path("nowhere"), reader=lambda face: contents[face.name])
    assert number_contents(inside) == (0, 1, 2, 0, 4)


def test_only_files_as_long_as_another_one_are_read(
    folder: FaceSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    read: Callable[[Path], bytes] = images.read_file

    def spy(path: Path) -> bytes:
        seen.append(path.name)
        return read(path)

    monkeypatch.setattr(images, "read_file", spy)
    number_contents(folder)
    assert "c.png" not in seen


def test_files_that_cannot_be_read_are_equal_to_none(folder: FaceSet) -> None:
    for name in "ad":
        (folder.root / f"{name}.png").unlink()
    assert number_contents(folder) == (0, 1, 2, 3, 4)
