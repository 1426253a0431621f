"""Folders and files with any name that the file system allows."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from retrieval.collection.collection import Collection
from tests.running import Mindseye

NAMES = (
    *(
        "a?b",
        "a?mode=memory",
        "%41",
        "A",
        "a#b",
        "a b",
        "a\\b",
        "a\nb",
        "[ab]",
        "*",
        "a;b",
        "file:a",
    ),
    *(":memory:", "a&b=c", "ä", "a'b\"c", "~", "$HOME", "%(here)s", "{x}"),
)


@pytest.fixture
def mine(collection_dir: Path, tmp_path: Path) -> Path:
    """A copy of the tiny collection."""
    return Path(shutil.copytree(collection_dir, tmp_path / "mine"))


def test_no_two_collections_share_a_catalogue(tmp_path: Path) -> None:
    for name in NAMES:
        made = Collection.open_or_create(tmp_path / name)
        made.catalogue.spaces.add(f"space-{NAMES.index(name)}", "0" * 64)
        made.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)
    for name in NAMES:
        opened = Collection.open(tmp_path / name)
        assert opened.space_names() == [f"space-{NAMES.index(name)}"]
        opened.close()


def test_a_collection_behind_a_link_is_the_one_the_system_means(tmp_path: Path) -> None:
    (tmp_path / "far" / "below").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "far" / "below")
    made = Collection.open_or_create(tmp_path / "link" / ".." / "mine")
    made.close()
    assert (tmp_path / "far" / "mine" / "catalogue.db").is_file()
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize("name", ["a?b%41#c d", "[a]*\\\n", "file:a&b='\"", "$HOME{x}%(here)s"])
def test_a_collection_lives_below_a_folder_of_any_name(
    mindseye: Mindseye, mine: Path, faces_dir: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    at = ("--collection", mine.rename(folder / name))
    source = shutil.copy(faces_dir / "p1-0-left.png", folder / f"{name}.png")
    added = mindseye("index", "add", f"folder:{folder}", *at, "--space", "pose-32")
    assert "0 images indexed" in added.out  # a copy of a known one
    new = folder / f"new {name}.png"
    Image.new("RGB", (40, 40), "red").save(new)
    assert "1 images indexed" in mindseye("index", "add", f"folder:{folder}", *at).out
    query = ("query", source, "--wish", "pose=45", "-k", "2", "--json")
    found = mindseye(*query, *at, "--sheet", folder / f"{name} sheet.png").json["hits"]
    assert mindseye("index", "verify", "--json", *at).json["ok"] is True
    assert mindseye("index", "export", folder / f"{name}.tar", *at).status == 0
    other = ("--collection", folder / "other")
    assert mindseye("index", "import", folder / f"{name}.tar", *other).status == 0
    assert mindseye(*query, *other).json["hits"] == found
    quoted = str(folder).replace("\\", "\\\\").replace('"', '\\"')
    told = mindseye("index", "show", "--where", f'path ~ "{quoted}/new*"', "--json", *at)
    assert json.loads(told.out)["path"] == str(new)
    assert mindseye("index", "remove", new, *at).out == "1 images removed\n"


def test_signs_of_patterns_in_paths_stand_for_themselves(
    mindseye: Mindseye, mine: Path, tmp_path: Path
) -> None:
    for number, name in enumerate(("100%", "1000", "a_b", "axb", "[a]", "a")):
        (tmp_path / "new" / name).mkdir(parents=True)
        colour = (40 * number, 90, 30)
        Image.new("RGB", (40, 40), colour).save(tmp_path / "new" / name / "x.png")
    at = ("--collection", mine)
    assert "6 images indexed" in mindseye("index", "add", f"folder:{tmp_path}/new", *at).out
    for name in ("100%", "a_b", "[a]"):
        told = mindseye("index", "show", "--where", f'path ~ "*/{name}/*"', "--json", *at)
        assert json.loads(told.out)["path"] == str(tmp_path / "new" / name / "x.png")
        removed = mindseye("index", "remove", tmp_path / "new" / name, "--json", *at).json
        assert len(removed["removed"]) == 1
