"""Names that are not UTF-8, as old disks hold them: they work, or a line says why not."""

import os
import shutil
from pathlib import Path

import pytest

from tests.running import Mindseye, one_line_error

CAFE = os.fsdecode(b"caf\xe9")
SHOWN = r"caf\udce9"


@pytest.fixture
def mine(collection_dir: Path, tmp_path: Path) -> Path:
    """A copy of the tiny collection, in a folder whose name is not UTF-8."""
    return Path(shutil.copytree(collection_dir, tmp_path / CAFE / "mine"))


def test_a_collection_and_a_source_may_lie_anywhere(
    mindseye: Mindseye, mine: Path, faces_dir: Path, tmp_path: Path
) -> None:
    at = ("--collection", mine)
    source = shutil.copy(faces_dir / "p1-0-left.png", tmp_path / f"{CAFE}.png")
    sheet, drawn = tmp_path / f"{CAFE} sheet.png", tmp_path / f"{CAFE} drawn.png"
    query = ("query", source, "--wish", "pose=45", "-k", "3", *at)
    ran = mindseye(*query, "--exclude-source", "--sheet", sheet, "--drawn", drawn)
    assert (ran.status, sheet.is_file(), drawn.is_file()) == (0, True, True)
    assert rf"Sheet: {tmp_path}/{SHOWN} sheet.png" in ran.err
    told = mindseye(*query, "--json", "--drawn", drawn)
    assert told.json["drawn"] == str(drawn)
    assert mindseye(*query, "--explain", tmp_path / f"{CAFE} explained").status == 0
    assert mindseye("index", "show", *at).out.startswith(f"{tmp_path}/{SHOWN}/mine: 30 images")
    assert mindseye("index", "show", "--json", *at).json["collection"] == str(mine)
    assert mindseye("index", "verify", *at).status == 0
    archive = tmp_path / f"{CAFE}.tar"
    assert mindseye("index", "export", archive, *at).out.endswith(f"/{SHOWN}.tar\n")
    other = ("--collection", tmp_path / CAFE / "other")
    assert mindseye("index", "import", archive, *other).status == 0
    assert mindseye("index", "remove", "--id", "1", *other).status == 0
    assert mindseye("index", "compact", *other).status == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("index", "remove", f"{CAFE}.png"),
        ("index", "remove", "--identity", CAFE),
        ("index", "remove", "--where", f"identity={CAFE}"),
        ("index", "show", "--where", f"path ~ '*{CAFE}*'"),
        ("index", "show", "--where", f"{CAFE}=1"),
        ("index", "show", "--where", "pose=1", "--space", CAFE),
        ("index", "add", f"folder:{CAFE}"),
        ("index", "add", f"{CAFE}:x"),
        ("index", "import", CAFE),
        ("query", f"{CAFE}-none.png", "--wish", "pose=45"),
        ("query", "{photo}", "--wish", f"pose={CAFE}"),
        ("query", "{photo}", "--wish", "pose=45", "--where", f"identity={CAFE}"),
        ("query", "{photo}", "--wish", "pose=45", "--weights", CAFE),
    ],
)
def test_what_no_catalogue_holds_is_one_line(
    mindseye: Mindseye, mine: Path, faces_dir: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / CAFE).mkdir(exist_ok=True)
    shutil.copy(faces_dir / "p1-0-left.png", tmp_path / CAFE / "a.png")
    given = [one.format(photo=faces_dir / "p1-0-left.png") for one in arguments]
    said = one_line_error(mindseye(*given, "--collection", mine))
    assert r"\udce9" in said
    said.encode("utf-8")


def test_a_folder_that_is_not_utf8_is_looked_at(
    mindseye: Mindseye, faces_dir: Path, tmp_path: Path
) -> None:
    shutil.copytree(faces_dir, tmp_path / CAFE)
    spec = f"folder:{tmp_path}/{CAFE}"
    assert mindseye("data", "show", spec).out.startswith(f"folder:{tmp_path}/{SHOWN}: 30 images")
    assert mindseye("data", "show", spec, "--json").json["spec"] == spec
    assert mindseye("data", "show", spec, "--sheet", "sheet.png").status == 0
