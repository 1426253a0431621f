"""Parts of a gallery: the people that weights have seen, or the others."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gallery.errors import ConfigError
from gallery.readers.registry import open_faces
from generator.weights_file import load_card
from retrieval.splits import SPLITS, part_of


def test_a_split_takes_everybody_the_people_on_the_card_or_the_others(
    faces_spec: str, pose_weights: Path
) -> None:
    faces, card = open_faces(faces_spec), load_card(pose_weights)
    people = {split: part_of(faces, card, split).identities for split in SPLITS}
    assert people == {
        "all": ("p1", "p2", "p3", "p4", "p5"),
        "train": ("p1", "p2", "p3"),
        "test": ("p4", "p5"),
    }


def test_images_of_nobody_known_are_among_the_others(
    faces_dir: Path, pose_weights: Path, tmp_path: Path
) -> None:
    shutil.copy(faces_dir / "p1-0-left.png", tmp_path)
    faces, card = open_faces(f"folder:{tmp_path}"), load_card(pose_weights)
    assert len(part_of(faces, card, "test")) == 1
    with pytest.raises(ConfigError, match="trained on nobody there; say --split all"):
        part_of(faces, card, "train")


@pytest.mark.parametrize(
    ("split", "seen"), [("train", ()), ("test", ("p1", "p2", "p3", "p4", "p5"))]
)
def test_a_split_that_leaves_nothing_is_refused(
    make_weights: Callable[..., Path], faces_spec: str, split: str, seen: tuple[str, ...]
) -> None:
    card = load_card(make_weights("some-32", trained_on=seen))
    who = "nobody" if split == "train" else "everybody"
    message = f"--split {split} leaves no image of .*: some-32 was trained on {who} there"
    with pytest.raises(ConfigError, match=message):
        part_of(open_faces(faces_spec), card, split)


def test_files_that_cannot_be_read_are_reason_enough_to_go_on(
    make_weights: Callable[..., Path], faces_dir: Path, tmp_path: Path
) -> None:
    """They are noted by the build, and not passed over in silence."""
    shutil.copy(faces_dir / "p1-0-left.png", tmp_path / "here.png")
    labels = "path,identity,pose\ngone.png,p1,0\nhere.png,p1,0\n"
    (tmp_path / "labels.csv").write_text(labels, "utf-8")
    card = load_card(make_weights("some-32", trained_on=("p1",)))
    part = part_of(open_faces(f"folder:{tmp_path}"), card, "test")
    assert (len(part.faces), len(part.problems)) == (0, 1)
