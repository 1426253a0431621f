"""What the vectors of a space must be, and which are not.

Shapes: n rows, D dimensions of an embedding.
"""

import numpy as np
from numpy.typing import NDArray

from index.base import Vectors
from retrieval.scoring.term import is_about, unit_or_zero
from retrieval.scoring.terms import TERMS, Layout

CHUNK = 8192


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
            valid = TERMS[name].valid if name in TERMS else unit_or_zero  # the drawing
            good &= valid(chunk[:, where])
        if layout.column:
            good &= is_about(np.linalg.norm(chunk, axis=1), np.sqrt(layout.bound))
        sound[start : start + CHUNK] = good
    return sound
