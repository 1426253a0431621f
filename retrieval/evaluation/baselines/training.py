"""A fair chance for every rival: how it is tuned and trained.

The rule. A rival sees the same people and images as the generator that it is compared with, makes
as many updates on batches as large, and is tuned as often. It is tuned on a fifth of the
*training* people, whom it then has not seen, by the measure that the benchmark will take of it:
every trial is measured `CHECKS` times on its way, and the best measurement says which settings
win, and after how many updates to stop. Then it is trained again by these settings, for as many
updates, on everybody. Test people are never looked at.

Everything depends on the seed and the step alone, so a training can be repeated: bit for bit on a
CPU with the same number of threads and in the same precision.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from gallery.attributes import natural_key
from gallery.errors import ConfigError, DatasetError
from gallery.pixels import Aligned
from generator.precision import settle
from generator.training.config import Precision, TrainConfig
from generator.training.data import learning_rate
from retrieval.evaluation.baselines.networks import seeded
from retrieval.evaluation.records import BenchmarkProgress

CHECKS = 8
HELD_OUT = 0.2
Score = tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingBudget:
    """What a rival may spend: no more and no less than the generator it is compared with.

    Attributes:
        steps: Updates of one training: those of all its stages together.
        batch_size: Images or pairs in an update.
        trials: Settings that are tried, the first ones of `grid`. With 0 the first settings are
            taken untried, for all steps, and nobody is held out.
    """

    steps: int = 8_000
    batch_size: int = 64
    trials: int = 4

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch_size < 2 or not 0 <= self.trials <= 4:
            raise ConfigError(
                "A rival's budget needs at least 1 step, batches of at least 2, and 0 to 4 trials,"
                f" got {self.steps}, {self.batch_size}, {self.trials}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is tuned.

    Attributes:
        learning_rate: Peak rate of AdamW.
        augment: Whether training images are changed a little each time.
    """

    learning_rate: float
    augment: bool


def grid(rate: float) -> tuple[Settings, ...]:
    """Return the settings that are tried, in order: two rates, with and without augmentation."""
    return tuple(
        Settings(learning_rate=factor * rate, augment=augment)
        for factor in (1, 2)
        for augment in (True, False)
    )


class Task(Protocol):
    """What a rival learns from some images."""

    def build(self) -> nn.Module:
        """Return an untrained network on the device."""

    def loss(self, network: nn.Module, random: np.random.Generator, *, augment: bool) -> Tensor:
        """Return the loss of a batch that `random` chooses, a scalar."""

    def score(self, network: nn.Module) -> Score:
        """Measure a network on these images; greater is better, the first number decides."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of tuning.

    Attributes:
        settings: Tried.
        scores: What was measured after how many updates.
    """

    settings: Settings
    scores: dict[int, Score] = field(default_factory=dict)

    @property
    def best(self) -> tuple[Score, int]:
        """The best measurement, of equals the latest, and after how many updates it was made."""
        return max((score, step) for step, score in self.scores.items())


