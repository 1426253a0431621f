"""A family of networks that draw: what index, query, benchmark and training ask of each.

A family is one file: a configuration, a `Network`, its losses and its training plan. One line in
`generator/networks/registry.py` makes it a name for `--architecture`. See docs/families.md.

Shapes: B batch, C image channels, S side in pixels, A length of the one-hot code, F feature
channels, D length of projected features.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, ClassVar, Protocol, Self

import torch
from torch import Tensor, nn

from gallery.attributes import AttributeSpace
from generator.networks.estimator import Estimator
from generator.networks.prepared import Drawing, PlainRedrawer, Redrawer
from generator.training.plan import PlanContext, TrainingPlan

SQUEEZED = 32  # channels between the feature layer and the projection


class Shape(Protocol):
    """What every configuration of a network says: a frozen dataclass."""

    @property
    def size(self) -> int:
        """Side of the images, pixels."""

    @property
    def channels(self) -> int:
        """Channels of the images."""

    @property
    def code_size(self) -> int:
        """Length of the one-hot code: the values of all attributes."""

    @property
    def projection(self) -> int:
        """Length of the features after a learnt linear projection; 0 for none."""

    @property
    def estimator(self) -> bool:
        """Whether an attribute estimator is part of the network."""

    def settings(self) -> dict[str, Any]:
        """Return what a recipe may change, for the card: no later default alters old weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyConfig:
    """The shape of a network whose size is a setting; families add their own fields.

    What has a default is a setting: the [network] table of a TOML file may change it, and the card
    records it.

    Attributes:
        code_size: Length of the one-hot code: the values of all attributes.
        size: Side of the images, pixels.
        channels: Channels of the images: 3 is RGB, 1 is gray.
        projection: Length of the features after a learnt linear projection; 0 for none.
        estimator: Whether an attribute estimator is part of the network.
    """

    code_size: int
    size: int = 128
    channels: int = 3
    projection: int = 0
    estimator: bool = False

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ValueError(f"channels must be 1 or 3, got {self.channels}")
        if self.projection < 0:
            raise ValueError(f"projection must not be negative, got {self.projection}")

    def settings(self) -> dict[str, Any]:
        """Return what a recipe may change, for the card."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.default is not MISSING}


class Projection(nn.Module):
    """A linear map from the feature layer to D numbers, of low rank so that it is small on disk."""

    def __init__(self, channels: int, side: int, length: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, SQUEEZED, 1, bias=False)
        self.project = nn.Linear(SQUEEZED * side**2, length, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """(B, F, H, W) -> (B, D)."""
        projected: Tensor = self.project(self.squeeze(features).flatten(1))
        return projected


class Network(nn.Module, ABC):
    """A network that draws wishes.

    Subclasses build their layers, then call `add_heads`.

    Attributes:
        LOSSES: Terms of the family's own losses, and what they weigh unless the recipe's
            `[train.weights]` say otherwise.
        TWO_STAGES: Whether the first drawing differs from the last.
        OWN_STAGES: How many stages its own training has; each makes the recipe's `steps` updates.
        NEEDS_PAIRS: Whether it learns from images of one person under two values.
        CODE_SIDES: Parameters of which one side is the code, and which side; empty where a family
            cannot begin with weights of other wishes.
        config: Configuration of the network.
        projection: Projection of the features, or None.
        estimator: Estimator of the values that images show, or None.
        dimension: Length of its features, flat.
    """

    LOSSES: ClassVar[Mapping[str, float]] = {}
    TWO_STAGES: ClassVar[bool] = False
    OWN_STAGES: ClassVar[int] = 1
    NEEDS_PAIRS: ClassVar[bool] = True
    CODE_SIDES: ClassVar[Mapping[str, int]] = {}

    projection: nn.Module | None
    estimator: Estimator | None
    dimension: int

    def __init__(self, config: Shape) -> None:
        super().__init__()
        self.config = config

    def add_heads(self, channels: int, side: int) -> None:
        """Add what the configuration asks for beside the family's own layers.

        Args:
            channels: Channels of the features.
            side: Side of the features.
        """
        config = self.config
        length = config.projection
        self.dimension = length or channels * side**2
        self.projection = Projection(channels, side, length) if length else None
        self.estimator = (
            Estimator(config.size, config.channels, config.code_size) if config.estimator else None
        )

    @abstractmethod
    def draw(self, images: Tensor, codes: Tensor) -> Drawing:
        """Draw: normalised images (B, C, S, S), one-hot codes (B, A); features not projected."""

    @abstractmethod
    def plan(self, course: PlanContext) -> TrainingPlan:
        """Return the family's own training: its stages, their turns and losses."""

    def forward(self, images: Tensor, codes: Tensor) -> Drawing:
        """Draw: normalised images (B, C, S, S), one-hot codes (B, A); features projected."""
        drawing = self.draw(images, codes)
        if self.projection is None:
            return drawing
        return replace(drawing, features=self.projection(drawing.features))

    def drawing_parts(self) -> tuple[nn.Module, ...]:
        """Return what tuning for retrieval changes: all but the estimator."""
        return tuple(part for name, part in self.named_children() if name != "estimator")

    def own_parts(self) -> tuple[nn.Module, ...]:
        """Return the family's own layers: all but projection and estimator."""
        heads = ("projection", "estimator")
        return tuple(part for name, part in self.named_children() if name not in heads)

    @classmethod
    def require(cls, space: AttributeSpace) -> None:
        """Refuse attributes that the family cannot learn.

        Raises:
            ConfigError: The message says which it can.
        """

    @property
    def fuses(self) -> bool:
        """Whether it draws one person from several images."""
        return False

    def draw_together(self, images: Tensor, codes: Tensor) -> Drawing:  # noqa: ARG002
        """Draw people from several images each; features not projected.

        Args:
            images: Normalised, n of each of P people, (P, n, C, S, S).
            codes: One-hot, (P, A).

        Raises:
            ValueError: The network draws from single images.
        """
        raise ValueError(f"{type(self).__name__} draws from one image, not from {images.shape[1]}")

    def weights(self, changed: Mapping[str, float]) -> dict[str, float]:
        """Return what the terms of the losses weigh, as changed by a recipe."""
        return {**self.LOSSES, **changed}

    def fast(self, mean: Tensor, deviation: Tensor, dtype: torch.dtype) -> Redrawer:
        """Return the form that an engine draws with; the network becomes part of it.

        Args:
            mean: Mean of each channel of the training images, grey levels, (C,).
            deviation: Standard deviation of each channel, likewise.
            dtype: Number type of the arithmetic.
        """
        return PlainRedrawer(self, mean, deviation, dtype)

    def packed(self) -> Self:
        """Return a network that draws the same and is smaller on disk, if there is one."""
        return self

    def initialise(self, random: torch.Generator) -> None:
        """Draw all weights anew, as PyTorch does; see `initialise`."""
        initialise(self, random)


def initialise(network: nn.Module, random: torch.Generator) -> None:
    """Draw the weights and biases of all convolutions and linear layers anew, as PyTorch does.

    Uniform within 1 / sqrt(fan-in) of zero. Norms keep the ones and zeros that they begin with.

    Source: torch.nn.Conv2d.reset_parameters; but from a generator of one's own.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            fan_in = layer.weight[0].numel()
            bound = fan_in**-0.5
            nn.init.uniform_(layer.weight, -bound, bound, generator=random)
            if layer.bias is not None:
                nn.init.uniform_(layer.bias, -bound, bound, generator=random)
