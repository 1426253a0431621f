"""Shapes: B batch, C channels, S side."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from gallery.errors import ConfigError, DatasetError
from generator.networks.coders import CoderConfig
from generator.networks.residual_gan import (
    ResidualGan,
    ThreeWayCritic,
    critic_terms,
    network_terms,
    one_way,
)
from generator.training.plan import Update
from tests.generator.tiny import (
    AGE,
    EYES,
    POSE_EYES,
    SHAPE,
    codes_of,
    course_of,
    faces,
    learn,
    lesson_of,
    reached,
    ready,
)

CONFIG = CoderConfig(code_size=2, **SHAPE)
REAL = (faces(3, seed=2), faces(4, seed=3))


@pytest.fixture
def network() -> ResidualGan:
    return ready(ResidualGan(CONFIG))


@pytest.fixture
def critic() -> ThreeWayCritic:
    return ready(ThreeWayCritic(CONFIG), seed=1)


def test_a_drawing_is_the_image_and_the_residual_of_the_wished_value(network: ResidualGan) -> None:
    images, values = faces(4), [1, 0, 0, 1]
    drawing = network(images, codes_of(EYES, [[value] for value in values]))
    for row, value in enumerate(values):
        alone = images[row : row + 1]
        expected = alone + network.into[value](alone)
        assert torch.allclose(drawing.refined[row], expected[0], atol=1e-5)
        read = network.into[1 - value].encoder(expected)
        assert torch.allclose(drawing.features[row], read[0], atol=1e-4)


def test_features_of_large_images_are_averaged_to_8_by_8() -> None:
    network = ready(ResidualGan(CoderConfig(size=64, channels=1, code_size=2, width=8)))
    drawing = network(torch.randn(1, 1, 64, 64), codes_of(EYES, [[1]]))
    whole = network.to_0.encoder(drawing.refined)  # (1, 32, 16, 16)
    assert drawing.features.shape == (1, 32, 8, 8)
    assert torch.allclose(drawing.features, functional.avg_pool2d(whole, 2), atol=1e-5)


def test_images_that_all_wish_for_one_value_are_drawn(network: ResidualGan) -> None:
    images = faces(2)
    for value in (0, 1):
        drawing = network(images, codes_of(EYES, [[value], [value]]))
        assert torch.allclose(drawing.refined, images + network.into[value](images), atol=1e-5)


def test_the_networks_pay_what_the_formulas_say(
    network: ResidualGan, critic: ThreeWayCritic
) -> None:
    terms = network_terms(network, critic, REAL)
    expected = dict.fromkeys(terms, 0.0)
    for value in (0, 1):
        images = REAL[value]
        residual = network.into[1 - value](images)
        drawn = images + residual
        back = drawn + network.into[value](drawn)
        expected["sparsity"] += residual.abs().sum().item() / residual.numel()
        expected["own"] += network.into[value](images).abs().mean().item()
        for row in range(len(images)):
            p_drawn = critic(drawn)[row].softmax(dim=0)
            p_back = critic(back)[row].softmax(dim=0)
            expected["transform"] -= p_drawn[1 - value].log().item() / len(images)
            expected["dual"] -= p_back[value].log().item() / len(images)
        phi = nn.Sequential(*list(critic.trunk)[:4])  # 16 x 16 pixels: halved twice
        expected["perceptual"] += (phi(images) - phi(drawn)).abs().mean().item()
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, rel=1e-4)


def test_the_perceptual_layer_is_the_third() -> None:
    critic = ready(ThreeWayCritic(CoderConfig(size=64, channels=1, code_size=2, width=8)))
    images = torch.randn(1, 1, 64, 64)
    expected = nn.Sequential(*list(critic.trunk)[:6])(images)
    assert expected.shape == (1, 32, 8, 8)
    assert torch.equal(critic.perceive(images), expected)


def test_the_critic_tells_both_values_and_drawings_apart(
    network: ResidualGan, critic: ThreeWayCritic
) -> None:
    terms = critic_terms(network, critic, REAL)
    drawn = [REAL[value] + network.into[1 - value](REAL[value]) for value in (0, 1)]

    def paid(images: torch.Tensor, label: int) -> float:
        labels = torch.full((len(images),), label)
        return functional.cross_entropy(critic(images), labels).item()

    real, fake = terms["critic_real"].item(), terms["critic_drawn"].item()
    assert real == pytest.approx(paid(REAL[0], 0) + paid(REAL[1], 1), rel=1e-4)
    assert fake == pytest.approx(paid(drawn[0], 2) + paid(drawn[1], 2), rel=1e-4)


def planned(network: ResidualGan) -> tuple[tuple[Update, ...], Any, dict[str, nn.Module]]:
    """Return the turns, a batch of theirs, and all parts."""
    course = course_of(EYES)
    plan = network.plan(course)
    parts = {"to_0": network.to_0, "to_1": network.to_1, "critic": plan.beside["critic"]}  # type: ignore[index]
    return plan.stages[0].turns, plan.stages[0].batch(lesson_of(course)), parts


def test_gradients_reach_what_each_term_trains(network: ResidualGan) -> None:
    (critic, networks), batch, parts = planned(network)
    assert reached(critic, batch, parts) == {
        "critic_real": {"critic"},
        "critic_drawn": {"critic"},
    }
    both = {"to_0", "to_1"}
    names = ("transform", "dual", "sparsity", "own", "perceptual")
    assert reached(networks, batch, parts) == dict.fromkeys(names, both)


def test_dual_learning_trains_each_network_by_what_the_other_makes_of_its_drawing(
    network: ResidualGan, critic: ThreeWayCritic
) -> None:
    """Of one direction alone: the drawing says nothing to the network that leads back."""
    turn = Update("there", (network,), lambda real: one_way(network, critic, real[0], 0))
    assert reached(turn, REAL, {"to_0": network.to_0, "to_1": network.to_1}) == {
        "transform": {"to_1"},
        "sparsity": {"to_1"},
        "perceptual": {"to_1"},
        "own": {"to_0"},
        "dual": {"to_0", "to_1"},
    }


def test_a_batch_is_half_of_each_value(network: ResidualGan) -> None:
    course = course_of(EYES, batch_size=6)
    first, second = network.plan(course).stages[0].batch(lesson_of(course))
    assert len(first) == len(second) == 3
    data = course.data
    shown = data.normalised(data.levels(torch.arange(12)))
    for images, value in ((first, 0), (second, 1)):
        for image in images:
            (at,) = (n for n in range(12) if torch.equal(shown[n], image))
            assert data.codes[at].argmax() == value


def test_all_terms_fall_on_a_fixed_batch(network: ResidualGan) -> None:
    (critic, networks), batch, _ = planned(network)
    for turn in (critic, networks):
        before, after = learn(turn, batch, steps=25)
        for name in before:
            assert after[name] < before[name], name


@pytest.mark.parametrize("space", [AGE, POSE_EYES])
def test_what_is_not_binary_is_refused(space: Any) -> None:
    with pytest.raises(ConfigError, match="one attribute of two values"):
        ResidualGan.require(space)
    ResidualGan.require(EYES)


def test_images_of_one_value_alone_are_refused(network: ResidualGan) -> None:
    course = course_of(EYES)
    course.data.codes = codes_of(EYES, [[0]] * 12)
    with pytest.raises(DatasetError, match="All 12 images to train on show the same value"):
        network.plan(course)


def test_a_network_of_other_than_two_values_is_refused() -> None:
    with pytest.raises(ValueError, match="draws two values, not 3"):
        ResidualGan(CoderConfig(code_size=3, **SHAPE))
