"""Fit the studio's head to the 468 points of a frontal photograph.

Shapes: V vertices, K 468 points, M modes.
"""

from dataclasses import dataclass

import numpy as np

from gallery.studio.camera import DISTANCE_DM
from gallery.studio.lift.head_model import HeadModel
from gallery.studio.meshes import Floats

_NOISE = (0.03, 0.03, 0.12)  # decimetres, of the points along x, y, z
_ROUNDS, _PLACINGS = 5, 4
_INDEPENDENT = 40  # the points move together; they say what so many alone would
_TRUST_PITCH = 0.5  # share of the measured pitch that is the camera's
_TRUST_DEPTH = 0.35  # share of what depth remains unexplained that moves the head
# Points inside of the lips: they part when a mouth opens, which the closed lips below cannot.
INNER_LIPS = (
    *(78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191),
)


@dataclass(frozen=True, slots=True)
class PhotoCamera:
    """How a photograph was taken.

    Attributes:
        turn: Rows are the camera's right, up, and backwards in the head's axes, (3, 3).
        middle: What the photograph's origin lies on, in the head's axes, (3,).
        origin: That point in the photograph, (2,), pixels.
        scale: Pixels per decimetre at that point.
    """

    turn: Floats
    middle: Floats
    origin: Floats
    scale: float

    def project(self, places: Floats) -> Floats:
        """Return x, y (down) in pixels, and depth towards the camera in decimetres, (N, 3)."""
        seen = (places - self.middle) @ self.turn.T
        nearer = self.scale * DISTANCE_DM / (DISTANCE_DM - seen[:, 2])
        x, y = self.origin[0] + seen[:, 0] * nearer, self.origin[1] - seen[:, 1] * nearer
        return np.stack([x, y, seen[:, 2]], axis=1).astype(np.float32)

    @property
    def towards(self) -> Floats:
        """Unit vector from the head to the camera."""
        return np.asarray(self.turn[2])

    @property
    def yaw_deg(self) -> float:
        """Azimuth of the camera."""
        return float(np.degrees(np.arctan2(self.turn[2, 0], self.turn[2, 2])))

    @property
    def pitch_deg(self) -> float:
        """Elevation of the camera."""
        return float(np.degrees(np.arcsin(np.clip(self.turn[2, 1], -1, 1))))


def fit_head(model: HeadModel, points: Floats) -> tuple[Floats, PhotoCamera]:
    """Return the head's kept vertices, (V, 3), and the camera.

    Camera and shape are fitted in turn. What the modes leave of the points' places moves the skin
    around each point.

    Args:
        model: The studio's heads.
        points: Of the face mesh: x right, y down, z away from the camera, pixels, (K, 3).
    """
    firm = np.ones(len(points), bool)
    firm[list(INNER_LIPS)] = False
    on_modes = model.points(model.modes)[:, firm]  # (M, K, 3)
    seen = (points[firm] * [1, -1, -1]).astype(np.float64)
    depth, mean = model.depth[firm], model.points(model.mean)[firm]
    head = model.mean
    for _ in range(_ROUNDS):
        camera, targets = _place(model.points(head)[firm], seen, depth)
        head = model.shape(_ridge(on_modes, targets - mean))
    here = model.points(head)[firm]
    camera, targets = _place(here, seen, depth)
    left = ((targets - here) * [1, 1, _TRUST_DEPTH]).astype(np.float32)
    return (head + model.spread[:, firm] @ left).astype(np.float32), camera


def _place(here: Floats, seen: Floats, depth: Floats) -> tuple[PhotoCamera, Floats]:
    """Fit a camera to points, and return where the photograph puts them on the head.

    Args:
        here: The points on the head, (K, 3).
        seen: In the photograph: x, y up, z towards the camera, pixels, (K, 3).
        depth: What is added to z, decimetres, (K,).

    Returns:
        The camera, and places in the head's axes, (K, 3).
    """
    middle = here.mean(axis=0)
    model = here - middle
    turn: Floats = np.eye(3)
    origin, scale = seen.mean(axis=0), _scale(model, seen - seen.mean(axis=0))
    for _ in range(_PLACINGS):
        nearer = DISTANCE_DM / (DISTANCE_DM - (model @ turn.T)[:, 2:])
        flat = (seen - origin) / nearer / scale
        flat[:, 2] += depth
        turn = _less_pitched(_rotation(model, flat - flat.mean(axis=0)))
        placed = model @ turn.T
        nearer = DISTANCE_DM / (DISTANCE_DM - placed[:, 2:])
        scale = _scale(placed * nearer, seen)
        origin[:2] = (seen - scale * placed * nearer)[:, :2].mean(axis=0)
    flat = (seen - origin) / nearer / scale
    flat[:, 2] += depth
    flat[:, 2] += (placed - flat)[:, 2].mean()
    camera = PhotoCamera(turn, middle, origin[:2] * [1, -1], scale)
    return camera, (flat @ turn + middle).astype(np.float32)


def _rotation(here: Floats, there: Floats) -> Floats:
    """Return the rotation that brings points closest to others, (3, 3).

    Source: Kabsch, "A solution for the best rotation to relate two sets of vectors", 1976.
    """
    left, _, right = np.linalg.svd(here.T @ there)
    proper = np.diag([1, 1, np.sign(np.linalg.det(left @ right))])
    return np.asarray((left @ proper @ right).T)


def _less_pitched(turn: Floats) -> Floats:
    """Return a camera's axes, (3, 3), from a part of its elevation.

    The rest of what is measured is the form of the face, and the mesh's error: heads that look
    straight at a camera of their height are seen pitched by up to twenty degrees.
    """
    back = (1 - _TRUST_PITCH) * np.arcsin(np.clip(turn[2, 1], -1, 1))
    cosine, sine = np.cos(back), np.sin(back)
    around_x = np.array([[1, 0, 0], [0, cosine, sine], [0, -sine, cosine]])
    return np.asarray(turn @ around_x)


def _scale(here: Floats, there: Floats) -> float:
    """Return the factor that brings x and y of points closest to others', but for a shift."""
    here, there = (points[:, :2] - points[:, :2].mean(axis=0) for points in (here, there))
    return float((here * there).sum() / (here * here).sum())


def _ridge(modes: Floats, residual: Floats) -> Floats:
    """Return coefficients, (M,), that explain moves of points; 1 is usual."""
    weigh = 1 / np.array(_NOISE)
    columns = (modes * weigh).reshape(len(modes), -1).T
    target = (residual * weigh).ravel()
    share = _INDEPENDENT / len(residual)
    left = share * columns.T @ columns + np.eye(columns.shape[1])
    return np.linalg.solve(left, share * columns.T @ target).astype(np.float32)
