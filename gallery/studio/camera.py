"""The camera: it stands on a circle around the head, and frames the face as alignment would.

Shapes: V vertices.
"""

from dataclasses import dataclass

import numpy as np

from gallery.align import Aligner
from gallery.studio.curves import unit
from gallery.studio.lights import towards
from gallery.studio.meshes import Floats
from gallery.studio.scene import Scene

DISTANCE_DM = 18.0
SAMPLES = 4  # per pixel and axis
_FRAME = Aligner(size=1, channels=3)  # where the eyes and the chin shall be


@dataclass(frozen=True, slots=True)
class Shot:
    """How the camera strays from its place, and the sitter from theirs; shared by all lights.

    Attributes:
        yaw_deg: Azimuth of the camera; see gallery/studio/attributes.py for the sign.
        pitch_deg: Elevation of the camera.
        roll_deg: Turn of the picture.
        shift: Shift of the picture to the right and down, shares of its side.
        exposure: Factor of all light.
        gaze_deg: Where the eyes look: azimuth and elevation.
    """

    yaw_deg: float
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    exposure: float = 1.25
    gaze_deg: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class View:
    """A scene as a camera sees it.

    Attributes:
        points: x and y in samples, distance in decimetres, (V, 3).
        camera: Its place, (3,), decimetres.
        towards: Unit vector from the head to the camera, (3,).
    """

    points: Floats
    camera: Floats
    towards: Floats


def look(scene: Scene, shot: Shot, size: int) -> View:
    """Project a scene on the samples of a picture of size x size pixels.

    The midpoint of the eyes lies at 41 % of the height, the neutral chin at 93 %, and the mean of
    both in the middle (gallery/align.py, rule 1), but for the shot's shift and roll.
    """
    forward = towards(shot.yaw_deg, shot.pitch_deg)
    right = unit(np.cross(np.array([0, 1, 0], np.float32), forward))
    axes = np.stack([right, np.cross(forward, right), forward])
    eye = _project(scene, axes, scene.eyes).mean(axis=0)
    chin = _project(scene, axes, scene.chin[None])[0]
    side = size * SAMPLES
    scale = (_FRAME.chin_line - _FRAME.eye_line) * side / (chin[1] - eye[1])
    points = _project(scene, axes, turned_eyes(scene, shot.gaze_deg))
    flat = (points[:, :2] - [(eye[0] + chin[0]) / 2, eye[1]]) * scale
    cosine, sine = np.cos(np.radians(shot.roll_deg)), np.sin(np.radians(shot.roll_deg))
    x = flat[:, 0] * cosine - flat[:, 1] * sine + (0.5 + shot.shift[0]) * side
    y = flat[:, 0] * sine + flat[:, 1] * cosine + (_FRAME.eye_line + shot.shift[1]) * side
    return View(
        points=np.stack([x, y, points[:, 2]], axis=1).astype(np.float32),
        camera=(scene.middle + forward * DISTANCE_DM).astype(np.float32),
        towards=forward,
    )


def turned_eyes(scene: Scene, gaze_deg: tuple[float, float]) -> Floats:
    """Return the scene's vertices with both eyeballs turned, (V, 3)."""
    points = scene.points.copy()
    balls = points[scene.eyeballs]
    turn = _turn(*gaze_deg)
    for middle, side in zip(scene.eyes, (1, -1), strict=True):
        mine = balls[:, 0] * side > 0
        balls[mine] = (balls[mine] - middle) @ turn.T + middle
    points[scene.eyeballs] = balls
    return points


def _turn(azimuth_deg: float, elevation_deg: float) -> Floats:
    """Return the rotation that takes "straight ahead" to a direction, (3, 3)."""
    ahead = towards(azimuth_deg, elevation_deg)
    right = unit(np.cross(np.array([0, 1, 0], np.float32), ahead))
    return np.stack([right, np.cross(ahead, right), ahead], axis=1)


def _project(scene: Scene, axes: Floats, points: Floats) -> Floats:
    """Return x, y (down) and distance of points, (N, 3)."""
    seen = (points - scene.middle) @ axes.T
    distance = DISTANCE_DM - seen[:, 2]
    return np.stack([seen[:, 0] / distance, -seen[:, 1] / distance, distance], axis=1)
