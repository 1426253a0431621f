"""Shapes: B batch, C channels, S side, A length of the one-hot code, D of the representation."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from generator.networks.td_gan import (
    OtherTags,
    RenderingCritic,
    Tagged,
    TdGan,
    TdGanConfig,
    critic_terms,
    disentangling_terms,
    of_tags,
    rendering_terms,
    tag_terms,
)
from generator.training.plan import Update
from tests.generator.tiny import (
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

CONFIG = TdGanConfig(code_size=5, identity=6, rest=4, value=3, **SHAPE)
BATCH = Tagged(
    faces(3),
    codes_of(POSE_EYES, [[0, 0], [1, 1], [2, 0]]),
    torch.tensor([0, 2, 1]),
    torch.tensor([1, 0, 1]),
    codes_of(POSE_EYES, [[2, 1], [0, 0], [1, 0]]),
)


@pytest.fixture
def network() -> TdGan:
    return ready(TdGan(CONFIG))


@pytest.fixture
def others() -> OtherTags:
    return ready(OtherTags(CONFIG, people=3, rests=2), 1)


@pytest.fixture
def critic() -> RenderingCritic:
    return ready(RenderingCritic(CONFIG), 2)


def test_re_rendering_exchanges_the_part_of_the_wished_tags(network: TdGan) -> None:
    drawing = network(BATCH.images, BATCH.wishes)
    read = network.disentangle(BATCH.images)
    features = drawing.features[:, :, 0, 0]
    assert features.shape == (3, 13)
    assert torch.equal(features[:, :10], read[:, :10])
    assert torch.equal(features[:, 10:], network.wished(BATCH.wishes))
    assert torch.equal(drawing.refined, network.render(features)[0])


def test_tags_are_mapped_part_by_part(network: TdGan, others: OtherTags) -> None:
    said = of_tags(network, others, BATCH)
    assert torch.allclose(said[:, :6], others.identity(torch.eye(3)[[0, 2, 1]]))
    assert torch.allclose(said[:, 6:10], others.rest(torch.eye(2)[[1, 0, 1]]))
    assert torch.allclose(said[:, 10:], network.wished(BATCH.codes))


def test_every_turn_pays_what_the_formulas_say(
    network: TdGan, others: OtherTags, critic: RenderingCritic
) -> None:
    read, said = network.disentangle(BATCH.images), of_tags(network, others, BATCH)
    of_image, of_said = network.render(read)[0], network.render(said)[0]
    anew = network.render(torch.cat([read[:, :10], network.wished(BATCH.wishes)], dim=1))[0]
    rendered = torch.cat([of_image, of_said, anew])

    def squared(first: Tensor, second: Tensor) -> float:
        return functional.mse_loss(first, second).item()

    def judged(images: Tensor, *, real: bool) -> float:
        logits = critic(images)
        target = torch.full_like(logits, float(real))
        return functional.binary_cross_entropy_with_logits(logits, target).item()

    consistency = squared(read, said)
    image, tags = squared(of_image, BATCH.images), squared(of_said, BATCH.images)
    expected = (
        (
            disentangling_terms(network, others, BATCH),
            {"consistency": consistency, "of_image": image},
        ),
        (tag_terms(network, others, BATCH), {"consistency": consistency, "of_tags": tags}),
        (
            rendering_terms(network, others, critic, BATCH),
            {"of_image": image, "of_tags": tags, "real": judged(rendered, real=True)},
        ),
        (
            critic_terms(network, others, critic, BATCH),
            {
                "critic_real": judged(BATCH.images, real=True),
                "critic_drawn": judged(rendered, real=False),
            },
        ),
    )
    for terms, paid in expected:
        assert {k: term.item() for k, term in terms.items()} == pytest.approx(paid, rel=1e-4)


def planned(network: TdGan) -> tuple[tuple[Update, ...], Any, dict[str, nn.Module]]:
    course = course_of(POSE_EYES)
    plan = network.plan(course)
    parts = dict(network.named_children()) | dict(plan.beside.named_children())
    return plan.stages[0].turns, plan.stages[0].batch(lesson_of(course)), parts


def test_the_four_are_trained_in_turn_each_with_the_others_held(network: TdGan) -> None:
    (first, second, third, fourth), batch, parts = planned(network)
    assert set(parts) == {"disentangle", "wished", "render", "others", "critic"}
    assert reached(first, batch, parts) == {
        "consistency": {"disentangle"},
        "of_image": {"disentangle"},
    }
    assert reached(second, batch, parts) == {
        "consistency": {"wished", "others"},
        "of_tags": {"wished", "others"},
    }
    names = ("of_image", "of_tags", "real")
    assert reached(third, batch, parts) == {key: {"render"} for key in names}
    assert reached(fourth, batch, parts) == {
        "critic_real": {"critic"},
        "critic_drawn": {"critic"},
    }


def test_a_batch_holds_images_with_all_their_tags(network: TdGan) -> None:
    course = course_of(POSE_EYES, batch_size=12)
    batch = network.plan(course).stages[0].batch(lesson_of(course))
    data = course.data
    shown = data.normalised(data.levels(torch.arange(12)))
    found = [next(n for n in range(12) if torch.equal(shown[n], image)) for image in batch.images]
    assert sorted(found) == list(range(12))
    assert data.people is not None
    assert data.rests is not None
    assert torch.equal(batch.codes, data.codes[found])
    assert torch.equal(batch.identities, data.people[found])
    assert torch.equal(batch.rests, data.rests[found])
    assert not torch.equal(batch.wishes, batch.codes)
    assert torch.equal(batch.wishes.sum(dim=1), torch.full((12,), 2.0))


def test_all_terms_fall_on_a_fixed_batch(network: TdGan) -> None:
    turns, batch, _ = planned(network)
    for turn in turns:
        before, after = learn(turn, batch, steps=25)
        for name in before:
            assert after[name] < before[name], (turn.name, name)


@pytest.mark.parametrize("missing", ["people", "rests"])
def test_without_tags_there_is_no_plan(network: TdGan, missing: str) -> None:
    course = course_of(POSE_EYES)
    setattr(course.data, missing, None)
    with pytest.raises(ValueError, match="the training data have none"):
        network.plan(course)


def test_every_part_needs_numbers() -> None:
    with pytest.raises(ValueError, match=r"must be positive, got \(6, 0, 3\)"):
        TdGanConfig(code_size=5, identity=6, rest=0, value=3)
