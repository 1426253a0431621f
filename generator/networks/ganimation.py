"""GANimation: paints a face anew, and says where of it the source stays.

Pumarola et al., "GANimation: One-shot anatomically consistent facial animation", IJCV 128, 2020
(first ECCV 2018). StarGAN's generator with two last layers side by side: colours C, and a map A in
0..1; the drawing is (1 - A) C + A x. A critic judges patches and tells the action units that it
sees; the cycle brings the source back; A is kept low, so that the colours have to work, and smooth.

What the text leaves open or takes for granted, and what we do:

- The wish is a vector of action units between 0 and 1. Where values are names, it comes to the
  one-hot code: units that are on or off. So the critic is asked for codes, and is wrong by the mean
  squared difference (`generator.networks.adversarial.code_error`).
- Its error weighs 4,000 there. The authors' code divides the mean squared error by the batch, 25,
  and so do we by the weight: 160.
- The text prints a norm of A, which grows with the image; the authors' code and we take its mean.
  Smoothness is as printed: squared differences of neighbours, summed over the image; it weighs
  0.1 x 0.0001.
- Both last layers have biases, and no hyperbolic tangent ends the colours; see
  `generator/networks/sargan.py`, whose first and middle layers are shared.
- The rate is constant here; there it falls to zero over the last 10 of 30 epochs.
- Colours are augmented as for the other families that SARGAN is compared with.

Features: the last block's output, averaged as `sargan`'s.

Shapes: B batch, C image channels, S side in pixels, A length of the one-hot code, W `width`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from generator.networks.adversarial import (
    code_error,
    critic_of,
    critic_terms,
    drawing_terms,
    in_other_colours,
)
from generator.networks.architecture import Architecture
from generator.networks.blocks import Critic, ResidualBlock, narrowing, widening, with_code
from generator.networks.bottleneck import BottleneckConfig
from generator.networks.family import FamilyConfig, Network
from generator.networks.prepared import Drawing
from generator.networks.sargan import PAPER
from generator.training.config import Recipe, published
from generator.training.plan import Batch, PlanContext, Stage, Terms, TrainingPlan, Update

# Section 6: 30 epochs of 200,000 photographs; a step updates the critic.
GANIMATION = replace(PAPER, batch_size=25, steps=240_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class GanimationConfig(BottleneckConfig):
    """The shape of the network; `size` is a multiple of 4 from 32 to 256.

    Attributes:
        blocks: How many plain residual blocks.
        width: Channels after the first convolution.
        critic_width: Width of the critic's first layer.
        feature_side: Cells a side of the grid on which features are averaged, about.
    """

    blocks: int = 6
    width: int = 64
    critic_width: int = 64
    feature_side: int = 8

    def __post_init__(self) -> None:
        FamilyConfig.__post_init__(self)
        self.require_shape("blocks", "width", "critic_width", "feature_side")


class Painted(NamedTuple):
    """What the generator makes of images.

    Attributes:
        drawn: (1 - A) C + A x, (B, C, S, S).
        kept: A, the share of the source in every pixel, (B, 1, S, S), in 0..1.
        middle: What the last block makes, (B, 4W, S / 4, S / 4).
    """

    drawn: Tensor
    kept: Tensor
    middle: Tensor


class Ganimation(Network):
    """The generator; its critic is StarGAN's, whose second head tells codes."""

    LOSSES: ClassVar[Mapping[str, float]] = {
        "critic": 1.0,
        "penalty": 10.0,
        "values_real": 160.0,
        "adversarial": 1.0,
        "values": 160.0,
        "cycle": 10.0,
        "kept": 0.1,
        "smooth": 1e-5,
    }
    config: GanimationConfig

    def __init__(self, config: GanimationConfig) -> None:
        super().__init__(config)
        wide = config.width
        self.encoder = narrowing(config.channels + config.code_size, wide)
        self.blocks = nn.Sequential(*(ResidualBlock(4 * wide) for _ in range(config.blocks)))
        self.decoder = widening(wide)
        self.colours = nn.Conv2d(wide, config.channels, 7, padding=3)
        self.attention = nn.Conv2d(wide, 1, 7, padding=3)
        self.add_heads(4 * wide, config.size // 4 // config.pooled)

    def draw(self, images: Tensor, codes: Tensor) -> Drawing:
        """Draw: normalised images (B, C, S, S), one-hot codes (B, A)."""
        painted = self.paint(images, codes)
        features = functional.avg_pool2d(painted.middle, self.config.pooled)
        return Drawing(painted.drawn, painted.drawn, features)

    def paint(self, images: Tensor, codes: Tensor) -> Painted:
        """Draw: normalised images (B, C, S, S), one-hot codes (B, A); return where, too."""
        middle = self.blocks(self.encoder(with_code(images, codes)))
        raised = self.decoder(middle)
        kept = torch.sigmoid(self.attention(raised))
        drawn = (1 - kept) * self.colours(raised) + kept * images
        return Painted(drawn, kept, middle)

    def plan(self, course: PlanContext) -> TrainingPlan:
        """Train the generator in every `critic_steps`-th step, its critic in every step."""
        config = course.config
        critic = critic_of(self.config, course.random)
        weights = self.weights(config.weights)
        judging = partial(critic_terms, critic, self._drawn, code_error)
        drawing = partial(self._drawing_terms, critic)
        turns = (
            Update("critic", (critic,), judging, weights),
            Update("generator", self.own_parts(), drawing, weights, config.critic_steps),
        )
        return TrainingPlan((Stage(config.steps, turns, in_other_colours),), critic)

    def _drawn(self, images: Tensor, wished: Tensor, _own: Tensor) -> Tensor:
        return self.paint(images, wished).drawn

    def _drawing_terms(self, critic: Critic, batch: Batch) -> Terms:
        there = self.paint(batch.images, batch.wished)
        drawn = there.drawn.float()
        back = self.paint(drawn, batch.own)
        maps = (there.kept.float(), back.kept.float())
        return {
            **drawing_terms(critic, drawn, batch.wished, code_error),
            "cycle": functional.l1_loss(back.drawn.float(), batch.images),
            "kept": maps[0].mean() + maps[1].mean(),
            "smooth": roughness(maps[0]) + roughness(maps[1]),
        }


def roughness(maps: Tensor) -> Tensor:
    """Squared differences of neighbours, summed over a map, their mean over maps, a scalar.

    Args:
        maps: (B, F, H, W).
    """
    down = (maps[:, :, 1:] - maps[:, :, :-1]).square().sum(dim=(1, 2, 3))
    across = (maps[:, :, :, 1:] - maps[:, :, :, :-1]).square().sum(dim=(1, 2, 3))
    return (down + across).mean()


def recipe(name: str) -> Recipe:
    """Return a recipe by name: "paper" as published."""
    return published(name, GANIMATION)


ARCHITECTURES = (Architecture("ganimation", GanimationConfig, Ganimation, recipe),)
