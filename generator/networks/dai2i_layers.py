"""What DAI2I adds to a translator: adaptors, a reader of the style they are told, their judge.

Shapes: B batch, C image channels, S side in pixels, F channels of a map, H and W its sides, Z
numbers of a style.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from generator.networks.blocks import SLOPE, downwards

STYLE = 256  # numbers of a style, as in the authors' code
STYLE_WIDTHS = (16, 32, 64, 128)


class StyleReader(nn.Module):
    """Say how an image looks besides what it shows: a vector.

    Four strided convolutions and their mean. As in the authors' code: 16, 32, 64 and 128 channels,
    256 numbers.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in STYLE_WIDTHS:
            layers += [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(SLOPE)]
            channels = width
        self.maps = nn.Sequential(*layers)
        self.vector = nn.Linear(channels, STYLE)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, S, S) -> (B, Z)."""
        style: Tensor = self.vector(self.maps(images).mean(dim=(2, 3)))
        return style


class StyledConv(nn.Module):
    """Convolve, normalise each map of each image, then scale and shift it as a style says.

    Source: Huang and Belongie, "Arbitrary style transfer in real-time with adaptive instance
    normalization", ICCV 2017, equation 8; scale and shift are linear in the style, and scale is
    told as what it differs from 1.
    """

    def __init__(self, conv: nn.Conv2d | nn.ConvTranspose2d) -> None:
        super().__init__()
        self.conv = conv
        self.norm = nn.InstanceNorm2d(conv.out_channels)
        self.told = nn.Linear(STYLE, 2 * conv.out_channels)

    def forward(self, maps: Tensor, style: Tensor) -> Tensor:
        """(B, F, H, W), (B, Z) -> maps of the convolution's channels and sides."""
        scale, shift = self.told(style)[:, :, None, None].chunk(2, dim=1)
        styled: Tensor = (1 + scale) * self.norm(self.conv(maps)) + shift
        return styled


class StyledBlock(nn.Module):
    """Add to maps what two styled convolutions make of them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        first, second = (nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))
        self.first, self.second = StyledConv(first), StyledConv(second)

    def forward(self, maps: Tensor, style: Tensor) -> Tensor:
        """(B, F, H, W), (B, Z) -> (B, F, H, W)."""
        inner = functional.leaky_relu(self.first(maps, style), SLOPE)
        added: Tensor = maps + self.second(inner, style)
        return added


class Adaptor(nn.Module):
    """Redraw an image as if it came from elsewhere: one halving, styled blocks, one doubling.

    As in the authors' code: 128 channels, four blocks. The last layer is linear; see
    `generator/networks/sargan.py`.
    """

    def __init__(self, channels: int, width: int, blocks: int) -> None:
        super().__init__()
        self.begin = StyledConv(nn.Conv2d(channels, width, 7, padding=3))
        self.down = StyledConv(nn.Conv2d(width, 2 * width, 4, 2, 1))
        self.blocks = nn.ModuleList(StyledBlock(2 * width) for _ in range(blocks))
        self.up = StyledConv(nn.ConvTranspose2d(2 * width, width, 4, 2, 1))
        self.last = nn.Conv2d(width, channels, 7, padding=3)

    def forward(self, images: Tensor, style: Tensor) -> Tensor:
        """(B, C, S, S), (B, Z) -> (B, C, S, S)."""
        maps = functional.leaky_relu(self.begin(images, style), SLOPE)
        maps = functional.leaky_relu(self.down(maps, style), SLOPE)
        for block in self.blocks:
            maps = block(maps, style)
        maps = functional.leaky_relu(self.up(maps, style), SLOPE)
        adapted: Tensor = self.last(maps)
        return adapted


class DomainCritic(nn.Module):
    """Judge of patches whether they come from the domain: near 1 if so, near 0 if not."""

    def __init__(self, channels: int, size: int, width: int) -> None:
        super().__init__()
        self.trunk, wide, _ = downwards(channels, size, width, size.bit_length() - 3)
        self.verdict = nn.Conv2d(wide, 1, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, S, S) -> verdicts of patches, (B, 1, H, W)."""
        verdicts: Tensor = self.verdict(self.trunk(images))
        return verdicts


def looks(trunk: nn.Sequential, images: Tensor, depths: int) -> list[Tensor]:
    """Return what the first layers of a critic's trunk see: maps after each of their ReLUs."""
    maps, found = images, []
    for layer in trunk:
        maps = layer(maps)
        if isinstance(layer, nn.LeakyReLU):
            found.append(maps)
        if len(found) == depths:
            break
    return found


def step_between(before: Sequence[Tensor], after: Sequence[Tensor]) -> list[Tensor]:
    """Return how looks change: of each pair of maps (B, F, H, W), after less before.

    Both are brought to the same scale first: each channel by its mean and deviation over both.
    """
    changes = []
    for one, other in zip(before, after, strict=True):
        both = functional.batch_norm(torch.cat([one, other]), None, None, training=True)
        first, second = both.chunk(2)
        changes.append(second - first)
    return changes


def mean_difference(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    """Mean absolute difference of maps, summed over depths, a scalar."""
    each = [functional.l1_loss(one, two) for one, two in zip(first, second, strict=True)]
    return torch.stack(each).sum()
