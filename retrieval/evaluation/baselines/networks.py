"""Layers and augmentations that the rivals share.

Networks take grey levels 0..255 and normalise them themselves, by the mean and deviation of the
images they were trained on, which are saved with their weights.

Shapes: B batch, C channels, S side, F features, L places of a map, K inputs of a place.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from gallery.align import Pixels
from generator.networks.two_stage import initialise
from generator.training.data import channel_statistics

Network = TypeVar("Network", bound=nn.Module)


class Normalise(nn.Module):
    """Grey levels to zero mean and unit deviation, channel by channel."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: Sequence[float], deviation: Sequence[float]) -> None:
        """Take mean and deviation of each channel, in grey levels."""
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation).view(-1, 1, 1))

    @classmethod
    def of(cls, pixels: Pixels) -> "Normalise":
        """Measure images, (N, S, S, C)."""
        return cls(*channel_statistics(pixels))

    def forward(self, images: Tensor) -> Tensor:
        """Normalise, (B, C, S, S) -> the same."""
        return (images - self.mean) / self.deviation

    def levels(self, normalised: Tensor) -> Tensor:
        """Return grey levels, clipped to 0..255; the inverse of `forward` there."""
        return (normalised * self.deviation + self.mean).clamp(0, 255)


class LocallyConnected(nn.Module):
    """A convolution without padding whose kernel is another one at every place.

    Source: Taigman et al., "DeepFace", CVPR 2014, section 3.1: "locally connected" layers.
    """

    def __init__(self, side: int, inputs: int, outputs: int, kernel: int) -> None:
        """Take maps of `side` x `side`."""
        super().__init__()
        self.kernel = kernel
        self.side = side - kernel + 1
        if self.side < 1:
            raise ValueError(f"a kernel of {kernel} does not fit maps of {side} x {side}")
        places = self.side**2
        self.weight = nn.Parameter(torch.zeros(places, inputs * kernel**2, outputs))  # (L, K, F)
        self.bias = nn.Parameter(torch.zeros(places, 1, outputs))

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, F, H - kernel + 1, W - kernel + 1)."""
        patches = functional.unfold(maps, self.kernel)  # (B, K, L)
        found = torch.bmm(patches.permute(2, 0, 1), self.weight) + self.bias  # (L, B, F)
        maps_found: Tensor = found.permute(1, 2, 0).unflatten(2, (self.side, self.side))
        return maps_found


def draw_weights(network: nn.Module, seed: int) -> None:
    """Draw all weights anew; see `generator.networks.two_stage.initialise`."""
    random = torch.Generator().manual_seed(seed)
    initialise(network, random)
    for layer in network.modules():
        if isinstance(layer, LocallyConnected):
            deviation = (2 / layer.weight.shape[1]) ** 0.5
            nn.init.normal_(layer.weight, 0.0, deviation, generator=random)
            nn.init.zeros_(layer.bias)


def place(network: Network, device: torch.device) -> Network:
    """Move a network to its device, kernels of convolutions in the layout `channels_last`."""
    network.to(device)
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


def to_device(pixels: Pixels, device: torch.device) -> Tensor:
    """Copy images (N, S, S, C) to a device, as bytes, (N, C, S, S)."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).to(device)


def shifted(images: Tensor) -> Tensor:
    """Move each image by up to a sixteenth of its side, edges repeated: (B, C, S, S)."""
    count, _, side, _ = images.shape
    reach = side // 16
    padded = functional.pad(images, (reach, reach, reach, reach), mode="replicate")
    corner = torch.randint(0, 2 * reach + 1, (2, count, 1), device=images.device)
    rows, columns = corner + torch.arange(side, device=images.device)  # (B, S) each
    one_by_one = torch.arange(count, device=images.device)[:, None, None]
    moved: Tensor = padded[one_by_one, :, rows[:, :, None], columns[:, None, :]]  # (B, S, S, C)
    return moved.permute(0, 3, 1, 2)


def relit(images: Tensor) -> Tensor:
    """Change contrast and brightness of each image a little, and add noise: (B, C, S, S)."""
    shape = (len(images), 1, 1, 1)
    gain = 1 + 0.15 * torch.randn(shape, device=images.device)
    offset = 10 * torch.randn(shape, device=images.device)
    noise = 3 * torch.randn(images.shape, device=images.device)
    return (images - 128) * gain + 128 + offset + noise


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Let torch's random numbers on a device begin anew; afterwards they go on as if nothing was.

    Dropout and augmentation draw from the process's generator: this lends it out for one update.
    """
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


@torch.inference_mode()
def in_batches(
    ask: Callable[..., Tensor], device: torch.device, *arrays: NDArray[Any]
) -> NDArray[np.float32]:
    """Ask a network about images (N, S, S, C) and what goes with them, 256 at a time."""
    answers = []
    for start in range(0, max(len(arrays[0]), 1), 256):
        chosen = [np.array(array[start : start + 256], order="C") for array in arrays]
        tensors = [torch.from_numpy(one).to(device) for one in chosen]
        images = tensors[0].permute(0, 3, 1, 2).float()
        answers.append(ask(images, *tensors[1:]).float().cpu().numpy())
    return np.concatenate(answers)
