"""Shapes: N images, A length of the one-hot code, T attributes."""

import math
from collections.abc import Callable, Generator
from dataclasses import replace

import numpy as np
import pytest
import torch

from gallery.attributes import Attribute, AttributeSpace
from gallery.errors import DatasetError
from gallery.pixels import Aligned
from generator.networks.estimator import cross_entropy, labels_of
from generator.values import best_values
from retrieval.evaluation.baselines.classifier import Classifier, train_classifier
from retrieval.evaluation.baselines.training import TrainingBudget
from retrieval.evaluation.records import BenchmarkProgress

Paint = Callable[..., Aligned]


def finish(steps: Generator[BenchmarkProgress, None, Classifier]) -> Classifier:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]


def learn(part: Aligned, space: AttributeSpace, steps: int = 2, trials: int = 0) -> Classifier:
    budget = TrainingBudget(steps=steps, batch_size=12, trials=trials)
    cpu = torch.device("cpu")
    return finish(train_classifier(part, space, budget=budget, seed=0, device=cpu))


@pytest.fixture(scope="module")
def both() -> AttributeSpace:
    poses = Attribute("pose", ("-45", "0", "45"), "degree")
    return AttributeSpace((poses, Attribute("illumination", ("0", "7"))))


@pytest.fixture(scope="module")
def learnt(paint: Paint, both: AttributeSpace) -> Classifier:
    return learn(paint(people=3), both, steps=40)


def test_it_learns_a_few_images_by_heart(paint: Paint, learnt: Classifier) -> None:
    accuracy = learnt.accuracy(paint(people=3))
    assert accuracy == {"pose": 1.0, "illumination": 1.0}


def test_log_probabilities_are_laid_out_as_the_one_hot_code(
    paint: Paint, both: AttributeSpace, learnt: Classifier
) -> None:
    part = paint(people=3)
    found = learnt.log_probabilities(part.pixels)
    assert found.shape == (18, both.size) == (18, learnt.dimension)
    np.testing.assert_allclose(np.exp(found[:, :3]).sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.exp(found[:, 3:]).sum(axis=1), 1, rtol=1e-5)
    codes = np.stack([both.one_hot(face.condition) for face in part.faces])
    assert np.array_equal(codes[:, :3].argmax(1), found[:, :3].argmax(1))
    assert np.array_equal(codes[:, 3:].argmax(1), found[:, 3:].argmax(1))
    assert np.array_equal(learnt.estimates(part.pixels), labels_of(part.faces, both))


def test_a_training_can_be_repeated(paint: Paint, pose: AttributeSpace) -> None:
    hashes = [learn(paint(), pose, trials=1).sha256 for _ in range(2)]
    assert hashes[0] == hashes[1]
    assert "tuned" in learn(paint(), pose).settings


def test_what_is_not_known_is_not_measured(
    paint: Paint, both: AttributeSpace, learnt: Classifier
) -> None:
    part = paint(people=3)
    faces = tuple(replace(f, condition=f.condition.without(["pose"])) for f in part.faces)
    unknown = replace(part, faces=faces)
    assert labels_of(unknown.faces, both)[:, 0].tolist() == [-1] * 18
    assert learnt.accuracy(unknown) == {"pose": None, "illumination": 1.0}


def test_values_that_cannot_be_told_are_not_known(paint: Paint) -> None:
    two = AttributeSpace((Attribute("pose", ("-45", "0"), "degree"),))
    assert set(labels_of(paint(people=1).faces, two)[:, 0].tolist()) == {-1, 0, 1}


def test_nothing_is_learnt_from_images_without_labels(paint: Paint) -> None:
    space = AttributeSpace((Attribute("eyes", ("open", "sunglasses")),))
    with pytest.raises(DatasetError, match="No image shows a known eyes"):
        learn(paint(), space)


def test_the_loss_is_the_mean_over_what_is_known(both: AttributeSpace) -> None:
    logits = torch.tensor([[1.0, 2, 0, 0.5, -0.5], [0.0, 0, 1, 2, 2]])
    labels = torch.tensor([[1, -1], [2, 0]])
    slow = -sum(
        [
            2 - math.log(math.exp(1) + math.exp(2) + 1),
            1 - math.log(2 + math.exp(1)),
            2 - math.log(2 * math.exp(2)),
        ]
    )
    found = cross_entropy(logits, labels, both, 0.0)
    assert found.item() == pytest.approx(slow / 3, rel=1e-5)
    nothing = cross_entropy(logits, torch.full((2, 2), -1), both, 0.05)
    assert nothing.item() == 0


def test_the_best_value_is_that_of_each_attribute(both: AttributeSpace) -> None:
    scores = np.array([[0, 9, 1, 3, 2], [5, 0, 0, 7, 8]], dtype=np.float32)
    assert best_values(scores, both).tolist() == [[1, 0], [0, 1]]
