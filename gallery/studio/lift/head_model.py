"""The studio's heads as a mean and a few ways in which they differ, seen from 468 points.

Shapes: V vertices that are kept, K 468 points of the face mesh, M modes.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from gallery.errors import DatasetError
from gallery.json_files import read
from gallery.studio.geometry import CHIN, LEFT_EYE, NOSE_ROOT, RIGHT_EYE, head_shape
from gallery.studio.identity import sample_identity
from gallery.studio.library import Library
from gallery.studio.meshes import Floats, Ints

MODES = 32
_PEOPLE, _SEED = 64, 20_260_731  # whose heads the modes are taken from
_REACH_DM = 0.22  # how far a point that was moved takes its surroundings with it
EYES_PROXY = "eyes/HighPolyEyes"


@dataclass(frozen=True, slots=True)
class HeadModel:
    """What heads look like, and where the 468 points lie on them.

    Attributes:
        vertices: Vertices of base.obj that are kept, (V,).
        mean: (V, 3), decimetres.
        modes: Directions, scaled to standard deviations, (M, V, 3).
        corners: Which kept vertices a point lies between, (K, 3).
        weights: Their shares, (K, 3).
        depth: Depth of each point on the studio's heads less the mesh's own, (K,), decimetres.
        spread: Takes moves of the points to moves of the vertices, (V, K).
    """

    vertices: Ints
    mean: Floats
    modes: Floats
    corners: Ints
    weights: Floats
    depth: Floats
    spread: Floats

    def shape(self, coefficients: Floats) -> Floats:
        """Return the kept vertices of a head, (V, 3)."""
        return np.asarray(self.mean + np.tensordot(coefficients, self.modes, 1), dtype=np.float32)

    def points(self, vertices: Floats) -> Floats:
        """Return the 468 points on a head, (V, 3) or (M, V, 3) to (..., K, 3)."""
        at = vertices[..., self.corners, :]
        return np.asarray((at * self.weights[..., None]).sum(-2), dtype=np.float32)

    def body(self, base: Floats, vertices: Floats) -> Floats:
        """Return base.obj's vertices with the kept ones in place, (19158, 3)."""
        whole = base.copy()
        whole[self.vertices] = vertices
        return whole


@lru_cache(maxsize=1)
def head_model(library: Library) -> HeadModel:
    """Measure the studio's heads; takes seconds."""
    eyes = library.proxy(EYES_PROXY)
    rings = [np.arange(LEFT_EYE.start, LEFT_EYE.stop), np.arange(RIGHT_EYE.start, RIGHT_EYE.stop)]
    marks = np.concatenate([*rings, [*CHIN, NOSE_ROOT]])
    used = [library.head.triangles.ravel(), eyes.references.ravel(), marks]
    kept = np.unique(np.concatenate(used)).astype(np.int32)
    heads = []
    for number in range(_PEOPLE):
        who = sample_identity(_SEED, number)
        heads.append(head_shape(library, who, who.age_years)[kept])
    mean, modes = _modes(np.stack(heads))
    table = _table()
    skin = np.unique(library.head.triangles)
    of_skin = np.unique(library.head.triangles, return_inverse=True)[1].reshape(-1, 3)
    corners = np.searchsorted(kept, skin)[of_skin[table[:, 0].astype(int)]].astype(np.int32)
    second, third, depth = table[:, 1:].T.astype(np.float32)
    weights = np.stack([1 - second - third, second, third], axis=1)
    base = library.base[kept]
    anchors = (base[corners] * weights[..., None]).sum(1)
    return HeadModel(kept, mean, modes, corners, weights, depth, _spread(base, anchors))


def _table() -> Floats:
    """Return triangle, shares of its second and third corner, and depth of each point, (K, 4)."""
    path = Path(__file__).parent / "points.json"
    data = read(path, DatasetError, "Install mindseye again")
    return np.array(data["points"], dtype=np.float64)


def _modes(heads: Floats) -> tuple[Floats, Floats]:
    mean = heads.mean(axis=0)
    flat = (heads - mean).reshape(len(heads), -1)
    _, sizes, rows = np.linalg.svd(flat, full_matrices=False)
    scaled = rows[:MODES] * (sizes[:MODES, None] / np.sqrt(len(heads)))
    return mean.astype(np.float32), scaled.reshape(MODES, -1, 3).astype(np.float32)


def _spread(base: Floats, anchors: Floats) -> Floats:
    """Return ridge regression with a Gaussian kernel as a matrix, (V, K)."""

    def near(a: Floats, b: Floats) -> Floats:
        squared = ((a[:, None] - b[None]) ** 2).sum(-1)
        return np.asarray(np.exp(-squared / (2 * _REACH_DM**2)))

    kernel = near(anchors, anchors) + 0.05 * np.eye(len(anchors))
    return np.linalg.solve(kernel, near(anchors, base)).T.astype(np.float32)
