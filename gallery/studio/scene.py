"""One head with hair and accessories, ready to be seen and lit.

Shapes: V vertices, T triangles, A x B pixels of the atlas.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gallery.studio.curves import unit
from gallery.studio.lights import towards
from gallery.studio.materials import HAIR, TWO_SIDED, Atlas
from gallery.studio.meshes import Floats, Ints, TriMesh
from gallery.studio.rasteriser import Triangles, depth_map

REACH_DM = 2.1  # half the side of the square that a lamp's depth map covers
_SKY = 44  # directions in which openness is measured
_SKY_SIDE = 128


@dataclass(frozen=True, slots=True)
class MeshPart:
    """A mesh of one material; holed says whether the atlas' alpha cuts holes."""

    mesh: TriMesh
    material: int
    holed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What stands before the camera.

    Attributes:
        points: (V, 3), decimetres.
        normals: (V, 3), length 1.
        openness: How much of the room's light reaches a vertex, (V,), 0..1.
        triangles: Corners, texture coordinates, alpha.
        material: Material of each triangle, (T,).
        tangents: Directions of u and v on each triangle, (T, 2, 3), length 1.
        atlas: Textures.
        middle: What cameras and lamps look at, (3,).
        eyes: Centres of the eyeballs, (2, 3).
        chin: Tip of the chin with a neutral expression, (3,).
        eyeballs: Which vertices are eyes.
    """

    points: Floats
    normals: Floats
    openness: Floats
    triangles: Triangles
    material: NDArray[np.uint8]
    tangents: Floats
    atlas: Atlas
    middle: Floats
    eyes: Floats
    chin: Floats
    eyeballs: slice


@dataclass(frozen=True, slots=True)
class Lamp:
    """How a distant lamp sees a scene.

    Attributes:
        frame: Rows are the axes of its depth map: right, up, away from the lamp, (3, 3).
        depth: Nearest distances, (S, S).
        per_dm: Pixels of the depth map per decimetre.
    """

    frame: Floats
    depth: Floats
    per_dm: float


def assemble(
    parts: list[MeshPart], atlas: Atlas, marks: tuple[Floats, Floats, Floats], eyeballs: int
) -> Scene:
    """Put parts together, and measure normals, tangents and openness.

    Args:
        parts: At least the skin.
        atlas: Textures, filled.
        marks: Middle, (3,), eyes, (2, 3), and chin, (3,), of the scene.
        eyeballs: Which part the eyes are.
    """
    starts = np.cumsum([0, *(len(part.mesh.vertices) for part in parts)])
    counts = [len(part.mesh.triangles) for part in parts]
    points = np.concatenate([part.mesh.vertices for part in parts]).astype(np.float32)
    corners = np.concatenate(
        [part.mesh.triangles + start for part, start in zip(parts, starts, strict=False)]
    ).astype(np.int32)
    uv = np.concatenate([atlas.pixels(part.material, part.mesh.uv) for part in parts])
    holed = np.repeat([part.holed for part in parts], counts).astype(np.uint8)
    material = np.repeat([part.material for part in parts], counts).astype(np.uint8)
    triangles = Triangles(corners, uv, holed, atlas.alpha)
    normals, tangents = _directions(points, triangles)
    return Scene(
        points=points,
        normals=normals,
        openness=_openness(points, normals, triangles, material, marks[0]),
        triangles=triangles,
        material=material,
        tangents=tangents,
        atlas=atlas,
        middle=marks[0],
        eyes=marks[1],
        chin=marks[2],
        eyeballs=slice(int(starts[eyeballs]), int(starts[eyeballs + 1])),
    )


def compact(mesh: TriMesh) -> TriMesh:
    """Return a mesh without the vertices that no triangle uses."""
    used, corners = np.unique(mesh.triangles, return_inverse=True)
    return TriMesh(
        mesh.vertices[used], corners.reshape(mesh.triangles.shape).astype(np.int32), mesh.uv
    )


def lamp(
    points: Floats, triangles: Triangles, middle: Floats, direction: Floats, side: int
) -> Lamp:
    """Look at a scene from a distant lamp.

    Args:
        points: (V, 3).
        triangles: What casts shadows.
        middle: Middle of the depth map, (3,).
        direction: Unit vector towards the lamp, (3,).
        side: Side of the depth map, pixels.
    """
    up = np.array([0, 1, 0] if abs(direction[1]) < 0.98 else [0, 0, 1], dtype=np.float32)
    right = unit(np.cross(up, direction))
    frame = np.stack([right, np.cross(direction, right), -direction]).astype(np.float32)
    per_dm = side / (2 * REACH_DM)
    seen = (points - middle) @ frame.T
    seen[:, :2] = seen[:, :2] * per_dm + side / 2
    return Lamp(frame, depth_map(seen.astype(np.float32), triangles, side), per_dm)


def _directions(points: Floats, triangles: Triangles) -> tuple[Floats, Floats]:
    """Return normals of vertices, (V, 3), and tangents of triangles, (T, 2, 3)."""
    at = points[triangles.corners]
    edges = at[:, 1:] - at[:, :1]  # (T, 2, 3)
    across = np.cross(edges[:, 0], edges[:, 1])
    normals = _summed(points, triangles.corners, across)
    steps = triangles.uv[:, 1:] - triangles.uv[:, :1]  # (T, 2, 2)
    area = steps[:, 0, 0] * steps[:, 1, 1] - steps[:, 1, 0] * steps[:, 0, 1]
    area = np.where(np.abs(area) < 1e-8, 1e-8, area)[:, None]
    along_u = (edges[:, 0] * steps[:, 1, 1:] - edges[:, 1] * steps[:, 0, 1:]) / area
    along_v = (edges[:, 1] * steps[:, 0, :1] - edges[:, 0] * steps[:, 1, :1]) / area
    return unit(normals), np.stack([unit(along_u), unit(along_v)], axis=1)


def vertex_normals(points: Floats, corners: Ints) -> Floats:
    """Return normals of length 1, (V, 3), of vertices (V, 3) of triangles (T, 3)."""
    at = points[corners]
    return unit(_summed(points, corners, np.cross(at[:, 1] - at[:, 0], at[:, 2] - at[:, 0])))


def _summed(points: Floats, corners: Ints, across: Floats) -> Floats:
    """Sum up the triangles' normals at their corners, (V, 3)."""
    normals = np.zeros_like(points)
    for corner in range(3):
        for axis in range(3):
            normals[:, axis] += np.bincount(corners[:, corner], across[:, axis], len(points))
    return normals


