"""Shapes: N images, A length of the one-hot code, D dimensions."""

from collections.abc import Callable, Generator
from dataclasses import replace

import numpy as np
import pytest
import torch

from gallery.attributes import AttributeSpace
from gallery.errors import DatasetError
from gallery.pixels import Aligned
from retrieval.evaluation.baselines.composed import (
    Composed,
    ComposedNetwork,
    ComposedTask,
    train_composed,
)
from retrieval.evaluation.baselines.networks import Normalise, draw_weights
from retrieval.evaluation.baselines.training import TrainingBudget
from retrieval.evaluation.records import BenchmarkProgress

Paint = Callable[..., Aligned]
CPU = torch.device("cpu")


def finish(steps: Generator[BenchmarkProgress, None, Composed]) -> Composed:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]


def learn(part: Aligned, space: AttributeSpace, steps: int = 2, trials: int = 0) -> Composed:
    budget = TrainingBudget(steps=steps, batch_size=12, trials=trials)
    return finish(train_composed(part, space, budget=budget, seed=0, device=CPU))


@pytest.fixture(scope="module")
def learnt(paint: Paint, pose: AttributeSpace) -> Composed:
    return learn(paint(people=3), pose, steps=40)


def test_it_learns_a_few_images_by_heart(
    paint: Paint, pose: AttributeSpace, learnt: Composed
) -> None:
    task = ComposedTask(paint(people=3), space=pose, seed=0, batch_size=12, device=CPU)
    hit_rate, reciprocal = task.score(learnt.network)
    assert hit_rate > 0.9
    assert hit_rate <= reciprocal <= 1
    untrained, _ = task.score(task.build().eval())
    assert untrained < 0.5


def test_embeddings_and_probes_have_unit_length(paint: Paint, learnt: Composed) -> None:
    part = paint(people=3)
    codes = np.eye(3, dtype=np.float32)[np.arange(18) % 3]
    for vectors in (learnt.embed(part.pixels), learnt.probe(part.pixels, codes)):
        assert vectors.shape == (18, learnt.dimension)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_another_wish_makes_another_probe(paint: Paint, learnt: Composed) -> None:
    pixels = paint(people=1).pixels[:1].repeat(3, axis=0)
    probes = learnt.probe(pixels, np.eye(3, dtype=np.float32))
    assert (probes @ probes.T)[np.triu_indices(3, 1)].max() < 0.9


def test_the_gate_keeps_and_the_residual_adds() -> None:
    network = ComposedNetwork(Normalise([0.0], [1.0]), 1, 16, 3).eval()
    draw_weights(network, 0)
    features, codes = torch.randn(2, 512), torch.eye(3)[:2]
    values = network.state_dict()
    for name, bias in (("gate.2", 40.0), ("residual.4", 0.0)):
        values[f"{name}.weight"].zero_()
        values[f"{name}.bias"].fill_(bias)
    torch.testing.assert_close(network.compose(features, codes), features)  # open gate, no residual
    values["gate.2.bias"].fill_(-40.0)
    values["residual.4.bias"].fill_(3.0)
    torch.testing.assert_close(
        network.compose(features, codes), torch.full((2, 512), 3.0)
    )  # shut gate


def test_a_training_can_be_repeated(paint: Paint, pose: AttributeSpace) -> None:
    first, again = (learn(paint(), pose, trials=1) for _ in range(2))
    assert first.sha256 == again.sha256
    assert len(first.settings["tuned"]["held_out"]) == 1


def test_images_without_the_value_are_passed_over(paint: Paint, pose: AttributeSpace) -> None:
    part = paint(people=2)
    blind = replace(part.faces[0], condition=part.faces[0].condition.without(["pose"]))
    task = ComposedTask(
        replace(part, faces=(blind, *part.faces[1:])),
        space=pose,
        seed=0,
        batch_size=4,
        device=CPU,
    )
    assert len(task.faces) == len(task.images) == 11


def test_nothing_is_learnt_where_nobody_is_shown_twice(paint: Paint, pose: AttributeSpace) -> None:
    part = paint(people=2)
    once = [n for n, face in enumerate(part.faces) if face.condition["pose"] == "0"]
    alone = Aligned(tuple(part.faces[n] for n in once), part.pixels[once], ())
    with pytest.raises(DatasetError, match="No person is shown twice"):
        learn(alone, pose)
    faces = tuple(replace(f, condition=f.condition.without(["pose"])) for f in part.faces)
    with pytest.raises(DatasetError, match="No image has a value for pose"):
        learn(replace(part, faces=faces), pose)
