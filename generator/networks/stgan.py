"""STGAN: what differs between wish and source passes through selective transfer units.

Liu et al., "STGAN: A unified selective transfer network for arbitrary image attribute editing",
CVPR 2019. An encoder of strided convolutions; a decoder that is told the difference between the
wished and the source's own code; between layers of the same side a unit that decides what of the
encoder's map is handed over, by the difference and a state that comes up from below.

What the text leaves open or takes for granted, and what we do:

- The source's own values are read where they are not known: `generator/networks/relative.py`.
- Five layers for 128 pixels; fewer for smaller images, so that the innermost side is 4 to 7.
- The critic is the one of `generator/networks/blocks.py`, and not STGAN's with fully connected
  heads, so that families differ in their generators.
- No hyperbolic tangent ends the network; see `generator/networks/sargan.py`.

Features: the decoder's first map, in which image and wish meet first and most narrowly (the
encoder's last does not know the wish).

Shapes: B batch, C image channels, S side in pixels, A length of the one-hot code, L layers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from gallery.attributes import AttributeSpace
from generator.networks.adversarial import Wrong, drawing_terms, value_error
from generator.networks.architecture import Architecture
from generator.networks.blocks import Critic, with_code
from generator.networks.bottleneck import require_size
from generator.networks.family import FamilyConfig
from generator.networks.prepared import Drawing
from generator.networks.relative import Relative
from generator.networks.sargan import PAPER
from generator.training.config import Recipe, published
from generator.training.plan import Batch, Terms

# Section 4: 100 epochs; here of SARGAN's 2,312 images.
STGAN = replace(PAPER, learning_rate=2e-4, batch_size=32, steps=7_225)


@dataclass(frozen=True, slots=True, kw_only=True)
class StganConfig(FamilyConfig):
    """The shape of the network; `size` is a multiple of 4 from 32 to 256.

    Attributes:
        width: Channels after the first convolution; they double from layer to layer.
        critic_width: Width of the critic's first layer.
    """

    width: int = 64
    critic_width: int = 64

    def __post_init__(self) -> None:
        FamilyConfig.__post_init__(self)
        require_size(self.size)
        if min(self.width, self.critic_width) < 1:
            raise ValueError(f"width and critic_width must be positive: {self}")

    @property
    def layers(self) -> int:
        """Halvings of the encoder: 5 for 128 pixels, 4 for 64, 3 for 60 and 32."""
        return self.size.bit_length() - 3


class TransferUnit(nn.Module):
    """Decide what of an encoder's map is handed to the decoder, and how it changes.

    Source: equations 3 to 8; a gated recurrent unit whose time is depth.
    """

    def __init__(self, width: int, code_size: int) -> None:
        super().__init__()
        self.raised = nn.ConvTranspose2d(2 * width + code_size, width, 4, 2, 1)
        self.reset = _gate(width)
        self.update = _gate(width)
        self.changed = _gate(width)

    def forward(self, seen: Tensor, state: Tensor, difference: Tensor) -> tuple[Tensor, Tensor]:
        """Hand over a map.

        Args:
            seen: The encoder's, (B, F, H, W).
            state: From the next deeper layer, (B, 2F, H / 2, W / 2).
            difference: Between wished and own code, (B, A).

        Returns:
            What the decoder gets, and the state for the layer above, (B, F, H, W) each.
        """
        asked = self.raised(with_code(state, difference), output_size=seen.shape[2:])
        both = torch.cat([seen, asked], dim=1)
        reset, update = torch.sigmoid(self.reset(both)), torch.sigmoid(self.update(both))
        kept = reset * asked
        changed = torch.tanh(self.changed(torch.cat([seen, kept], dim=1)))
        return (1 - update) * asked + update * changed, kept


class Stgan(Relative):
    """The generator and the reader of what sources show."""

    LOSSES: ClassVar[Mapping[str, float]] = {
        "critic": 1.0,
        "penalty": 10.0,
        "values_real": 1.0,
        "reading": 1.0,
        "adversarial": 1.0,
        "values": 10.0,
        "reconstruction": 100.0,
    }
    config: StganConfig

    def __init__(self, config: StganConfig) -> None:
        super().__init__(config)
        widths = [config.width << depth for depth in range(config.layers)]
        self.encoder = nn.ModuleList(
            _down(inputs, width)
            for inputs, width in zip([config.channels, *widths[:-1]], widths, strict=True)
        )
        self.units = nn.ModuleList(TransferUnit(width, config.code_size) for width in widths[:-1])
        # Innermost first: each reads what the one before made and what a unit handed over.
        inputs = [widths[-1] + config.code_size, *(3 * width for width in reversed(widths[:-1]))]
        outputs = [*reversed(widths[1:]), config.channels]
        self.decoder = nn.ModuleList(
            nn.ConvTranspose2d(into, out, 4, 2, 1)
            for into, out in zip(inputs, outputs, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in outputs[:-1])
        self.add_reader()
        self.add_heads(outputs[0], config.size >> (config.layers - 1))

    def edit(self, images: Tensor, difference: Tensor) -> Drawing:
        """Draw images changed by a difference of codes, (B, A)."""
        seen = []
        maps = images
        for layer in self.encoder:
            maps = layer(maps)
            seen.append(maps)
        state = maps  # (B, W * 2 ** (L - 1), S / 2 ** L, ...)
        drawn = with_code(maps, difference)
        features = maps
        for depth in reversed(range(len(seen))):
            size = seen[depth - 1].shape[2:] if depth else images.shape[2:]
            drawn = self.decoder[len(seen) - 1 - depth](drawn, output_size=size)
            if not depth:
                break
            drawn = torch.relu(self.norms[len(seen) - 1 - depth](drawn))
            features = drawn if depth == len(seen) - 1 else features
            handed, state = self.units[depth - 1](seen[depth - 1], state, difference)
            drawn = torch.cat([drawn, handed], dim=1)
        return Drawing(drawn, drawn, features)

    def wrong(self, space: AttributeSpace | None) -> Wrong:
        """Return the cross-entropy of the values."""
        return partial(value_error, space=space)

    def drawing_losses(self, critic: Critic, wrong: Wrong, batch: Batch) -> Terms:
        """Return the generator's terms: the critic's two, and how it draws what is there."""
        drawn = self.drawn(batch.images, batch.wished, batch.own).float()
        same = self.drawn(batch.images, batch.own, batch.own).float()
        return {
            **drawing_terms(critic, drawn, batch.wished, wrong),
            "reconstruction": functional.l1_loss(same, batch.images),
        }


def recipe(name: str) -> Recipe:
    """Return a recipe by name: "paper" as published."""
    return published(name, STGAN)


def _gate(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(2 * width, width, 3, padding=1), nn.BatchNorm2d(width))


def _down(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 4, 2, 1), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)
    )


ARCHITECTURES = (Architecture("stgan", StganConfig, Stgan, recipe),)
