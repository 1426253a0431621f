"""Residual images: two dual networks that learn what to add to a face, and a three-way critic.

After Shen and Liu, "Learning residual images for face attribute manipulation", CVPR 2017. One
binary attribute: network 1 leads from value 0 to value 1, network 0 back. A network sees the image
and draws the residual image; the drawing is their sum. The critic tells value 0, value 1 and
drawings apart (labels 0, 1, 2). With x_t a real image of value t, r its residual, x'_t = x_t + r
its drawing and x''_t the drawing led back, the networks pay

- sparsity: the mean of |r|;
- perceptual: the mean of |phi(x_t) - phi(x'_t)|, phi the critic's third layer;
- transform: -log p(1 - t) of x'_t;
- dual: -log p(t) of x''_t, which trains both networks, each by what the other makes of it;

and the critic -log p(t) of x_t and -log p(2) of x'_t.

What our source leaves open, and what we do:

- Widths: 64 channels, doubled by two strided convolutions, two residual blocks in the middle,
  transposed convolutions back; a critic of strided convolutions 64, 128, 256, 512.
- Weights: sparsity 5, perceptual 1, the others 1; both lengths are means over all pixels.
- What a network does to an image that shows its value already is not said; retrieval asks for it,
  since every gallery image is redrawn under both values. The term `own`, the mean of |r| there,
  teaches it to leave such an image alone; its weight is that of sparsity.

Features: the drawing, read by the encoder of the network that would undo it, down to the
bottleneck, averaged to a map of 8 x 8 where it is larger: of 64 x 64 images it would have 65,536
numbers. The bottleneck of the network that drew it encodes the change and not the result.
The undoing network was trained on real images and, by dual learning, on drawings of that value; and
probe and canonical view of one value are read by the same encoder.

Shapes: B batch, C channels, S side in pixels, F feature channels.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gallery.attributes import AttributeSpace
from gallery.errors import ConfigError, DatasetError
from generator.networks.architecture import Architecture
from generator.networks.blocks import ResidualBlock, UnpoolConv
from generator.networks.coders import GROUPS, CoderConfig, recipe, trunk_of
from generator.networks.family import Network, initialise
from generator.networks.prepared import Drawing
from generator.training.label_batches import Positions, draw_each, images_at, numbers_of
from generator.training.plan import BatchSpec, PlanContext, Stage, Terms, TrainingPlan, Update

Real = tuple[Tensor, Tensor]  # normalised images of value 0 and of value 1, (B, C, S, S) each
DRAWN = 2  # the critic's third label
PERCEPTUAL_LAYER = 3
FEATURE_SIDE = 8


class Transformer(nn.Module):
    """Draw the residual image that leads an image to one value."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            *(nn.Conv2d(channels, width, 5, padding=2), nn.ReLU()),
            *(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1), nn.GroupNorm(GROUPS, 2 * width)),
            nn.ReLU(),
            nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1),
            *(nn.GroupNorm(GROUPS, 4 * width), nn.ReLU()),
            *(ResidualBlock(4 * width), ResidualBlock(4 * width)),
        )
        self.decoder = nn.Sequential(
            *(UnpoolConv(4 * width, 2 * width), nn.GroupNorm(GROUPS, 2 * width), nn.ReLU()),
            *(UnpoolConv(2 * width, width), nn.GroupNorm(GROUPS, width), nn.ReLU()),
            nn.Conv2d(width, channels, 5, padding=2),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return residual images, (B, C, S, S) -> (B, C, S, S)."""
        residual: Tensor = self.decoder(self.encoder(images))
        return residual


class ResidualGan(Network):
    """Two dual networks; one leads an image to value 0, the other to value 1."""

    NEEDS_PAIRS: ClassVar[bool] = False
    LOSSES: ClassVar[Mapping[str, float]] = {
        "transform": 1.0,
        "dual": 1.0,
        "sparsity": 5.0,
        "own": 5.0,
        "perceptual": 1.0,
        "critic_real": 1.0,
        "critic_drawn": 1.0,
    }

    config: CoderConfig

    def __init__(self, config: CoderConfig) -> None:
        super().__init__(config)
        if config.code_size != 2:
            raise ValueError(f"residual-gan draws two values, not {config.code_size}")
        self.to_0 = Transformer(config.channels, config.width)
        self.to_1 = Transformer(config.channels, config.width)
        self.add_heads(4 * config.width, min(config.size // 4, FEATURE_SIDE))

    @classmethod
    def require(cls, space: AttributeSpace) -> None:
        """Refuse what is not binary.

        Raises:
            ConfigError: There are several attributes, or other than two values.
        """
        found = [f"{a.name} ({', '.join(a.values)})" for a in space]
        if len(found) != 1 or space.size != 2:
            raise ConfigError(
                "residual-gan learns one attribute of two values, like eyes (open, sunglasses); got"
                f" {' and '.join(found)}. Choose another --attribute or --architecture, or name"
                " faces that show two of the values alone"
            )

    @property
    def into(self) -> tuple[Transformer, Transformer]:
        """The network that leads to each value."""
        return self.to_0, self.to_1

    def draw(self, images: Tensor, codes: Tensor) -> Drawing:
        """Draw: normalised images (B, C, S, S), one-hot codes (B, 2)."""
        wished = codes.argmax(dim=1)
        drawn = images + _by_value(images, wished, self.into)
        features = _by_value(drawn, wished, (self.to_1.encoder, self.to_0.encoder))
        if features.shape[2] > FEATURE_SIDE:
            features = functional.adaptive_avg_pool2d(features, FEATURE_SIDE)
        return Drawing(drawn, drawn, features)

    def plan(self, course: PlanContext) -> TrainingPlan:
        """Return one stage: the critic, then both networks, on as many images of each value.

        Raises:
            DatasetError: No image shows one of the values.
        """
        shown = numbers_of(course.data.codes.argmax(dim=1), "values")
        of_value = (np.flatnonzero(shown == 0), np.flatnonzero(shown == 1))
        if not all(map(len, of_value)):
            raise DatasetError(
                f"All {len(shown)} images to train on show the same value; residual-gan learns from"
                " images of both"
            )
        critic = ThreeWayCritic(self.config)
        initialise(critic, course.random)
        weights = self.weights(course.config.weights)
        turns = (
            Update("critic", (critic,), partial(critic_terms, self, critic), weights),
            Update(
                "networks",
                (self.to_0, self.to_1),
                partial(network_terms, self, critic),
                weights,
                every=course.config.critic_steps,
            ),
        )
        stage = Stage(course.config.steps, turns, partial(_batch, of_value))
        return TrainingPlan((stage,), nn.ModuleDict({"critic": critic}))


def _batch(of_value: tuple[Positions, Positions], lesson: BatchSpec) -> Real:
    """Return as many images of value 0 as of value 1, half a batch each."""
    chosen = draw_each(lesson.random, of_value, max(1, lesson.config.batch_size // 2))
    first, second = (images_at(lesson, positions) for positions in chosen)
    return first, second


def _by_value(images: Tensor, values: Tensor, networks: Iterable[nn.Module]) -> Tensor:
    """Send every image through the network of its value; one that has no image is not asked."""
    rows = [(values == value).nonzero().flatten() for value in range(2)]
    asked = [(net, chosen) for net, chosen in zip(networks, rows, strict=True) if len(chosen)]
    parts = [network(images[chosen]) for network, chosen in asked]
    return torch.cat(parts)[torch.cat(rows).argsort()]


class ThreeWayCritic(nn.Module):
    """Tell value 0, value 1 and drawings apart, (B, C, S, S) -> logits (B, 3)."""

    def __init__(self, config: CoderConfig) -> None:
        super().__init__()
        self.trunk, length = trunk_of(config)
        self.head = nn.Linear(length, 3)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits, (B, 3)."""
        logits: Tensor = self.head(self.trunk(images))
        return logits

    def perceive(self, images: Tensor) -> Tensor:
        """Return phi: the output of the third convolution and its ReLU, or of the last of fewer."""
        seen = images
        for layer in list(self.trunk)[: 2 * PERCEPTUAL_LAYER]:  # each with its leaky ReLU
            seen = layer(seen)
        return seen


def network_terms(network: ResidualGan, critic: ThreeWayCritic, real: Real) -> Terms:
    """Return what both networks pay: scalars, each summed over the two directions."""
    there = one_way(network, critic, real[0], 0)
    back = one_way(network, critic, real[1], 1)
    return {name: there[name] + back[name] for name in there}


def one_way(network: ResidualGan, critic: ThreeWayCritic, images: Tensor, value: int) -> Terms:
    """Return the terms of images of one value, led to the other and back."""
    residual = network.into[1 - value](images).float()
    drawn = images + residual
    back = drawn + network.into[value](drawn)
    perceived = critic.perceive(images) - critic.perceive(drawn)
    return {
        "transform": _labelled(critic(drawn), 1 - value),
        "dual": _labelled(critic(back), value),
        "sparsity": residual.abs().mean(),
        "own": network.into[value](images).float().abs().mean(),
        "perceptual": perceived.float().abs().mean(),
    }


def critic_terms(network: ResidualGan, critic: ThreeWayCritic, real: Real) -> Terms:
    """Return what the critic pays for real images and for drawings, two scalars."""
    with torch.no_grad():
        drawn = [real[value] + network.into[1 - value](real[value]) for value in range(2)]
    return {
        "critic_real": _labelled(critic(real[0]), 0) + _labelled(critic(real[1]), 1),
        "critic_drawn": _labelled(critic(drawn[0]), DRAWN) + _labelled(critic(drawn[1]), DRAWN),
    }


def _labelled(logits: Tensor, label: int) -> Tensor:
    """Mean of -log p(label), a scalar: logits (B, 3)."""
    return -logits.float().log_softmax(dim=1)[:, label].mean()


ARCHITECTURES = (Architecture("residual-gan", CoderConfig, ResidualGan, recipe),)
