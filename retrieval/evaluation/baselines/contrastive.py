"""The measure that chooses among what was learnt by contrast.

Shapes: B probes, N images, D dimensions.
"""

import numpy as np
from numpy.typing import NDArray

from gallery.arrays import Floats
from generator.training.contrastive import Positions


def reciprocal_ranks(
    probes: Floats, gallery: Floats, wanted: Positions, cells: Positions
) -> NDArray[np.float64]:
    """Return 1 / rank of each probe's first right image, (B,); ranks start at 1.

    Args:
        probes: Unit length, (B, D).
        gallery: Unit length, (N, D).
        wanted: Cell of each probe's right images, (B,).
        cells: Cells of the gallery, (N,).
    """
    found = []
    for start in range(0, len(probes), 256):
        scores = probes[start : start + 256] @ gallery.T
        right = wanted[start : start + 256, None] == cells[None]
        best = np.where(right, scores, -np.inf).max(axis=1)
        found.append(1 / (1 + (np.where(right, -np.inf, scores) >= best[:, None]).sum(axis=1)))
    return np.concatenate(found)
