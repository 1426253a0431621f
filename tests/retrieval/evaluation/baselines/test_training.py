"""Shapes: B batch."""

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gallery.errors import ConfigError, DatasetError
from gallery.pixels import Aligned
from retrieval.evaluation.baselines.training import (
    CHECKS,
    BaselinePlan,
    Score,
    Settings,
    TrainingBudget,
    grid,
    hold_out,
    of_people,
    people_of,
    train,
)
from retrieval.evaluation.records import BenchmarkProgress

Paint = Callable[..., Aligned]
CPU = torch.device("cpu")


class Scale(nn.Module):
    """One number, to be learnt."""

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(1))


class ToyTask:
    """Learn that a number is 1; augmentation learns that it is 2. Judged by how near it is to 1.

    Attributes:
        seen: Who was in each task that was made, in order.
    """

    seen: list[tuple[str, ...]]

    def __init__(self, part: Aligned, seen: list[tuple[str, ...]], peak: float = 1.0) -> None:
        seen.append(people_of(part))
        self.peak = peak

    def build(self) -> Scale:
        return Scale()

    def loss(self, network: nn.Module, random: np.random.Generator, *, augment: bool) -> Tensor:
        assert isinstance(network, Scale)
        wanted = (2.0 if augment else 1.0) + 0.01 * random.standard_normal()
        return (network.value.float() - wanted).square().sum()

    def score(self, network: nn.Module) -> Score:
        assert isinstance(network, Scale)
        return (-abs(network.value.item() - self.peak), 0.0)


def plan(seen: list[tuple[str, ...]], peak: float = 1.0, **budget: Any) -> BaselinePlan:
    return BaselinePlan(
        name="toy",
        task=lambda part: ToyTask(part, seen, peak),
        rate=0.2,
        budget=TrainingBudget(**{"steps": 40, "batch_size": 2, **budget}),
        seed=0,
        device=CPU,
    )


def finish(steps: Generator[BenchmarkProgress, None, Any]) -> tuple[list[BenchmarkProgress], Any]:
    """Run to the end: what was yielded, and what was returned."""
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as stop:
            return seen, stop.value


def test_the_grid_tries_two_rates_with_and_without_augmentation() -> None:
    tried = grid(0.1)
    assert tried[0] == Settings(learning_rate=0.1, augment=True)
    assert {(s.learning_rate, s.augment) for s in tried} == {
        *((0.1, True), (0.1, False)),
        *((0.2, True), (0.2, False)),
    }


def test_people_held_out_are_not_trained_on_and_then_everybody_is(paint: Paint) -> None:
    seen: list[tuple[str, ...]] = []
    _, (_, tuned) = finish(train(paint(people=5), plan(seen)))
    stay, out, everybody = seen
    assert set(stay) & set(out) == set()
    assert set(stay) | set(out) == set(everybody) == {"p1", "p2", "p3", "p4", "p5"}
    assert tuned.held_out == out
    assert len(out) == 1


def test_a_fifth_of_the_people_is_held_out_by_the_seed() -> None:
    people = tuple(f"p{n}" for n in range(20))
    stay, out = hold_out(people, 0)
    assert len(out) == 4
    assert sorted(stay + out) == sorted(people)
    assert hold_out(people, 0) == (stay, out)
    assert hold_out(people, 1) != (stay, out)


def test_the_best_settings_win_and_everything_that_was_tried_is_told(paint: Paint) -> None:
    progress, (network, tuned) = finish(train(paint(), plan([])))
    assert not tuned.settings.augment
    assert abs(network.value.item() - 1) < 0.1
    assert [trial.settings for trial in tuned.trials] == list(grid(0.2))
    assert all(len(trial.scores) == CHECKS for trial in tuned.trials)
    phases = {step.phase: (step.done, step.total) for step in progress}
    assert phases == {"tuning toy": (160, 160), "training toy": (tuned.steps, tuned.steps)}
    told = tuned.to_json()
    assert told["settings"] == {"learning_rate": tuned.settings.learning_rate, "augment": False}
    assert len(told["trials"]) == 4


def test_the_best_moment_is_where_the_last_training_stops(paint: Paint) -> None:
    progress, (network, tuned) = finish(train(paint(), plan([], peak=0.5, trials=1)))
    assert tuned.steps < 40
    assert progress[-1] == BenchmarkProgress("training toy", tuned.steps, tuned.steps)
    assert abs(network.value.item() - 0.5) < abs(2 - 0.5)


@pytest.mark.parametrize(("people", "trials"), [(5, 0), (2, 4)])
def test_without_trials_or_people_the_first_settings_are_taken(
    paint: Paint, people: int, trials: int
) -> None:
    seen: list[tuple[str, ...]] = []
    _, (_, tuned) = finish(train(paint(people=people), plan(seen, trials=trials)))
    assert (tuned.settings, tuned.steps, tuned.held_out) == (grid(0.2)[0], 40, ())
    assert [len(people_) for people_ in seen] == [people]


def test_where_nothing_can_be_measured_nothing_is_tuned(paint: Paint) -> None:
    class Picky(ToyTask):
        def __init__(self, part: Aligned) -> None:
            super().__init__(part, [])
            if len(people_of(part)) < 5:
                raise DatasetError("too few")

    made = BaselinePlan(
        name="toy", task=Picky, rate=0.2, budget=TrainingBudget(steps=3), seed=0, device=CPU
    )
    _, (_, tuned) = finish(train(paint(), made))
    assert tuned.trials == ()


def test_a_trial_that_runs_away_loses(paint: Paint) -> None:
    class Fragile(ToyTask):
        def score(self, network: nn.Module) -> Score:
            assert isinstance(network, Scale)
            value = network.value.item()
            return (float("nan") if value > 1.3 else value,)

    made = BaselinePlan(
        name="toy",
        task=lambda part: Fragile(part, []),
        rate=0.2,
        budget=TrainingBudget(steps=40),
        seed=0,
        device=CPU,
    )
    _, (_, tuned) = finish(train(paint(), made))
    best = dict(zip(grid(0.2), tuned.trials, strict=True))[tuned.settings].best[0]
    assert np.isfinite(best).all()


def test_a_training_that_runs_away_is_refused(paint: Paint) -> None:
    class Endless(ToyTask):
        def loss(self, network: nn.Module, random: np.random.Generator, *, augment: bool) -> Tensor:
            return super().loss(network, random, augment=augment) * torch.nan

    made = BaselinePlan(
        name="toy",
        task=lambda part: Endless(part, []),
        rate=0.2,
        budget=TrainingBudget(steps=2, trials=0),
        seed=0,
        device=CPU,
    )
    with pytest.raises(ConfigError, match="The training of toy ran away by Settings"):
        finish(train(paint(), made))


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"batch_size": 1}, {"trials": 5}, {"trials": -1}])
def test_a_budget_out_of_range_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="A rival's budget needs at least 1 step"):
        TrainingBudget(**wrong)


def test_images_of_unknown_people_are_passed_over(paint: Paint) -> None:
    part = paint(people=3)
    assert people_of(part) == ("p1", "p2", "p3")
    some = of_people(part, ("p2",))
    assert {face.identity for face in some.faces} == {"p2"}
    assert np.array_equal(some.pixels, part.pixels[6:12])
