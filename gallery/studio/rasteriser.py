"""Which triangle is seen at each sample: depth buffers, filled triangle by triangle.

What is half transparent (hair, brows, lashes, lenses) is drawn with holes: a sample is kept if
the texture's alpha there exceeds a threshold from a 4 x 4 ordered pattern, shifted by triangle.
Averaged over the samples of a pixel, this looks transparent, and needs no sorting.

Shapes: V vertices, T triangles, H and W samples, A x B pixels of the atlas.

Source: the pattern: Bayer, "An optimum method for two-level rendition of continuous-tone pictures",
ICC 1973.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gallery.studio.compiled import compiled
from gallery.studio.meshes import Floats, Ints

FAR = 1e9
BAYER = (
    np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], dtype=np.float32) + 0.5
) / 16
_HALF = np.full((4, 4), 0.4, dtype=np.float32)  # shadows: solid or not, without a pattern


class Triangles(NamedTuple):
    """What is drawn.

    Attributes:
        corners: (T, 3).
        uv: Pixels of the atlas at each corner, (T, 3, 2).
        holed: Whether the atlas' alpha cuts holes, (T,), 0 or 1.
        alpha: (A, B).
    """

    corners: Ints
    uv: Floats
    holed: NDArray[np.uint8]
    alpha: Floats


class Seen(NamedTuple):
    """What is seen at each sample.

    Attributes:
        depth: Distance, FAR where there is nothing, (H, W).
        triangle: Its number, -1 where there is nothing, (H, W).
        second: Weight of the triangle's second corner, (H, W).
        third: Weight of its third corner, (H, W).
    """

    depth: Floats
    triangle: Ints
    second: Floats
    third: Floats


def see(points: Floats, triangles: Triangles, height: int, width: int) -> Seen:
    """Look through a camera with perspective.

    Args:
        points: x and y in samples, and distance above 0, of each vertex, (V, 3).
        triangles: What is drawn.
        height: H.
        width: W.
    """
    seen = Seen(
        np.full((height, width), FAR, np.float32),
        np.full((height, width), -1, np.int32),
        np.zeros((height, width), np.float32),
        np.zeros((height, width), np.float32),
    )
    _fill(points, triangles, seen, BAYER, True)  # noqa: FBT003  compiled code takes no keywords
    return seen


def depth_map(points: Floats, triangles: Triangles, side: int) -> Floats:
    """Look along parallel rays, as a distant lamp does: the nearest distance, (side, side)."""
    seen = Seen(
        np.full((side, side), FAR, np.float32),
        np.full((1, 1), -1, np.int32),
        np.zeros((1, 1), np.float32),
        np.zeros((1, 1), np.float32),
    )
    _fill(points, triangles, seen, _HALF, False)  # noqa: FBT003
    return seen.depth


@compiled
def _fill(
    points: Floats, triangles: Triangles, seen: Seen, threshold: Floats, perspective: bool
) -> None:
    height, width = seen.depth.shape
    for number in range(len(triangles.corners)):
        i, j, k = triangles.corners[number]
        x0, y0, x1, y1 = points[i, 0], points[i, 1], points[j, 0], points[j, 1]
        x2, y2 = points[k, 0], points[k, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-9:
            continue
        left = max(0, int(np.ceil(min(x0, x1, x2) - 0.5)))
        right = min(width - 1, int(np.floor(max(x0, x1, x2) - 0.5)))
        top = max(0, int(np.ceil(min(y0, y1, y2) - 0.5)))
        bottom = min(height - 1, int(np.floor(max(y0, y1, y2) - 0.5)))
        inverse = 1.0 / area
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                px, py = x + 0.5 - x0, y + 0.5 - y0
                second = (px * (y2 - y0) - (x2 - x0) * py) * inverse
                third = ((x1 - x0) * py - px * (y1 - y0)) * inverse
                if second >= 0 and third >= 0 and second + third <= 1:
                    at = _distance(points, (i, j, k), second, third, perspective)
                    if at[0] < seen.depth[y, x] and _solid(
                        triangles, number, at, (x, y), threshold
                    ):
                        seen.depth[y, x] = at[0]
                        if perspective:
                            seen.triangle[y, x] = number
                            seen.second[y, x] = at[1]
                            seen.third[y, x] = at[2]


@compiled
def _distance(
    points: Floats, corners: tuple[int, int, int], second: float, third: float, perspective: bool
) -> tuple[float, float, float]:
    """Return the distance, and the weights of two corners on the triangle itself."""
    z0, z1, z2 = points[corners[0], 2], points[corners[1], 2], points[corners[2], 2]
    if not perspective:
        return z0 + second * (z1 - z0) + third * (z2 - z0), second, third
    distance = 1.0 / ((1.0 - second - third) / z0 + second / z1 + third / z2)
    return distance, second * distance / z1, third * distance / z2


@compiled
def _solid(
    triangles: Triangles,
    number: int,
    at: tuple[float, float, float],
    sample: tuple[int, int],
    threshold: Floats,
) -> bool:
    if triangles.holed[number] == 0:
        return True
    uv = triangles.uv[number]
    u = uv[0, 0] + at[1] * (uv[1, 0] - uv[0, 0]) + at[2] * (uv[2, 0] - uv[0, 0])
    v = uv[0, 1] + at[1] * (uv[1, 1] - uv[0, 1]) + at[2] * (uv[2, 1] - uv[0, 1])
    rows, columns = triangles.alpha.shape
    row, column = min(max(int(v), 0), rows - 1), min(max(int(u), 0), columns - 1)
    shift = (number * 2654435761) & 0xFFFFFFFF  # Knuth's multiplicative hash
    pattern = threshold[(sample[1] ^ (shift >> 12)) & 3, (sample[0] ^ (shift >> 8)) & 3]
    return bool(triangles.alpha[row, column] > pattern)
