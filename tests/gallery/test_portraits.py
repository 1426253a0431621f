"""Portraits, and who sees them."""

import numpy as np
import pytest

from gallery.align import Aligner, Crop
from gallery.detection import shared_mesh
from gallery.detection.face_mesh import Meshes
from gallery.portraits import NARROW, WIDE, as_portraits, portrait_aligner
from retrieval.recognisers.registry import form_of


def test_the_narrow_form_is_the_aligners_square() -> None:
    aligner = Aligner(size=60, channels=1, crop=Crop(1, 2, 30, 30))
    assert portrait_aligner(aligner) == Aligner(size=128, channels=3, crop=Crop(1, 2, 30, 30))


def test_contracts_spell_forms() -> None:
    assert str(NARROW) == "128 px"  # as it always was
    assert str(WIDE) == "192 px, 1.5 wide"


@pytest.mark.parametrize(
    ("named", "form"),
    [("", NARROW), ("sface (0.1, 0.2) abc", NARROW), ("dlib 1 a", NARROW), ("sface5 1 a", WIDE)],
)
def test_a_fingerprint_says_how_portraits_are_cut(named: str, form: object) -> None:
    assert form_of(named) is form


@pytest.mark.parametrize("channels", [1, 3])
def test_faces_that_are_cut_out_become_portraits(channels: int) -> None:
    faces = np.full((2, 32, 32, channels), 100, np.uint8)
    faces[1, :, 16:] = 200
    made = as_portraits(faces, WIDE)
    assert made.shape == (2, WIDE.side, WIDE.side, 3)
    assert (made[0] == 100).all()
    assert (made[1, :, :80] == 100).all()
    assert (made[1, :, -80:] == 200).all()
    assert np.array_equal(as_portraits(faces, NARROW), faces)


class Counted:
    """A mesh that counts how often it is asked."""

    fingerprint = "counted"
    asked = 0

    def look(self, crops: np.ndarray) -> Meshes:
        self.asked += 1
        return Meshes(np.zeros((len(crops), 468, 3), np.float32), np.ones(len(crops), np.float32))


def test_landmarks_of_the_same_portraits_are_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_mesh, "FaceMesh", Counted)
    mesh, some = shared_mesh.SharedMesh(), np.zeros((2, 8, 8, 3), np.uint8)
    assert mesh.look(some) is mesh.look(some)
    assert len(mesh.look(some[:1]).points) == 1
    assert mesh.fingerprint == "counted"
    mesh.look(some)
    assert mesh._mesh.asked == 3  # type: ignore[attr-defined]  # noqa: SLF001
