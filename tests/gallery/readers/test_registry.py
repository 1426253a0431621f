import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from gallery.errors import DatasetError, ImageError
from gallery.readers.known import PACKAGED, READERS
from gallery.readers.registry import is_there, open_faces, open_photograph


def test_a_spec_names_reader_and_path(put: Callable[..., Path], photos: Path) -> None:
    put("a.png")
    faces = open_faces(f"folder:{photos}")
    assert faces.spec == f"folder:{photos}"
    assert faces.root == photos
    assert [face.name for face in faces.faces] == ["a.png"]


def test_a_path_may_hold_colons(photos: Path, put: Callable[..., Path]) -> None:
    put("12:30/a.png")
    assert len(open_faces(f"folder:{photos}/12:30")) == 1


def test_a_tilde_is_the_home(
    photos: Path, put: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    put("a.png")
    monkeypatch.setenv("HOME", str(photos.parent))
    assert open_faces("folder:~/photos").root == photos


def test_the_readers_of_the_first_slice_are_there() -> None:
    assert {"cmu-faces", "folder", "multipie"} <= set(READERS)


def test_a_mistyped_reader_is_answered_with_the_nearest() -> None:
    known = ", ".join(READERS)
    with pytest.raises(
        DatasetError, match=f"no reader 'cmu-face'; did you mean 'cmu-faces'. Known: {known}$"
    ):
        open_faces("cmu-face:/photos")


def test_a_folder_without_a_reader_is_answered_with_the_spec_to_write(photos: Path) -> None:
    with pytest.raises(DatasetError, match=f"is not READER:PATH; .* write folder:{photos}$"):
        open_faces(str(photos))


def test_anything_else_is_answered_with_the_readers() -> None:
    specs = ", ".join([*(f"{reader}:PATH" for reader in READERS), *PACKAGED])
    with pytest.raises(DatasetError, match=f"'photos' is not READER:PATH; write one of {specs}$"):
        open_faces("photos")


@pytest.mark.parametrize("reader", READERS)
def test_a_spec_without_a_path_is_refused(reader: str) -> None:
    with pytest.raises(DatasetError, match=f"'{reader}:' names no path; write {reader}:PATH"):
        open_faces(f"{reader}:")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("path", ["/nowhere/at/all", "x" * 300, "~nobody-of-this-name/photos"])
def test_a_path_that_leads_nowhere_is_refused(reader: str, path: str) -> None:
    with pytest.raises(DatasetError, match="There is no folder|Cannot read"):
        open_faces(f"{reader}:{path}")


@pytest.mark.parametrize("spec", ["~nobody-of-this-name", "x" * 300, ""])
def test_a_spec_of_any_kind_is_answered(spec: str) -> None:
    with pytest.raises(DatasetError, match="is not READER:PATH; write one of"):
        open_faces(spec)


def test_an_image_of_a_drawn_set_is_loaded_by_its_path() -> None:
    faces = open_faces("studio-mini")
    face = faces.faces[7]
    assert open_photograph(faces.path(face)).image.tobytes() == faces.load(face).tobytes()
    with pytest.raises(ImageError, match="cannot be read: No such file"):
        open_photograph(faces.root / "pose" / "nobody")


def test_an_image_of_its_own_is_loaded_by_its_path(tmp_path: Path) -> None:
    Image.new("RGB", (5, 4), "red").save(tmp_path / "a.png")
    assert open_photograph(tmp_path / "a.png").image.size == (5, 4)


@pytest.mark.parametrize(("asked", "on_disk"), [("é", "e\u0301"), ("e\u0301", "é")])
def test_a_photograph_is_opened_in_either_spelling_of_its_name(
    asked: str, on_disk: str, tmp_path: Path
) -> None:
    Image.new("RGB", (5, 4)).save(tmp_path / f"{on_disk}.png")
    assert open_photograph(tmp_path / f"{asked}.png").image.size == (5, 4)
    with pytest.raises(ImageError):
        open_photograph(tmp_path / f"{asked}x.png")


def studio_after(code: str) -> list[str]:
    """Return the studio's modules that some code imports, in a fresh interpreter."""
    code = f"import sys\nfrom pathlib import Path\n{code}\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return [name for name in run.stdout.split() if "studio" in name]


def test_reading_photographs_does_not_import_the_studio(
    put: Callable[..., Path], photos: Path
) -> None:
    path = put("a.jpg")
    opened = "from gallery.readers.registry import open_faces, open_photograph\n"
    assert studio_after(f"{opened}open_photograph(Path({str(path)!r}))") == []
    assert studio_after(f"{opened}open_faces('folder:{photos}')") == []
    assert "gallery.readers.studio" in studio_after(f"{opened}open_faces('studio-mini')")


def test_an_image_is_there_if_it_or_what_it_lies_in_is(tmp_path: Path) -> None:
    archive = tmp_path / "faces.tar.gz"
    archive.touch()
    assert is_there(archive)
    assert is_there(archive / "an2i" / "one.pgm")
    drawn = open_faces("studio-mini")
    assert is_there(drawn.path(drawn.faces[0]))
    assert not is_there(tmp_path / "gone" / "one.png")
