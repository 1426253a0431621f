"""The network of a student: an image to embeddings of its drawings, log p and error, in one pass.

A trunk of convolutions looks at the image once. A head makes of what it found, and of a wish, the
embedding that the teacher's drawing would have; it is so small that all wishes of an image cost a
hundredth of the trunk. Beside it stand logits of all values, and the logarithm of how far the
teacher's canonical view would be from the image.

Batch norm is folded into the convolutions before anything is embedded.

Shapes: B batch, C image channels, S side in pixels, F channels of a map, A length of the one-hot
code, H numbers that the trunk finds, K wishes, D numbers of an embedding.
"""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

LARGEST_DIMENSION = 1024  # numbers of an embedding that a head of this size can make


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentConfig:
    """The shape of the network.

    Attributes:
        fine: Channels at half the image's side.
        middle: At a quarter.
        coarse: At an eighth.
        squeezed: Channels that are left of the coarse maps before they become numbers.
        hidden: Numbers that the trunk finds, H.
    """

    fine: int = 32
    middle: int = 80
    coarse: int = 144
    squeezed: int = 64
    hidden: int = 288

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 1 <= value <= 4096:
                raise ValueError(f"{name} must lie in 1..4096, got {value}")

    def to_json(self) -> dict[str, Any]:
        """Return the fields, for the card."""
        return asdict(self)


class Look(NamedTuple):
    """What the trunk saw in a batch.

    Attributes:
        found: What the head makes embeddings of, (B, H).
        logits: Of all values, (B, A).
        errors: ln(1 + mean squared error of the canonical view), (B,).
    """

    found: Tensor
    logits: Tensor
    errors: Tensor


class ConvNorm(nn.Module):
    """Convolve 3 x 3, and normalise each map over the batch."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride)."""
        normalised: Tensor = self.norm(self.conv(maps))
        return normalised

    def fold(self) -> None:
        """Make one convolution of both; for a network that is trained."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.conv = fuse_conv_bn_eval(self.conv, self.norm)
            self.norm = nn.Identity()


class StudentBlock(nn.Module):
    """ReLU of maps and what two convolutions make of them.

    Source: He et al., "Deep residual learning for image recognition", CVPR 2016, figure 2.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = ConvNorm(width, width), ConvNorm(width, width)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, F, H, W) -> (B, F, H, W)."""
        return functional.relu(maps + self.second(functional.relu(self.first(maps))))


class StudentNetwork(nn.Module):
    """See the module."""

    def __init__(
        self, config: StudentConfig, *, size: int, channels: int, code: int, dimension: int
    ) -> None:
        """Build it.

        Args:
            config: Its shape.
            size: Side of the images.
            channels: Channels of the images.
            code: Length of the one-hot code, A.
            dimension: Numbers of an embedding, D.

        Raises:
            ValueError: An embedding has more numbers than a head of this size makes.
        """
        super().__init__()
        if not 1 <= dimension <= LARGEST_DIMENSION:
            raise ValueError(
                f"embeddings of a student have at most {LARGEST_DIMENSION} numbers, got {dimension}"
            )
        self.code, self.dimension = code, dimension
        self.stem = ConvNorm(channels, config.fine, stride=2)
        self.fine = ConvNorm(config.fine, config.fine)
        self.to_middle = ConvNorm(config.fine, config.middle, stride=2)
        self.middle = StudentBlock(config.middle)
        self.to_coarse = ConvNorm(config.middle, config.coarse, stride=2)
        self.coarse = StudentBlock(config.coarse)
        self.squeeze = nn.Conv2d(config.coarse, config.squeezed, 1)
        side = size
        for _ in range(3):  # each stride of 2 rounds up
            side = (side + 1) // 2
        self.find = nn.Linear(config.squeezed * side**2, config.hidden)
        self.wish = nn.Linear(code, 2 * config.hidden)
        self.tell = nn.Linear(config.hidden, dimension)
        self.estimate = nn.Linear(config.coarse, code + 1)

    def forward(self, images: Tensor) -> Look:
        """Look at normalised images, (B, C, S, S)."""
        maps = functional.relu(self.fine(functional.relu(self.stem(images))))
        maps = self.middle(functional.relu(self.to_middle(maps)))
        maps = self.coarse(functional.relu(self.to_coarse(maps)))
        squeezed = functional.silu(self.squeeze(maps)).contiguous().flatten(1)
        told = self.estimate(maps.mean(dim=(2, 3))).float()
        return Look(self.find(squeezed).float(), told[:, :-1], told[:, -1])

    def embed(self, found: Tensor, codes: Tensor) -> Tensor:
        """Return what drawings of wishes would be embedded as, unit length.

        Args:
            found: Of the images, (B, H).
            codes: Codes of the wishes of each, (B, K, A).

        Returns:
            (B, K, D).
        """
        scale, shift = self.wish(codes).chunk(2, dim=-1)
        heard = functional.silu(found[:, None] * (1 + scale) + shift)
        return functional.normalize(self.tell(heard).float(), dim=-1)

    def fold(self) -> None:
        """Fold the norms into the convolutions; for a network that is trained."""
        for part in self.modules():
            if isinstance(part, ConvNorm):
                part.fold()


def count_flop(network: StudentNetwork, size: int, channels: int) -> int:
    """Return what one look and the embedding of one wish cost: a multiplication and an addition are
    two, of convolutions and matrices alone.

    Args:
        network: On the CPU.
        size: Side of the images.
        channels: Channels of the images.
    """  # noqa: D205
    counted: list[int] = []

    def count(layer: nn.Module, _: Any, made: Tensor) -> None:  # noqa: ANN401  PyTorch's signature
        weights = next(layer.parameters())
        places = made[0, 0].numel() if made.ndim == 4 else 1
        counted.append(2 * weights.numel() * places)

    layers = [one for one in network.modules() if isinstance(one, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    training = network.training
    try:
        with torch.inference_mode():
            network.eval()
            seen = network(torch.zeros(1, channels, size, size))
            network.embed(seen.found, torch.zeros(1, 1, network.code))
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return sum(counted)
