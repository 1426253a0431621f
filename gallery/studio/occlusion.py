"""Black shapes over faces, laid over an image when it is read.

`block` is one of ten black shapes at a random place (BMVC 2016, section 4.3: "we randomly generate
10 black blocks of different shapes"); `eyes` is a black bar over the eyes (arXiv 1511.08446,
section 4.3). The papers print no sizes: the blocks cover about an eighth of an image, which brings
the mean squared error between source and target near BMVC's 1473.

Shapes: S side of an image.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Pixels = NDArray[np.uint8]

SHAPES = 10
EYE_BAR = (0.10, 0.33, 0.90, 0.49)  # left, top, right and bottom, shares of the side
_RASTER = 256  # shapes are drawn large, then shrunk
_AREA = (0.09, 0.145)  # least and greatest share of the image


def occlude(pixels: Pixels, kind: str, key: tuple[int, ...]) -> Pixels:
    """Return an image with a black shape over it.

    Args:
        pixels: (S, S, 3).
        kind: "none", "block" or "eyes".
        key: Whole numbers from 0 on that decide shape and place of a block.

    Raises:
        ValueError: The kind is unknown.
    """
    if kind == "none":
        return pixels
    if kind == "eyes":
        hidden = _bar(len(pixels))
    elif kind == "block":
        hidden = _block(len(pixels), np.random.default_rng([*key, 11]))
    else:
        raise ValueError(f"an occlusion is none, block or eyes, got {kind!r}")
    return np.where(hidden[..., None], np.uint8(0), pixels)


def block_shape(number: int) -> NDArray[np.bool_]:
    """Return one of the ten shapes, (256, 256), in the upper left corner."""
    rng = np.random.default_rng([1511, 8446, number])
    area = rng.uniform(*_AREA) * _RASTER**2
    stretch = float(np.exp(rng.uniform(-0.6, 0.6)))
    width, height = np.sqrt(area * stretch), np.sqrt(area / stretch)
    image = Image.new("1", (_RASTER, _RASTER))
    draw = ImageDraw.Draw(image)
    if number % 3 == 0:
        draw.rectangle((0, 0, width, height), fill=1)
    elif number % 3 == 1:
        draw.ellipse((0, 0, 1.13 * width, 1.13 * height), fill=1)
    else:
        turn = np.linspace(0, 2 * np.pi, 7, endpoint=False) + rng.uniform(-0.3, 0.3, 7)
        reach = rng.uniform(0.75, 1.1, 7)
        across = (0.5 + 0.55 * reach * np.cos(turn)) * 1.15 * width
        down = (0.5 + 0.55 * reach * np.sin(turn)) * 1.15 * height
        corners = zip(np.maximum(across, 0).tolist(), np.maximum(down, 0).tolist(), strict=True)
        draw.polygon(list(corners), fill=1)
    return np.asarray(image)


def _block(side: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    shape = block_shape(int(rng.integers(SHAPES)))
    image = Image.fromarray(shape.astype(np.uint8) * 255)
    small = np.asarray(image.resize((side, side), Image.Resampling.BOX)) > 127
    rows, columns = np.flatnonzero(small.any(axis=1)), np.flatnonzero(small.any(axis=0))
    down = int(rng.integers(side - rows[-1]))
    right = int(rng.integers(side - columns[-1]))
    hidden: NDArray[np.bool_] = np.roll(small, (down, right), axis=(0, 1))
    return hidden


def _bar(side: int) -> NDArray[np.bool_]:
    left, top, right, bottom = (round(share * side) for share in EYE_BAR)
    hidden = np.zeros((side, side), dtype=bool)
    hidden[top:bottom, left:right] = True
    return hidden
