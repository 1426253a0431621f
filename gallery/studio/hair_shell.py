"""Hair as one surface around the scalp, and, below the ears, as a curtain that hangs down.

The surface is a grid of directions from the middle of the skull: columns turn around the head, from
behind (-180 degrees) over the face (0) to behind; rows go down from the crown. Hats are made of the
same grid.

Shapes: R rows, C columns.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gallery.studio.curves import noise, smooth, unit
from gallery.studio.geometry import NOSE_ROOT, eyes
from gallery.studio.hair_styles import Shell
from gallery.studio.library import BODY_VERTICES
from gallery.studio.meshes import Floats, TriMesh
from gallery.studio.traits import Hair

ROWS, COLUMNS, HANGING_ROWS = 22, 64, 12

# Elevation (degrees, from the middle of the skull) of the hairline by azimuth.
HAIRLINE = (
    (0, 30, 48, 60, 72, 84, 96, 112, 140, 180),
    (33.5, 32.5, 29, 20, 2, -7, 2, -22, -34, -38),
)


@dataclass(frozen=True, slots=True)
class Scalp:
    """The skull as distances from its middle.

    Attributes:
        middle: (3,), decimetres.
        directions: To vertices of the skull, (N, 3), length 1.
        distances: Distances of those vertices, (N,).
    """

    middle: Floats
    directions: Floats
    distances: Floats

    def radius(self, directions: Floats) -> Floats:
        """Return how far the skull is in some directions, (..., 3) to (...)."""
        close = np.exp((directions @ self.directions.T - 1) * 140)
        return np.asarray((close * self.distances).sum(-1) / close.sum(-1), dtype=np.float32)


def scalp_of(vertices: Floats) -> Scalp:
    """Measure the skull of a body, ears and nose left out."""
    middle = np.array([0, vertices[NOSE_ROOT, 1] + 0.25, 0.42], dtype=np.float32)
    skull = vertices[:BODY_VERTICES]
    skull = skull[(skull[:, 1] > middle[1] - 1.0) & (np.abs(skull[:, 0]) < 0.80)]
    skull = skull[skull[:, 2] < vertices[NOSE_ROOT, 2] + 0.03]
    offsets = skull - middle
    return Scalp(middle, unit(offsets), np.linalg.norm(offsets, axis=1))


def directions(azimuth: Floats, elevation: Floats) -> Floats:
    """Return unit vectors of angles in radians, (...) to (..., 3)."""
    flat = np.cos(elevation)
    parts = [np.sin(azimuth) * flat, np.sin(elevation), np.cos(azimuth) * flat]
    return np.stack(np.broadcast_arrays(*parts), axis=-1).astype(np.float32)


def grid_mesh(points: Floats, uv: Floats, keep: NDArray[np.bool_] | None = None) -> TriMesh:
    """Join a grid of points, (R, C, 3), to triangles.

    Args:
        points: Columns turn to the left seen from outside, rows go down.
        uv: (R, C, 2).
        keep: Which of the (R - 1, C - 1) cells there are; None is all.
    """
    index = np.arange(points.shape[0] * points.shape[1]).reshape(points.shape[:2])
    cells = np.stack([index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]], axis=-1)
    corners = cells[np.ones(cells.shape[:2], bool) if keep is None else keep]
    triangles = np.concatenate([corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]]).astype(np.int32)
    return TriMesh(
        points.reshape(-1, 3).astype(np.float32),
        triangles,
        uv.reshape(-1, 2).astype(np.float32)[triangles],
    )


def shell_mesh(shell: Shell, hair: Hair, vertices: Floats, *, under_hat: bool = False) -> TriMesh:
    """Draw a shell of hair around a head.

    Args:
        shell: Its shape.
        hair: The person's own length, volume, parting and curls.
        vertices: Vertices of the body, (V, 3).
        under_hat: Pressed flat, without bun and fringe.
    """
    scalp = scalp_of(vertices)
    azimuth = np.linspace(-np.pi, np.pi, COLUMNS + 1)
    mirror = -1 if hair.mirrored else 1
    low = _hairline(shell, hair, azimuth, under_hat=under_hat)
    share = np.linspace(0, 1, ROWS)[:, None]
    elevation = np.pi / 2 * (1 - share) + low * share  # (R, C)
    around = directions(azimuth, elevation)
    thick = _thickness(shell, hair, around * [mirror, 1, 1], share * _bare(shell, azimuth))
    if under_hat:
        thick = np.minimum(thick, 0.06)
    points = scalp.middle + around * (scalp.radius(around) + thick)[..., None]
    uv = _strands(azimuth, 1 - 0.45 * share)
    parts = [grid_mesh(points, uv)]
    if shell.drop and not (under_hat and shell.drop < 0.5):
        parts.append(_curtain(shell, hair, points[-1], azimuth, vertices))
    if shell.bun and not under_hat:
        parts.append(_bun(shell, hair, scalp))
    return join(parts)


def join(parts: list[TriMesh]) -> TriMesh:
    """Put meshes together into one."""
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    shifted = [part.triangles + start for part, start in zip(parts, starts, strict=False)]
    return TriMesh(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate(shifted).astype(np.int32),
        np.concatenate([part.uv for part in parts]),
    )


def _hairline(shell: Shell, hair: Hair, azimuth: Floats, *, under_hat: bool) -> Floats:
    """Return the elevation where hair ends, radians, by azimuth.

    People differ in how high it begins, in a peak in the middle, and in corners at the temples.
    """
    degrees = np.abs(np.degrees(azimuth))
    rng = np.random.default_rng(hair.seed + 4)
    high, peak, corner = rng.normal(0, 1, 3)
    line = np.interp(degrees, *HAIRLINE) + (1.8 * high + 3 * hair.recedes) * smooth(70, 40, degrees)
    line = line + 2.0 * peak * np.exp(-((degrees / 11) ** 2))
    bare = abs(3.0 * corner) + 7 * hair.recedes
    line = line + bare * np.exp(-(((degrees - 38) / 12) ** 2))
    if not under_hat:
        line = _fallen(shell, hair, azimuth, line)
    if shell.drop:
        line = line + (-14 - line) * smooth(shell.face, shell.face + 14, degrees)
    ragged = rng.normal(0, 1, len(azimuth)) * smooth(75, 50, degrees)
    line = line + (0.8 + 1.6 * (shell.fringe > 0)) * ragged
    return np.asarray(np.radians(line), dtype=np.float32)


def _fallen(shell: Shell, hair: Hair, azimuth: Floats, line: Floats) -> Floats:
    """Lower a hairline, in degrees, by the hair that falls over the forehead."""
    if shell.fringe:
        line = line - 17 * shell.fringe * smooth(56, 34, np.abs(np.degrees(azimuth)))
    if shell.parting:
        turned = np.degrees(azimuth) * (-1 if hair.mirrored else 1)
        beside = turned - np.degrees(np.arcsin(_parting_place(hair)))
        if shell.drop:  # falls to both sides, like a curtain that is drawn
            line = np.minimum(line, 37 - (0.45 + 0.25 * hair.volume) * np.abs(beside))
        else:  # combed over to one side
            line = line - 11 * smooth(0, -42, beside) * smooth(-75, -55, turned)
    return line


def _parting_place(hair: Hair) -> float:
    """Return how far from the middle hair is parted, as a share of the skull's radius."""
    return 0.04 + 0.36 * abs(hair.parting)


