"""Augmentation: how a face may look besides, and still be the same face under the same values.

Source and target of a pair are changed alike: light and contrast by the same gain and offset,
place and scale by the same crop. So the wish stays the only difference.

Shapes: B batch, C channels, S side.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

GREY = 128.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How far images stray; standard deviations, or reach where that is said.

    Attributes:
        gain: Of contrast, relative.
        offset: Of brightness, grey levels.
        tint: Of each channel's gain, relative; gray images have none.
        shift: Reach of the place, as a share of the side.
        zoom: Reach of the scale, relative.
        noise: Of every pixel of the source alone, grey levels.
        gray: Probability that colours are left out; of `jitter_together` alone.
    """

    gain: float = 0.15
    offset: float = 10.0
    tint: float = 0.04
    shift: float = 0.04
    zoom: float = 0.05
    noise: float = 3.0
    gray: float = 0.25

    def scaled(self, strength: float) -> "Augmentation":
        """Return all of it times a factor."""
        return Augmentation(
            gain=self.gain * strength,
            offset=self.offset * strength,
            tint=self.tint * strength,
            shift=self.shift * strength,
            zoom=self.zoom * strength,
            noise=self.noise * strength,
            gray=min(1.0, self.gray * strength),
        )


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
    grid = _crops(scale, move, side)
    moved = [
        functional.grid_sample(
            one, grid, mode="bilinear", padding_mode="border", align_corners=False
        )
        for one in images
    ]
    lit = [(one - GREY) * gain + GREY + offset for one in moved]
    lit[0] = lit[0] + noise
    return [one.clamp(0, 255) for one in lit]


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
    count, channels, side, _ = levels.shape
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
    grid = _crops(scale, move, side).to(levels.device).expand(count, -1, -1, -1)
    moved = functional.grid_sample(
        levels, grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    gains = torch.from_numpy(gain.astype(np.float32)).to(levels.device).view(1, -1, 1, 1)
    lit = ((moved - GREY) * gains + GREY + offset).clamp(0, 255)
    return lit, (lit + torch.from_numpy(noise).to(levels.device)).clamp(0, 255)
