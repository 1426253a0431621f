"""What the vectors of a space must be, and which are not.

Shapes: n rows, D dimensions of an embedding.
"""

import numpy as np
from numpy.typing import NDArray

from index.base import Vectors
from retrieval.scoring.terms import Layout

CHUNK = 8192
LENGTH_TOLERANCE = 1e-3  # float32 rounds the length of a long vector by about 1e-5


def are_finite(embeddings: Vectors) -> NDArray[np.bool_]:
    """Say which rows hold no NaN and no infinity, (n, D) -> (n,)."""
    finite = np.empty(len(embeddings), dtype=np.bool_)
    for start in range(0, len(embeddings), CHUNK):
        part = slice(start, start + CHUNK)
        finite[part] = np.isfinite(embeddings[part]).all(axis=1)
    return finite


def are_sound(embeddings: Vectors, layout: Layout) -> NDArray[np.bool_]:
    """Say which rows are what they should be, (n, D) -> (n,).

    Drawing and identity have unit length, or are zero; log p, scaled, lies from -1 to 0; with a
    column, all rows are of one length.
    """
    sound = np.empty(len(embeddings), dtype=np.bool_)
    for start in range(0, len(embeddings), CHUNK):
        chunk = np.asarray(embeddings[start : start + CHUNK])
        good = np.isfinite(chunk).all(axis=1)
        for name, where in layout.parts.items():
            part = chunk[:, where]
            if name == "log_p":
                good &= ((part >= -1) & (part <= 0)).all(axis=1)
            else:
                lengths = np.linalg.norm(part, axis=1)
                good &= _about(lengths, 1) | (lengths == 0)
        if layout.column:
            good &= _about(np.linalg.norm(chunk, axis=1), np.sqrt(layout.bound))
        sound[start : start + CHUNK] = good
    return sound


def _about(lengths: Vectors, expected: float) -> NDArray[np.bool_]:
    about: NDArray[np.bool_] = np.abs(lengths - expected) < LENGTH_TOLERANCE
    return about
