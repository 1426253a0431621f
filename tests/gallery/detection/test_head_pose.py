"""Angles, five points and openings of a made head, turned by known angles; no network needed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.arrays import Floats
from gallery.detection import head_pose as of_head
from gallery.detection.face_mesh import POINTS

ANGLES = st.floats(-70, 70)


def straight_head() -> Floats:
    """Points of a head that looks at the camera: x right, y down, z away from the camera."""
    points = np.random.default_rng(0).normal(0, 20, (POINTS, 3))
    places = {
        33: (-45, -30, 5), 133: (-15, -30, 0), 362: (15, -30, 0), 263: (45, -30, 5),
        10: (0, -90, 0), 152: (0, 90, 0), 1: (0, 10, -40), 61: (-25, 45, -5), 291: (25, 45, -5),
        13: (0, 42, -10), 14: (0, 51, -10),
        159: (-31, -35, 0), 145: (-31, -26, 0), 158: (-28, -35, 0), 153: (-28, -26, 0),
        386: (31, -33, 0), 374: (31, -28, 0), 385: (28, -33, 0), 380: (28, -28, 0),
    }  # fmt: skip
    for number, place in places.items():
        points[number] = place
    return points.astype(np.float32)


def turned(points: Floats, yaw: float, pitch: float, roll: float) -> Floats:
    """Pitch, turn, roll a head; the nose of the straight head points to -z."""
    p, y, r = np.radians([pitch, yaw, roll])
    up = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    aside = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    clockwise = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    moved: Floats = (points @ (clockwise @ aside @ up).T).astype(np.float32)
    return moved


@given(ANGLES, ANGLES, st.floats(-80, 80))
def test_a_head_that_was_turned_is_seen_turned(yaw: float, pitch: float, roll: float) -> None:
    pose = of_head.head_pose(turned(straight_head(), yaw, pitch, roll)[None])
    seen = (pose.yaw[0], pose.pitch[0], pose.roll[0])
    assert seen == pytest.approx((yaw, pitch, roll), abs=0.01)


@pytest.mark.parametrize(
    ("angles", "coordinate", "direction"),
    [((40, 0, 0), 0, -1), ((-40, 0, 0), 0, 1), ((0, 30, 0), 1, -1), ((0, -30, 0), 1, 1)],
)
def test_signs_say_where_the_nose_points(
    angles: tuple[float, float, float], coordinate: int, direction: int
) -> None:
    """A positive yaw: to the left edge; a positive pitch: up, to smaller y."""
    before, after = straight_head()[1], turned(straight_head(), *angles)[1]
    assert np.sign(after[coordinate] - before[coordinate] + 0) == direction


def test_a_head_rolled_clockwise_has_its_right_eye_lower() -> None:
    rolled = turned(straight_head(), 0, 0, 20)
    assert rolled[263, 1] > rolled[33, 1]
    assert of_head.head_pose(rolled[None]).roll[0] == pytest.approx(20, abs=0.01)


def test_five_points_come_in_the_order_of_recognisers() -> None:
    five = of_head.five_points(straight_head()[None])
    assert five.shape == (1, 5, 2)
    expected = [(-30, -30), (30, -30), (0, 10), (-25, 45), (25, 45)]
    assert five[0] == pytest.approx(np.array(expected))


def test_openings_do_not_change_with_scale_or_pose() -> None:
    head = straight_head()
    both = np.stack([head, turned(3 * head, 40, 10, -30)])
    found = of_head.openings(both)
    assert found.mouth == pytest.approx(9 / 90, abs=1e-4)
    assert found.mouth_width == pytest.approx(50 / 90, abs=1e-4)
    assert found.left_eye[1] > found.right_eye[1]
    assert found.left_eye == pytest.approx(found.left_eye[0], abs=1e-4)


def test_no_faces_are_no_angles() -> None:
    nothing = np.empty((0, POINTS, 3), np.float32)
    assert of_head.head_pose(nothing).yaw.shape == (0,)
    assert of_head.five_points(nothing).shape == (0, 5, 2)
    assert of_head.openings(nothing).mouth.shape == (0,)
