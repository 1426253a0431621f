"""No drawing: a network that goes from a source and a wish straight to the target's embedding.

One encoder embeds all images. For a query the wish's code changes the source's features: a gate
keeps what stays as it is, and a residual adds what is to be different. That is TIRG (Vo et al.,
"Composing text and image for image retrieval: an empirical odyssey", CVPR 2019, section 3), with an
embedding of the one-hot code in place of the text's. Ours to choose, since the sources leave them
open or have other data: an encoder that is trained from nothing, as the generator is; 256 numbers
an image; the loss of `generator/training/contrastive.py`, which also knows the source image as a
wrong answer.

Shapes: N images, B batch, S side, C channels, A length of the one-hot code, F features, D
dimensions.
"""

from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gallery.align import Pixels
from gallery.arrays import Floats
from gallery.attributes import AttributeSpace
from gallery.errors import DatasetError
from gallery.pixels import Aligned
from generator.networks.estimator import encoder
from generator.training.contrastive import HardBatches, info_nce
from generator.training.pairs import make_pairs
from retrieval.evaluation.baselines.cache import trained
from retrieval.evaluation.baselines.contrastive import reciprocal_ranks
from retrieval.evaluation.baselines.networks import (
    Normalise,
    draw_weights,
    in_batches,
    place,
    shifted,
    to_device,
)
from retrieval.evaluation.baselines.training import BaselinePlan, Score, TrainingBudget
from retrieval.evaluation.records import BenchmarkProgress

RATE = 1e-3
DIMENSION = 256
FEATURES = 512
TEMPERATURE = 0.07


class ComposedNetwork(nn.Module):
    """Embed images, and sources with wishes, into one space; unit length."""

    def __init__(self, normalise: Normalise, channels: int, size: int, code_size: int) -> None:
        super().__init__()
        self.normalise = normalise
        self.encoder, length = encoder(channels, size)
        self.features = nn.Linear(length, FEATURES)
        self.code = nn.Sequential(nn.Linear(code_size, FEATURES), nn.ReLU())
        self.gate = nn.Sequential(
            *(nn.BatchNorm1d(2 * FEATURES), nn.ReLU(), nn.Linear(2 * FEATURES, FEATURES)),
            nn.Sigmoid(),
        )
        self.residual = nn.Sequential(
            *(nn.BatchNorm1d(2 * FEATURES), nn.ReLU(), nn.Linear(2 * FEATURES, 2 * FEATURES)),
            *(nn.ReLU(), nn.Linear(2 * FEATURES, FEATURES)),
        )
        self.weights = nn.Parameter(torch.tensor([1.0, 1.0]))  # of gate and residual
        self.project = nn.Linear(FEATURES, DIMENSION, bias=False)

    def see(self, images: Tensor) -> Tensor:
        """Grey levels (B, C, S, S) -> features (B, F)."""
        found: Tensor = self.features(self.encoder(self.normalise(images)))
        return found

    def compose(self, features: Tensor, codes: Tensor) -> Tensor:
        """Change a source's features by a wish, (B, F) and (B, A) -> (B, F)."""
        both = torch.cat([features, self.code(codes).to(features.dtype)], dim=1)  # (B, 2F)
        kept = self.gate(both) * features
        changed: Tensor = self.weights[0] * kept + self.weights[1] * self.residual(both)
        return changed

    def embed(self, features: Tensor) -> Tensor:
        """Features to embeddings of unit length, (B, F) -> (B, D)."""
        return functional.normalize(self.project(features).float(), dim=1)


