"""Blocks of the families that squeeze a face into one vector and draw it anew.

Layers are normalised by groups, not over the batch: a drawing then depends neither on the images
drawn beside it nor on running means. A transposed convolution is `UnpoolConv`.

Shapes: B batch, C image channels, S side in pixels, W channels of the smallest map.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from generator.networks.blocks import SLOPE, UnpoolConv, downwards
from generator.networks.family import FamilyConfig
from generator.training.config import Recipe, TrainConfig, published

# How they are trained, unless a file says otherwise: as most adversarial networks of their time
# (Radford et al., "Unsupervised representation learning with deep convolutional generative
# adversarial networks", ICLR 2016, section 4), for our source prints nothing of it.
PAPER = TrainConfig(
    optimiser="adam",
    learning_rate=2e-4,
    beta1=0.5,
    beta2=0.999,
    weight_decay=0.0,
    batch_size=64,
    schedule="constant",
    warmup_steps=0,
    precision="float32",
    channels_last=False,
    steps=20_000,
)
SIDE = 4  # of the smallest map
SIZES = (16, 32, 64, 128)  # of the images: halving leads from them to SIDE
GROUPS = 8
WIDEST = 8  # times the width of the first layer


@dataclass(frozen=True, slots=True, kw_only=True)
class CoderConfig(FamilyConfig):
    """The shape of an encoder and a decoder.

    Attributes:
        size: Side of the images: halving must lead from it to SIDE.
        width: Channels of the first layer, a multiple of GROUPS.
    """

    size: int = 64
    width: int = 64

    def __post_init__(self) -> None:
        FamilyConfig.__post_init__(self)
        if self.size not in SIZES:
            raise ValueError(f"size must be one of {', '.join(map(str, SIZES))}, got {self.size}")
        if self.width < GROUPS or self.width % GROUPS:
            raise ValueError(f"width must be a multiple of {GROUPS}, got {self.width}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels after each halving down to SIDE: doubled each time, up to WIDEST."""
        halvings = (self.size // SIDE).bit_length() - 1
        return tuple(self.width * min(2**n, WIDEST) for n in range(halvings))


class Halving(nn.Sequential):
    """Halve the side with every layer: (B, C, S, S) -> (B, W, SIDE, SIDE).

    Convolutions 4 x 4 with stride 2, each with a leaky ReLU, all but the first normalised.
    """

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        layers: list[nn.Module] = []
        for number, width in enumerate(widths):
            layers.append(nn.Conv2d(channels, width, 4, stride=2, padding=1))
            if number:
                layers.append(nn.GroupNorm(GROUPS, width))
            layers.append(nn.LeakyReLU(SLOPE))
            channels = width
        super().__init__(*layers)


class Doubling(nn.Module):
    """Draw from a vector: a linear layer to a map of SIDE x SIDE, then double the side each time.

    The last layer is linear: images are normalised, and so have no fixed range.
    """

    def __init__(self, length: int, widths: Sequence[int], channels: int) -> None:
        super().__init__()
        self.begin = nn.Linear(length, widths[0] * SIDE**2)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [UnpoolConv(inputs, outputs), nn.GroupNorm(GROUPS, outputs), nn.ReLU()]
        self.draw = nn.Sequential(*layers, UnpoolConv(widths[-1], channels))

    def forward(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Draw: (B, length) -> images (B, C, S, S), and the first map, (B, W, SIDE, SIDE)."""
        first = functional.relu(self.begin(vectors)).unflatten(1, (-1, SIDE, SIDE))
        return self.draw(first), first


def apart(first: Tensor, second: Tensor) -> Tensor:
    """Mean squared difference, a scalar."""
    return (first.float() - second.float()).square().mean()


def flat_length(widths: Sequence[int]) -> int:
    """Return how many numbers the smallest map holds."""
    return widths[-1] * SIDE**2


def trunk_of(config: CoderConfig) -> tuple[nn.Sequential, int]:
    """Return the convolutions of a critic, and how many numbers they end in.

    They lead to a map of SIDE x SIDE, flat; see `downwards`.
    """
    layers = len(config.widths)
    trunk, width, side = downwards(config.channels, config.size, config.width, layers)
    return nn.Sequential(*trunk, nn.Flatten()), width * side**2


def recipe(name: str) -> Recipe:
    """Return a recipe by name, the same for all of these families; see `published`."""
    return published(name, PAPER)
