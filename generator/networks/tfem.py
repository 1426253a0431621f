"""TFEM: a U-Net whose skips mix scales, told how the expression is to change.

Ling et al., "Toward fine-grained facial expression manipulation", ECCV 2020. An encoder of strided
convolutions, a decoder of transposed ones, and between maps of the same side a unit that is told
the change, too, and fuses the encoder's map with what comes up from the next deeper unit. The
change is relative: the target's action units less the source's; where it is zero, nothing is to be
done. A critic judges patches and tells action units; the source is brought back by the change
turned round, and by no change at all.

What the text leaves open or takes for granted, and what we do:

- Units between 0 and 1 come to the one-hot code, as in `generator/networks/ganimation.py`; the
  change is the difference of two codes, in -1..1. The source's own is read where it is not known
  (`generator/networks/relative.py`).
- Widths, kernels and weights are those of the authors' public code: 64 channels after a 7 x 7, then
  128, 256, 512 and 512 by 4 x 4 of stride 2; 512 in the middle; the verdict weighs 10, telling 150,
  both reconstructions 30. Roughness is their sum of absolute differences of neighbours; the code
  sums it over a batch of 25, we take the mean, and the weight 25 times as large.
- Norm and ReLU follow every convolution but the last, leaky (0.01) where sides are halved.
- Four halvings for 128 pixels; fewer for smaller images, so that the innermost side is 8 to 15.
- The critic is that of the other families (`generator/networks/blocks.py`): its first kernel is
  4 x 4, not 5 x 5. No hyperbolic tangent ends the network; see `generator/networks/sargan.py`.

Features: the middle, where image and change meet first and most narrowly.

Shapes: B batch, C image channels, S side in pixels, A length of the one-hot code, L halvings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from gallery.attributes import AttributeSpace
from generator.networks.adversarial import Wrong, code_error, drawing_terms
from generator.networks.architecture import Architecture
from generator.networks.blocks import SLOPE, Critic, UpConvNorm, conv_norm, with_code
from generator.networks.bottleneck import require_size
from generator.networks.family import FamilyConfig
from generator.networks.prepared import Drawing
from generator.networks.relative import Relative
from generator.networks.sargan import PAPER
from generator.training.config import Recipe, published
from generator.training.plan import Batch, Terms

WIDEST = 8  # times the width of the first layer
# The authors' code: 50 epochs; here of SARGAN's 2,312 images, on which SARGAN's authors trained it.
TFEM = replace(PAPER, batch_size=25, critic_steps=4, steps=50 * 2_312 // 25)


@dataclass(frozen=True, slots=True, kw_only=True)
class TfemConfig(FamilyConfig):
    """The shape of the network; `size` is a multiple of 4 from 32 to 256.

    Attributes:
        width: Channels after the first convolution; they double to eight times as many.
        critic_width: Width of the critic's first layer.
    """

    width: int = 64
    critic_width: int = 64

    def __post_init__(self) -> None:
        FamilyConfig.__post_init__(self)
        require_size(self.size)
        if self.width < 2 or self.critic_width < 1:
            raise ValueError(f"width must be 2 or more and critic_width positive: {self}")

    @property
    def layers(self) -> int:
        """Halvings of the encoder: 4 for 128 pixels, 3 for 64, 2 for 60 and 32."""
        return self.size.bit_length() - 4

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the encoder's maps, from the full side to the innermost."""
        return tuple(self.width * min(1 << depth, WIDEST) for depth in range(self.layers + 1))


