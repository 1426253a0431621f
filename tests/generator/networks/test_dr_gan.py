"""Shapes: P people, n images of each, C channels, S side, A length of the one-hot code."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from generator.networks.dr_gan import (
    DrGan,
    DrGanConfig,
    IdentityCritic,
    PeopleBatch,
    critic_terms,
    draw_all,
    fuse,
    kept_confidences,
    network_terms,
)
from generator.training.plan import Update
from tests.generator.tiny import (
    CHANNELS,
    POSE_EYES,
    SHAPE,
    SIZE,
    codes_of,
    course_of,
    faces,
    learn,
    lesson_of,
    normal,
    reached,
    ready,
)

SETTINGS: dict[str, Any] = {"code_size": 5, "identity": 12, "noise": 4, **SHAPE}
SINGLE, MULTI = DrGanConfig(**SETTINGS), DrGanConfig(images=3, **SETTINGS)


@pytest.fixture
def network() -> DrGan:
    return ready(DrGan(MULTI))


@pytest.fixture
def critic() -> IdentityCritic:
    return ready(IdentityCritic(MULTI, people=4), seed=1)


def some_people(count: int) -> PeopleBatch:
    shown = [[n % 3, n % 2] for n in range(2 * count)]
    return PeopleBatch(
        normal(2, count, CHANNELS, SIZE, SIZE),
        torch.tensor([3, 1]),
        codes_of(POSE_EYES, shown).unflatten(0, (2, count)),
        codes_of(POSE_EYES, [[2, 0], [0, 1]]),
        normal(2, 4, seed=5),
        torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])[:, :count],
    )


def test_fusion_is_the_mean_weighted_by_confidence() -> None:
    identity, confidence = normal(2, 3, 12), torch.rand(2, 3)
    for person in range(2):
        weights = [confidence[person, i].item() for i in range(3)]
        expected = torch.zeros(12)
        for i, weight in enumerate(weights):
            expected += weight / sum(weights) * identity[person, i]
        assert torch.allclose(fuse(identity, confidence)[person], expected, atol=1e-6)


@given(st.integers(1, 5), st.integers(0, 2**31))
def test_one_image_alone_is_fused_to_itself_and_order_does_not_matter(n: int, seed: int) -> None:
    identity, confidence = normal(1, n, 6, seed=seed), 0.01 + normal(1, n, seed=seed).sigmoid()
    order = np.random.default_rng(seed).permutation(n)
    fused = fuse(identity, confidence)
    assert torch.allclose(fused, fuse(identity[:, order], confidence[:, order]), atol=1e-5)
    assert torch.allclose(fuse(identity[:, :1], confidence[:, :1]), identity[:, 0], atol=1e-6)


def test_drawing_together_draws_the_fused_representation(network: DrGan) -> None:
    images, codes = normal(2, 3, CHANNELS, SIZE, SIZE), codes_of(POSE_EYES, [[0, 1], [2, 0]])
    together = network.draw_together(images, codes)
    for person in range(2):
        identity, confidence = network.encode(images[person])
        assert bool((confidence > 0).all() and (confidence < 1).all())
        weighted = sum(w * f for w, f in zip(confidence, identity, strict=True))
        fused = (weighted / confidence.sum())[None]
        nothing = torch.zeros(1, 4)
        drawn, first = network.decoder(torch.cat([fused, codes[person][None], nothing], dim=1))
        assert torch.allclose(together.refined[person], drawn[0], atol=1e-5)
        assert torch.allclose(together.features[person], first[0], atol=1e-5)


def test_one_image_drawn_together_is_drawn_as_alone(network: DrGan) -> None:
    images, codes = faces(2), codes_of(POSE_EYES, [[0, 1], [2, 0]])
    alone, together = network(images, codes), network.draw_together(images[:, None], codes)
    assert torch.allclose(alone.refined, together.refined, atol=1e-5)


def test_confidences_are_dropped_but_never_all_of_a_person() -> None:
    kept = kept_confidences(np.random.default_rng(0), people=2000, count=3)
    assert set(kept.unique().tolist()) == {0.0, 1.0}
    assert kept.sum(dim=1).min() == 1
    # One of three is always kept, the others with probability 1/2.
    assert kept.mean().item() == pytest.approx(2 / 3, abs=0.02)
    assert kept_confidences(np.random.default_rng(0), 5, 1).tolist() == [[1.0]] * 5


def test_a_dropped_image_does_not_change_what_is_fused(network: DrGan) -> None:
    people = some_people(3)
    changed = people.images.clone()
    changed[0, 1] += 1.0  # of person 0 the second confidence is dropped
    before, after = draw_all(network, people), draw_all(network, replace(people, images=changed))
    assert torch.allclose(before[-1], after[-1], atol=1e-5)
    assert not torch.allclose(before[1, 0], after[1, 0], atol=1e-3)


def test_encoder_and_decoder_pay_twice_n_plus_1_terms(
    network: DrGan, critic: IdentityCritic
) -> None:
    people = some_people(3)
    terms = network_terms(network, critic, POSE_EYES, people)
    expected = {"identity": 0.0, "value": 0.0}
    for person in range(2):
        identity, confidence = network.encode(people.images[person])
        weights = confidence * people.kept[person]
        fused = (weights[:, None] * identity).sum(dim=0) / weights.sum()
        for vector in (*identity, fused):
            joined = torch.cat([vector, people.wishes[person], people.noise[person]])
            who, what = critic(network.decoder(joined[None])[0])
            truth = int(people.identities[person])
            expected["identity"] -= who[0].log_softmax(dim=0)[truth].item() / 2
            pose, eyes = what[0, :3].log_softmax(dim=0), what[0, 3:].log_softmax(dim=0)
            wished = people.wishes[person]
            paid = pose[wished[:3].argmax()] + eyes[wished[3:].argmax()]
            expected["value"] -= paid.item() / 2 / 2  # attributes, people
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, rel=1e-4)


def test_a_single_image_pays_two_terms(critic: IdentityCritic) -> None:
    network, people = ready(DrGan(SINGLE)), some_people(1)
    drawn = draw_all(network, people)
    assert drawn.shape == (1, 2, CHANNELS, SIZE, SIZE)
    identity, _ = network.encode(people.images[:, 0])
    expected = network.decode(identity, people.wishes, people.noise)[0]
    assert torch.allclose(drawn[0], expected, atol=1e-5)
    terms = network_terms(network, critic, POSE_EYES, people)
    named = functional.cross_entropy(critic(expected)[0], people.identities)
    assert terms["identity"].item() == pytest.approx(named.item(), rel=1e-4)


def test_the_critic_names_people_values_and_drawings(
    network: DrGan, critic: IdentityCritic
) -> None:
    people = some_people(3)
    terms = critic_terms(network, critic, POSE_EYES, people)
    who, what = critic(people.images.flatten(0, 1))
    assert who.shape == (6, 5)  # 4 people and "drawn"
    owners = torch.tensor([3, 3, 3, 1, 1, 1])
    codes = people.codes.flatten(0, 1)
    pose = functional.cross_entropy(what[:, :3], codes[:, :3].argmax(dim=1))
    eyes = functional.cross_entropy(what[:, 3:], codes[:, 3:].argmax(dim=1))
    drawn = draw_all(network, people).flatten(0, 1)
    last = torch.full((8,), 4)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(
        {
            "critic_identity": functional.cross_entropy(who, owners).item(),
            "critic_value": (pose + eyes).item() / 2,
            "critic_drawn": functional.cross_entropy(critic(drawn)[0], last).item(),
        },
        rel=1e-4,
    )


def planned(network: DrGan) -> tuple[tuple[Update, ...], Any, dict[str, nn.Module]]:
    course = course_of(POSE_EYES)
    plan = network.plan(course)
    critic = plan.beside["critic"]  # type: ignore[index]
    parts = {
        **dict(network.named_children()),
        "seen": critic.trunk,
        "identity": critic.identity,
        "value": critic.value,
    }
    return plan.stages[0].turns, plan.stages[0].batch(lesson_of(course)), parts


@pytest.mark.parametrize("config", [SINGLE, MULTI])
def test_gradients_reach_what_each_term_trains(config: DrGanConfig) -> None:
    (critic, both), batch, parts = planned(ready(DrGan(config)))
    assert reached(critic, batch, parts) == {
        "critic_identity": {"seen", "identity"},
        "critic_value": {"seen", "value"},
        "critic_drawn": {"seen", "identity"},
    }
    assert reached(both, batch, parts) == {
        "identity": {"encoder", "decoder"},
        "value": {"encoder", "decoder"},
    }


def test_the_confidence_is_learnt_by_fusing(network: DrGan, critic: IdentityCritic) -> None:
    people = some_people(3)
    last = network.encoder[1]
    network_terms(network, critic, POSE_EYES, people)["identity"].backward()
    assert bool(last.weight.grad[-1].any())  # type: ignore[index]
    network.zero_grad()
    alone = replace(people, kept=torch.tensor([[1.0, 0, 0], [0, 1.0, 0]]))
    network_terms(network, critic, POSE_EYES, alone)["identity"].backward()
    one_decides_nothing: Tensor = last.weight.grad[-1]  # type: ignore[index]
    assert one_decides_nothing.abs().max() < 1e-6


def test_a_batch_shows_each_person_in_several_images(network: DrGan) -> None:
    course = course_of(POSE_EYES, batch_size=6)
    batch = network.plan(course).stages[0].batch(lesson_of(course))
    assert batch.images.shape == (2, 3, CHANNELS, SIZE, SIZE)
    data = course.data
    shown = data.normalised(data.levels(torch.arange(12)))
    for person in range(2):
        found = [
            next(n for n in range(12) if torch.equal(shown[n], image))
            for image in batch.images[person]
        ]
        assert len(set(found)) == 3
        assert data.people is not None
        assert set(data.people[found].tolist()) == {int(batch.identities[person])}
        assert torch.equal(batch.codes[person], data.codes[found])
    assert len(set(batch.identities.tolist())) == 2
    assert batch.noise.abs().max() <= 1
    assert torch.equal(batch.wishes.sum(dim=1), torch.full((2,), 2.0))


@pytest.mark.parametrize("config", [SINGLE, MULTI])
def test_all_terms_fall_on_a_fixed_batch(config: DrGanConfig) -> None:
    turns, batch, _ = planned(ready(DrGan(config)))
    for turn in turns:
        before, after = learn(turn, batch, steps=25)
        for name in before:
            assert after[name] < before[name], name


def test_what_learnt_no_confidence_fuses_nothing() -> None:
    network = ready(DrGan(SINGLE))
    assert not network.fuses
    with pytest.raises(ValueError, match="trained on single images"):
        network.draw_together(normal(1, 2, CHANNELS, SIZE, SIZE), codes_of(POSE_EYES, [[0, 0]]))


def test_without_identities_there_is_no_plan(network: DrGan) -> None:
    course = course_of(POSE_EYES)
    course.data.people = None
    with pytest.raises(ValueError, match="learns from identities"):
        network.plan(course)


@pytest.mark.parametrize("wrong", [{"images": 0}, {"identity": 0}, {"noise": -1}])
def test_lengths_must_be_possible(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="identity and images must be positive"):
        DrGanConfig(**{**SETTINGS, **wrong})
