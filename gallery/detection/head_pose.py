"""What the 468 points of a face say of the head: how it is turned, and what is open.

The sign of every angle, as everywhere in this project (README, docs/studio.md):

- yaw is positive where the nose points to the left edge of the picture, negative where it points
  to the right edge;
- pitch is positive where the nose points up;
- roll is positive where the head is turned clockwise in the picture.

Angles are degrees. They are those of the network's own points, of which far turned heads are turned
a little too little; who needs probabilities of poses calibrates (docs/data.md). Points of a pair
come with the one on the picture's left first: of the eyes, the person's right one. That is the
order in which recognisers like SFace and ArcFace want them.

Shapes: N faces.

Source: which point is which: MediaPipe's `canonical_face_model_uv_visualization`.
"""

from dataclasses import dataclass

import numpy as np

from gallery.arrays import Doubles, Floats

# Pairs of points that a mimicking face hardly moves, (picture's left, picture's right).
LEFT_CORNERS, RIGHT_CORNERS = (33, 133), (362, 263)
FOREHEAD, CHIN = 10, 152
NOSE_TIP, NOSE_BASE = 1, 2
MOUTH_CORNERS = (61, 291)
INNER_LIPS = (13, 14)
# Upper and lower lid, at two places of each eye.
LEFT_LIDS, RIGHT_LIDS = ((159, 145), (158, 153)), ((386, 374), (385, 380))


@dataclass(frozen=True, slots=True)
class Pose:
    """How heads are turned, degrees; signs as above, (N,) each.

    Attributes:
        yaw: To the side, -90..90.
        pitch: Up or down, -90..90; 0 where the line from forehead to chin is as far from the
            camera above as below.
        roll: In the picture, -180..180.
    """

    yaw: Doubles
    pitch: Doubles
    roll: Doubles


@dataclass(frozen=True, slots=True)
class Openings:
    """How far mouths and eyes are open, in three dimensions, (N,) each.

    Attributes:
        mouth: Distance of the lips, of the distance between the outer corners of the eyes.
        mouth_width: Distance of the corners of the mouth, likewise.
        left_eye: Height of the eye on the picture's left, of its width.
        right_eye: Height of the eye on the picture's right, of its width.
    """

    mouth: Doubles
    mouth_width: Doubles
    left_eye: Doubles
    right_eye: Doubles


def head_pose(points: Floats) -> Pose:
    """Return how heads are turned, by their points, (N, 468, 3).

    A head is first pitched, then turned, then rolled: turning the picture changes the roll alone.
    """
    across = _between(points, RIGHT_CORNERS[1], LEFT_CORNERS[0])  # (N, 3)
    down = _between(points, CHIN, FOREHEAD)
    roll = np.arctan2(across[:, 1], across[:, 0])
    across, down = _unrolled(across, roll), _unrolled(down, roll)
    yaw = np.arctan2(-across[:, 2], across[:, 0])
    # Turned back by the yaw, the head's face looks straight on; what remains is its pitch.
    depth = np.sin(yaw) * down[:, 0] + np.cos(yaw) * down[:, 2]
    pitch = np.arctan2(-depth, down[:, 1])
    return Pose(np.degrees(yaw), np.degrees(pitch), np.degrees(roll))


def five_points(points: Floats) -> Doubles:
    """Return five points of each face for a recogniser, (N, 468, 3) -> (N, 5, 2).

    Midpoint of the corners of the eye on the picture's left, of the other eye, tip of the nose,
    corner of the mouth on the picture's left, other corner; x and y as they come.
    """
    left = points[:, LEFT_CORNERS, :2].mean(axis=1)
    right = points[:, RIGHT_CORNERS, :2].mean(axis=1)
    others = [points[:, one, :2] for one in (NOSE_TIP, *MOUTH_CORNERS)]
    return np.stack([left, right, *others], axis=1).astype(np.float64)


def openings(points: Floats) -> Openings:
    """Return how far mouths and eyes are open, by points (N, 468, 3)."""
    eyes_apart = _distance(points, RIGHT_CORNERS[1], LEFT_CORNERS[0])
    return Openings(
        mouth=_distance(points, *INNER_LIPS) / eyes_apart,
        mouth_width=_distance(points, *MOUTH_CORNERS) / eyes_apart,
        left_eye=_height(points, LEFT_LIDS) / _distance(points, *LEFT_CORNERS),
        right_eye=_height(points, RIGHT_LIDS) / _distance(points, *RIGHT_CORNERS),
    )


def _between(points: Floats, end: int, start: int) -> Doubles:
    difference: Doubles = points[:, end].astype(np.float64) - points[:, start]
    return difference


def _distance(points: Floats, one: int, other: int) -> Doubles:
    length: Doubles = np.linalg.norm(_between(points, one, other), axis=1)
    return length


def _height(points: Floats, lids: tuple[tuple[int, int], ...]) -> Doubles:
    height: Doubles = np.mean([_distance(points, *pair) for pair in lids], axis=0)
    return height


def _unrolled(vectors: Doubles, roll: Doubles) -> Doubles:
    """Turn vectors (N, 3) in the picture, each back by an angle in radians."""
    cosine, sine = np.cos(roll), np.sin(roll)
    x, y, z = vectors.T
    return np.stack([cosine * x + sine * y, cosine * y - sine * x, z], axis=1)
