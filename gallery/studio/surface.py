"""What is seen, sample by sample: place, normal, colour. It does not depend on the lamp.

Shapes: N covered samples, V vertices, T triangles, A x B pixels of the atlas.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gallery.studio.camera import SAMPLES, Shot, look
from gallery.studio.compiled import compiled
from gallery.studio.curves import unit
from gallery.studio.lights import ROOM_FROM
from gallery.studio.materials import BROW, LENS, SKIN, TEETH, TONGUE
from gallery.studio.meshes import Floats, Ints
from gallery.studio.rasteriser import Seen, Triangles, see
from gallery.studio.scene import Scene

_RELIEF = 1.2  # strength of the skin's bumps


class Surface(NamedTuple):
    """The covered samples of a picture.

    Attributes:
        pixel: Which pixel a sample belongs to, (N,).
        place: From the scene's middle, (N, 3), decimetres.
        normal: (N, 3), length 1, towards the camera where the material has two sides.
        to_camera: Unit vectors towards the camera, (N, 3).
        colour: Linear RGB, (N, 3).
        room: Colour in the room's light of power 1, (N, 3).
        material: (N,).
        gloss: (N,).
    """

    pixel: Ints
    place: Floats
    normal: Floats
    to_camera: Floats
    colour: Floats
    room: Floats
    material: NDArray[np.uint8]
    gloss: Floats


class _Model(NamedTuple):
    """The arrays of a scene that compiled code reads."""

    points: Floats
    normals: Floats
    openness: Floats
    material: NDArray[np.uint8]
    tangents: Floats
    colour: Floats
    gloss: Floats
    bump: Floats
    camera: Floats
    room_from: Floats


def surface(scene: Scene, shot: Shot, size: int) -> Surface:
    """Photograph a scene without light."""
    view = look(scene, shot, size)
    side = size * SAMPLES
    seen = see(view.points, scene.triangles, side, side)
    count = int((seen.triangle >= 0).sum())
    empty = Surface(
        pixel=np.empty(count, np.int32),
        place=np.empty((count, 3), np.float32),
        normal=np.empty((count, 3), np.float32),
        to_camera=np.empty((count, 3), np.float32),
        colour=np.empty((count, 3), np.float32),
        room=np.empty((count, 3), np.float32),
        material=np.empty(count, np.uint8),
        gloss=np.empty(count, np.float32),
    )
    model = _Model(
        points=scene.points - scene.middle,
        normals=scene.normals,
        openness=scene.openness,
        material=scene.material,
        tangents=scene.tangents,
        colour=scene.atlas.colour,
        gloss=scene.atlas.gloss,
        bump=scene.atlas.bump,
        camera=view.camera - scene.middle,
        room_from=unit(np.array(ROOM_FROM, dtype=np.float32)),
    )
    _fill_samples(seen, scene.triangles, model, empty)
    return empty


@compiled
def _fill_samples(seen: Seen, triangles: Triangles, model: _Model, out: Surface) -> None:
    height, width = seen.depth.shape
    at = 0
    for y in range(height):
        for x in range(width):
            number = seen.triangle[y, x]
            if number >= 0:
                weights = (
                    np.float32(1) - seen.second[y, x] - seen.third[y, x],
                    seen.second[y, x],
                    seen.third[y, x],
                )
                out.pixel[at] = (y // SAMPLES) * (width // SAMPLES) + x // SAMPLES
                _fill_sample(number, weights, triangles, model, out, at)
                at += 1


@compiled
def _fill_sample(
    number: int,
    weights: tuple[np.float32, np.float32, np.float32],
    triangles: Triangles,
    model: _Model,
    out: Surface,
    at: int,
) -> None:
    corners = triangles.corners[number]
    material = model.material[number]
    u, v = np.float32(0), np.float32(0)
    openness = np.float32(0)
    out.place[at] = 0
    out.normal[at] = 0
    for corner in range(3):
        weight = weights[corner]
        u += weight * triangles.uv[number, corner, 0]
        v += weight * triangles.uv[number, corner, 1]
        openness += weight * model.openness[corners[corner]]
        for axis in range(3):
            out.place[at, axis] += weight * model.points[corners[corner], axis]
            out.normal[at, axis] += weight * model.normals[corners[corner], axis]
    out.material[at] = material
    row, column = _look_up(model, u, v, out, at)
    length = np.float32(0)
    for axis in range(3):
        out.to_camera[at, axis] = model.camera[axis] - out.place[at, axis]
        length += out.to_camera[at, axis] ** 2
    length = np.sqrt(length)
    for axis in range(3):
        out.to_camera[at, axis] /= length
    _finish_normal(number, material, model, (row, column), out, at)
    _room_light(material, openness, model, out, at)


@compiled
def _look_up(model: _Model, u: np.float32, v: np.float32, out: Surface, at: int) -> tuple[int, int]:
    """Read colour (between texels) and gloss; return the texel."""
    rows, columns = model.gloss.shape
    x = min(max(u - 0.5, 0.0), columns - 1.001)
    y = min(max(v - 0.5, 0.0), rows - 1.001)
    column, row = int(x), int(y)
    right, down = np.float32(x - column), np.float32(y - row)
    for channel in range(3):
        above = (1 - right) * model.colour[row, column, channel]
        above += right * model.colour[row, column + 1, channel]
        below = (1 - right) * model.colour[row + 1, column, channel]
        below += right * model.colour[row + 1, column + 1, channel]
        out.colour[at, channel] = (1 - down) * above + down * below
    out.gloss[at] = model.gloss[row, column]
    return row, column


@compiled
def _finish_normal(
    number: int, material: int, model: _Model, texel: tuple[int, int], out: Surface, at: int
) -> None:
    """Turn the normals of two-sided sheets to the camera, add the skin's relief, normalise."""
    facing, length = np.float32(0), np.float32(0)
    for axis in range(3):
        facing += out.normal[at, axis] * out.to_camera[at, axis]
    if facing < 0 and (BROW <= material <= LENS):
        for axis in range(3):
            out.normal[at, axis] *= -1
    for axis in range(3):
        if material == SKIN:
            slope = model.bump[texel[0], texel[1], 0] * model.tangents[number, 0, axis]
            slope += model.bump[texel[0], texel[1], 1] * model.tangents[number, 1, axis]
            out.normal[at, axis] -= _RELIEF * slope
        length += out.normal[at, axis] ** 2
    length = max(np.sqrt(length), np.float32(1e-9))
    for axis in range(3):
        out.normal[at, axis] /= length


@compiled
def _room_light(material: int, openness: np.float32, model: _Model, out: Surface, at: int) -> None:
    """Light a sample by the room: from above, less where little of the room is seen.

    Light that has wandered through skin is red, so skin's creases are darker in green and blue.
    """
    if material in (TEETH, TONGUE):
        openness = 0.75 + 0.25 * openness
    from_above = np.float32(0)
    for axis in range(3):
        from_above += out.normal[at, axis] * model.room_from[axis]
    light = 0.62 + 0.38 * from_above
    red = openness**0.75 if material == SKIN else openness
    blue = openness**1.08 if material == SKIN else openness
    out.room[at, 0] = light * red * out.colour[at, 0]
    out.room[at, 1] = light * openness * out.colour[at, 1]
    out.room[at, 2] = light * blue * out.colour[at, 2]
