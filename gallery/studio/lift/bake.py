"""Take the skin's texture from a photograph.

Shapes: U pixels of a unit of the atlas, N texels that show skin, H x W pixels of the photograph.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gallery.studio.compiled import compiled
from gallery.studio.lift.fit import PhotoCamera
from gallery.studio.meshes import Floats, Ints, TriMesh
from gallery.studio.rasteriser import Triangles, depth_map, see

_DEPTH_SIDE = 384
_BIAS_DM = np.float32(0.05)  # keeps a surface from hiding itself
# Cosine of the angle of sight from which a texel is trusted, and from which wholly.
_GRAZING = (np.float32(0.12), np.float32(0.5))


class Texels(NamedTuple):
    """Where texels lie on the mesh.

    Attributes:
        at: Row and column, (N, 2).
        corners: Vertices of the triangle, (N, 3).
        weights: Their shares, (N, 3).
    """

    at: Ints
    corners: Ints
    weights: Floats


class Taken(NamedTuple):
    """What the photograph says of each texel.

    Attributes:
        colour: Linear RGB, (N, 3).
        normal: (N, 3), in the head's axes.
        weight: How far it can be trusted, 0..1, (N,).
    """

    colour: Floats
    normal: Floats
    weight: Floats


class _Seen(NamedTuple):
    """What compiled code reads of mesh and camera."""

    projected: Floats
    normals: Floats
    towards: Floats
    nearest: Floats
    per: np.float32


def texels(mesh: TriMesh, unit: int) -> Texels:
    """Draw a mesh flat on its texture of unit x unit pixels."""
    count = len(mesh.triangles)
    flat = np.ones((3 * count, 3), dtype=np.float32)
    flat[:, :2] = mesh.uv.reshape(-1, 2) * [unit, -unit] + [0, unit]
    corners = np.arange(3 * count, dtype=np.int32).reshape(-1, 3)
    seen = see(flat, _solid(corners), unit, unit)
    at = np.argwhere(seen.triangle >= 0).astype(np.int32)
    rows, columns = at.T
    second, third = seen.second[rows, columns], seen.third[rows, columns]
    weights = np.stack([1 - second - third, second, third], axis=1).astype(np.float32)
    return Texels(at, mesh.triangles[seen.triangle[rows, columns]], weights)


def shadows(camera: PhotoCamera, meshes: Sequence[TriMesh], side: int) -> tuple[Floats, float]:
    """Return the depths of what a camera sees first, and pixels of that map per pixel.

    Args:
        camera: The camera.
        meshes: What it sees.
        side: S, of the portrait.
    """
    per = _DEPTH_SIDE / side
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    corners = [mesh.triangles + start for mesh, start in zip(meshes, starts, strict=False)]
    triangles = np.concatenate(corners).astype(np.int32)
    seen = camera.project(np.concatenate([mesh.vertices for mesh in meshes]))
    seen = (seen * [per, per, -1]).astype(np.float32)
    return depth_map(seen, _solid(triangles), _DEPTH_SIDE), per


def _solid(corners: Ints) -> Triangles:
    """Return triangles without holes."""
    count = len(corners)
    none = np.zeros((count, 3, 2), np.float32)
    return Triangles(corners, none, np.zeros(count, np.uint8), np.ones((4, 4), np.float32))


def take(
    photo: Floats,
    where: Texels,
    projected: Floats,
    normals: Floats,
    eye: tuple[Floats, Floats, float],
) -> Taken:
    """Read the photograph at each texel.

    Args:
        photo: Linear RGB and how surely a pixel shows the person, (H, W, 4).
        where: The texels.
        projected: Vertices in the photograph: x, y, depth towards the camera, (V, 3).
        normals: Of the vertices, (V, 3).
        eye: Direction towards the camera, (3,), nearest depths, and their pixels per pixel.
    """
    count = len(where.at)
    taken = Taken(
        np.zeros((count, 3), np.float32),
        np.zeros((count, 3), np.float32),
        np.zeros(count, np.float32),
    )
    towards, nearest, per = eye
    seen = _Seen(projected, normals, towards.astype(np.float32), nearest, np.float32(per))
    _take(photo, where, seen, taken)
    return taken


@compiled
def _take(photo: Floats, where: Texels, seen: _Seen, out: Taken) -> None:
    height, width = photo.shape[:2]
    side = seen.nearest.shape[0]
    for texel in range(len(where.at)):
        x, y, depth, facing = _place(texel, where, seen, out)
        if x < 0.5 or y < 0.5 or x >= width - 1.5 or y >= height - 1.5 or facing < _GRAZING[0]:
            continue
        column, row = min(int(x * seen.per), side - 1), min(int(y * seen.per), side - 1)
        if -depth <= seen.nearest[row, column] + _BIAS_DM:
            sure = _look_up(photo, x - np.float32(0.5), y - np.float32(0.5), out.colour[texel])
            share = (facing - _GRAZING[0]) / (_GRAZING[1] - _GRAZING[0])
            share = min(max(share, np.float32(0)), np.float32(1))
            out.weight[texel] = sure * share * share * (3 - 2 * share)


@compiled
def _place(
    texel: int, where: Texels, seen: _Seen, out: Taken
) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Return where a texel is in the photograph, x, y and depth, and how it faces the camera."""
    x, y, depth = np.float32(0), np.float32(0), np.float32(0)
    normal = out.normal[texel]
    for corner in range(3):
        vertex, weight = where.corners[texel, corner], where.weights[texel, corner]
        x += weight * seen.projected[vertex, 0]
        y += weight * seen.projected[vertex, 1]
        depth += weight * seen.projected[vertex, 2]
        for axis in range(3):
            normal[axis] += weight * seen.normals[vertex, axis]
    length, facing = np.float32(1e-9), np.float32(0)
    for axis in range(3):
        length += normal[axis] ** 2
    length = np.sqrt(length)
    for axis in range(3):
        normal[axis] /= length
        facing += normal[axis] * seen.towards[axis]
    return x, y, depth, facing


