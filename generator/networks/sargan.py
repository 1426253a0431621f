"""SARGAN: one residual block with spatial attention, and the input added to the output.

Akram and Khan, "SARGAN: Spatial attention-based residuals for facial expression manipulation",
section III. The image and its wish, as constant channels, pass one convolution, two strided ones,
one attention block, two transposed convolutions and a last one; what comes out is added to the
image: y = G(x, e) + x.

What the text leaves open, and what we do:

- Widths and kernels are not printed: StarGAN's, of which SARGAN says that its generator and
  discriminator come. 64, 128 and 256 channels; 7 x 7, then 4 x 4 of stride 2; instance norm and
  ReLU.
- The attention unit's depth and widths are drawn in a figure that has no numbers: two halvings, 128
  and 64 channels, skips that are added; attention is one map, through a sigmoid.
- No hyperbolic tangent ends the network: images are normalised by mean and deviation, and not
  confined to -1..1. Drawings are clipped when they become grey levels.
- Equation 4 prints the reconstruction as G(G(x, e_t) + x, e_o) + x. By equation 2 what is added is
  the input of the outer G, the drawing; so do we. `cycle = "source"` is the formula as printed,
  under which the outer residual had better be nothing.
- A verdict is the mean over the critic's patches.
- Colours are augmented with ReHistoGAN there; with random contrast, brightness and tint here
  (`generator.networks.adversarial.COLOUR`).

Features: the last block's output, all that the decoder is told of image and wish. Averages of it
on a grid of about `feature_side` cells a side: 16,384 numbers instead of 262,144 at 128 pixels.

Shapes: B batch, C image channels, S side in pixels, A length of the one-hot code, W `width`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional

from generator.networks.adversarial import (
    Wrong,
    critic_of,
    critic_terms,
    drawing_terms,
    in_other_colours,
    value_error,
)
from generator.networks.architecture import Architecture
from generator.networks.blocks import (
    AttentionBlock,
    Critic,
    ResidualBlock,
    narrowing,
    widening,
    with_code,
)
from generator.networks.bottleneck import BottleneckConfig
from generator.networks.family import FamilyConfig, Network
from generator.networks.prepared import Drawing
from generator.training.config import Recipe, TrainConfig, published
from generator.training.plan import Batch, PlanContext, Stage, Terms, TrainingPlan, Update

BLOCKS = {"attention": AttentionBlock, "vanilla": ResidualBlock}
CYCLES = ("drawing", "source")
PAPER = TrainConfig(
    optimiser="adam",
    learning_rate=1e-4,
    beta1=0.5,
    beta2=0.999,
    weight_decay=0.0,
    batch_size=8,
    critic_steps=5,
    schedule="constant",
    warmup_steps=0,
    precision="float32",
    channels_last=False,
    steps=115_600,  # 400 epochs of 2,312 images, 90 % of 2,569; a step updates the critic
    augmentation=1.0,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SarganConfig(BottleneckConfig):
    """The shape of the network; `size` is a multiple of 4 from 32 to 256.

    Attributes:
        block: "attention", or "vanilla" as StarGAN's.
        blocks: How many of them; SARGAN-1 and SARGAN-6 are its names for 1 and 6.
        skip: Whether the input is added to the output.
        cycle: What is added in the reconstruction: "drawing" (by equation 2), or "source" (as
            equation 4 prints).
        width: Channels after the first convolution.
        critic_width: Width of the critic's first layer.
        feature_side: Cells a side of the grid on which features are averaged, about.
    """

    block: str = "attention"
    blocks: int = 1
    skip: bool = True
    cycle: str = "drawing"
    width: int = 64
    critic_width: int = 64
    feature_side: int = 8

    def __post_init__(self) -> None:
        FamilyConfig.__post_init__(self)
        if self.block not in BLOCKS:
            raise ValueError(f"block must be one of {', '.join(BLOCKS)}, got {self.block!r}")
        if self.cycle not in CYCLES:
            raise ValueError(f"cycle must be one of {', '.join(CYCLES)}, got {self.cycle!r}")
        self.require_shape("blocks", "width", "critic_width", "feature_side")


class Sargan(Network):
    """The generator; its critic is StarGAN's discriminator."""

    LOSSES: ClassVar[Mapping[str, float]] = {
        "critic": 1.0,
        "penalty": 10.0,
        "values_real": 1.0,
        "adversarial": 1.0,
        "values": 1.0,
        "cycle": 10.0,
    }
    config: SarganConfig

    def __init__(self, config: SarganConfig) -> None:
        super().__init__(config)
        wide = config.width
        self.encoder = narrowing(config.channels + config.code_size, wide)
        block = BLOCKS[config.block]
        self.blocks = nn.Sequential(*(block(4 * wide) for _ in range(config.blocks)))
        self.decoder = nn.Sequential(
            *widening(wide), nn.Conv2d(wide, config.channels, 7, padding=3)
        )
        self.add_heads(4 * wide, config.size // 4 // config.pooled)

    def draw(self, images: Tensor, codes: Tensor) -> Drawing:
        """Draw: normalised images (B, C, S, S), one-hot codes (B, A)."""
        middle = self.blocks(self.encoder(with_code(images, codes)))  # (B, 4W, S/4, S/4)
        drawn = self.decoder(middle)
        if self.config.skip:
            drawn = drawn + images
        features = functional.avg_pool2d(middle, self.config.pooled)
        return Drawing(drawn, drawn, features)

    def plan(self, course: PlanContext) -> TrainingPlan:
        """Train the generator in every `critic_steps`-th step, its critic in every step."""
        config = course.config
        critic = critic_of(self.config, course.random)
        weights = self.weights(config.weights)
        wrong = partial(value_error, space=course.space)
        judging = partial(critic_terms, critic, self._drawn, wrong)
        drawing = partial(self._drawing_terms, critic, wrong)
        turns = (
            Update("critic", (critic,), judging, weights),
            Update("generator", self.own_parts(), drawing, weights, config.critic_steps),
        )
        return TrainingPlan((Stage(config.steps, turns, in_other_colours),), critic)

    def _drawn(self, images: Tensor, wished: Tensor, _own: Tensor) -> Tensor:
        return self.draw(images, wished).refined

    def _drawing_terms(self, critic: Critic, wrong: Wrong, batch: Batch) -> Terms:
        drawn = self.draw(batch.images, batch.wished).refined.float()
        back = self.draw(drawn, batch.own).refined.float()
        if self.config.cycle == "source" and self.config.skip:
            back = back - drawn + batch.images
        return {
            **drawing_terms(critic, drawn, batch.wished, wrong),
            "cycle": functional.l1_loss(back, batch.images),
        }


def recipe(name: str) -> Recipe:
    """Return a recipe by name: "paper" as published."""
    return published(name, PAPER)


ARCHITECTURES = (Architecture("sargan", SarganConfig, Sargan, recipe),)
