"""Arrays of numbers, by their precision: what is drawn, embedded and stored is float32.

Shapes: N vectors, D dimensions.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]  # statistics


def normalise(vectors: Floats) -> Floats:
    """Scale vectors to unit length, (N, D) -> (N, D); a vector of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Floats = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return unit.astype(np.float32, copy=False)