def _openness(
    points: Floats,
    normals: Floats,
    triangles: Triangles,
    material: NDArray[np.uint8],
    middle: Floats,
) -> Floats:
    """Return the share of the sky, weighed by the cosine, that each vertex sees, (V,).

    Directions lie on a spiral of golden angles, from straight above to below the horizon.
    """
    of_vertex = np.zeros(len(points), np.uint8)
    of_vertex[triangles.corners.ravel()] = np.repeat(material, 3)
    outward = points - (middle - np.array([0, -0.2, 0.25], dtype=np.float32))
    turned = np.isin(of_vertex, TWO_SIDED) & ((normals * outward).sum(axis=1) < 0)
    facing = np.where(turned[:, None], -normals, normals)
    lifted = (points + 0.02 * facing - middle).astype(np.float32)
    open_sky, sky = np.zeros(len(points), np.float32), np.zeros(len(points), np.float32)
    for number in range(_SKY):
        height = 1 - 1.6 * (number + 0.5) / _SKY
        direction = towards(np.degrees(number * 2.399963), np.degrees(np.arcsin(height)))
        cosine = np.maximum(facing @ direction, 0)
        eye = lamp(points, triangles, middle, direction, _SKY_SIDE)
        open_sky += cosine * _lit(lifted, eye)
        sky += cosine
    openness = (open_sky + 0.02) / (sky + 0.02)
    return np.where(of_vertex == HAIR, 0.3 + 0.7 * openness, openness).astype(np.float32)


def _lit(points: Floats, eye: Lamp) -> NDArray[np.bool_]:
    seen = points @ eye.frame.T
    side = len(eye.depth)
    column = np.clip((seen[:, 0] * eye.per_dm + side / 2).astype(np.int32), 0, side - 1)
    row = np.clip((seen[:, 1] * eye.per_dm + side / 2).astype(np.int32), 0, side - 1)
    lit: NDArray[np.bool_] = seen[:, 2] < eye.depth[row, column] + 0.06
    return lit
