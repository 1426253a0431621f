"""Backgrounds: a few rooms in which people sit, and of which every camera sees another part.

A room is a blurred panorama of walls, panels and furniture. All people of a seed share six rooms,
so that the background tells little about who sits before it, and much about where the camera is.
"""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageFilter

from gallery.studio.meshes import Floats

WIDTH, HEIGHT = 720, 64  # of the panorama: half a degree a pixel
VIEW_DEG = 30.0  # how much of it a picture shows


@lru_cache(maxsize=16)
def panorama(seed: int, room: int) -> Floats:
    """Return the walls' albedo, linear RGB, (HEIGHT, WIDTH, 3)."""
    rng = np.random.default_rng([seed, 1_000_003, room])
    tint = np.exp(rng.normal(0, 0.26, 3))
    wall = rng.uniform(0.12, 0.60) * tint
    down = np.linspace(1.12, 0.82, HEIGHT)[:, None, None]
    picture = np.broadcast_to(wall * down, (HEIGHT, WIDTH, 3)).copy()
    for _ in range(26):
        left, width = int(rng.integers(WIDTH)), int(rng.integers(8, 70))
        top = int(rng.integers(HEIGHT)) if rng.random() < 0.33 else 0
        bottom = HEIGHT if rng.random() < 0.6 else int(rng.integers(top, HEIGHT)) + 1
        shade = np.exp(rng.normal(0, 0.5) + rng.normal(0, 0.2, 3))
        columns = np.arange(left, left + width) % WIDTH
        picture[top:bottom, columns] = 0.35 * picture[top:bottom, columns] + 0.65 * wall * shade
    return _blurred(np.clip(picture, 0.01, 0.9), float(rng.uniform(1.5, 3.5)))


def background(seed: int, room: int, yaw_deg: float, size: int) -> Floats:
    """Return what a camera sees behind a head, albedo as linear RGB, (size, size, 3)."""
    middle = (180 + yaw_deg) / 360 * WIDTH
    reach = VIEW_DEG / 720 * WIDTH
    wide = np.concatenate([panorama(seed, room)] * 2, axis=1)
    channels = [
        Image.fromarray(np.ascontiguousarray(wide[..., channel])).resize(
            (size, size),
            Image.Resampling.BICUBIC,
            box=(middle - reach, 0, middle + reach, HEIGHT),
        )
        for channel in range(3)
    ]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)


def _blurred(picture: Floats, radius: float) -> Floats:
    levels = Image.fromarray(np.rint(255 * np.sqrt(picture)).astype(np.uint8))
    twice = Image.new("RGB", (3 * WIDTH, HEIGHT))
    for start in (0, WIDTH, 2 * WIDTH):
        twice.paste(levels, (start, 0))
    soft = twice.filter(ImageFilter.GaussianBlur(radius)).crop((WIDTH, 0, 2 * WIDTH, HEIGHT))
    return ((np.asarray(soft, dtype=np.float32) / 255) ** 2).astype(np.float32)
