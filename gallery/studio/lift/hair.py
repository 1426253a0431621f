"""Hair around a lifted head: a surface as wide as the person's silhouette in the photograph.

A grid of points: columns turn around the head from behind over the face to behind; rows go down
from the crown to the ears, and hang on from there to below the chin. Where no hair is, the grid
lies inside of the head.

Shapes: R rows, H rows that hang, C columns, V vertices of the skull, K angles around the head's
middle, S side of a portrait.
"""

from dataclasses import dataclass

import numpy as np

from gallery.studio.curves import smooth, unit
from gallery.studio.geometry import NOSE_ROOT, chin, eyes
from gallery.studio.hair_shell import HAIRLINE, directions, grid_mesh
from gallery.studio.library import BODY_VERTICES, Library
from gallery.studio.lift.fit import PhotoCamera
from gallery.studio.meshes import Floats, Ints, TriMesh

_ROWS, _HANGING, _COLUMNS = 20, 8, 65
_LOWEST_DEG = -12.0  # elevation of the last row that does not hang
_BELOW_CHIN_DM = 0.45  # where hanging hair ends
_WIDEST_DM = 0.75
_ANGLES = 96
_STEP_DM = 0.02  # of the march that looks for the silhouette
_STANDS_OFF_DM = (0.10, 0.20)  # beside ear and jaw: hair hangs there from the first, surely
_FACE_ENDS_DEG = (52.0, 66.0)  # azimuth behind which hair may hang
_SUNK_DM = 0.12  # how deep the grid lies where no hair is


@dataclass(frozen=True, slots=True)
class HairGrid:
    """What all grids have in common.

    Attributes:
        around: Directions of the upper rows, (R, C, 3).
        azimuth: Of the columns, degrees, (C,).
        skull: Vertices of base.obj, (V,).
        shares: What each of them adds to the skull's radius in a direction, (R C, V).
        grown: Where short hair grows, 0..1, (R, C).
        template: Triangles and texture coordinates; vertices are to be filled in.
    """

    around: Floats
    azimuth: Floats
    skull: Ints
    shares: Floats
    grown: Floats
    template: TriMesh


@dataclass(frozen=True, slots=True)
class _Outline:
    """How far the person reaches around the head, and how far beyond the skull.

    Attributes:
        angles: From the middle of the head, radians, 0 to the right of the picture, (K,).
        beyond: Decimetres beyond the skull, (K,).
    """

    angles: Floats
    beyond: Floats

    def at(self, angles: Floats) -> Floats:
        """Return how far the person reaches beyond the skull at some angles."""
        found = np.interp(angles, self.angles, self.beyond, period=2 * np.pi)
        return np.asarray(found, dtype=np.float32)


def hair_grid(library: Library) -> HairGrid:
    """Measure the unmorphed head; ears and nose are left out of the skull."""
    base, middle = library.base, _middle(library.base)
    index = np.unique(library.head.triangles)
    index = index[index < BODY_VERTICES]
    places = base[index]
    skull = (places[:, 1] > middle[1] - 1.0) & (np.abs(places[:, 0]) < 0.80)
    index = index[skull & (places[:, 2] < base[NOSE_ROOT, 2] + 0.03)].astype(np.int32)
    azimuth = np.linspace(-180, 180, _COLUMNS)
    elevation = np.linspace(90, _LOWEST_DEG, _ROWS)[:, None]
    around = directions(np.radians(azimuth), np.radians(elevation))
    near = np.exp((around.reshape(-1, 3) @ unit(base[index] - middle).T - 1) * 140)
    line = np.interp(np.abs(azimuth), *HAIRLINE)
    rows = _ROWS + _HANGING
    u, v = np.meshgrid(np.linspace(0.01, 0.99, _COLUMNS), np.linspace(0.99, 0.01, rows))
    return HairGrid(
        around=around,
        azimuth=azimuth.astype(np.float32),
        skull=index,
        shares=(near / near.sum(axis=1, keepdims=True)).astype(np.float32),
        grown=smooth(line - 2, line + 22, elevation).astype(np.float32),
        template=grid_mesh(np.zeros((rows, _COLUMNS, 3), np.float32), np.stack([u, v], axis=-1)),
    )


def hair_points(grid: HairGrid, body: Floats, camera: PhotoCamera, mask: Floats) -> Floats:
    """Return the grid's points on a head, ((R + H) C, 3), decimetres.

    Args:
        grid: What all grids have in common.
        body: Vertices of base.obj, fitted.
        camera: How the portrait was taken.
        mask: How surely its pixels show the person, 0..1, (S, S).
    """
    middle = _middle(body)
    distances = np.linalg.norm(body[grid.skull] - middle, axis=1)
    skull = (grid.shares @ distances).reshape(grid.grown.shape)
    outline = _outline(grid, skull, camera, mask, middle)
    off = _hanging(body, camera, mask, outline)
    hangs = smooth(*_STANDS_OFF_DM, np.where(grid.azimuth > 0, *off))
    hangs = hangs * smooth(*_FACE_ENDS_DEG, np.abs(grid.azimuth))
    elevation = np.degrees(np.arcsin(np.clip(grid.around[..., 1], -1, 1)))
    there = np.maximum(grid.grown, hangs * smooth(35, 10, elevation))
    radius = skull + _thickness(grid, outline) * there - _SUNK_DM * (1 - there) + 0.012 * there
    upper = middle + grid.around * radius[..., None]
    lower = _lower(grid, upper[-1], hangs, (camera, mask), body)
    return np.concatenate([upper, lower]).reshape(-1, 3).astype(np.float32)


