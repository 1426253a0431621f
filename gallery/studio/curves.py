"""Small functions of arrays that shapes and textures are made of."""

from typing import Any

import numpy as np
from numpy.random import Generator
from PIL import Image

from gallery.studio.meshes import Floats


def smooth(low: Any, high: Any, x: Any) -> Any:  # noqa: ANN401  numbers or arrays, broadcast
    """Rise smoothly from 0 at low to 1 at high; falls if low is above high."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def unit(vectors: Floats) -> Floats:
    """Return vectors of length 1, (..., 3)."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), dtype=np.float32)


def noise(rng: Generator, side: int, octaves: tuple[tuple[int, float], ...]) -> Floats:
    """Return smooth random values around 0, (side, side).

    Args:
        rng: Decides the values.
        side: Pixels.
        octaves: Pairs of how many cells lie along a side, and how strong they are.
    """
    total = np.zeros((side, side), np.float32)
    for cells, strength in octaves:
        grid = Image.fromarray(rng.standard_normal((cells, cells), dtype=np.float32))
        total += strength * np.asarray(grid.resize((side, side), Image.Resampling.BICUBIC))
    return total


def blur(values: Floats, radius: int) -> Floats:
    """Return a square picture without details smaller than a radius in pixels."""
    side = len(values)
    image = Image.fromarray(values.astype(np.float32))
    small = image.resize((side // radius, side // radius), Image.Resampling.BOX)
    return np.asarray(small.resize((side, side), Image.Resampling.BICUBIC))
