"""`mindseye studio lift`."""

from pathlib import Path

from PIL import Image

from gallery.faces import FaceSet
from gallery.readers.studio import read
from tests.running import Mindseye


def test_lifting_names_what_is_left_out_and_what_was_made(
    mindseye: Mindseye, photographs: FaceSet, tmp_path: Path
) -> None:
    values = ("--value", "pose=0", "--value", "illumination=17", "--size", "32", "--workers", "1")
    ran = mindseye("studio", "lift", photographs.spec, "lifted", *values)
    assert ran.status == 0
    assert ran.out == "2 images of 2 people, 1 photographs left out: studio:lifted\n"
    assert "left out: wall.png: no face was found" in ran.err
    assert len(read("studio:lifted", tmp_path / "lifted")) == 2


def test_mistakes_are_told_in_one_line(
    mindseye: Mindseye, photographs: FaceSet, tmp_path: Path
) -> None:
    ran = mindseye("studio", "lift", photographs.spec, "lifted", "--attributes", "age")
    assert ran.status != 0
    assert ran.err.splitlines()[-1].endswith("do not exist: mindseye studio draw")
    folder = tmp_path / "walls"
    folder.mkdir()
    Image.new("RGB", (64, 64)).save(folder / "wall.png")
    ran = mindseye("studio", "lift", "folder:walls", "lifted")
    assert ran.status != 0
    assert ran.err.splitlines()[-1].endswith("Name frontal photographs")
