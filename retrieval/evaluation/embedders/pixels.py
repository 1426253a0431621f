"""The pixels themselves, as the papers' "image": L2-normalised grey levels."""

from math import prod

import numpy as np

from gallery.align import Pixels
from gallery.arrays import Floats, normalise


class PixelEmbedder:
    """Flattens images to vectors of unit length."""

    fingerprint = "pixels 1"

    def embed(self, pixels: Pixels | Floats) -> Floats:
        """Flatten images: (N, S, S, C), 0..255 -> (N, S * S * C), unit length."""
        return normalise(pixels.reshape(len(pixels), prod(pixels.shape[1:])).astype(np.float32))
