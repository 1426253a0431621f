"""Files that are equal byte for byte, and labelled as two people."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import Mindseye


@pytest.fixture
def two_people(tmp_path: Path, faces_dir: Path) -> str:
    """One picture as ann's and as bob's, and another one of bob."""
    folder = tmp_path / "photos"
    folder.mkdir()
    shutil.copy(faces_dir / "p1-0-left.png", folder / "1.png")
    shutil.copy(faces_dir / "p1-0-left.png", folder / "7.png")
    shutil.copy(faces_dir / "p2-0-left.png", folder / "8.png")
    labels = "path,identity,pose\n1.png,ann,0\n7.png,bob,45\n8.png,bob,0\n"
    (folder / "labels.csv").write_text(labels)
    return f"folder:{folder}"


@pytest.fixture
def built(mindseye: Mindseye, two_people: str, make_weights: Callable[..., Path]) -> str:
    """What the build said."""
    weights = make_weights("pose-32")
    ran = mindseye("index", "build", two_people, "--weights", weights, "--collection", "mine")
    assert ran.status == 0
    return ran.err


SAID = "7.png (bob) is equal to {}/1.png (ann), whose label counts"


def test_a_label_that_does_not_count_is_said_at_build_and_by_show(
    mindseye: Mindseye, two_people: str, built: str
) -> None:
    folder = two_people.partition(":")[2]
    said = f"{folder}/{SAID.format(folder)}"
    assert (
        f"Warning: labels that do not count, as equal files are labelled otherwise: 1. {said}"
        in (built)
    )
    assert f"contradiction {said}" in mindseye("index", "show", "--collection", "mine").out
    shown = mindseye("index", "show", "--json", "--collection", "mine").json
    assert shown["contradictions"] == [
        {
            "image_id": 1,
            "path": f"{folder}/7.png",
            "identity": "bob",
            "first": f"{folder}/1.png",
            "counts": "ann",
        }
    ]


@pytest.mark.parametrize(("who", "removed"), [("ann", [1]), ("bob", [1, 2])])
def test_either_of_two_people_is_removed_whole_and_it_is_said(
    mindseye: Mindseye, built: str, two_people: str, who: str, removed: list[int]
) -> None:
    assert built
    ran = mindseye("index", "remove", "--identity", who, "--json", "--collection", "mine")
    assert ran.json["removed"] == removed
    folder = two_people.partition(":")[2]
    said = f"Equal files, labelled as two people, are one image: {folder}/{SAID.format(folder)}"
    assert said in ran.err
    assert mindseye("index", "compact", "--collection", "mine").status == 0
    assert mindseye("index", "show", "--json", "--collection", "mine").json["contradictions"] == []


def test_labels_that_agree_are_no_contradiction(
    mindseye: Mindseye, two_people: str, built: str
) -> None:
    assert built
    labels = Path(two_people.partition(":")[2]) / "labels.csv"
    labels.write_text(labels.read_text("utf-8").replace("7.png,bob", "7.png,ann"), "utf-8")
    again = mindseye("index", "add", two_people, "--collection", "mine")
    assert (again.status, "do not count" in again.err) == (0, False)


def test_data_show_names_equal_files_with_different_labels(
    mindseye: Mindseye, two_people: str
) -> None:
    said = "  equal files with different labels: 1.png (ann pose=0) = 7.png (bob pose=45)"
    assert said in mindseye("data", "show", two_people).out.splitlines()
    assert mindseye("data", "show", two_people, "--json").json["contradictions"] == [
        [
            {"path": "1.png", "identity": "ann", "condition": {"pose": "0"}},
            {"path": "7.png", "identity": "bob", "condition": {"pose": "45"}},
        ]
    ]
