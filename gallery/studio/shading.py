"""Light on what is seen: one pass for each lamp, summed up into pixels.

Skin lets light through (it wraps around the terminator, more in red); every material has a gloss of
its own, with Schlick's approximation of Fresnel's law. Shadows are looked up nine times and
averaged.

Shapes: N samples, P pixels, S side of a depth map.

Source: the highlight: Blinn, "Models of light reflection for computer synthesized pictures",
SIGGRAPH 1977; Schlick, "An inexpensive BRDF model", Computer Graphics Forum 13(3), 1994.
"""

from typing import NamedTuple

import numpy as np

from gallery.studio.camera import SAMPLES
from gallery.studio.compiled import compiled
from gallery.studio.library import to_srgb
from gallery.studio.lights import Light
from gallery.studio.materials import EYE, FRAME, HAIR, LENS, SKIN, TEETH, TONGUE
from gallery.studio.meshes import Floats
from gallery.studio.scene import Lamp
from gallery.studio.surface import Surface

# How far diffuse light wraps around, in red, green and blue, by material.
WRAP = np.full((11, 3), 0.02, dtype=np.float32)
WRAP[SKIN] = (0.22, 0.09, 0.05)
WRAP[HAIR] = 0.25
# Strength and exponent of a wide and of a narrow highlight, by material.
SHINE = np.tile(np.array([0.3, 8, 0.0, 8], dtype=np.float32), (11, 1))
SHINE[SKIN] = (0.9, 18, 1.6, 70)
SHINE[EYE] = (0.0, 1, 60, 600)
SHINE[HAIR] = (1.2, 14, 0.0, 1)
SHINE[LENS] = (0.0, 1, 40, 1500)
SHINE[FRAME] = (0.0, 1, 6, 60)
SHINE[TEETH] = (0.0, 1, 4, 60)
_BIAS_DM = 0.03  # keeps a surface from shading itself


class _Ray(NamedTuple):
    """A lamp, as compiled code reads it."""

    direction: Floats
    power: Floats
    frame: Floats
    depth: Floats
    per_dm: float
    oil: float


def shade(surface: Surface, light: Light, lamp: Lamp | None, oil: float, pixels: int) -> Floats:
    """Light the samples and sum them up by pixel.

    Args:
        surface: What is seen.
        light: The illumination.
        lamp: How its lamp sees the scene; None if it has no lamp.
        oil: How oily the sitter's skin is; 1 is the average.
        pixels: P.

    Returns:
        Linear RGB, the sum over the samples of each pixel, (P, 3).
    """
    total = np.zeros((pixels, 3), np.float32)
    _add_room(surface, np.array(light.room, np.float32), total)
    if lamp is not None:
        power = np.array(light.lamp, np.float32)
        ray = _Ray(light.direction, power, lamp.frame, lamp.depth, lamp.per_dm, oil)
        _add_lamp(surface, ray, WRAP, SHINE, total)
    return total


def develop(total: Floats, wall: Floats, covered: Floats, exposure: float) -> Floats:
    """Turn light into a picture: background, exposure, soft shoulder, sRGB.

    Args:
        total: Sum of the covered samples' light, (P, 3).
        wall: Light of the background, (P, 3).
        covered: Covered samples of each pixel, (P,).
        exposure: Factor.

    Returns:
        sRGB, (P, 3), 0..1.
    """
    every = SAMPLES * SAMPLES
    light = (total + wall * (every - covered)[:, None]) * (exposure / every)
    light = light / (1 + np.maximum(light - 0.6, 0) * 0.55)
    return np.clip(to_srgb(light), 0, 1)


@compiled
def _add_room(surface: Surface, power: Floats, total: Floats) -> None:
    for sample in range(len(surface.pixel)):
        pixel = surface.pixel[sample]
        for channel in range(3):
            total[pixel, channel] += power[channel] * surface.room[sample, channel]


@compiled
def _add_lamp(surface: Surface, ray: _Ray, wrap: Floats, shine: Floats, total: Floats) -> None:
    # Of nine looks at the shadow's edge, k lit ones let red through as (k / 9) ** 0.65 in skin.
    soft = (np.arange(10) / 9.0) ** 0.65
    for sample in range(len(surface.pixel)):
        material = surface.material[sample]
        facing = 0.0
        for axis in range(3):
            facing += surface.normal[sample, axis] * ray.direction[axis]
        if facing <= -0.25:
            continue
        looks = _lit(surface, sample, ray)
        if looks == 0 and material not in (TEETH, TONGUE):
            continue
        lit = looks / 9.0
        if material in (TEETH, TONGUE):
            lit = 0.75 + 0.25 * lit
        gloss = _gloss(surface, sample, ray, shine)
        if material == SKIN:
            gloss *= surface.gloss[sample] * ray.oil
        gloss *= lit * min(max(facing + 0.05, 0.0), 1.0) * 1.6
        pixel = surface.pixel[sample]
        for channel in range(3):
            around = wrap[material, channel]
            diffuse = max((facing + around) / (1 + around), 0.0)
            through = soft[looks] if material == SKIN and channel == 0 else lit
            light = surface.colour[sample, channel] * diffuse * through + gloss
            total[pixel, channel] += ray.power[channel] * light


@compiled
def _lit(surface: Surface, sample: int, ray: _Ray) -> int:
    """Count how many of nine looks towards the lamp are free."""
    x, y, depth = 0.0, 0.0, -_BIAS_DM
    for axis in range(3):
        at = surface.place[sample, axis] + 0.025 * surface.normal[sample, axis]
        x += ray.frame[0, axis] * at
        y += ray.frame[1, axis] * at
        depth += ray.frame[2, axis] * at
    side = ray.depth.shape[0]
    x, y = x * ray.per_dm + side / 2, y * ray.per_dm + side / 2
    free = 0
    for right in (-1.2, 0.0, 1.2):
        column = min(max(int(x + right), 0), side - 1)
        for down in (-1.2, 0.0, 1.2):
            row = min(max(int(y + down), 0), side - 1)
            if depth < ray.depth[row, column]:
                free += 1
    return free


@compiled
def _gloss(surface: Surface, sample: int, ray: _Ray, shine: Floats) -> float:
    """Return the highlight's strength before shadows."""
    length, along, across = 1e-9, 0.0, 0.0
    for axis in range(3):
        half = ray.direction[axis] + surface.to_camera[sample, axis]
        length += half * half
        along += surface.normal[sample, axis] * half
        across += surface.to_camera[sample, axis] * half
    length = np.sqrt(length)
    along = min(max(along / length, 0.0), 1.0)
    across = min(max(across / length, 0.0), 1.0)
    fresnel = 0.03 + 0.97 * _power(1 - across, 5)
    kind = shine[surface.material[sample]]
    wide = kind[0] * _power(along, int(kind[1])) if kind[0] else 0.0
    narrow = kind[2] * _power(along, int(kind[3])) if kind[2] else 0.0
    return (wide + narrow) * fresnel


@compiled
def _power(base: float, exponent: int) -> float:
    """Raise to a whole power by squaring: the same on every machine, unlike pow."""
    result = 1.0
    while exponent > 0:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result
