"""The photograph's own light: spherical harmonics of the skin's normals.

Source: Ramamoorthi and Hanrahan, "An efficient representation for irradiance environment maps",
SIGGRAPH 2001.
"""

import numpy as np

from gallery.studio.meshes import Floats

_LIMITS = (0.45, 1.8)  # of what is divided by
_PRIOR = (0, *[0.004] * 3, *[0.02] * 5)  # how strongly coefficients are drawn to 0
_ROUNDS = 6


def harmonics(normals: Floats) -> Floats:
    """Return the nine real harmonics up to order 2, without their constants, (N, 9)."""
    x, y, z = normals.T
    one = np.ones_like(x)
    return np.stack([one, x, y, z, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y], axis=1)


def light_of(colour: Floats, normals: Floats, weight: Floats) -> Floats:
    """Return coefficients of the logarithm of light, (9,), from skin of about one colour.

    Args:
        colour: Linear RGB, (N, 3).
        normals: (N, 3), length 1, in the head's axes.
        weight: How far each is to be trusted, (N,).
    """
    level, basis = _level(colour), harmonics(normals)
    trust = weight
    for _ in range(_ROUNDS):
        weighed = (basis * trust[:, None]).T
        prior = np.diag(_PRIOR) * trust.sum()
        found = np.linalg.solve(weighed @ basis + prior, weighed @ level)
        off = level - basis @ found
        spread = max(float(np.sqrt(np.average(off**2, weights=trust))), 0.05)
        trust = weight / (1 + (off / spread) ** 2)  # lips, brows, beards
    return np.asarray(found)


def unexplained(colour: Floats, normals: Floats, light: Floats) -> Floats:
    """Return how much lighter a colour is than skin is there, as a logarithm, (N,)."""
    return np.asarray(_level(colour) - harmonics(normals) @ light)


def _level(colour: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(colour.mean(axis=1), 2e-3)))


def relative_light(found: Floats, normals: Floats) -> Floats:
    """Return light relative to that on a surface that looks straight ahead, (N,)."""
    ahead = harmonics(np.array([[0, 0.0, 1.0]]))
    return np.clip(np.exp((harmonics(normals) - ahead) @ found), *_LIMITS).astype(np.float32)
