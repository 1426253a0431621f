"""The training loop: two stages, one after the other. It yields steps and prints nothing.

Which pairs make up a batch depends on nothing but the seed, the stage and the step, so a run that
was stopped and resumed computes what an undisturbed one would have.

Shapes: N images, P pairs, B batch, C channels, S side, A length of the one-hot code.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from textwrap import shorten

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gallery.errors import WeightsError
from generator.config import TrainConfig
from generator.pairs import Pairs
from generator.two_stage import TwoStage

STAGES = (1, 2)


@dataclass(frozen=True, slots=True)
class Step:
    """What one update did.

    Attributes:
        stage: 1 or 2.
        number: Counts from 1 within its stage.
        loss: Scalar, still on its device: reading its value waits for the GPU.
        learning_rate: Rate the update was made with.
    """

    stage: int
    number: int
    loss: Tensor
    learning_rate: float


class TrainingData:
    """Images, pairs and codes on the device that trains.

    Attributes:
        pixels: (N, C, S, S), uint8.
        mean: Mean of each channel, in grey levels, (C, 1, 1).
        deviation: Standard deviation of each channel, likewise.
    """

    def __init__(self, pixels: NDArray[np.uint8], pairs: Pairs, device: torch.device) -> None:
        """Take images as (N, S, S, C)."""
        channels_first = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        self.pixels = torch.from_numpy(channels_first).to(device)
        self.sources = torch.from_numpy(pairs.sources).to(device)
        self.targets = torch.from_numpy(pairs.targets).to(device)
        self.codes = torch.from_numpy(pairs.codes).to(device)
        mean, deviation = channel_statistics(pixels)
        self.mean = torch.tensor(mean, device=device).view(-1, 1, 1)
        self.deviation = torch.tensor(deviation, device=device).view(-1, 1, 1)

    def __len__(self) -> int:
        return len(self.sources)

    def batch(self, chosen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return sources (B, C, S, S), codes (B, A) and targets (B, C, S, S), normalised."""
        targets = self.targets[chosen]
        return (
            self._normalised(self.sources[chosen]),
            self.codes[targets],
            self._normalised(targets),
        )

    def _normalised(self, positions: Tensor) -> Tensor:
        return (self.pixels[positions].float() - self.mean) / self.deviation


