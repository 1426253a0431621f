"""The training loop: stage after stage. It yields steps and prints nothing.

Stages 1 and 2 are the papers': first the first network, then the refiner. Two more are ours, where
the recipe asks for them: 3 tunes both networks and the projection for retrieval, by the squared
errors and a contrastive loss between drawings and canonical views; 4 trains the estimator.

Which pairs make up a batch depends on nothing but the seed, the stage and the step, so a run that
was stopped and resumed computes what an undisturbed one would have.

Shapes: N images, P pairs, B batch, C channels, S side, A length of the one-hot code.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from textwrap import shorten

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from gallery.attributes import AttributeSpace
from gallery.errors import WeightsError
from generator.augment import Augmentation, jitter
from generator.config import TrainConfig
from generator.contrast import HardBatches, info_nce
from generator.estimator import cross_entropy
from generator.pairs import Pairs
from generator.two_stage import TwoStage

STAGES = (1, 2, 3, 4)
TUNE, ESTIMATE = 3, 4
JITTER = 1  # apart from the seeds of the order
ESTIMATOR_JITTER = 2.0  # an estimator that is to know other collections must see more


@dataclass(frozen=True, slots=True)
class Step:
    """What one update did.

    Attributes:
        stage: 1 to 4.
        number: Counts from 1 within its stage.
        loss: Scalar, still on its device: reading its value waits for the GPU.
        learning_rate: Rate the update was made with.
    """

    stage: int
    number: int
    loss: Tensor
    learning_rate: float


class TrainingData:
    """Images, pairs, codes and labels on the device that trains.

    Attributes:
        pixels: (N, C, S, S), uint8.
        mean: Mean of each channel, in grey levels, (C, 1, 1).
        deviation: Standard deviation of each channel, likewise.
    """

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        pairs: Pairs,
        device: torch.device,
        labels: NDArray[np.int64] | None = None,
        statistics: tuple[Sequence[float], Sequence[float]] | None = None,
    ) -> None:
        """Hold them ready.

        Args:
            pixels: Images, (N, S, S, C).
            pairs: Of them.
            device: That trains.
            labels: Positions of the images' values, (N, T), -1 if unknown.
            statistics: Mean and deviation of each channel; None measures the images.
        """
        channels_first = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        self.pixels = torch.from_numpy(channels_first).to(device)
        self.sources = torch.from_numpy(pairs.sources).to(device)
        self.targets = torch.from_numpy(pairs.targets).to(device)
        self.codes = torch.from_numpy(pairs.codes).to(device)
        self.labels = None if labels is None else torch.from_numpy(labels).to(device)
        mean, deviation = statistics or channel_statistics(pixels)
        self.mean = torch.tensor(mean, device=device).view(-1, 1, 1)
        self.deviation = torch.tensor(deviation, device=device).view(-1, 1, 1)

    def __len__(self) -> int:
        return len(self.sources)

    def batch(
        self, chosen: Tensor, random: np.random.Generator | None = None, strength: float = 0.0
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return sources (B, C, S, S), codes (B, A) and targets (B, C, S, S), normalised.

        Args:
            chosen: Positions of the pairs, (B,).
            random: Of the augmentation; None for none.
            strength: Of the augmentation.
        """
        targets = self.targets[chosen]
        images = [self.levels(self.sources[chosen]), self.levels(targets)]
        if random is not None and strength:
            images = jitter(images, random, Augmentation().scaled(strength))
        source, target = map(self.normalised, images)
        return source, self.codes[targets], target

    def levels(self, positions: Tensor) -> Tensor:
        """Return images as grey levels, (B, C, S, S)."""
        return self.pixels[positions].float()

    def normalised(self, levels: Tensor) -> Tensor:
        """Return images of zero mean and unit deviation."""
        return (levels - self.mean) / self.deviation


