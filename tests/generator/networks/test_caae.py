"""Shapes: B batch, C channels, S side, A length of the one-hot code, Z length of z."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gallery.errors import ConfigError
from generator.networks.caae import (
    Caae,
    CaaeConfig,
    Labelled,
    LabelledCritic,
    PersonalityCritic,
    image_terms,
    network_terms,
    personality_terms,
    total_variation,
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

CONFIG = CaaeConfig(code_size=3, personality=10, **SHAPE)
BATCH = Labelled(faces(2), codes_of(AGE, [[0], [2]]), torch.rand(2, 10) * 2 - 1)


@pytest.fixture
def network() -> Caae:
    return ready(Caae(CONFIG))


def sure(logits: Tensor) -> float:
    """Mean of -log sigmoid, by hand."""
    return sum(-math.log(1 / (1 + math.exp(-x))) for x in logits.flatten().tolist()) / len(logits)


def test_a_personality_lies_in_the_cube_of_the_prior(network: Caae) -> None:
    personalities = network.encoder(1000 * faces(4))
    assert personalities.shape == (4, 10)
    assert personalities.abs().max() <= 1


def test_the_label_stands_beside_the_personality_as_often_as_it_must(network: Caae) -> None:
    assert CONFIG.repeats == 3
    seen: list[Tensor] = []
    network.generator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network(BATCH.images, BATCH.codes)
    labels = seen[0][:, 10:]
    assert labels[0].tolist() == [1, -1, -1] * 3
    assert labels[1].tolist() == [-1, -1, 1] * 3


def test_the_wish_changes_the_drawing_and_its_features_but_not_the_personality(
    network: Caae,
) -> None:
    young, old = (network(faces(1), codes_of(AGE, [[value]])) for value in (0, 2))
    assert not torch.allclose(young.refined, old.refined)
    assert not torch.allclose(young.features, old.features)
    assert young.features.shape == (1, 16, 4, 4)


def test_encoder_and_generator_pay_what_the_formulas_say(network: Caae) -> None:
    of_personality, of_images = (
        ready(PersonalityCritic(CONFIG), 1),
        ready(LabelledCritic(CONFIG), 2),
    )
    terms = network_terms(network, of_personality, of_images, BATCH)
    drawn = network(BATCH.images, BATCH.codes).refined
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(
        {
            "pixels": ((drawn - BATCH.images) ** 2).sum().item() / drawn.numel(),
            "variation": total_variation(drawn).item(),
            "uniform": sure(of_personality(network.encoder(BATCH.images))),
            "real": sure(of_images(drawn, BATCH.codes)),
        },
        rel=1e-4,
    )


def test_both_critics_pay_what_the_formulas_say(network: Caae) -> None:
    critic = ready(PersonalityCritic(CONFIG), 1)
    terms = personality_terms(network, critic, BATCH)
    assert terms["critic_prior"].item() == pytest.approx(sure(critic(BATCH.prior)), rel=1e-4)
    encoded = sure(-critic(network.encoder(BATCH.images)))
    assert terms["critic_encoded"].item() == pytest.approx(encoded, rel=1e-4)
    judge = ready(LabelledCritic(CONFIG), 2)
    terms = image_terms(network, judge, BATCH)
    real = sure(judge(BATCH.images, BATCH.codes))
    assert terms["critic_real"].item() == pytest.approx(real, rel=1e-4)
    drawn = network(BATCH.images, BATCH.codes).refined
    fake = sure(-judge(drawn, BATCH.codes))
    assert terms["critic_drawn"].item() == pytest.approx(fake, rel=1e-4)


def test_total_variation_is_that_of_a_loop() -> None:
    image = faces(1)[:, :, :3, :4]
    down = [
        abs(image[0, c, y + 1, x] - image[0, c, y, x])
        for c in range(3)
        for y in range(2)
        for x in range(4)
    ]
    across = [
        abs(image[0, c, y, x + 1] - image[0, c, y, x])
        for c in range(3)
        for y in range(3)
        for x in range(3)
    ]
    expected = float(sum(down)) / len(down) + float(sum(across)) / len(across)
    assert total_variation(image).item() == pytest.approx(expected, rel=1e-5)


def test_the_critic_of_images_sees_the_label() -> None:
    judge = ready(LabelledCritic(CONFIG))
    images = faces(1).expand(2, -1, -1, -1)
    logits = judge(images, codes_of(AGE, [[0], [1]]))
    assert logits[0] != logits[1]


def planned(network: Caae) -> tuple[tuple[Update, ...], Any, dict[str, nn.Module]]:
    course = course_of(AGE)
    plan = network.plan(course)
    parts = dict(network.named_children()) | dict(plan.beside.named_children())
    return plan.stages[0].turns, plan.stages[0].batch(lesson_of(course)), parts


def test_gradients_reach_what_each_term_trains(network: Caae) -> None:
    (of_personality, of_images, both), batch, parts = planned(network)
    assert set(parts) == {"encoder", "generator", "of_personality", "of_images"}
    assert reached(of_personality, batch, parts) == {
        "critic_prior": {"of_personality"},
        "critic_encoded": {"of_personality"},
    }
    assert reached(of_images, batch, parts) == {
        "critic_real": {"of_images"},
        "critic_drawn": {"of_images"},
    }
    assert reached(both, batch, parts) == {
        "pixels": {"encoder", "generator"},
        "variation": {"encoder", "generator"},
        "uniform": {"encoder"},
        "real": {"encoder", "generator"},
    }


def test_a_batch_holds_images_under_their_own_labels_and_a_uniform_prior(network: Caae) -> None:
    course = course_of(AGE, batch_size=12)
    batch = network.plan(course).stages[0].batch(lesson_of(course))
    data = course.data
    shown = data.normalised(data.levels(torch.arange(12)))
    found = [next(n for n in range(12) if torch.equal(shown[n], image)) for image in batch.images]
    assert sorted(found) == list(range(12))
    assert torch.equal(batch.codes, data.codes[found])
    assert batch.prior.shape == (12, 10)
    assert -1 <= batch.prior.min() < -0.8
    assert 0.8 < batch.prior.max() <= 1


def test_all_terms_fall_on_a_fixed_batch(network: Caae) -> None:
    turns, batch, _ = planned(network)
    for turn in turns:
        before, after = learn(turn, batch, steps=25)
        assert sum(after.values()) < sum(before.values()), turn.name
        for name in set(before) & {"pixels", "critic_real", "critic_drawn"}:
            assert after[name] < before[name], name


@pytest.mark.parametrize("space", [EYES, POSE_EYES])
def test_what_has_no_order_is_refused(space: Any) -> None:
    with pytest.raises(ConfigError, match="one attribute whose values are numbers"):
        Caae.require(space)
    Caae.require(AGE)


def test_a_personality_without_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="personality must be positive, got 0"):
        CaaeConfig(code_size=3, personality=0)