@dataclass(frozen=True, slots=True)
class Tuned:
    """What tuning found.

    Attributes:
        settings: The best ones.
        steps: Updates to make by them.
        held_out: The people it was measured on; empty if there was no tuning.
        trials: What was tried.
    """

    settings: Settings
    steps: int
    held_out: tuple[str, ...] = ()
    trials: tuple[Trial, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return a form for results and cache."""
        return {
            "settings": asdict(self.settings),
            "steps": self.steps,
            "held_out": list(self.held_out),
            "trials": [
                {
                    "settings": asdict(trial.settings),
                    "scores": {str(step): list(score) for step, score in trial.scores.items()},
                }
                for trial in self.trials
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselinePlan:
    """How one rival is trained.

    Attributes:
        name: What the progress bar calls it.
        task: Makes its task from images.
        rate: Lower of the two learning rates of its grid.
        budget: What it may spend.
        seed: Seed of everything random.
        device: That it is trained on.
        precision: That it is trained in; "auto" is the one that the machine is faster in.
    """

    name: str
    task: Callable[[Aligned], Task]
    rate: float
    budget: TrainingBudget
    seed: int
    device: torch.device
    precision: Precision = "auto"


def train(
    part: Aligned, plan: BaselinePlan
) -> Generator[BenchmarkProgress, None, tuple[nn.Module, Tuned]]:
    """Tune and train a rival; the generator's return value is its network and how it came about.

    Args:
        part: Images of the training people; those of unknown people are passed over.
        plan: How.

    Raises:
        ConfigError: The training ran away.
        DatasetError: Nothing can be learnt from these images.
    """
    known = of_people(part, people_of(part))
    tuned = yield from _tune(known, plan)
    task = plan.task(known)
    network = task.build()
    for step in updates(task, network, tuned.settings, plan):
        yield BenchmarkProgress(f"training {plan.name}", step, tuned.steps)
        if step == tuned.steps:
            break
    if not all(bool(value.isfinite().all()) for value in network.state_dict().values()):
        raise ConfigError(
            f"The training of {plan.name} ran away by {tuned.settings}; tune it (trials above 0)"
            " or make more steps"
        )
    return network.eval(), tuned


def updates(
    task: Task, network: nn.Module, settings: Settings, plan: BaselinePlan
) -> Iterator[int]:
    """Update a network, and yield the number of each update, from 1.

    The rate rises over the first tenth, or 100 updates, and then falls as half a cosine.
    """
    steps = plan.budget.steps
    config = TrainConfig(
        learning_rate=settings.learning_rate, steps=steps, warmup_steps=min(100, steps // 10)
    )
    half = settle(plan.precision, plan.device) == "bfloat16"
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=config.weight_decay)
    for number in range(steps):
        network.train()
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(number, config)
        random = np.random.default_rng([plan.seed, number])
        kind = plan.device.type
        with seeded(int(random.integers(2**62)), plan.device):
            with torch.autocast(kind, torch.bfloat16, enabled=half):
                loss = task.loss(network, random, augment=settings.augment)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
        optimiser.step()
        yield number + 1


def people_of(part: Aligned) -> tuple[str, ...]:
    """Everybody who is shown and known, in natural order."""
    known = {face.identity for face in part.faces if face.identity is not None}
    return tuple(sorted(known, key=natural_key))


def of_people(part: Aligned, people: tuple[str, ...]) -> Aligned:
    """Return the images of some people."""
    shown = [n for n, face in enumerate(part.faces) if face.identity in people]
    return Aligned(tuple(part.faces[n] for n in shown), part.pixels[shown], part.problems)


def hold_out(people: tuple[str, ...], seed: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Choose a fifth of the people, at least one, to tune on: those who stay, those held out."""
    order = np.random.default_rng([seed, len(people)]).permutation(len(people))
    out = set(order[: max(1, round(HELD_OUT * len(people)))].tolist())
    stay = tuple(who for n, who in enumerate(people) if n not in out)
    return stay, tuple(who for n, who in enumerate(people) if n in out)


def _tune(part: Aligned, plan: BaselinePlan) -> Generator[BenchmarkProgress, None, Tuned]:
    first = Tuned(grid(plan.rate)[0], plan.budget.steps)
    people = people_of(part)
    if plan.budget.trials == 0 or len(people) < 3:
        return first
    stay, out = hold_out(people, plan.seed)
    try:
        task, judge = plan.task(of_people(part, stay)), plan.task(of_people(part, out))
    except DatasetError:  # those held out, or the rest, show nothing that could be measured
        return first
    trials: list[Trial] = []
    for settings in grid(plan.rate)[: plan.budget.trials]:
        trial = Trial(settings)
        for done in _attempt(trial, task, judge, plan):
            past = len(trials) * plan.budget.steps
            yield BenchmarkProgress(
                f"tuning {plan.name}", past + done, plan.budget.trials * plan.budget.steps
            )
        trials.append(trial)
    best = max(trials, key=lambda trial: trial.best[0])
    return Tuned(best.settings, best.best[1], out, tuple(trials))


def _attempt(trial: Trial, task: Task, judge: Task, plan: BaselinePlan) -> Iterator[int]:
    """Train by some settings, and note how well it does on those held out."""
    network = task.build()
    steps = plan.budget.steps
    checks = {max(1, round(steps * n / CHECKS)) for n in range(1, CHECKS + 1)}
    for step in updates(task, network, trial.settings, plan):
        if step in checks:
            network.eval()
            with torch.inference_mode():
                score = judge.score(network)
            trial.scores[step] = score if np.isfinite(score).all() else (-np.inf,) * len(score)
        yield step