def _middle(body: Floats) -> Floats:
    return np.array([0, body[NOSE_ROOT, 1] + 0.25, 0.42], np.float32)


def _thickness(grid: HairGrid, outline: _Outline) -> Floats:
    """Return how thick hair is in each direction, (R, C): what the silhouette says beside it.

    Before and behind, where the photograph says nothing, it is as thick as above and around.
    """
    right, up, ahead = np.moveaxis(grid.around, -1, 0)
    seen = outline.at(np.arctan2(up, right))
    above = outline.at(np.radians(np.arange(45.0, 136.0, 5.0))).mean()
    unseen = np.where(ahead > 0, 0.6 * above, 0.5 * (above + np.median(outline.beyond)))
    share = np.hypot(right, up)
    return np.asarray(seen * share + unseen * (1 - share), dtype=np.float32)


def _lower(
    grid: HairGrid, rim: Floats, hangs: Floats, seen: tuple[PhotoCamera, Floats], body: Floats
) -> Floats:
    """Let rows hang from the rim, (C, 3), as wide as the silhouette; (H, C, 3)."""
    share = np.linspace(0, 1, _HANGING + 1)[1:, None]
    low = chin(body)[1] - _BELOW_CHIN_DM
    points = np.repeat(rim[None], _HANGING, axis=0)
    points[..., 1] = rim[:, 1] * (1 - share) + low * share
    wide = _widths(*seen, _middle(body), points[:, 0, 1])
    wide = np.where(grid.azimuth > 0, wide[:, 1:], wide[:, :1])  # (H, C)
    wider = np.clip(wide / max(float(np.abs(rim[:, 0]).max()), 0.3), 0.75, 1.5)
    points[..., 0] *= 1 + (wider - 1) * hangs
    behind = smooth(120, 150, np.abs(grid.azimuth)) * hangs.max()
    sunk = 0.65 * (1 - np.maximum(hangs, behind))[:, None]  # into the neck
    points[..., [0, 2]] += sunk * (np.array([0, 0.25]) - points[..., [0, 2]])
    return np.asarray(points, dtype=np.float32)


def _hanging(
    body: Floats, camera: PhotoCamera, mask: Floats, outline: _Outline
) -> tuple[float, float]:
    """Return how far hair stands off beside ear or jaw, on the sitter's left and right.

    It is measured where the jaw is narrower than ears above it, and no shoulder or collar below.
    """
    low, high = chin(body)[1], eyes(body)[:, 1].mean()
    heights = low + (high - low) * np.array([0.38, 0.45, 0.52])
    wide = _widths(camera, mask, _middle(body), heights)
    here = body[:BODY_VERTICES]
    here = here[(np.abs(here[:, 0]) < 1.1) & (here[:, 1] > low - 0.2)]
    own = [here[np.abs(here[:, 1] - height) < 0.06, 0] for height in heights]
    left = np.mean(wide[:, 1] - [side.max() for side in own])
    right = np.mean(wide[:, 0] + [side.min() for side in own])
    above = 0.7 * outline.at(np.radians([-4.0, 184.0]))
    return max(float(above[0]), float(left)), max(float(above[1]), float(right))


def _outline(
    grid: HairGrid, skull: Floats, camera: PhotoCamera, mask: Floats, middle: Floats
) -> _Outline:
    """March outwards from the head's middle until the person ends."""
    angles = np.linspace(-np.pi, np.pi, _ANGLES, endpoint=False)
    plane = np.stack([np.cos(angles), np.sin(angles), np.zeros(_ANGLES)], axis=1)
    reach = _march(camera, mask, middle, plane, (0.55, 2.4))
    wide = np.concatenate([reach[-2:], reach, reach[:2]])
    reach = np.median([wide[k : k + _ANGLES] for k in range(5)], axis=0)
    flat = (grid.around * skull[..., None])[..., :2].reshape(-1, 2)
    off = np.arctan2(flat[:, 1], flat[:, 0]) - angles[:, None]  # (K, R C)
    near = np.abs((off + np.pi) % (2 * np.pi) - np.pi) < 3 * np.pi / _ANGLES
    own = (np.linalg.norm(flat, axis=1) * near).max(axis=1)
    own = np.where(own > 0.3, own, np.median(own[own > 0.3]))
    return _Outline(angles, np.clip(reach - own, 0, _WIDEST_DM))


def _widths(camera: PhotoCamera, mask: Floats, middle: Floats, heights: Floats) -> Floats:
    """Return how far the person reaches to the sitter's right and left at some heights, (H, 2)."""
    starts = np.zeros((len(heights), 3), np.float32)
    starts[:, 1:] = np.stack([heights, np.full(len(heights), middle[2])], axis=1)
    ways = [np.tile([sign, 0.0, 0.0], (len(heights), 1)) for sign in (-1.0, 1.0)]
    return np.stack([_march(camera, mask, starts, way, (0.45, 1.6)) for way in ways], axis=1)


def _march(
    camera: PhotoCamera, mask: Floats, start: Floats, ways: Floats, between: tuple[float, float]
) -> Floats:
    """Return how far the person reaches from a place along some ways, (N, 3) to (N,)."""
    steps = np.arange(*between, _STEP_DM)
    places = start[..., None, :] + ways[:, None] * steps[:, None]  # (N, steps, 3)
    at = camera.project(places.reshape(-1, 3))[:, :2].astype(np.int32)
    column, row = np.clip(at, 0, len(mask) - 1).T
    person = mask[row, column].reshape(len(ways), -1) > 0.5
    return np.asarray(between[0] + _STEP_DM * np.cumprod(person, axis=1).sum(axis=1))
