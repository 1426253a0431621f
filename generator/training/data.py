"""What a training is made of: its data, its rates, and the error of drawings.

The loop itself is `generator/runs/trainer.py`; what it trains, a plan of
`generator/training/plan.py`.

Shapes: N images, P pairs, B batch, C channels, S side, A length of the one-hot code.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from generator.training.augment import Augmentation, jitter
from generator.training.config import TUNE, TrainConfig
from generator.training.pairs import Pairs


class TrainingData:
    """Images, pairs, codes and labels on the device that trains.

    Attributes:
        pixels: (N, C, S, S), uint8.
        mean: Mean of each channel, in grey levels, (C, 1, 1).
        deviation: Standard deviation of each channel, likewise.
        codes: One-hot codes of the images' own values, (N, A).
        labels: Positions of the images' values, (N, T), -1 if unknown; or None.
        people: Number of each image's identity, counted from 0, (N,); or None.
        rests: Number of all else that is known of each image, counted from 0, (N,); or None.
    """

    def __init__(  # noqa: PLR0913, PLR0917  all that may be known of the images
        self,
        pixels: NDArray[np.uint8],
        pairs: Pairs,
        device: torch.device,
        labels: NDArray[np.int64] | None = None,
        statistics: tuple[Sequence[float], Sequence[float]] | None = None,
        people: NDArray[np.int64] | None = None,
        rests: NDArray[np.int64] | None = None,
    ) -> None:
        """Hold them ready.

        Args:
            pixels: Images, (N, S, S, C).
            pairs: Of them.
            device: That trains.
            labels: Positions of the images' values, (N, T), -1 if unknown.
            statistics: Mean and deviation of each channel; None measures the images.
            people: Number of each image's identity, counted from 0, (N,).
            rests: Number of what is known of each besides identity and wished values, likewise.
        """
        channels_first = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        self.pixels = torch.from_numpy(channels_first).to(device)
        self.sources = torch.from_numpy(pairs.sources).to(device)
        self.targets = torch.from_numpy(pairs.targets).to(device)
        self.codes = torch.from_numpy(pairs.codes).to(device)
        self.labels = None if labels is None else torch.from_numpy(labels).to(device)
        self.people = None if people is None else torch.from_numpy(people).to(device)
        self.rests = None if rests is None else torch.from_numpy(rests).to(device)
        mean, deviation = statistics or channel_statistics(pixels)
        self.mean = torch.tensor(mean, device=device).view(-1, 1, 1)
        self.deviation = torch.tensor(deviation, device=device).view(-1, 1, 1)

    def __len__(self) -> int:
        return len(self.sources)

    def batch(
        self,
        chosen: Tensor,
        random: np.random.Generator | None = None,
        strength: Augmentation | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return sources (B, C, S, S), codes (B, A) and targets (B, C, S, S), normalised.

        Args:
            chosen: Positions of the pairs, (B,).
            random: Randomness of the augmentation; None for none.
            strength: Strength of the augmentation; None for none.
        """
        targets = self.targets[chosen]
        images = [self.levels(self.sources[chosen]), self.levels(targets)]
        if random is not None and strength is not None:
            images = jitter(images, random, strength)
        source, target = map(self.normalised, images)
        return source, self.codes[targets], target

    def levels(self, positions: Tensor) -> Tensor:
        """Return images as grey levels, (B, C, S, S)."""
        return self.pixels[positions].float()

    def normalised(self, levels: Tensor) -> Tensor:
        """Return images of zero mean and unit deviation."""
        return (levels - self.mean) / self.deviation


def learning_rate(step: int, config: TrainConfig, stage: int = 1) -> float:
    """Return the rate of an update, counted from 0.

    A linear rise over the warm-up, times either 1 or half a cosine that reaches zero at the end.
    Tuning begins at half the rate.
    """
    peak = config.later[1] / 2 if stage == TUNE else config.learning_rate
    return scheduled(step, config.steps_of(stage), config, peak)


def scheduled(step: int, steps: int, config: TrainConfig, peak: float) -> float:
    """Return the rate of an update, counted from 0, of so many; see `learning_rate`."""
    rise = min(1.0, (step + 1) / (config.warmup_steps + 1))
    if config.schedule == "constant":
        return peak * rise
    return peak * rise * (1 + math.cos(math.pi * step / steps)) / 2


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