class Trainer:
    """Train a network, from any step on."""

    def __init__(
        self,
        network: TwoStage,
        data: TrainingData,
        config: TrainConfig,
        seed: int,
        *,
        contrast: HardBatches | None = None,
        space: AttributeSpace | None = None,
    ) -> None:
        """Prepare; the network must already be on the data's device, and is changed in place.

        Args:
            network: To be trained.
            data: To train on; with labels, if the estimator is to be trained.
            config: How.
            seed: Of order and augmentation.
            contrast: Batches of the tuning stage; needed if there is one.
            space: Attributes of the estimator; needed if it is trained.
        """
        layout = torch.channels_last if config.channels_last else torch.contiguous_format
        for parameter in network.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=layout)
        self.network = network
        self.layout = layout
        self.data = data
        self.config = config
        self.seed = seed
        self.contrast = contrast
        cells = np.zeros(0, dtype=np.int64) if contrast is None else contrast.cells
        self._cells = torch.from_numpy(cells).to(data.pixels.device)
        self.space = space
        self.stage = 1
        self.number = 0
        self.optimiser = self._optimiser()
        self._epoch: tuple[int, int] = (0, -1)
        self._order = torch.empty(0, dtype=torch.int64)

    def steps(self) -> Iterator[Step]:
        """Update until all stages are trained, and yield after each update."""
        self.network.train()
        while True:
            while self.number < self.config.steps_of(self.stage):
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
        parameters = [p for part in self._trained() for p in part.parameters()]
        if self.config.optimiser == "sgd":
            return torch.optim.SGD(
                parameters, lr=self.config.learning_rate, momentum=self.config.momentum
            )
        return torch.optim.AdamW(
            parameters, lr=self.config.learning_rate, weight_decay=self.config.weight_decay
        )

    def _trained(self) -> list[nn.Module]:
        """Return the parts of the network that this stage changes."""
        network = self.network
        parts: dict[int, list[nn.Module | None]] = {
            1: [network.first],
            2: [network.refiner],
            TUNE: [network.first, network.refiner, network.projection],
            ESTIMATE: [network.estimator or network.refiner],
        }
        return [part for part in parts[self.stage] if part is not None]

    def _update(self) -> Step:
        rate = learning_rate(self.number, self.config, self.stage)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        random = np.random.default_rng([self.seed, self.stage, self.number, JITTER])
        half = self.config.precision == "bfloat16"
        with torch.autocast(self.data.pixels.device.type, torch.bfloat16, enabled=half):
            loss = self._loss(random)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.number += 1
        return Step(self.stage, self.number, loss.detach(), rate)

    def _loss(self, random: np.random.Generator) -> Tensor:
        if self.stage == ESTIMATE:
            return self._estimator_loss(random)
        if self.stage == TUNE:
            return self._tuning_loss(random)
        images, codes, targets = self.data.batch(self._chosen(), random, self.config.augmentation)
        drawn = self._draw(images.contiguous(memory_format=self.layout), codes)
        return error(drawn.float(), targets, self.config)

    def _draw(self, images: Tensor, codes: Tensor) -> Tensor:
        if self.stage == 1:
            drawn: Tensor = self.network.first(images, codes)
            return drawn
        with torch.no_grad():
            first = self.network.first(images, codes)
        refined: Tensor = self.network.refiner(images, first.to(images.dtype))[0]
        return refined

    def _tuning_loss(self, random: np.random.Generator) -> Tensor:
        """Squared errors of drawings and canonical views, and the contrast between both.

        The canonical view of a target is its redrawing under its own values: what the gallery holds
        if its values are estimated rightly.
        """
        if self.contrast is None:
            raise ValueError("the tuning stage needs batches for its contrast")
        positions = torch.from_numpy(self.contrast.draw(random)).to(self.data.sources.device)
        images, codes, targets = self.data.batch(positions, random, self.config.augmentation)
        both = torch.cat([images, targets]).contiguous(memory_format=self.layout)
        drawing = self.network(both, torch.cat([codes, codes]))
        count = len(images)
        squared = (
            error(drawing.first[:count].float(), targets, self.config)
            + error(drawing.refined[:count].float(), targets, self.config)
            + error(drawing.refined[count:].float(), targets, self.config)
        ) / 2
        unit = functional.normalize(drawing.features.flatten(1).float(), dim=1)
        contrast = info_nce(
            unit[:count],
            unit[count:],
            self._cells[self.data.targets[positions]],
            self.config.temperature,
        )
        return squared + self.config.tune_weight * contrast

    def _estimator_loss(self, random: np.random.Generator) -> Tensor:
        """Cross-entropy of the values that images show; what is not known teaches nothing."""
        data = self.data
        if data.labels is None or self.space is None or self.network.estimator is None:
            raise ValueError("training the estimator needs one, labels and attributes")
        chosen = random.integers(len(data.labels), size=self.config.batch_size)
        positions = torch.from_numpy(chosen).to(data.labels.device)
        strength = ESTIMATOR_JITTER * max(1.0, self.config.augmentation)
        (images,) = jitter([data.levels(positions)], random, Augmentation().scaled(strength))
        shown = data.normalised(images).contiguous(memory_format=self.layout)
        with _seeded(random, shown.device):  # dropout
            logits = self.network.estimator(shown)
        return cross_entropy(logits.float(), data.labels[positions], self.space)

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


@contextmanager
def _seeded(random: np.random.Generator, device: torch.device) -> Iterator[None]:
    """Let torch's own random numbers follow from an update's; afterwards the process's go on."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(random.integers(2**31)))
        yield


def learning_rate(step: int, config: TrainConfig, stage: int = 1) -> float:
    """Return the rate of an update, counted from 0.

    A linear rise over the warm-up, times either 1 or half a cosine that reaches zero at the end.
    Tuning begins at half the rate.
    """
    peak = config.learning_rate / 2 if stage == TUNE else config.learning_rate
    rise = min(1.0, (step + 1) / (config.warmup_steps + 1))
    if config.schedule == "constant":
        return peak * rise
    return peak * rise * (1 + math.cos(math.pi * step / config.steps_of(stage))) / 2


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
