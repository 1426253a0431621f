"""Shapes: N images, S side, C channels, A length of the one-hot code."""

from collections.abc import Callable, Generator
from dataclasses import replace

import numpy as np
import pytest
import torch

from gallery.attributes import Attribute, AttributeSpace
from gallery.errors import DatasetError
from gallery.pixels import Aligned
from retrieval.evaluation.baselines.cpi import (
    Cpi,
    CpiNetwork,
    CpiTask,
    neutral_pairs,
    train_cpi,
    why_skipped,
)
from retrieval.evaluation.baselines.networks import Normalise
from retrieval.evaluation.baselines.training import BaselinePlan, Settings, TrainingBudget, updates
from retrieval.evaluation.records import BenchmarkProgress

Paint = Callable[..., Aligned]
CPU = torch.device("cpu")


def finish(steps: Generator[BenchmarkProgress, None, Cpi]) -> Cpi:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]


def learn(part: Aligned, space: AttributeSpace, steps: int = 2, trials: int = 0) -> Cpi:
    budget = TrainingBudget(steps=steps, batch_size=12, trials=trials)
    return finish(train_cpi(part, space, budget=budget, seed=0, device=CPU))


def test_targets_are_neutrally_lit_and_show_the_same_person(paint: Paint) -> None:
    faces = paint(people=2).faces
    sources, targets = neutral_pairs(faces)
    assert len(set(zip(sources.tolist(), targets.tolist(), strict=True))) == len(sources)
    assert len(sources) == 2 * 6 * 3  # every image of a person, in each of three poses
    for source, target in zip(sources, targets, strict=True):
        assert faces[target].identity == faces[source].identity
        assert faces[target].condition["illumination"] == "7"


def test_what_else_is_known_is_alike_in_source_and_target(paint: Paint) -> None:
    part = paint(people=1)
    glasses = [
        f.condition.replace(eyes="sunglasses" if n < 3 else "open")
        for n, f in enumerate(part.faces)
    ]
    faces = [replace(f, condition=c) for f, c in zip(part.faces, glasses, strict=True)]
    sources, targets = neutral_pairs(faces)
    assert len(sources) > 0
    for source, target in zip(sources, targets, strict=True):
        assert faces[source].condition["eyes"] == faces[target].condition["eyes"]


@pytest.fixture(scope="module")
def couple(paint: Paint) -> Aligned:
    """Two people, 32 x 32."""
    part = paint(people=2)
    return replace(part, pixels=part.pixels.repeat(2, axis=1).repeat(2, axis=2))


@pytest.fixture(scope="module")
def by_heart(couple: Aligned, pose: AttributeSpace) -> CpiNetwork:
    """A network that has learnt two people by heart, without augmentation."""
    task = CpiTask(couple, space=pose, seed=0, batch_size=12, device=CPU)
    network = task.build()
    budget = TrainingBudget(steps=20, batch_size=12)
    plan = BaselinePlan(
        name="cpi", task=lambda _: task, rate=0.0, budget=budget, seed=0, device=CPU
    )
    list(updates(task, network, Settings(learning_rate=1e-3, augment=False), plan))
    return network.eval()


def test_it_draws_what_it_has_learnt_by_heart(
    couple: Aligned, pose: AttributeSpace, by_heart: CpiNetwork
) -> None:
    task = CpiTask(couple, space=pose, seed=0, batch_size=12, device=CPU)
    assert task.score(by_heart)[0] > 0.05 * task.score(task.build())[0]
    drawn = Cpi(pose, {}, "", CPU, by_heart)
    images = drawn.draw(couple.pixels[:3], np.eye(3, dtype=np.float32))
    assert images.shape == (3, 32, 32, 1)
    assert drawn.dimension == 1024
    assert 0 <= images.min() <= images.max() <= 255
    right = couple.pixels[[1, 3, 5]].astype(np.float32)  # in the three poses, neutrally lit
    wrong = couple.pixels[[3, 5, 1]].astype(np.float32)
    assert np.square(images - right).mean() < 0.3 * np.square(images - wrong).mean()


def test_the_second_task_recovers_the_input(couple: Aligned, by_heart: CpiNetwork) -> None:
    images = torch.from_numpy(couple.pixels).permute(0, 3, 1, 2).float()
    with torch.inference_mode():
        _, recovered = by_heart(images, torch.eye(3)[[0]].expand(12, -1))
    normal = by_heart.normalise(images)
    assert (recovered - normal).square().mean() < 0.3 * normal.square().mean()


def test_untrained_it_draws_the_mean_image(couple: Aligned, pose: AttributeSpace) -> None:
    task = CpiTask(couple, space=pose, seed=0, batch_size=12, device=CPU)
    for images in task.build()(torch.full((2, 1, 32, 32), 9.0), torch.eye(3)[:2]):
        assert not images.any()


def test_colour_images_are_drawn_in_colour() -> None:
    network = CpiNetwork(Normalise([0.0] * 3, [1.0] * 3), 3, 20, 7)
    drawn, recovered = network(torch.zeros(2, 3, 20, 20), torch.zeros(2, 7))
    assert drawn.shape == recovered.shape == (2, 3, 20, 20)


def test_a_training_can_be_repeated(paint: Paint, pose: AttributeSpace) -> None:
    assert learn(paint(), pose, trials=1).sha256 == learn(paint(), pose, trials=1).sha256


def test_it_says_why_it_is_skipped(paint: Paint, pose: AttributeSpace) -> None:
    part = paint(people=2)
    eyes = AttributeSpace((Attribute("eyes", ("open", "sunglasses")),))
    assert why_skipped(part.faces, pose) == ""
    assert why_skipped(part.faces, eyes) == "it rotates faces, and eyes is not pose alone"
    dark = [replace(f, condition=f.condition.without(["illumination"])) for f in part.faces]
    assert "no image says its illumination" in why_skipped(dark, pose)
    side = [f for f in part.faces if f.condition["illumination"] == "0"]
    assert "nobody is shown in neutral illumination (illumination=7)" in why_skipped(side, pose)
    with pytest.raises(DatasetError, match="cpi cannot be trained: it rotates faces"):
        learn(part, eyes)
