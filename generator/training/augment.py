"""Augmentation: how a face may look besides, and still be the same face under the same values.

Source and target of a pair are changed alike: light and contrast by the same gain and offset,
place and scale by the same crop. So the wish stays the only difference. Where photographs differ
more than the training's, each image may stray by itself, too (`own`), be lit from a side
(`shade`), darker or lighter in its middle tones (`gamma`), and less sharp (`blur`).

Shapes: B batch, C channels, S side.
"""

import math
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

GREY = 128.0
SMALLEST = 0.2  # share of the side that is cut out, at least, however far the scale strays


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How far images stray; standard deviations, or reach where that is said.

    Attributes:
        gain: Spread of contrast, relative.
        offset: Spread of brightness, grey levels.
        tint: Of each channel's gain, relative; images of one channel and gray batches have none.
        shift: Reach of the place, as a share of the side.
        zoom: Reach of the scale, relative.
        noise: Spread of every pixel of the source alone, grey levels.
        gray: Probability that colours are left out; of a batch in `jitter_together`, of an image
            in `leave_out_colours`; `jitter` keeps them.
        own: How far every image strays by itself in light, place and scale, of the reaches above;
            source and target differ by that.
        shade: Spread of the slope of the light across the image, relative, in any direction.
        gamma: Spread of the logarithm of the exponent of grey levels.
        blur: Reach of the standard deviation of a Gaussian blur, as a share of the side.
    """

    gain: float = 0.15
    offset: float = 10.0
    tint: float = 0.04
    shift: float = 0.04
    zoom: float = 0.05
    noise: float = 3.0
    gray: float = 0.25
    own: float = 0.0
    shade: float = 0.0
    gamma: float = 0.0
    blur: float = 0.0

    def scaled(self, strength: float) -> "Augmentation":
        """Return all of it times a factor; `own` is one already, of what is scaled."""
        values = {f.name: getattr(self, f.name) * strength for f in fields(self)}
        return Augmentation(**{**values, "gray": min(1.0, values["gray"]), "own": self.own})


def jitter(
    images: list[Tensor], random: np.random.Generator, strength: Augmentation
) -> list[Tensor]:
    """Change the images of each pair alike: each (B, C, S, S), grey levels; the first gets noise.

    Args:
        images: Sources, targets, …; row b of each belongs to pair b.
        random: Drawn from in a fixed order, so that a seed gives the same images on every device.
        strength: How far.

    Returns:
        Grey levels, clipped to 0..255.
    """
    count, channels, side, _ = images[0].shape
    device = images[0].device

    def normal(*shape: int) -> Tensor:
        drawn = random.standard_normal(shape).astype(np.float32)
        return torch.from_numpy(drawn).to(device)

    def uniform(*shape: int) -> Tensor:
        drawn = random.uniform(-1, 1, shape).astype(np.float32)
        return torch.from_numpy(drawn).to(device)

    gain = 1 + strength.gain * normal(count, 1, 1, 1)
    if channels > 1:
        gain = gain * (1 + strength.tint * normal(count, channels, 1, 1))
    offset = strength.offset * normal(count, 1, 1, 1)
    scale = 1 + strength.zoom * uniform(count)
    move = 2 * strength.shift * uniform(count, 2)  # of -1..1 over the side
    noise = strength.noise * normal(count, channels, side, side)
    moved = [_cut(one, scale, move) for one in images]
    lit = [(one - GREY) * gain + GREY + offset for one in moved]
    changed = _otherwise(lit, random, strength, count)
    changed[0] = changed[0] + noise
    return [one.clamp(0, 255) for one in changed]


def leave_out_colours(levels: Tensor, random: np.random.Generator, share: float) -> Tensor:
    """Make some images gray, (B, C, S, S); what else strays, a tint among it, comes after.

    Args:
        levels: Images; of one channel they stay as they are.
        random: Whose other draws stay as they would be: what is needed comes from a child of it.
        share: Probability for each image.
    """
    chosen = random.spawn(1)[0].random(len(levels)) < share
    kept = torch.from_numpy(~chosen).to(levels.device).view(-1, 1, 1, 1)
    return torch.where(kept, levels, levels.mean(dim=1, keepdim=True))


def _cut(levels: Tensor, scale: Tensor, move: Tensor) -> Tensor:
    """Cut images out elsewhere and in another size: (B, C, S, S), (B,), (B, 2)."""
    grid = _crops(scale.clamp(min=SMALLEST), move, levels.shape[-1]).to(levels.device)
    return functional.grid_sample(
        levels, grid, mode="bilinear", padding_mode="border", align_corners=False
    )


def _crops(scale: Tensor, move: Tensor, side: int) -> Tensor:
    """Return where each pixel is taken from, (B,), (B, 2) -> (B, S, S, 2)."""
    zero = torch.zeros_like(scale)
    rows = [
        torch.stack([scale, zero, move[:, 0]], dim=1),
        torch.stack([zero, scale, move[:, 1]], dim=1),
    ]
    shape = (len(scale), 1, side, side)
    return functional.affine_grid(torch.stack(rows, dim=1), shape, align_corners=False)  # type: ignore[arg-type]


def jitter_together(
    levels: Tensor, random: np.random.Generator, kind: Augmentation
) -> tuple[Tensor, Tensor]:
    """Change all images of a batch alike, (B, C, S, S), grey levels; now and then to gray.

    Where images are told apart by what they show, a change of each one's own would give it away.

    Args:
        levels: Images.
        random: See `jitter`.
        kind: How far.

    Returns:
        Grey levels in 0..255, without noise and with it.
    """
    count, channels = levels.shape[:2]
    gain = np.full(channels, 1 + kind.gain * random.standard_normal())
    tints = 1 + kind.tint * random.standard_normal(channels)
    offset = kind.offset * random.standard_normal()
    scale = torch.tensor([1 + kind.zoom * random.uniform(-1, 1)], dtype=torch.float32)
    move = torch.from_numpy(2 * kind.shift * random.uniform(-1, 1, (1, 2)).astype(np.float32))
    gray = random.random() < kind.gray
    noise = kind.noise * random.standard_normal(levels.shape).astype(np.float32)
    if channels > 1 and gray:
        levels = levels.mean(dim=1, keepdim=True).expand(-1, channels, -1, -1)
    elif channels > 1:
        gain *= tints
    moved = _cut(levels, scale.expand(count), move.expand(count, -1))
    gains = torch.from_numpy(gain.astype(np.float32)).to(levels.device).view(1, -1, 1, 1)
    (lit,) = _otherwise([(moved - GREY) * gains + GREY + offset], random, kind, 1)
    lit = lit.clamp(0, 255)
    return lit, (lit + torch.from_numpy(noise).to(levels.device)).clamp(0, 255)


def _otherwise(
    images: list[Tensor], random: np.random.Generator, kind: Augmentation, count: int
) -> list[Tensor]:
    """Change what photographs differ in besides: slope of the light, middle tones, sharpness.

    Args:
        images: Sources, targets, …, (B, C, S, S), grey levels.
        random: Drawn from for what is not 0 alone, so that the rest stays as it was without.
        kind: How far.
        count: Of changes that are common to all `images`: B, or 1 for one of the whole batch.

    Returns:
        Grey levels, not clipped.
    """
    side, device = images[0].shape[-1], images[0].device

    def drawn(values: NDArray[np.float64]) -> Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(device)

    if kind.shade:
        slope = kind.shade * drawn(random.standard_normal((count, 2)))
        across = torch.linspace(-1, 1, side, device=device)
        ramp = slope[:, :1, None] * across + slope[:, 1:, None] * across[:, None]
        images = [one * (1 + ramp[:, None]) for one in images]
    if kind.gamma:
        power = (kind.gamma * drawn(random.standard_normal((count, 1, 1, 1)))).exp()
        images = [255 * (one.clamp(0, 255) / 255) ** power for one in images]
    if kind.blur:
        width = kind.blur * side * drawn(random.uniform(0, 1, count))
        images = [_blurred(one, width, math.ceil(2 * kind.blur * side)) for one in images]
    if kind.own:
        images = [_strayed(one, random, kind.scaled(kind.own)) for one in images]
    return images


def _strayed(levels: Tensor, random: np.random.Generator, kind: Augmentation) -> Tensor:
    """Change every image by itself in light, place and scale, (B, C, S, S), not clipped."""
    count = len(levels)
    light = torch.from_numpy(random.standard_normal((2, count, 1, 1, 1)).astype(np.float32))
    cut = torch.from_numpy(random.uniform(-1, 1, (count, 3)).astype(np.float32))
    gain, offset = (light * torch.tensor([kind.gain, kind.offset]).view(2, 1, 1, 1, 1)).to(
        levels.device
    )
    moved = _cut(levels, 1 + kind.zoom * cut[:, 0], 2 * kind.shift * cut[:, 1:])
    lit: Tensor = (moved - GREY) * (1 + gain) + GREY + offset
    return lit


def _blurred(levels: Tensor, width: Tensor, reach: int) -> Tensor:
    """Blur images by Gaussians: (B, C, S, S), standard deviations in pixels, (B,) or (1,)."""
    away = torch.arange(-reach, reach + 1, device=levels.device)
    weights = (-0.5 * (away / width.clamp(min=1e-3)[:, None]) ** 2).exp()
    weights = weights / weights.sum(dim=1, keepdim=True)  # (B, 2 * reach + 1)
    for axis in (2, 3):
        ends = (reach, reach, 0, 0) if axis == 3 else (0, 0, reach, reach)
        padded = functional.pad(levels, ends, mode="replicate")
        moved = padded.unfold(axis, 2 * reach + 1, 1)  # (B, C, S, S, 2 * reach + 1)
        levels = (moved * weights[:, None, None, None]).sum(dim=-1)
    return levels
