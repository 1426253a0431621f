"""Which pixels of a portrait show the person: colours of two mixtures, smoothed along edges.

Shapes: S side of a small portrait, C colours of a mixture.

Source: Rother, Kolmogorov and Blake, "GrabCut", SIGGRAPH 2004, with mean-field steps instead of
cuts.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gallery.align import Pixels
from gallery.studio.curves import smooth
from gallery.studio.lift.bake import shadows
from gallery.studio.lift.fit import PhotoCamera
from gallery.studio.meshes import Floats, TriMesh
from gallery.studio.rasteriser import FAR

# The outline of the face among the 468 points.
_OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
_SIDE = 112  # of the small portrait in which people are looked for
_COLOURS = 5
_ROUNDS, _STEPS = 3, 24
_SMOOTHING = 1.1


def find_person(
    pixels: Pixels, points: Floats, camera: PhotoCamera, skin: TriMesh, chin: Floats
) -> Floats:
    """Return how surely a pixel of a portrait shows the person, 0..1, (S, S).

    Args:
        pixels: The portrait, (S, S, 3).
        points: The 468 points in it, (468, 3).
        camera: Its camera.
        skin: The fitted head.
        chin: Tip of its chin, (3,).
    """
    side = len(pixels)
    small = Image.fromarray(pixels).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    nearest, per = shadows(camera, (skin,), side)
    middles = (np.arange(_SIDE) + 0.5) / _SIDE * side  # of the small rows, in the portrait
    at = np.minimum((middles * per).astype(int), len(nearest) - 1)
    inside = nearest[np.ix_(at, at)] < FAR
    distance = _distance(inside, side / _SIDE / camera.scale)
    below = np.broadcast_to((middles > camera.project(chin[None])[0, 1])[:, None], inside.shape)
    oval = Image.new("1", (_SIDE, _SIDE))
    border = points[list(_OVAL), :2] * (_SIDE / side)
    ImageDraw.Draw(oval).polygon([(x, y) for x, y in border.tolist()], fill=1)
    srgb = np.asarray(small, dtype=np.float32) / 255
    found = person_mask(srgb, distance, below, np.asarray(oval))
    return np.asarray(Image.fromarray(found).resize((side, side), Image.Resampling.BILINEAR))


def person_mask(
    srgb: Floats, distance: Floats, below: NDArray[np.bool_], face: NDArray[np.bool_]
) -> Floats:
    """Return how surely a pixel shows the person, 0..1, (S, S).

    Args:
        srgb: 0..1, (S, S, 3).
        distance: From the silhouette of the fitted head, decimetres, negative inside, (S, S).
        below: Below the chin, where shoulders are, (S, S).
        face: Inside of the face's outline, (S, S).
    """
    inside, far = face | (distance < -0.3), (distance > 0.75) & ~below
    if far.sum() < 30:
        far = (distance > np.quantile(distance[~below], 0.85)) & ~below
    prior = _prior(distance, below) + 8 * face
    person, around = face | (distance < -0.08), far  # hair, too, to begin with
    links = _links(srgb)
    odds = prior
    for _ in range(_ROUNDS):
        colours = _likelihood(srgb, person) - _likelihood(srgb, around)
        odds = _settle(np.clip(colours, -6, 6) + prior, links)
        person = inside | ((odds > 1) & (distance < 0.9))
        around = (odds < -1) & (distance > 0.02)
        around = around if around.sum() > 30 else far
    return np.asarray(1 / (1 + np.exp(-np.clip(2 * odds, -30, 30))), dtype=np.float32)


def _prior(distance: Floats, below: NDArray[np.bool_]) -> Floats:
    outside = -1.2 * np.clip(distance, 0, 0.5) - 3.5 * smooth(0.6, 1.1, distance) * ~below
    within = 1.5 * smooth(0.05, -0.10, distance) + 6 * smooth(-0.1, -0.4, distance)
    return np.asarray(outside + within, dtype=np.float32)


def _links(srgb: Floats) -> tuple[Floats, Floats]:
    """Return how alike neighbours are: to the right, (S, S - 1), and below, (S - 1, S)."""
    right = ((srgb[:, 1:] - srgb[:, :-1]) ** 2).sum(-1)
    down = ((srgb[1:] - srgb[:-1]) ** 2).sum(-1)
    usual = 2 * (right.mean() + down.mean()) / 2 + 1e-6
    return np.exp(-right / usual), np.exp(-down / usual)


def _settle(unary: Floats, links: tuple[Floats, Floats]) -> Floats:
    right, down = links
    odds = unary
    for _ in range(_STEPS):
        side = np.tanh(odds / 2)
        total = unary.copy()
        total[:, :-1] += _SMOOTHING * right * side[:, 1:]
        total[:, 1:] += _SMOOTHING * right * side[:, :-1]
        total[:-1] += _SMOOTHING * down * side[1:]
        total[1:] += _SMOOTHING * down * side[:-1]
        odds = 0.5 * odds + 0.5 * total
    return odds


def _likelihood(srgb: Floats, where: NDArray[np.bool_]) -> Floats:
    """Return the logarithm of a mixture's density at each pixel, (S, S)."""
    seen = srgb[where]
    order = np.argsort(seen.sum(axis=1))
    middles = seen[order[((np.arange(_COLOURS) + 0.5) / _COLOURS * len(seen)).astype(int)]]
    for _ in range(6):
        nearest = ((seen[:, None] - middles) ** 2).sum(-1).argmin(1)
        middles = np.stack(
            [
                seen[nearest == k].mean(0) if (nearest == k).any() else middles[k]
                for k in range(_COLOURS)
            ]
        )
    every = []
    for k in range(_COLOURS):
        mine = seen[nearest == k]
        if len(mine) < 4:
            continue
        off = mine - middles[k]
        spread = off.T @ off / len(mine) + 0.03**2 * np.eye(3)
        gap = srgb - middles[k]
        power = np.einsum("ijc,cd,ijd->ij", gap, np.linalg.inv(spread), gap)
        every.append(np.log(len(mine) / len(seen)) - 0.5 * (power + np.log(np.linalg.det(spread))))
    return np.asarray(np.logaddexp.reduce(every, axis=0))


def _distance(inside: NDArray[np.bool_], step: float) -> Floats:
    """Return distances from the border of a region, negative inside, in city blocks."""
    return ((_blocks(~inside) - _blocks(inside)) * np.float32(step)).astype(np.float32)


def _blocks(region: NDArray[np.bool_]) -> Floats:
    """Return how many steps lead out of a region, (S, S); 0 outside."""
    steps = np.where(region, np.float32(4 * len(region)), np.float32(0))
    count = np.arange(len(region), dtype=np.float32)
    for _ in range(2):  # there and back along rows, then along columns
        for turned in (steps, steps[::-1]):
            turned[:] = np.minimum.accumulate(turned - count[:, None], axis=0) + count[:, None]
        steps = steps.T
    return steps