class FusionUnit(nn.Module):
    """Mix a map of the encoder, told the change, with what comes up from half its side.

    Source: section 3.3, figure 3: one exchange between both scales, then a fusion by two kernels.
    """

    def __init__(self, width: int, below: int, code_size: int) -> None:
        super().__init__()
        half, rest = width // 2, width - width // 2
        self.told = conv_norm(width + code_size, width, kernel=5)
        self.stays = conv_norm(width, half)
        self.sinks = halved(width, below // 2)
        self.rises = UpConvNorm(below, rest)
        self.rests = conv_norm(below, below - below // 2)
        self.raised = UpConvNorm(below, min(below, width))
        both = width + min(below, width)
        self.near = conv_norm(both, half)
        self.far = conv_norm(both, rest, kernel=5)

    def forward(self, seen: Tensor, deeper: Tensor, change: Tensor) -> Tensor:
        """Fuse maps.

        Args:
            seen: The encoder's, (B, F, H, W).
            deeper: From the next deeper unit, or the middle, (B, G, H / 2, W / 2).
            change: Difference of codes, (B, A).

        Returns:
            What the decoder and the next unit get, (B, F, H, W).
        """
        size = seen.shape[2:]
        high = self.told(with_code(seen, change))
        low = torch.cat([self.sinks(high), self.rests(deeper)], dim=1)
        high = torch.cat([self.stays(high), self.rises(deeper, size)], dim=1)
        both = torch.cat([high, self.raised(low, size)], dim=1)
        return torch.cat([self.near(both), self.far(both)], dim=1)


class Tfem(Relative):
    """The generator, and the reader of what sources show."""

    LOSSES: ClassVar[Mapping[str, float]] = {
        "critic": 10.0,
        "penalty": 10.0,
        "values_real": 150.0,
        "reading": 1.0,
        "adversarial": 10.0,
        "values": 150.0,
        "reconstruction": 30.0,
        "cycle": 30.0,
        "smooth": 2.5e-4,
    }
    config: TfemConfig

    def __init__(self, config: TfemConfig) -> None:
        super().__init__(config)
        widths = config.widths
        first = conv_norm(config.channels, widths[0], kernel=7)
        first[2] = nn.LeakyReLU(SLOPE)
        pairs = list(pairwise(widths))
        self.encoder = nn.ModuleList([first, *(halved(*pair) for pair in pairs)])
        self.middle = conv_norm(widths[-1] + config.code_size, widths[-1])
        self.units = nn.ModuleList(
            FusionUnit(width, below, config.code_size) for width, below in pairs[1:]
        )
        # Innermost first: each reads what the one before made and what a unit handed over.
        inputs = [widths[-1], *(2 * width for width in reversed(widths[1:-1]))]
        outputs = [*reversed(widths[1:-1]), widths[0]]
        self.decoder = nn.ModuleList(
            UpConvNorm(into, out) for into, out in zip(inputs, outputs, strict=True)
        )
        self.last = nn.Conv2d(widths[0], config.channels, 7, padding=3)
        self.add_reader()
        self.add_heads(widths[-1], config.size >> config.layers)

    def edit(self, images: Tensor, difference: Tensor) -> Drawing:
        """Draw images changed by a difference of codes, (B, A)."""
        seen = []
        maps = images
        for layer in self.encoder:
            maps = layer(maps)
            seen.append(maps)
        middle = self.middle(with_code(maps, difference))
        drawn = deeper = middle
        for depth in reversed(range(1, len(seen) - 1)):
            deeper = self.units[depth - 1](seen[depth], deeper, difference)
            raised = self.decoder[len(seen) - 2 - depth](drawn, seen[depth].shape[2:])
            drawn = torch.cat([raised, deeper], dim=1)
        drawn = self.last(self.decoder[-1](drawn, images.shape[2:]))
        return Drawing(drawn, drawn, middle)

    def wrong(self, space: AttributeSpace | None) -> Wrong:  # noqa: ARG002  codes are all it needs
        """Return the squared error of codes."""
        return code_error

    def drawing_losses(self, critic: Critic, wrong: Wrong, batch: Batch) -> Terms:
        """Return the generator's terms: the critic's two, both ways back, and roughness."""
        drawn = self.drawn(batch.images, batch.wished, batch.own).float()
        same = self.drawn(batch.images, batch.own, batch.own).float()
        back = self.drawn(drawn, batch.own, batch.wished).float()
        return {
            **drawing_terms(critic, drawn, batch.wished, wrong),
            "reconstruction": functional.l1_loss(same, batch.images),
            "cycle": functional.l1_loss(back, batch.images),
            "smooth": variation(drawn),
        }


def halved(inputs: int, outputs: int) -> nn.Sequential:
    """Return a 4 x 4 convolution of stride 2, a norm and a leaky ReLU."""
    layers = conv_norm(inputs, outputs, kernel=4, stride=2)
    layers[2] = nn.LeakyReLU(SLOPE)
    return layers


def variation(images: Tensor) -> Tensor:
    """Absolute differences of neighbours, summed over an image, their mean over images, a scalar.

    Args:
        images: (B, C, S, S).
    """
    down = (images[:, :, 1:] - images[:, :, :-1]).abs().sum(dim=(1, 2, 3))
    across = (images[:, :, :, 1:] - images[:, :, :, :-1]).abs().sum(dim=(1, 2, 3))
    return (down + across).mean()


def recipe(name: str) -> Recipe:
    """Return a recipe by name: "paper" as published."""
    return published(name, TFEM)


ARCHITECTURES = (Architecture("tfem", TfemConfig, Tfem, recipe),)