def _bare(shell: Shell, azimuth: Floats) -> Floats:
    """Return where a shell ends on the skin, 1, and where hair goes on hanging, 0.7, by azimuth."""
    if not shell.drop:
        return np.ones_like(azimuth)
    hanging = smooth(shell.face - 12, shell.face + 4, np.abs(np.degrees(azimuth)))
    return np.asarray(1 - 0.3 * hanging)


def _thickness(shell: Shell, hair: Hair, around: Floats, share: Floats) -> Floats:
    """Return how thick hair is in each direction, (R, C)."""
    above = smooth(0.15, 0.8, around[..., 1])
    thick = shell.sides + (shell.top - shell.sides) * above
    forward = smooth(0.35, 0.9, around[..., 2]) * smooth(0.2, 0.6, around[..., 1])
    thick = thick + shell.front * forward
    if shell.parting:
        at = _parting_place(hair)
        groove = np.exp(-(((around[..., 0] - at) / 0.07) ** 2)) * smooth(0.25, 0.6, around[..., 1])
        heavier = 1 + 0.22 * smooth(at + 0.05, at - 0.35, around[..., 0])
        thick = thick * heavier - shell.parting * 0.6 * groove
    curl = min(1.0, hair.curl + shell.curl)
    rng = np.random.default_rng(hair.seed)
    lumps = noise(rng, 64, ((9, 0.5), (20, 0.5)))[: 2 * ROWS : 2, :COLUMNS]
    lumps = np.concatenate([lumps, lumps[:, :1]], axis=1) * smooth(0.0, 0.25, share)
    thick = thick * hair.volume * (1 + (0.06 + 0.30 * curl) * lumps)
    ends = 1 - 0.85 * smooth(0.72, 1.0, share)  # thin towards the hairline
    return np.asarray(np.maximum(thick * ends, 0.014), dtype=np.float32)


