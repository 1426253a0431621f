"""The packaged photographs."""

from pathlib import Path

import pytest

import mindseye  # noqa: TID251  what users call
from gallery.errors import ConfigError, DatasetError
from gallery.readers import photographs_mini
from gallery.readers.registry import open_faces
from generator.weights_file import load_card, packaged_weights

ROOT = Path(photographs_mini.__file__).parents[2]


def test_the_set_is_a_full_grid_of_six_people() -> None:
    faces = open_faces("photographs-mini")
    assert len(faces.identities) == 6
    assert len(faces) == faces.grid_size() == 108
    assert faces.holes() == []
    assert faces.space["pose"].values == ("-45", "0", "45")
    assert faces.load(faces.faces[0]).size == (128, 120)


def test_it_is_small_and_says_whose_it_is() -> None:
    size = sum(path.stat().st_size for path in photographs_mini.MINI.rglob("*") if path.is_file())
    assert size < 1_000_000
    assert photographs_mini.CREDIT in open_faces("photographs-mini").notes
    said = (photographs_mini.MINI / "README.md").read_text("utf-8")
    assert "CC BY 4.0" in said
    assert "Changes:" in said


def test_every_face_has_landmarks_that_were_found_in_its_bytes() -> None:
    faces = open_faces("photographs-mini")
    found = [face for face in faces.faces if face.landmarks is not None]
    assert len(found) >= 105  # of 108: what is not found is left out of an index
    assert all(face.looked_at is not None for face in faces.faces)


def test_nothing_is_trained_or_fitted_on_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="photographs-mini is kept for testing"):
        mindseye.train(
            "photographs-mini", architecture="mindseye-32", attributes=["pose"], out=tmp_path / "r"
        )
    with pytest.raises(ConfigError, match="photographs-mini is kept for testing"):
        mindseye.fit("pose-mindseye-60", "photographs-mini")


def test_packaged_weights_know_nobody_of_it() -> None:
    people = set(open_faces("photographs-mini").identities)
    for path in packaged_weights().values():
        assert not people & set(load_card(path).seen)


def test_a_damaged_installation_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="install mindseye again"):
        photographs_mini.read_mini("photographs-mini", tmp_path)