class ComposedTask:
    """Find the target of a source and a wish; training pairs are the generator's."""

    def __init__(
        self,
        part: Aligned,
        *,
        space: AttributeSpace,
        seed: int,
        batch_size: int,
        device: torch.device,
    ) -> None:
        """Raise DatasetError if there is no pair."""
        labelled = [
            n
            for n, face in enumerate(part.faces)
            if all(name in face.condition for name in space.names)
        ]
        if not labelled:
            raise DatasetError(f"No image has a value for {' and '.join(space.names)}")
        self.faces = [part.faces[n] for n in labelled]
        self.images = part.pixels[labelled]
        self.space, self.seed, self.device = space, seed, device
        self.pairs = make_pairs(self.faces, space, same_pairs=False)
        self.batches = HardBatches(self.faces, self.pairs, space, batch_size)
        self.pixels = to_device(self.images, device)
        self.codes = torch.from_numpy(self.pairs.codes).to(device)

    def build(self) -> ComposedNetwork:
        """Return an untrained network."""
        _, size, _, channels = self.images.shape
        network = ComposedNetwork(Normalise.of(self.images), channels, size, self.space.size)
        draw_weights(network, self.seed)
        return place(network, self.device)

    def loss(self, network: nn.Module, random: np.random.Generator, *, augment: bool) -> Tensor:
        """InfoNCE of a batch of hard negatives. Light is not augmented: it is asked for."""
        assert isinstance(network, ComposedNetwork)  # noqa: S101  what `build` returned
        chosen = self.batches.draw(random)
        sources, targets = self.pairs.sources[chosen], self.pairs.targets[chosen]
        both = torch.from_numpy(np.concatenate([sources, targets])).to(self.device)
        images = self.pixels[both].float()
        images = shifted(images) if augment else images
        features = network.see(images.contiguous(memory_format=torch.channels_last))
        codes = self.codes[both[len(chosen) :]]
        probes = network.embed(network.compose(features[: len(chosen)], codes))
        answers = torch.from_numpy(
            np.concatenate([self.batches.cells[targets], self.batches.cells[sources]])
        )
        ordered = torch.cat([features[len(chosen) :], features[: len(chosen)]])
        return info_nce(probes, network.embed(ordered), answers.to(self.device), TEMPERATURE)

    def score(self, network: nn.Module) -> Score:
        """Hit rate @1 under C2 among these images, sources too; then the mean reciprocal rank."""
        assert isinstance(network, ComposedNetwork)  # noqa: S101
        gallery = _embeddings(network, self.device, self.images)
        chosen = np.random.default_rng(self.seed).permutation(len(self.pairs))[:2048]
        sources, targets = self.pairs.sources[chosen], self.pairs.targets[chosen]
        codes = self.pairs.codes[targets]
        probes = _probes(network, self.device, self.images[sources], codes)
        ranks = reciprocal_ranks(probes, gallery, self.batches.cells[targets], self.batches.cells)
        return float((ranks == 1).mean()), float(ranks.mean())


@dataclass(frozen=True, slots=True)
class Composed:
    """A trained composition.

    Attributes:
        space: Attributes that can be wished for.
        settings: How it was trained; JSON.
        sha256: SHA-256 of its weights.
        dimension: Length D of its embeddings.
    """

    space: AttributeSpace
    settings: dict[str, Any]
    sha256: str
    device: torch.device
    network: ComposedNetwork

    @property
    def dimension(self) -> int:
        """Length D of its embeddings."""
        return DIMENSION

    def embed(self, pixels: Pixels) -> Floats:
        """Embed gallery images: (N, S, S, C) -> (N, D), unit length."""
        return _embeddings(self.network, self.device, pixels)

    def probe(self, pixels: Pixels, codes: Floats) -> Floats:
        """Embed what is wished for: sources (N, S, S, C), one-hot codes (N, A) -> (N, D)."""
        return _probes(self.network, self.device, pixels, codes)


def train_composed(
    part: Aligned,
    space: AttributeSpace,
    *,
    budget: TrainingBudget,
    seed: int,
    device: torch.device,
    cache: Path | None = None,
) -> Generator[BenchmarkProgress, None, Composed]:
    """Train a composition; the generator's return value is it.

    Args:
        part: Images of the training people.
        space: Attributes that can be wished for.
        budget: What may be spent.
        seed: Seed of everything random.
        device: That computes.
        cache: Folder of trained rivals, or None.

    Raises:
        ConfigError: The training ran away.
        DatasetError: Nobody is shown twice under conditions that differ in these attributes alone.
    """
    task = partial(
        ComposedTask, space=space, seed=seed, batch_size=budget.batch_size, device=device
    )
    plan = BaselinePlan(
        name="composed", task=task, rate=RATE, budget=budget, seed=seed, device=device
    )
    made = yield from trained(part, space, plan, cache)
    assert isinstance(made.network, ComposedNetwork)  # noqa: S101
    return Composed(space, made.settings, made.sha256, device, made.network)


def _embeddings(network: ComposedNetwork, device: torch.device, pixels: Pixels) -> Floats:
    return in_batches(lambda images: network.embed(network.see(images)), device, pixels)


def _probes(
    network: ComposedNetwork, device: torch.device, pixels: Pixels, codes: Floats
) -> Floats:
    def ask(images: Tensor, wishes: Tensor) -> Tensor:
        return network.embed(network.compose(network.see(images), wishes))

    return in_batches(ask, device, pixels, codes)