def _curtain(shell: Shell, hair: Hair, rim: Floats, azimuth: Floats, vertices: Floats) -> TriMesh:
    """Hang hair from the rim of the shell, beside and behind the face."""
    drop = shell.drop * (1 + 0.22 * hair.length)
    share = np.linspace(0, 1, HANGING_ROWS)[:, None]
    side = smooth(np.radians(shell.face), np.radians(shell.face + 16), np.abs(azimuth))
    outward = np.stack([np.sin(azimuth), np.zeros_like(azimuth), np.cos(azimuth)], axis=-1)
    bulge = np.sin(np.minimum(share * 2.2, np.pi / 2)) * (0.10 + 0.6 * shell.sides)
    away = bulge * hair.volume + shell.flare * share**1.5  # (R, 1)
    rng = np.random.default_rng(hair.seed + 1)
    curl = min(1.0, hair.curl + shell.curl)
    lumps = noise(rng, 64, ((10, 0.5), (22, 0.5)))[:HANGING_ROWS, :COLUMNS]
    lumps = np.concatenate([lumps, lumps[:, :1]], axis=1)
    away = away + (0.02 + 0.10 * curl) * lumps * share
    start = np.maximum(rim[:, 1], eyes(vertices)[0, 1] - 0.05)
    points = np.repeat(rim[None], HANGING_ROWS, axis=0) + outward * away[..., None]
    ends = 1 + 0.07 * lumps[-1]
    points[..., 1] = rim[:, 1] - (drop * ends + rim[:, 1] - start) * share
    shoulders = smooth(0.9, 1.7, share * drop) * smooth(1.6, 2.4, np.abs(azimuth))
    points[..., 2] -= 0.18 * shoulders  # lies on the back
    uv = _strands(azimuth, 0.55 - 0.55 * share)
    keep = np.broadcast_to((side[:-1] > 0.02) & (side[1:] > 0.02), (HANGING_ROWS - 1, COLUMNS))
    return grid_mesh(points, uv, keep)


def _strands(azimuth: Floats, height: Floats) -> Floats:
    """Return texture coordinates: the picture of strands goes to and fro around the head."""
    across = np.abs((azimuth / np.pi * 2) % 2 - 1)
    return np.stack(np.broadcast_arrays(across, height), axis=-1).astype(np.float32)


def _bun(shell: Shell, hair: Hair, scalp: Scalp) -> TriMesh:
    """Set a ball of hair behind or on the crown."""
    height = 0.55 if shell.bun > 0.32 else 1.15
    towards = directions(np.array(np.pi), np.array(height))
    at = scalp.middle + towards * (scalp.radius(towards) + 0.6 * shell.bun)
    azimuth = np.linspace(-np.pi, np.pi, 25)
    elevation = np.linspace(np.pi / 2, -np.pi / 2, 13)[:, None]
    ball = directions(azimuth, elevation)
    rng = np.random.default_rng(hair.seed + 2)
    lumps = noise(rng, 25, ((6, 0.5),))[:13]
    points = at + ball * (shell.bun * hair.volume * (1 + 0.08 * lumps))[..., None]
    uv = _strands(azimuth, 0.3 + 0.2 * elevation)
    return grid_mesh(points, uv)
