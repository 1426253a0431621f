"""Networks of others: where their files are, and faces at the size that they take.

Shapes: N images, S side, C channels.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gallery import third_party
from gallery.align import Pixels

INSTALL = "install the rivals with scripts/rivals (docs/benchmark.md)"
MissingEmbedderError = third_party.MissingPackageError  # as those who embed call it


def package_file(package: str, *parts: str, install: str = INSTALL) -> Path:
    """Find a file of an installed package; see `gallery.third_party.package_file`.

    Raises:
        MissingEmbedderError: It is not installed, or has no such file.
    """
    return third_party.package_file(package, *parts, install=install)


def enlarged(pixels: Pixels, side: int, box: tuple[float, float, float, float]) -> Pixels:
    """Cut a box out of every face and resize it, bicubic: (N, S, S, C) -> (N, side, side, 3).

    Args:
        pixels: Aligned faces.
        side: Side of the result, pixels.
        box: Left, upper, right and lower edge, as shares of the side.
    """
    size = pixels.shape[1]
    edges = (box[0] * size, box[1] * size, box[2] * size, box[3] * size)
    result = np.empty((len(pixels), side, side, 3), dtype=np.uint8)
    for number, face in enumerate(pixels):
        image = Image.fromarray(in_colour(face))
        large = image.resize((side, side), Image.Resampling.BICUBIC, box=edges)
        result[number] = np.asarray(large)
    return result


def in_colour(face: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Repeat a gray image in three channels: (S, S, 1 or 3) -> (S, S, 3)."""
    return np.ascontiguousarray(np.broadcast_to(face, (*face.shape[:2], 3)))
