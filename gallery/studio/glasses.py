"""Three pairs of glasses: round wire, thick frames, sunglasses. All are of our own.

Shapes: N points of a rim or a wire.
"""

from dataclasses import dataclass

import numpy as np

from gallery.studio.curves import unit
from gallery.studio.geometry import NOSE_ROOT, eyes
from gallery.studio.hair_shell import join
from gallery.studio.library import BODY_VERTICES
from gallery.studio.meshes import Floats, TriMesh

_POINTS = 40
_BULGE_DM = 0.08  # a flat lens would mirror a flash all over


@dataclass(frozen=True, slots=True)
class Glasses:
    """One pair; lengths in decimetres.

    Attributes:
        half: Half of a lens' width and height.
        square: Exponents of the rim's curve along x and y: 1 is round, near 0 a rectangle.
        wire: Radius of the frame's wire.
        below: How far the lens' middle lies below the eye.
        frame: Linear RGB of the frame.
        lens: Linear RGB of the lens.
        dark: How much the lens hides, 0..1.
    """

    half: tuple[float, float]
    square: tuple[float, float]
    wire: float
    below: float
    frame: tuple[float, float, float]
    lens: tuple[float, float, float]
    dark: float


_CLEAR = (0.30, 0.34, 0.36)
GLASSES = {
    "round-glasses": Glasses(
        (0.245, 0.235), (1.0, 1.0), 0.020, 0.02, (0.10, 0.075, 0.04), _CLEAR, 0.065
    ),
    "thick-glasses": Glasses(
        (0.30, 0.20), (0.35, 0.45), 0.036, 0.03, (0.010, 0.010, 0.012), _CLEAR, 0.065
    ),
    "sunglasses": Glasses(
        (0.31, 0.24), (0.7, 0.9), 0.018, 0.05, (0.03, 0.03, 0.03), (0.010, 0.010, 0.012), 0.98
    ),
}


def glasses_meshes(name: str, vertices: Floats) -> tuple[TriMesh, TriMesh]:
    """Put glasses before a body's eyes: the frame, and the two lenses."""
    style = GLASSES[name]
    left, right = eyes(vertices)
    front = max(left[2] + 0.30, vertices[NOSE_ROOT, 2] - 0.02)
    rims = [_rim(style, eye, side, front) for eye, side in ((left, 1), (right, -1))]
    wires = [_wire(rim, style.wire, closed=True) for rim in rims]
    wires += [
        _wire(_temple(rim, side, vertices), 1.1 * style.wire, closed=False)
        for rim, side in zip(rims, (1, -1), strict=True)
    ]
    wires.append(_wire(_bridge(*rims), style.wire, closed=False))
    return join(wires), join([_lens(rim) for rim in rims])


def _rim(style: Glasses, eye: Floats, side: int, front: float) -> Floats:
    turn = np.linspace(0, 2 * np.pi, _POINTS, endpoint=False)
    cosine, sine = np.cos(turn), np.sin(turn)
    x = np.sign(cosine) * np.abs(cosine) ** style.square[0]
    y = np.sign(sine) * np.abs(sine) ** style.square[1]
    across = eye[0] + style.half[0] * x + 0.015 * side
    height = eye[1] - style.below + style.half[1] * y
    depth = front - 0.10 * (np.abs(across) / 0.55) ** 2  # bends around the face
    return np.stack([across, height, depth], axis=1)


def _temple(rim: Floats, side: int, vertices: Floats) -> Floats:
    """Return the arm from the rim's outer end to the ear."""
    end = rim[np.argmax(rim[:, 0] * side)]
    body = vertices[:BODY_VERTICES]
    beside = (np.abs(body[:, 1] - end[1]) < 0.12) & (body[:, 2] < 0.75) & (body[:, 2] > 0.45)
    width = min(float(np.abs(body[beside, 0]).max()), 0.86)
    ear = np.array([side * width, end[1] + 0.06, 0.45])
    hinge = end + np.array([0.03 * side, 0.03, -0.02])
    knee = 0.5 * ear + 0.5 * (hinge + np.array([0.03 * side, 0.02, -0.15]))
    return np.stack([hinge, hinge + np.array([0.02 * side, 0, -0.12]), knee, ear])


def _bridge(left: Floats, right: Floats) -> Floats:
    inner, other = left[np.argmin(left[:, 0])], right[np.argmax(right[:, 0])]
    middle = (inner + other) / 2 + [0, 0.05, 0.03]
    return np.stack([inner, 0.8 * middle + 0.2 * inner, middle, 0.8 * middle + 0.2 * other, other])


def _lens(rim: Floats) -> TriMesh:
    around = np.arange(_POINTS)
    fan = np.stack([around, (around + 1) % _POINTS, np.full(_POINTS, _POINTS)], axis=1)
    middle = rim.mean(axis=0, keepdims=True) + np.array([0, 0, _BULGE_DM])
    return _plain(np.concatenate([rim, middle]), fan)


def _wire(path: Floats, radius: float, *, closed: bool, sides: int = 6) -> TriMesh:
    """Lay a tube along points, (N, 3)."""
    after, before = np.roll(path, -1, axis=0), np.roll(path, 1, axis=0)
    if not closed:
        after[-1] = 2 * path[-1] - path[-2]
        before[0] = 2 * path[0] - path[1]
    along = unit(after - before)
    across = unit(np.cross(along, np.array([0.13, 0.05, 1.0])))
    third = np.cross(along, across)
    turn = (np.arange(sides) * 2 * np.pi / sides)[None, :, None]
    ring = np.cos(turn) * across[:, None] + np.sin(turn) * third[:, None]
    points = path[:, None] + radius * ring  # (N, sides, 3)
    index = np.arange(len(path) * sides).reshape(len(path), sides)
    index = np.concatenate([index, index[:1]]) if closed else index
    turned = np.roll(index, -1, axis=1)
    cells = np.stack([index[:-1], index[1:], turned[1:], turned[:-1]], axis=-1).reshape(-1, 4)
    return _plain(points.reshape(-1, 3), np.concatenate([cells[:, [0, 1, 2]], cells[:, [0, 2, 3]]]))


def _plain(points: Floats, triangles: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> TriMesh:
    middle = np.full((len(triangles), 3, 2), 0.5, dtype=np.float32)
    return TriMesh(points.astype(np.float32), triangles.astype(np.int32), middle)
