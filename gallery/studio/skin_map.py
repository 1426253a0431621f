"""Where the parts of a face lie on the skin's texture.

Shapes: U pixels of a unit of the atlas.
"""

from dataclasses import dataclass

import numpy as np

from gallery.studio.curves import smooth
from gallery.studio.library import Library
from gallery.studio.meshes import Floats
from gallery.studio.rasteriser import Triangles, see


@dataclass(frozen=True, slots=True)
class SkinMap:
    """Masks, (U, U), 0..1, and where each texel lies on the unmorphed head.

    Attributes:
        place: (U, U, 3), decimetres; far below the head where no skin is.
        lips: Lips.
        face: Face without the neck.
        cheeks: Cheeks, tip of the nose and chin, where blood shows.
        lids: Upper eyelids.
        under_eyes: Below the eyes.
        beard: Jaw and whiskers.
        moustache: Above the lips.
        corners: Beside the mouth.
        height: Of the place above the ground, decimetres, as a collar sees it: higher behind than
            before.
    """

    place: Floats
    lips: Floats
    face: Floats
    cheeks: Floats
    lids: Floats
    under_eyes: Floats
    beard: Floats
    moustache: Floats
    corners: Floats
    height: Floats


def skin_map(library: Library, unit: int) -> SkinMap:
    """Measure the skin's texture. Numbers are decimetres on the unmorphed head."""
    place = _places(library, unit)
    lips = library.lips(unit)
    x, y, z = np.abs(place[..., 0]), place[..., 1], place[..., 2]
    bare = 1 - np.clip(1.5 * lips, 0, 1)

    def around(cx: float, cy: float, cz: float, radius: float) -> Floats:
        squared = (x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2
        return np.asarray(np.exp(-squared / (2 * radius**2)), dtype=np.float32)

    cheeks = around(0.45, 6.85, 1.25, 0.2) + 0.9 * around(0, 6.95, 1.65, 0.12)
    moustache = smooth(6.66, 6.70, y) * smooth(6.88 - 0.12 * x, 6.82 - 0.2 * x, y)
    moustache = moustache * smooth(0.44, 0.32, x)
    corners = smooth(0.24, 0.29, x) * smooth(0.46, 0.36, x) * smooth(6.4, 6.5, y)
    return SkinMap(
        place=place,
        lips=lips,
        face=smooth(0.2, 0.8, z) * (y > 5.9),
        cheeks=np.clip(cheeks + 0.5 * around(0, 6.25, 1.4, 0.15), 0, 1),
        lids=around(0.31, 7.33, 1.4, 0.11) * smooth(7.27, 7.36, y),
        under_eyes=around(0.31, 7.14, 1.4, 0.09),
        beard=np.maximum(_jaw(x, y, z), _whiskers(x, y, z)) * bare,
        moustache=moustache * smooth(1.15, 1.3, z) * bare,
        corners=corners * smooth(6.86, 6.78, y) * smooth(1.0, 1.2, z) * bare,
        height=(y + 0.25 * np.maximum(z - 0.3, 0) - 0.12 * x).astype(np.float32),
    )


def scalp_mask(place: Floats, hairline: float, temples: float, *, bald_crown: float) -> Floats:
    """Return where hair grows on the head, (U, U), 0..1.

    Args:
        place: Place of each texel, (U, U, 3).
        hairline: How much higher than usual hair begins on the forehead, decimetres.
        temples: How far it recedes at the temples, 0..1.
        bald_crown: How bald the crown is, 0..1.
    """
    x, y, z = np.abs(place[..., 0]), place[..., 1], place[..., 2]
    at_temples = temples * (0.55 * np.exp(-(((x - 0.42) / 0.16) ** 2)) + 0.18)
    line = 8.02 + hairline + at_temples - 0.95 * smooth(0.52, 0.74, x)
    above = smooth(line - 0.04, line + 0.07, y)
    beside = smooth(0.62, 0.50, z) * smooth(6.75, 6.95, y - 0.5 * (0.2 - z)) * smooth(6.7, 7, y)
    mask = np.maximum(above, beside) * smooth(6.3, 6.6, y + 0.2 * (z < 0))
    crown = smooth(8.0, 8.25, y + 0.12 * smooth(0.9, 0.3, z))
    return np.asarray(mask * (1 - bald_crown * crown), dtype=np.float32)


def _jaw(x: Floats, y: Floats, z: Floats) -> Floats:
    line = 6.52 + 0.55 * smooth(0.35, 0.72, x)
    above_neck = smooth(5.95, 6.1, y) * smooth(0.25, 0.55, z)
    return np.asarray(smooth(line + 0.05, line - 0.12, y) * above_neck, dtype=np.float32)


def _whiskers(x: Floats, y: Floats, z: Floats) -> Floats:
    strip = smooth(0.62, 0.68, x) * smooth(7.25, 7.0, y)
    return np.asarray(strip * smooth(0.45, 0.55, z) * smooth(0.95, 0.75, z), dtype=np.float32)


def _places(library: Library, unit: int) -> Floats:
    """Draw the head flat on its texture, and read the place of each texel."""
    head = library.head
    count = len(head.triangles)
    flat = np.ones((3 * count, 3), dtype=np.float32)
    flat[:, :2] = head.uv.reshape(-1, 2) * [unit, -unit] + [0, unit]
    corners = np.arange(3 * count, dtype=np.int32).reshape(-1, 3)
    solid = np.ones((4, 4), dtype=np.float32)
    seen = see(flat, Triangles(corners, head.uv, np.zeros(count, np.uint8), solid), unit, unit)
    places = head.vertices[head.triangles[np.maximum(seen.triangle, 0)]]  # (U, U, 3 corners, 3)
    second, third = seen.second[..., None], seen.third[..., None]
    mixed = places[..., 0, :] * (1 - second - third) + places[..., 1, :] * second
    mixed = mixed + places[..., 2, :] * third
    mixed[seen.triangle < 0] = (0, -50, 0)
    return np.asarray(mixed, dtype=np.float32)
