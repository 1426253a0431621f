"""Shapes: N images, A length of the one-hot code, T attributes."""

import math

import numpy as np
import pytest
import torch

from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.faces import Face
from generator.networks.estimator import Estimator, cross_entropy, labels_of, log_probabilities
from generator.networks.registry import architecture
from generator.networks.retrieval_stages import estimator_stage
from generator.runs.request import CPU
from generator.training.config import TrainConfig
from generator.training.data import TrainingData
from generator.training.pairs import Pairs
from generator.training.plan import BatchSpec
from generator.values import best_combinations, best_values

SPACE = AttributeSpace(
    (Attribute("pose", ("-45", "0", "45"), "degree"), Attribute("eyes", ("open", "closed")))
)


def face(**condition: str) -> Face:
    return Face("x.png", "s", Condition(condition))


def test_labels_are_positions_and_minus_one_where_not_known() -> None:
    faces = [face(pose="+45", eyes="open"), face(eyes="closed"), face(pose="30", eyes="open")]
    assert labels_of(faces, SPACE).tolist() == [[2, 0], [-1, 1], [-1, 0]]
    assert labels_of([], SPACE).shape == (0, 2)


def test_probabilities_sum_to_one_over_each_attribute() -> None:
    logits = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    probabilities = log_probabilities(logits, SPACE).exp()
    assert torch.allclose(probabilities[:, :3].sum(dim=1), torch.ones(4))
    assert torch.allclose(probabilities[:, 3:].sum(dim=1), torch.ones(4))
    expected = logits[0, :3].exp() / logits[0, :3].exp().sum()
    assert torch.allclose(probabilities[0, :3], expected)


def test_cross_entropy_is_the_mean_over_what_is_known() -> None:
    logits = torch.randn(3, 5, generator=torch.Generator().manual_seed(1))
    labels = torch.tensor([[2, 0], [-1, 1], [0, -1]])
    found = log_probabilities(logits, SPACE).double().numpy()
    terms = []
    for row, (pose, eyes) in enumerate(labels.tolist()):
        for start, size, label in ((0, 3, pose), (3, 2, eyes)):
            if label >= 0:
                smooth = np.full(size, 0.05 / size)
                smooth[label] += 0.95
                terms.append(-(smooth * found[row, start : start + size]).sum())
    assert cross_entropy(logits, labels, SPACE).item() == pytest.approx(np.mean(terms), rel=1e-5)
    unknown = torch.full((3, 2), -1)
    assert cross_entropy(logits, unknown, SPACE).item() == 0


@pytest.mark.parametrize(("size", "channels"), [(60, 3), (32, 1)])
def test_an_estimator_names_every_value(size: int, channels: int) -> None:
    network = Estimator(size, channels, SPACE.size).eval()
    assert network(torch.zeros(2, channels, size, size)).shape == (2, 5)
    assert sum(p.numel() for p in network.parameters()) < 2_500_000
    assert math.isfinite(network(torch.zeros(1, channels, size, size)).sum().item())


def test_the_best_combinations_are_those_of_all_sums() -> None:
    space = AttributeSpace((Attribute("a", ("1", "2", "3")), Attribute("b", ("x", "y"))))
    scores = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    for most in (1, 4, 10):
        chosen, sums = best_combinations(scores, space, most)
        assert chosen.shape == (4, min(most, 6), 2)
        for row in range(4):
            every = {
                (a, b): scores[row, a] + scores[row, 3 + b] for a in range(3) for b in range(2)
            }
            best = sorted(every, key=lambda pair: -every[pair])[:most]
            assert [tuple(pair) for pair in chosen[row].tolist()] == best
            assert sums[row] == pytest.approx([every[pair] for pair in best])
    assert (best_combinations(scores, space, 1)[0][:, 0] == best_values(scores, space)).all()


def test_of_equal_combinations_the_earlier_comes_first() -> None:
    space = AttributeSpace((Attribute("a", ("1", "2", "3")),))
    chosen, _ = best_combinations(np.zeros((1, 3), np.float32), space, 3)
    assert chosen[0, :, 0].tolist() == [0, 1, 2]


def test_the_estimator_sees_gray_images_too_where_augmentation_says_so() -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(40, 200, (6, 32, 32, 3), dtype=np.uint8)
    pairs = Pairs(np.arange(6), np.arange(6), np.eye(6, dtype=np.float32))
    data = TrainingData(pixels, pairs, CPU, np.zeros((6, 2), dtype=np.int64))
    network = architecture("two-stage-60").build(SPACE.size, {"estimator": True})
    for gray in (0.0, 1.0):
        kind = {"gray": gray, "noise": 0.0, "tint": 0.0}
        config = TrainConfig(augmentation=1.0, estimator_steps=1, jitter=kind)
        stage = estimator_stage(network, config, SPACE)
        shown = stage.batch(
            BatchSpec(data, config, torch.contiguous_format, random, lambda: torch.zeros(0))
        )
        levels = shown.images * data.deviation + data.mean
        assert ((levels.std(dim=1) < 1e-2).all().item()) is (gray == 1.0)