class Trainer:
    """Train a network, from any step on."""

    def __init__(
        self, network: TwoStage, data: TrainingData, config: TrainConfig, seed: int
    ) -> None:
        """Prepare; the network must already be on the data's device, and is changed in place."""
        layout = torch.channels_last if config.channels_last else torch.contiguous_format
        for parameter in network.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=layout)
        self.network = network
        self.layout = layout
        self.data = data
        self.config = config
        self.seed = seed
        self.stage = 1
        self.number = 0
        self.optimiser = self._optimiser()
        self._epoch: tuple[int, int] = (0, -1)
        self._order = torch.empty(0, dtype=torch.int64)

    def steps(self) -> Iterator[Step]:
        """Update until both stages are trained, and yield after each update."""
        self.network.train()
        while True:
            while self.number < self.config.steps:
                yield self._update()
            if self.stage == STAGES[-1]:
                return
            self.stage, self.number = self.stage + 1, 0
            self.optimiser = self._optimiser()

    def state(self) -> dict[str, Tensor]:
        """Return the network's weights and the optimiser's memory, by name."""
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        for position, memory in self.optimiser.state_dict()["state"].items():
            for name, value in memory.items():
                if isinstance(value, Tensor):
                    tensors[f"optimiser.{position}.{name}"] = value
        return tensors

    def restore(self, stage: int, number: int, tensors: Mapping[str, Tensor]) -> None:
        """Go on after step `number` of `stage`, from what `state` returned then.

        Raises:
            WeightsError: The tensors are not those of this network and optimiser.
        """
        self.stage, self.number = stage, number
        self.optimiser = self._optimiser()
        memory: dict[int, dict[str, Tensor]] = {}
        weights: dict[str, Tensor] = {}
        try:
            for name, value in tensors.items():
                kind, _, rest = name.partition(".")
                if kind == "network":
                    weights[rest] = value
                else:
                    position, _, key = rest.partition(".")
                    memory.setdefault(int(position), {})[key] = value
            self.network.load_state_dict(weights)
            groups = self.optimiser.state_dict()["param_groups"]
            self.optimiser.load_state_dict({"state": memory, "param_groups": groups})
        except (RuntimeError, ValueError, KeyError) as error:
            message = shorten(str(error), 200, placeholder=" …")
            raise WeightsError(f"The checkpoint does not fit this network: {message}") from error

    def _optimiser(self) -> torch.optim.Optimizer:
        stage = self.network.first if self.stage == 1 else self.network.refiner
        parameters = list(stage.parameters())
        if self.config.optimiser == "sgd":
            return torch.optim.SGD(
                parameters, lr=self.config.learning_rate, momentum=self.config.momentum
            )
        return torch.optim.AdamW(
            parameters, lr=self.config.learning_rate, weight_decay=self.config.weight_decay
        )

    def _update(self) -> Step:
        rate = learning_rate(self.number, self.config)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        images, codes, targets = self.data.batch(self._chosen())
        images = images.contiguous(memory_format=self.layout)
        half = self.config.precision == "bfloat16"
        with torch.autocast(images.device.type, torch.bfloat16, enabled=half):
            drawn = self._draw(images, codes)
        loss = error(drawn.float(), targets, self.config)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.number += 1
        return Step(self.stage, self.number, loss.detach(), rate)

    def _draw(self, images: Tensor, codes: Tensor) -> Tensor:
        if self.stage == 1:
            drawn: Tensor = self.network.first(images, codes)
            return drawn
        with torch.no_grad():
            first = self.network.first(images, codes)
        refined: Tensor = self.network.refiner(images, first.to(images.dtype))[0]
        return refined

    def _chosen(self) -> Tensor:
        """Positions of this step's pairs: the next ones of the endless shuffled epochs, (B,)."""
        total, size = len(self.data), self.config.batch_size
        start = self.number * size
        parts = []
        while size > 0:
            epoch, offset = divmod(start, total)
            part = self._shuffled(epoch)[offset : offset + size]
            parts.append(part)
            start, size = start + len(part), size - len(part)
        return torch.cat(parts)

    def _shuffled(self, epoch: int) -> Tensor:
        if self._epoch != (self.stage, epoch):
            random = np.random.default_rng([self.seed, self.stage, epoch])
            order = torch.from_numpy(random.permutation(len(self.data)))
            self._epoch, self._order = (self.stage, epoch), order.to(self.data.sources.device)
        return self._order


def learning_rate(step: int, config: TrainConfig) -> float:
    """Return the rate of an update, counted from 0.

    A linear rise over the warm-up, times either 1 or half a cosine that reaches zero at the end.
    """
    rise = min(1.0, (step + 1) / (config.warmup_steps + 1))
    if config.schedule == "constant":
        return config.learning_rate * rise
    return config.learning_rate * rise * (1 + math.cos(math.pi * step / config.steps)) / 2


def error(drawn: Tensor, targets: Tensor, config: TrainConfig) -> Tensor:
    """Squared error of a batch in normalised grey levels, a scalar.

    "half-sum": 1/(2B) times the sum over batch, channels and pixels. "mean": its mean over all.

    Source: arXiv 1511.08446, equations 1 and 2, which leave the factor and the mean open.
    """
    squared = (drawn - targets).square()
    if config.loss == "half-sum":
        return squared.sum() / (2 * len(squared))
    return squared.mean()


def channel_statistics(pixels: NDArray[np.uint8]) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation of each channel of (N, S, S, C) images, in grey levels.

    A channel that never changes gets the deviation 1.
    """
    means, deviations = [], []
    for channel in range(pixels.shape[-1]):
        counts = np.bincount(pixels[..., channel].ravel(), minlength=256).astype(np.float64)
        levels = np.arange(256)
        mean = float(counts @ levels / counts.sum())
        deviation = math.sqrt(float(counts @ (levels - mean) ** 2 / counts.sum()))
        means.append(mean)
        deviations.append(deviation or 1.0)
    return means, deviations
