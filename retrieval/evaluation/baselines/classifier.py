"""The attribute classifier of two-step retrieval: which values images show.

A compact convolutional network, trained from nothing on the training people, with one softmax for
each attribute. The papers trained theirs on features of a network that had seen millions of faces,
and estimated 73.3 % of the poses rightly (arXiv 1511.08446, section 4.1.2).

Shapes: N images, S side, C channels, A length of the one-hot code, T attributes.
"""

from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gallery.align import Pixels
from gallery.arrays import Floats
from gallery.attributes import AttributeSpace
from gallery.errors import DatasetError
from gallery.pixels import Aligned
from generator.networks.estimator import Estimator, cross_entropy, labels_of, log_probabilities
from generator.values import best_values
from retrieval.evaluation.baselines.cache import trained
from retrieval.evaluation.baselines.networks import (
    Normalise,
    draw_weights,
    in_batches,
    place,
    relit,
    shifted,
    to_device,
)
from retrieval.evaluation.baselines.training import BaselinePlan, Score, TrainingBudget
from retrieval.evaluation.records import BenchmarkProgress

RATE = 1e-3


class ClassifierNetwork(Estimator):
    """The generator's estimator, for images as grey levels, (B, C, S, S) -> (B, A)."""

    def __init__(self, normalise: Normalise, channels: int, size: int, code_size: int) -> None:
        super().__init__(size, channels, code_size)
        self.normalise = normalise

    def forward(self, images: Tensor) -> Tensor:
        """Take grey levels 0..255."""
        return super().forward(self.normalise(images))


class ClassifierTask:
    """Name the values that images show; what is not known of an image teaches nothing."""

    def __init__(
        self,
        part: Aligned,
        *,
        space: AttributeSpace,
        seed: int,
        batch_size: int,
        device: torch.device,
    ) -> None:
        """Raise DatasetError if no value is known."""
        self.part, self.space, self.seed, self.device = part, space, seed, device
        self.batch_size = batch_size
        self.labels = torch.from_numpy(labels_of(part.faces, space)).to(device)
        if not bool((self.labels >= 0).any()):
            raise DatasetError(
                f"No image shows a known {' or '.join(space.names)}; a classifier needs labels"
            )
        self.pixels = to_device(part.pixels, device)

    def build(self) -> ClassifierNetwork:
        """Return an untrained network."""
        _, size, _, channels = self.part.pixels.shape
        normalise = Normalise.of(self.part.pixels)
        network = ClassifierNetwork(normalise, channels, size, self.space.size)
        draw_weights(network, self.seed)
        return place(network, self.device)

    def loss(self, network: nn.Module, random: np.random.Generator, *, augment: bool) -> Tensor:
        """Cross-entropy with smoothed labels, mean over what is known of a batch."""
        chosen = torch.from_numpy(random.integers(len(self.labels), size=self.batch_size))
        chosen = chosen.to(self.device)
        images = self.pixels[chosen].float()
        images = relit(shifted(images)) if augment else images
        logits = network(images.contiguous(memory_format=torch.channels_last)).float()
        return cross_entropy(logits, self.labels[chosen], self.space)

    def score(self, network: nn.Module) -> Score:
        """Share of known values that are estimated rightly; of equals, the lower cross-entropy."""
        logits = in_batches(network, self.device, self.part.pixels)
        labels = self.labels.cpu()
        estimates = torch.from_numpy(best_values(logits, self.space))
        right = (estimates == labels)[labels >= 0].float().mean()
        entropy = cross_entropy(torch.from_numpy(logits), labels, self.space, 0.0)
        return float(right), -float(entropy)


@dataclass(frozen=True, slots=True)
class Classifier:
    """A trained classifier.

    Attributes:
        space: Attributes that it tells.
        settings: How it was trained; JSON.
        sha256: SHA-256 of its weights.
        dimension: Length A of its answers.
    """

    space: AttributeSpace
    settings: dict[str, Any]
    sha256: str
    device: torch.device
    network: nn.Module

    @property
    def dimension(self) -> int:
        """Length A of its answers."""
        return self.space.size

    def log_probabilities(self, pixels: Pixels) -> Floats:
        """Return log p(value | image), laid out as the one-hot code: (N, S, S, C) -> (N, A)."""
        logits = in_batches(self.network, self.device, pixels)
        found: Floats = log_probabilities(torch.from_numpy(logits), self.space).numpy()
        return found

    def estimates(self, pixels: Pixels) -> NDArray[np.int64]:
        """Return the likeliest value of each attribute, as its position: (N, S, S, C) -> (N, T)."""
        return best_values(self.log_probabilities(pixels), self.space)

    def accuracy(self, part: Aligned) -> dict[str, float | None]:
        """Share of known values that are estimated rightly, by attribute; None of none."""
        labels = labels_of(part.faces, self.space)
        right = self.estimates(part.pixels) == labels
        return {
            name: float(right[known, column].mean()) if known.any() else None
            for column, name in enumerate(self.space.names)
            for known in [labels[:, column] >= 0]
        }


def train_classifier(
    part: Aligned,
    space: AttributeSpace,
    *,
    budget: TrainingBudget,
    seed: int,
    device: torch.device,
    cache: Path | None = None,
) -> Generator[BenchmarkProgress, None, Classifier]:
    """Train a classifier; the generator's return value is it.

    Args:
        part: Images of the training people.
        space: Attributes to tell; what is not known of an image teaches nothing.
        budget: What may be spent.
        seed: Seed of everything random.
        device: That computes.
        cache: Folder of trained rivals, or None.

    Raises:
        ConfigError: The training ran away.
        DatasetError: Nothing is known of the images.
    """
    task = partial(
        ClassifierTask, space=space, seed=seed, batch_size=budget.batch_size, device=device
    )
    plan = BaselinePlan(
        name="classifier", task=task, rate=RATE, budget=budget, seed=seed, device=device
    )
    made = yield from trained(part, space, plan, cache)
    return Classifier(space, made.settings, made.sha256, device, made.network)
