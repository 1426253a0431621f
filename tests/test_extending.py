"""The recipes of docs/extending.md: what they name is there, and a new reader takes two files."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.faces import Face, FaceSet
from gallery.readers.known import READERS
from tests.running import Mindseye

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"`((?:gallery|generator|index|retrieval|commands|tests|experiments)/[\w./-]+)`")
LIGHT = AttributeSpace((Attribute("light", ("day", "night")),))


def read_passports(spec: str, path: Path) -> FaceSet:
    """Read files that are called PERSON-LIGHT.png: the whole of a reader."""
    faces = []
    for file in sorted(path.glob("*.png")):
        person, light = file.stem.split("-")
        faces.append(Face(file.name, person, Condition(light=light)))
    return FaceSet(spec=spec, root=path, faces=tuple(faces), space=LIGHT)


def test_a_reader_is_one_module_and_one_line(
    mindseye: Mindseye, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("passports")
    vars(module)["read"] = read_passports
    monkeypatch.setitem(sys.modules, "passports", module)
    monkeypatch.setitem(READERS, "passports", "passports")
    for name in ("ann-day", "ann-night", "ben-day"):
        Image.new("RGB", (40, 40)).save(tmp_path / f"{name}.png")
    shown = mindseye("data", "show", f"passports:{tmp_path}")
    assert shown.status == 0
    assert "3 images of 2 identities" in shown.out
    assert "light: day 2  night 1" in shown.out
    assert "'passports'" in mindseye("data", "show", "pasports:x").err


@pytest.mark.parametrize("page", ["docs/extending.md", "docs/architecture.md"])
def test_every_file_that_a_page_names_is_there(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    named = [name for name in NAMED.findall(text) if "NAME" not in name]
    assert named
    assert not [name for name in named if not (ROOT / name).exists()]
