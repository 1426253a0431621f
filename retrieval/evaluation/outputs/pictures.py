"""Pictures inside a page, as data URIs: photographs, drawings, maps of errors.

Shapes: S side, C channels.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gallery.align import Pixels
from gallery.arrays import Doubles
from gallery.sheets import data_uri, to_image

# Dark blue to yellow: rises in lightness throughout, and is read by the colour-blind.
# Source: anchors of matplotlib's "viridis" by Smith and van der Walt, CC0.
_ANCHORS = np.array(
    [(68, 1, 84), (65, 68, 135), (42, 120, 142), (34, 168, 132), (122, 209, 81), (253, 231, 37)],
    dtype=np.float64,
)


def photograph(pixels: Pixels) -> str:
    """Return pixels (S, S, C) as a URI."""
    return data_uri(to_image(pixels))


def error_map(errors: Doubles, most: float) -> str:
    """Return squared errors (S, S) as a URI: dark where they are small, yellow at `most`."""
    return data_uri(Image.fromarray(coloured(np.sqrt(errors / most) if most > 0 else errors)))


def coloured(shares: Doubles) -> NDArray[np.uint8]:
    """Colour shares in [0, 1] of any shape, (..., 3)."""
    places = np.linspace(0, 1, len(_ANCHORS))
    channels = [np.interp(shares, places, _ANCHORS[:, channel]) for channel in range(3)]
    found: NDArray[np.uint8] = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
    return found


def scale() -> str:
    """Return the colours from the least to the most, as a strip."""
    return data_uri(Image.fromarray(np.repeat(coloured(np.linspace(0, 1, 128))[None], 8, axis=0)))
