"""The two-stage network of Ghodrati et al.: draw, then refine.

- `two-stage-60`: BMVC 2016, sections 3.1 and 3.2; 60 x 60 RGB.
- `two-stage-32`: arXiv 1511.08446, sections 3.1 and 3.2; 32 x 32 gray, its own layer lists.

What the texts leave open, and what we do:

- A ReLU follows every convolution but the last of each stage. The texts say so; some of the printed
  lists omit one.
- A ReLU stands between the two fully connected layers, none after the second.
- BMVC prints "Conv(3, 3, 1)" in the middle of the first decoder, which squeezes all that is known
  through one channel. Its width is `middle_channels`, 64 by default; the literal 1 was measured
  worse (docs/log.md).
- The last layer has as many channels as the image.
- Features are taken after the ReLU of `feature_layer`. BMVC's is the 1 x 1 convolution (conv5 of
  the refiner). arXiv's "middle layer" is not identified; the default is the layer before unpooling
  (conv6), and conv4 and conv5 can be chosen.

Shapes: B batch, C image channels, S side in pixels, A length of the one-hot code, F feature
channels.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from generator.networks.architecture import Architecture
from generator.networks.blocks import UnpoolConv
from generator.networks.family import Network
from generator.networks.fast_two_stage import FastTwoStage
from generator.networks.prepared import Drawing
from generator.training.config import TrainConfig, recipe
from generator.training.data import error
from generator.training.plan import Batch, PlanContext, Stage, Terms, TrainingPlan, Update


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoStageConfig:
    """The shape of a two-stage network.

    Attributes:
        size: Side of the images: 60 or 32 selects the published lists.
        channels: Channels of the images.
        code_size: Length of the one-hot code: the values of all attributes.
        middle_channels: Width of the convolution that BMVC prints as Conv(3, 3, 1); of 60 only.
        feature_layer: Refiner layer whose output is the feature.
        code_branch: "layers", as published, or "table": what these layers say of each of the
            values of a single attribute, looked up (see `with_table`).
        projection: Length of the features after a learnt linear projection; 0 for none, as
            published.
        estimator: Whether an attribute estimator is part of the network; not as published.
    """

    size: int
    channels: int
    code_size: int
    middle_channels: int = 64
    feature_layer: str = ""
    code_branch: str = "layers"
    projection: int = 0
    estimator: bool = False

    def __post_init__(self) -> None:
        if self.size not in FEATURE_LAYERS:
            raise ValueError(f"size must be one of {sorted(FEATURE_LAYERS)}, got {self.size}")
        if not self.feature_layer:
            object.__setattr__(self, "feature_layer", FEATURE_LAYERS[self.size][0])
        if self.feature_layer not in FEATURE_LAYERS[self.size]:
            raise ValueError(
                f"feature_layer must be one of {', '.join(FEATURE_LAYERS[self.size])},"
                f" got {self.feature_layer!r}"
            )
        if self.code_branch not in ("layers", "table"):
            raise ValueError(f"code_branch must be layers or table, got {self.code_branch!r}")
        if self.projection < 0:
            raise ValueError(f"projection must not be negative, got {self.projection}")
        if min(self.channels, self.code_size, self.middle_channels) < 1:
            raise ValueError(f"channels, code_size and middle_channels must be positive: {self}")
        if self.size == 32 and self.middle_channels != 64:
            raise ValueError(
                "middle_channels belongs to two-stage-60; two-stage-32 has no such layer"
            )

    def settings(self) -> dict[str, Any]:
        """Return what a recipe may change, for the card: no later default alters old weights."""
        return {
            "middle_channels": self.middle_channels,
            "feature_layer": self.feature_layer,
            "code_branch": self.code_branch,
            "projection": self.projection,
            "estimator": self.estimator,
        }


# Layers of the refiner that may serve as the feature, the default first.
FEATURE_LAYERS = {60: ("conv5",), 32: ("conv6", "conv5", "conv4")}


class FirstStage(nn.Module):
    """Draw the wished image: encode the image and the code apart, fuse, decode."""

    def __init__(self, config: TwoStageConfig) -> None:
        super().__init__()
        self.side = config.size // 2
        self.image = _layers(_conv(config.channels, 64), _conv(64, 64), nn.MaxPool2d(2))
        self.code = _code_branch(config)
        fused = 64 + config.code_size
        if config.size == 60:
            self.fusion = _layers(
                *(_conv(fused, 128), _conv(128, 128), nn.MaxPool2d(2), _conv(128, 128, kernel=1))
            )
            middle = config.middle_channels
            self.decoder = _layers(
                *(UnpoolConv(128, 64), _conv(64, middle)),
                *(UnpoolConv(middle, 64), _conv(64, config.channels)),
                last_relu=False,
            )
        else:
            self.fusion = _layers(
                *(_conv(fused, 64), _conv(64, 128), _conv(128, 128), _conv(128, 64))
            )
            self.decoder = _layers(
                *(UnpoolConv(64, 64), _conv(64, config.channels)), last_relu=False
            )

    def forward(self, images: Tensor, codes: Tensor) -> Tensor:
        """Draw: normalised images (B, C, S, S), one-hot codes (B, A) -> (B, C, S, S)."""
        maps = self.code(codes).unflatten(1, (-1, self.side, self.side))  # (B, A, S/2, S/2)
        seen = self.image(images)  # (B, 64, S/2, S/2)
        drawn: Tensor = self.decoder(self.fusion(torch.cat([seen, maps], dim=1)))
        return drawn


class Refiner(nn.Module):
    """Redraw the first stage's image with the source image beside it; its middle is the feature."""

    def __init__(self, config: TwoStageConfig) -> None:
        super().__init__()
        both = 2 * config.channels
        if config.size == 60:
            self.encoder = _layers(
                *(_conv(both, 64), _conv(64, 64), nn.MaxPool2d(2)),
                *(_conv(64, 128), _conv(128, 128), nn.MaxPool2d(2), _conv(128, 128, kernel=1)),
            )
            self.decoder = _layers(
                *(UnpoolConv(128, 128), _conv(128, 64)),
                *(UnpoolConv(64, 64), _conv(64, config.channels)),
                last_relu=False,
            )
        else:
            self.encoder = _layers(
                *(_conv(both, 64), _conv(64, 64), nn.MaxPool2d(2), _conv(64, 128)),
                *(_conv(128, 128), _conv(128, 128), _conv(128, 64)),
            )
            self.decoder = _layers(
                *(UnpoolConv(64, 64), _conv(64, config.channels)), last_relu=False
            )
        self.feature_layer = config.feature_layer.replace("conv", "relu")

    def forward(self, images: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """Refine: sources and first drawings, (B, C, S, S) each.

        Returns:
            The refined images, (B, C, S, S), and the features, (B, F, H, W).
        """
        maps = torch.cat([images, first], dim=1)  # (B, 2C, S, S)
        features = maps
        for name, layer in self.encoder.named_children():
            maps = layer(maps)
            if name == self.feature_layer:
                features = maps
        return self.decoder(maps), features


def feature_shape(config: TwoStageConfig) -> tuple[int, int]:
    """Return channels and side of the feature layer."""
    if config.size == 60:
        return 128, 15
    return (64 if config.feature_layer == "conv6" else 128), 16


class TwoStage(Network):
    """Both stages, trained one after the other, and what a setting adds to them."""

    TWO_STAGES: ClassVar[bool] = True
    OWN_STAGES: ClassVar[int] = 2
    config: TwoStageConfig

    def __init__(self, config: TwoStageConfig) -> None:
        super().__init__(config)
        self.first = FirstStage(config)
        self.refiner = Refiner(config)
        self.add_heads(*feature_shape(config))

    def draw(self, images: Tensor, codes: Tensor) -> Drawing:
        """Draw and refine: normalised images (B, C, S, S), one-hot codes (B, A)."""
        first = self.first(images, codes)
        refined, features = self.refiner(images, first.to(images.dtype))
        return Drawing(first, refined, features)

    def plan(self, course: PlanContext) -> TrainingPlan:
        """Train the first stage, then the refiner on what the first stage draws."""
        config = course.config
        first = Update("first stage", (self.first,), partial(self._first_terms, config))
        second = Update("refiner", (self.refiner,), partial(self._refiner_terms, config))
        return TrainingPlan(
            (Stage(config.steps, (first,), refines=False), Stage(config.steps, (second,)))
        )

    def fast(self, mean: Tensor, deviation: Tensor, dtype: torch.dtype) -> FastTwoStage:
        """Return the form that an engine draws with: the same sums in another order."""
        return FastTwoStage(self, mean, deviation, dtype)

    def packed(self) -> "TwoStage":
        """Return the network with its code branch as a table."""
        return with_table(self)

    def initialise(self, random: torch.Generator) -> None:
        """Draw all weights anew, as the papers' sources do; see `initialise`."""
        initialise(self, random)

    def _first_terms(self, config: TrainConfig, batch: Batch) -> Terms:
        drawn = self.first(batch.images, batch.wished)
        return {"squared": error(drawn.float(), batch.targets, config)}

    def _refiner_terms(self, config: TrainConfig, batch: Batch) -> Terms:
        with torch.no_grad():
            first = self.first(batch.images, batch.wished)
        drawn = self.refiner(batch.images, first.to(batch.images.dtype))[0]
        return {"squared": error(drawn.float(), batch.targets, config)}


def with_table(network: TwoStage) -> TwoStage:
    """Return the network of a single attribute with its code branch as a table.

    The branch sees nothing but the one-hot code, so for n values it makes n constant maps. A linear
    layer that holds them as columns gives the same maps for one-hot codes, and is smaller on disk:
    for 20 values of a 60 x 60 network 0.4 instead of 9 million numbers.
    """
    if network.config.code_branch == "table":
        return network
    table = TwoStage(replace(network.config, code_branch="table"))
    with torch.no_grad():
        maps = network.first.code(torch.eye(network.config.code_size))  # (A, A * S/2 * S/2)
    state = {k: v for k, v in network.state_dict().items() if not k.startswith("first.code.")}
    table.load_state_dict({**state, "first.code.weight": maps.T})
    return table


def initialise(network: nn.Module, random: torch.Generator) -> None:
    """Draw all weights anew: normal with variance 2 / fan-in, biases zero.

    Source: He et al., "Delving deep into rectifiers", ICCV 2015, equation 10; the papers' [8], [9].
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=random)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _code_branch(config: TwoStageConfig) -> nn.Module:
    maps = (config.size // 2) ** 2 * config.code_size
    if config.code_branch == "table":
        return nn.Linear(config.code_size, maps, bias=False)
    return nn.Sequential(nn.Linear(config.code_size, 512), nn.ReLU(), nn.Linear(512, maps))


def _conv(inputs: int, outputs: int, *, kernel: int = 3) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)


def _layers(*layers: nn.Module, last_relu: bool = True) -> nn.Sequential:
    """Chain layers, a ReLU after every convolution, under names that count the convolutions."""
    named: OrderedDict[str, nn.Module] = OrderedDict()
    convolutions = sum(isinstance(layer, nn.Conv2d) for layer in layers)
    count = 0
    for layer in layers:
        if not isinstance(layer, nn.Conv2d):
            named[f"{type(layer).__name__.lower()}{count}"] = layer
            continue
        count += 1
        named[f"conv{count}"] = layer
        if last_relu or count < convolutions:
            named[f"relu{count}"] = nn.ReLU()
    return nn.Sequential(named)


def _architecture(size: int, channels: int) -> Architecture:
    fixed = {"size": size, "channels": channels}
    recipes = partial(recipe, image_size=size)
    return Architecture(f"two-stage-{size}", TwoStageConfig, TwoStage, recipes, fixed)


ARCHITECTURES = (_architecture(60, 3), _architecture(32, 1))
