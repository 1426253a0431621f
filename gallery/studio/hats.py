"""Three hats: a fedora from the assets, and a beanie and a cap of our own.

Shapes: V vertices, T triangles.
"""

from dataclasses import dataclass

import numpy as np

from gallery.studio.curves import smooth
from gallery.studio.geometry import eyes
from gallery.studio.hair_shell import directions, grid_mesh, join, scalp_of
from gallery.studio.library import Library
from gallery.studio.meshes import Floats, TriMesh

FEDORA = "clothes/fedora"
_TURNS = 24  # directions in which the rim of a hat is measured


@dataclass(frozen=True, slots=True)
class Knitted:
    """A hat that fits the skull.

    Attributes:
        front: Elevation of its rim above the face, radians.
        back: Elevation of its rim behind.
        loose: How far it stands off above, decimetres.
        cuff: Thickness of a turned-up rim.
        visor: How far a visor reaches forward; 0 is none.
    """

    front: float
    back: float
    loose: float
    cuff: float = 0.0
    visor: float = 0.0


KNITTED = {
    "beanie": Knitted(front=0.38, back=-0.35, loose=0.10, cuff=0.04),
    "cap": Knitted(front=0.46, back=-0.28, loose=0.06, visor=0.58),
}
HATS = ("fedora", *KNITTED)


def hat_mesh(name: str, library: Library, vertices: Floats) -> TriMesh:
    """Put a hat on a body's head."""
    if name in KNITTED:
        return _knitted(KNITTED[name], vertices)
    proxy = library.proxy(FEDORA)
    return TriMesh(proxy.fit(vertices), proxy.triangles, proxy.uv)


def hat_texture(name: str, library: Library, side: int) -> Floats:
    """Return a hat's colours, linear RGB, (side, side, 3)."""
    if name == "fedora":
        return library.texture(FEDORA, side, "fedora_texture")[..., :3]
    across, down = np.linspace(0, 1, side)[None, :, None], np.linspace(0, 1, side)[:, None, None]
    if name == "beanie":
        ribs = 0.75 + 0.25 * np.sin(across * 2 * np.pi * 60)
        cuff = down > 0.72
        colour = np.where(cuff, np.array([0.60, 0.60, 0.62]), np.array([0.25, 0.03, 0.04])) * ribs
    else:
        seam = np.abs((across * 6) % 1 - 0.5) > 0.485
        colour = np.array([0.02, 0.05, 0.20]) * np.where(seam, 0.5, 1.0) * np.ones_like(down)
        colour[-side // 20 :] = (0.30, 0.02, 0.02)
        badge = slice(int(0.58 * side), int(0.75 * side)), slice(int(0.44 * side), int(0.56 * side))
        colour[badge] = (0.70, 0.70, 0.65)
    return np.asarray(colour, dtype=np.float32)


def hair_under(hat: TriMesh, name: str, hair: TriMesh, vertices: Floats) -> TriMesh:
    """Return what can be seen of hair under a hat: nothing above the rim, nothing on the brow."""
    middle = scalp_of(vertices).middle
    rim = _rim(hat, middle, 0.3 if name == "fedora" else 0.02)
    offsets = hair.vertices - middle
    distance = np.maximum(np.linalg.norm(offsets, axis=1), 1e-6)
    elevation = np.arcsin(np.clip(offsets[:, 1] / distance, -1, 1))
    turn = (np.arctan2(offsets[:, 0], offsets[:, 2]) + np.pi) / (2 * np.pi) * _TURNS - 0.5
    below = np.floor(turn).astype(int)
    part = turn - below
    limit = rim[below % _TURNS] * (1 - part) + rim[(below + 1) % _TURNS] * part
    pressed = 1 - smooth(limit - 0.9, limit, elevation)
    reach = np.minimum(distance, 0.98 + 0.25 * pressed + 5 * pressed**2)
    points = middle + offsets * (reach / distance)[:, None]
    hidden = (elevation > limit + 0.02)[hair.triangles].any(axis=1)
    shown = ~hidden & ~_before_face(hair, vertices)
    return TriMesh(points.astype(np.float32), hair.triangles[shown], hair.uv[shown])


def _before_face(hair: TriMesh, vertices: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    at = hair.vertices[hair.triangles].mean(axis=1)
    eye = eyes(vertices).mean(axis=0)
    beside = (np.abs(at[:, 0]) < 0.75) & (at[:, 2] > eye[2] - 0.4)
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = beside & (at[:, 1] > eye[1] + 0.02)
    return found


def _rim(hat: TriMesh, middle: Floats, share: float) -> Floats:
    """Return how high the rim is in each direction, radians: a low quantile of the hat's points."""
    offsets = hat.vertices - middle
    elevation = np.arcsin(offsets[:, 1] / np.linalg.norm(offsets, axis=1))
    turn = (np.arctan2(offsets[:, 0], offsets[:, 2]) + np.pi) / (2 * np.pi) * _TURNS
    sector = turn.astype(int) % _TURNS
    rim = [
        np.quantile(elevation[sector == number], share) if (sector == number).any() else np.nan
        for number in range(_TURNS)
    ]
    return np.where(np.isnan(rim), np.nanmedian(rim), rim)


def _knitted(hat: Knitted, vertices: Floats) -> TriMesh:
    scalp = scalp_of(vertices)
    azimuth = np.linspace(-np.pi, np.pi, 49)
    share = np.linspace(0, 1, 21)[:, None]
    rim = hat.back + (hat.front - hat.back) * (0.5 + 0.5 * np.cos(azimuth))
    elevation = np.pi / 2 * (1 - share) + rim * share
    around = directions(azimuth, elevation)
    off = 0.14 + hat.loose * np.cos(share * np.pi / 2) + hat.cuff * (share > 0.72)
    points = scalp.middle + around * (scalp.radius(around) + off)[..., None]
    across = np.broadcast_to((azimuth / np.pi + 1) / 2, elevation.shape)
    uv = np.stack([across, np.broadcast_to(1 - share, across.shape)], axis=-1)
    crown = grid_mesh(points, uv)
    return join([crown, _visor(hat, points[-1], azimuth)]) if hat.visor else crown


def _visor(hat: Knitted, rim: Floats, azimuth: Floats) -> TriMesh:
    front = np.abs(azimuth) < 1.15
    edge, across = rim[front], azimuth[front] / 1.15
    share = np.array([0, 0.35, 0.7, 1.0])[:, None]
    reach = hat.visor * share * np.sqrt(np.clip(1 - np.abs(across) ** 2.5, 0, 1))
    forward = np.stack([np.zeros_like(reach), -0.16 * reach, reach], axis=-1)
    points = edge + forward
    return grid_mesh(points, np.broadcast_to([0.5, 0.02], (*points.shape[:2], 2)))
