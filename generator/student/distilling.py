"""Distilling: a student learns to say what its teacher would have drawn, by lessons.

The loss adds up how far embeddings of canonical views and of second drawings are from the teacher's
(1 - cosine), InfoNCE between what the teacher draws to find an image and what the student makes of
that image, log p, and the error of canonical views. A batch holds several images of each of its
people: what is wrong for a probe is then nearly right.

Which images make up a batch depends on the seed and the step alone, so a run that was stopped goes
on as if it had not been.

Source of InfoNCE: van den Oord et al., "Representation learning with contrastive predictive
coding", 2018, equation 4. Of the rest: Hinton et al., "Distilling the knowledge in a neural
network", 2015.

Shapes: B batch, D numbers of an embedding, A length of the one-hot code.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from gallery.errors import ConfigError
from generator.card import Card
from generator.checkpoint import load_checkpoint, save_checkpoint
from generator.networks.estimator import by_attribute
from generator.precision import settle
from generator.student.lessons import Lessons
from generator.student.network import Look, StudentNetwork
from generator.training.config import Precision

DEVICE = torch.device("cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillConfig:
    """How a student learns.

    Attributes:
        steps: Updates.
        batch_size: Images of a batch.
        each: Images of a person in a batch.
        learning_rate: The highest one; it rises in a twentieth of the steps and falls by a cosine.
        weight_decay: Of AdamW.
        own: Weight of canonical views.
        asked: Weight of second drawings.
        contrast: Weight of InfoNCE.
        temperature: Of InfoNCE.
        pool: Probes of others that an image is told apart from, beside those of the same people.
        values: Weight of log p.
        errors: Weight of the error.
        noise: Deviation of what is added to images, grey levels.
        precision: Of the arithmetic; "auto" measures, once for a run.
        seed: Of order and noise.
    """

    steps: int = 4000
    batch_size: int = 128
    each: int = 8
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    own: float = 4.0
    asked: float = 1.0
    contrast: float = 1.0
    temperature: float = 0.05
    pool: int = 8192
    values: float = 0.5
    errors: float = 0.1
    noise: float = 2.0
    precision: Precision = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch_size < 2 or self.each < 1:
            raise ConfigError(
                "A student needs at least 1 step, and 2 images in a batch; got"
                f" {self.steps} and {self.batch_size}"
            )

    def to_json(self) -> dict[str, Any]:
        """Return the fields, for the card."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class DistillStep:
    """What one step did.

    Attributes:
        number: Counts from 1.
        total: Steps in all.
        terms: Parts of the loss, not weighted.
    """

    number: int
    total: int
    terms: Mapping[str, float]


