import numpy as np
import pytest

from gallery.studio.camera import SAMPLES, Shot, look
from gallery.studio.geometry import NEUTRAL, FaceExpression, chin, eyes, head_shape
from gallery.studio.identity import sample_identity
from gallery.studio.library import Library
from gallery.studio.scene import Scene
from gallery.studio.sitter import Sitters


@pytest.fixture(scope="module")
def scene(library: Library) -> Scene:
    return Sitters(library, 512).seat(sample_identity(0, 4), 40, NEUTRAL, "none")


def middle_of(points: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> tuple[float, float]:
    x, y = points[:, :2].mean(axis=0) / SAMPLES
    return float(x), float(y)


@pytest.mark.parametrize("yaw", [-90, -45, 0, 30, 90])
def test_eyes_and_chin_stand_where_alignment_puts_them(scene: Scene, yaw: int) -> None:
    view = look(scene, Shot(yaw_deg=yaw), 100)
    balls = view.points[scene.eyeballs]
    near_chin = np.argsort(np.linalg.norm(scene.points - scene.chin, axis=1))[:2]
    assert middle_of(balls)[1] == pytest.approx(41, abs=1.5)
    assert middle_of(view.points[near_chin])[1] == pytest.approx(93, abs=1.5)


def test_at_a_positive_yaw_the_nose_points_to_the_left_of_the_picture(scene: Scene) -> None:
    face = np.abs(scene.points[:, 0]) < 0.05
    tip = int(np.argmax(np.where(face, scene.points[:, 2], -9)))
    at = [look(scene, Shot(yaw_deg=yaw), 100).points[tip, 0] for yaw in (-45, 0, 45)]
    assert at[0] > at[1] > at[2]


def test_looking_to_the_sitter_s_left_turns_the_eyeballs_that_way(scene: Scene) -> None:
    ahead = look(scene, Shot(yaw_deg=0), 100).points[scene.eyeballs]
    left = look(scene, Shot(yaw_deg=0, gaze_deg=(20, 0)), 100).points[scene.eyeballs]
    front = ahead[:, 2] < np.quantile(ahead[:, 2], 0.3)
    assert (left[front, 0] - ahead[front, 0]).mean() > 0
    assert np.allclose(left.mean(axis=0)[1:], ahead.mean(axis=0)[1:], atol=2)


def test_an_expression_leaves_the_frame_where_it_was(library: Library) -> None:
    person = sample_identity(0, 4)
    open_mouth = Sitters(library, 512).seat(person, 40, FaceExpression("surprised"), "none")
    assert np.allclose(open_mouth.chin, chin(head_shape(library, person, 40)))
    assert np.allclose(open_mouth.eyes, eyes(head_shape(library, person, 40)), atol=0.02)