@compiled
def _look_up(photo: Floats, x: np.float32, y: np.float32, colour: Floats) -> np.float32:
    """Read a colour between pixels; return how surely it is the person's."""
    column, row = int(x), int(y)
    right, down = x - np.float32(column), y - np.float32(row)
    sure = np.float32(0)
    for below in range(2):
        for beside in range(2):
            weight = (right if beside else 1 - right) * (down if below else 1 - down)
            for channel in range(3):
                colour[channel] += weight * photo[row + below, column + beside, channel]
            sure += weight * photo[row + below, column + beside, 3]
    return sure


def fill(colour: Floats, weight: Floats) -> Floats:
    """Fill what is not known from around: averages of ever larger squares.

    Args:
        colour: (U, U, 3).
        weight: 0..1, (U, U).

    Source: Gortler et al., "The Lumigraph", SIGGRAPH 1996 (pull-push).
    """
    sums: list[Floats] = [colour * weight[..., None]]
    weights: list[Floats] = [weight]
    while len(weights[-1]) > 1:
        sums.append(_halved(sums[-1]))
        weights.append(_halved(weights[-1]))
    filled: Floats = sums[-1] / np.maximum(weights[-1][..., None], 1e-6)
    for total, weight_here in zip(sums[-2::-1], weights[-2::-1], strict=True):
        doubled = filled.repeat(2, axis=0).repeat(2, axis=1)
        doubled = _smoothed(doubled)
        known = np.clip(weight_here, 0, 1)[..., None]
        mean = total / np.maximum(weight_here[..., None], 1e-6)
        filled = np.where(
            weight_here[..., None] > 1e-6, mean * known + doubled * (1 - known), doubled
        )
    return filled.astype(np.float32)


def _halved(a: Floats) -> Floats:
    return a[::2, ::2] + a[1::2, ::2] + a[::2, 1::2] + a[1::2, 1::2]


def _smoothed(a: Floats) -> Floats:
    if len(a) < 4:
        return a
    for axis in (0, 1):
        a = (np.roll(a, 1, axis) + 2 * a + np.roll(a, -1, axis)) / 4
    return a