class Distiller:
    """Trains a student, from any step on."""

    def __init__(
        self, network: StudentNetwork, lessons: Lessons, card: Card, config: DistillConfig
    ) -> None:
        """Prepare.

        Args:
            network: The student; changed in place.
            lessons: What it learns.
            card: The teacher's.
            config: How.
        """
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.lessons, self.card, self.config = lessons, card, config
        self.number = 0
        self.half = settle(config.precision, DEVICE) == "bfloat16"
        self._mean = torch.tensor(card.mean).view(-1, 1, 1)
        self._deviation = torch.tensor(card.deviation).view(-1, 1, 1)
        self._probers = _inverse(lessons.partner)
        self._people = _positions(lessons.person)
        self._learnt = lessons.digest()
        self.optimiser = torch.optim.AdamW(
            network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )

    def steps(self) -> Iterator[DistillStep]:
        """Update until all steps are made, and yield after each."""
        self.network.train()
        while self.number < self.config.steps:
            terms = self._update()
            self.number += 1
            yield DistillStep(self.number, self.config.steps, terms)

    def save(self, path: Path) -> None:
        """Write a checkpoint."""
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        for position, memory in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{position}.{name}": value for name, value in memory.items()}
        save_checkpoint(path, tensors, {"number": self.number, **self._told()})

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            ConfigError: It was made with other settings, or of other lessons.
            WeightsError: It is damaged.
        """
        tensors, state = load_checkpoint(path)
        told = self._told()
        if state.get("config") != told["config"]:
            raise ConfigError(f"{path} was made with other settings; delete it to begin anew")
        if state.get("lessons", told["lessons"]) != told["lessons"]:  # older ones do not say
            raise ConfigError(
                f"{path} is of a student that learnt from other images; name the same sets again,"
                " or delete it to begin anew"
            )
        weights: dict[str, Tensor] = {}
        memory: dict[int, dict[str, Tensor]] = {}
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
        self.number = int(state["number"])

    def _told(self) -> dict[str, Any]:
        """Return what a checkpoint must have been made with, if it is to be gone on with."""
        return {"config": self.config.to_json(), "lessons": self._learnt}

    def _update(self) -> dict[str, float]:
        config = self.config
        for group in self.optimiser.param_groups:
            group["lr"] = config.learning_rate * _share(self.number, config.steps)
        random = np.random.default_rng([config.seed, self.number])
        chosen = torch.from_numpy(self._chosen(random))
        terms = self._terms(chosen, random)
        weights = asdict(config)
        loss = torch.stack([weights[name] * value for name, value in terms.items()]).sum()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return {name: float(value.detach()) for name, value in terms.items()}

    def _chosen(self, random: np.random.Generator) -> NDArray[np.int64]:
        """Draw some people, and some images of each, (B,)."""
        config = self.config
        parts: list[NDArray[np.int64]] = []
        left = config.batch_size
        while left > 0:
            for who in random.permutation(len(self._people)).tolist():
                mine = self._people[who]
                count = min(config.each, len(mine), left)
                parts.append(random.choice(mine, count, replace=False))
                left -= count
                if left == 0:
                    break
        return np.concatenate(parts)

    def _terms(self, chosen: Tensor, random: np.random.Generator) -> dict[str, Tensor]:
        """Return the parts of the loss of a batch."""
        lessons = self.lessons
        codes = torch.stack([lessons.own_codes[chosen], lessons.asked_codes[chosen]], dim=1)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            look: Look = self.network(self._images(chosen, random))
            made = self.network.embed(look.found, codes)  # (B, 2, D)
        own, asked = made[:, 0], made[:, 1]
        wanted = lessons.log_p[chosen]
        shares = [part.softmax(dim=1) for part in by_attribute(wanted, self.card.space)]
        said = [part.log_softmax(dim=1) for part in by_attribute(look.logits, self.card.space)]
        values = [-(s * p).sum(dim=1).mean() for s, p in zip(shares, said, strict=True)]
        return {
            "own": _apart(own, lessons.own[chosen].float()),
            "asked": _apart(asked, lessons.asked[chosen].float()),
            "contrast": self._contrast(own, chosen, random),
            "values": torch.stack(values).sum(),
            "errors": functional.smooth_l1_loss(look.errors, lessons.errors[chosen].log1p()),
        }

    def _images(self, chosen: Tensor, random: np.random.Generator) -> Tensor:
        """Return images of a batch, normalised, with noise."""
        levels = self.lessons.pixels[chosen].permute(0, 3, 1, 2).float()
        drawn = torch.Generator().manual_seed(int(random.integers(2**31)))
        levels = levels + self.config.noise * torch.randn(levels.shape, generator=drawn)
        return ((levels - self._mean) / self._deviation).contiguous(
            memory_format=torch.channels_last
        )

    def _contrast(self, own: Tensor, chosen: Tensor, random: np.random.Generator) -> Tensor:
        """InfoNCE, both ways, in the mean.

        Of all images of the batch, a probe shall find the one that it is drawn for; and an image
        shall be nearer to its own probe than to those of the same people and of a pool of others.
        """
        probers = self._probers[chosen]
        asking = torch.nonzero(probers >= 0).flatten()
        if not len(asking):
            return own.sum() * 0
        probers = probers[asking]
        scores = self.lessons.asked[probers].float() @ own.T / self.config.temperature
        found = functional.cross_entropy(scores, asking)
        pool = torch.unique(torch.cat([probers, self._others(chosen, random)]))  # sorted
        scores = own[asking] @ self.lessons.asked[pool].float().T / self.config.temperature
        return (found + functional.cross_entropy(scores, torch.searchsorted(pool, probers))) / 2

    def _others(self, chosen: Tensor, random: np.random.Generator) -> Tensor:
        """Return positions of probes that are no chosen image's own: of the same people, and more.

        The chosen images' own may be among them.
        """
        people = torch.unique(self.lessons.person[chosen]).tolist()
        same = torch.from_numpy(np.concatenate([self._people[who] for who in people]))
        drawn = torch.from_numpy(random.integers(0, len(self.lessons), self.config.pool))
        others = torch.cat([same, drawn])
        return others[self.lessons.partner[others] >= 0]


def _apart(made: Tensor, wanted: Tensor) -> Tensor:
    """Return 1 - cosine, in the mean: (B, D), (B, D), both of unit length."""
    return (1 - (made * wanted).sum(dim=1)).mean()


def _share(number: int, steps: int) -> float:
    """Return which share of the highest rate a step has: up in a twentieth, down by a cosine."""
    warm = max(1, steps // 20)
    if number < warm:
        return (number + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (number - warm) / max(1, steps - warm)))


def _inverse(partner: Tensor) -> Tensor:
    """Return whose partner each image is, -1 for nobody's, (N,) -> (N,)."""
    inverse = torch.full_like(partner, -1)
    has = torch.nonzero(partner >= 0).flatten()
    inverse[partner[has]] = has
    return inverse


def _positions(person: Tensor) -> list[NDArray[np.int64]]:
    """Return the positions of the images of each person."""
    order = torch.argsort(person, stable=True).numpy()
    ends = np.cumsum(torch.bincount(person).numpy())
    return np.split(order, ends[:-1])
