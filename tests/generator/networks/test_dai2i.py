"""DAI2I layer by layer and loss by loss, against lists and formulas written by hand.

Shapes: B batch, C channels, S side, A length of the one-hot code.
"""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from generator.networks.adversarial import value_error
from generator.networks.dai2i import Dai2i
from generator.networks.dai2i_layers import (
    Adaptor,
    DomainCritic,
    StyledConv,
    StyleReader,
    looks,
    mean_difference,
    step_between,
)
from generator.networks.registry import architecture
from generator.runs.trainer import Trainer
from generator.training.plan import BatchSpec, Update
from tests.generator.editing import SPACE, adam, lit, tiny
from tests.generator.networks.test_sargan import DECODER, ENCODER, VANILLA, layers_of
from tests.generator.test_editors import learn, touched

NARROW = {"adaptor_width": 4, "adaptor_blocks": 1}
# At 128 x 128, see test_sargan.py; a styled convolution is told 2 x outputs by 256 numbers.
STYLE = (
    ("L", 3, 16, 4, 64, 768 + 16),
    ("L", 16, 32, 4, 32, 8_192 + 32),
    ("L", 32, 64, 4, 16, 32_768 + 64),
    ("L", 64, 128, 4, 8, 131_072 + 128),
)
ADAPTOR = (
    ("L", 3, 128, 7, 128, 18_816 + 128),
    ("L", 128, 256, 4, 64, 524_288 + 256),
    *(8 * (("C", 256, 256, 3, 64, 589_824),)),
    ("L", 256, 128, 4, 128, 524_288 + 128),
    ("L", 128, 3, 7, 128, 18_816 + 3),
)
TOLD = 128, 256, *(8 * (256,)), 128  # channels of the styled convolutions


def count(module: nn.Module) -> int:
    return sum(one.numel() for one in module.parameters())


def test_every_layer_has_the_shape_and_the_parameters_of_the_list() -> None:
    with torch.device("meta"):
        network = architecture("dai2i").build(7, {})
        found = layers_of(network, torch.zeros(2, 3, 128, 128), torch.zeros(2, 7))
    translator = (*ENCODER, *(6 * VANILLA), *DECODER)
    assert found == [*STYLE, *ADAPTOR, *translator, *ADAPTOR]
    told = sum(2 * channels * (256 + 1) for channels in TOLD)
    vector = 128 * 256 + 256
    total = sum(row[-1] for row in found) + 2 * told + vector
    assert count(network) == total == 22_885_177
    assert count(architecture("stargan").build(7, {})) == sum(row[-1] for row in translator)


def test_the_style_is_read_from_the_source_and_told_to_both_adaptors() -> None:
    network = tiny("dai2i", **NARROW)
    assert isinstance(network, Dai2i)
    images, codes = torch.randn(2, 1, 32, 32), torch.eye(3)[:2]
    style = network.style(images)
    assert style.shape == (2, 256)
    inside = network.inwards(images, style)
    planes = codes[:, :, None, None] * torch.ones(1, 1, 32, 32)
    middle = network.blocks(network.encoder(torch.cat([inside, planes], dim=1)))
    expected = network.outwards(network.decoder(middle), style)
    drawing = network(images, codes)
    assert torch.allclose(drawing.refined, expected, atol=1e-5)
    assert torch.allclose(drawing.features, middle, atol=1e-5)


def test_a_styled_convolution_scales_and_shifts_what_is_normalised() -> None:
    styled = StyledConv(nn.Conv2d(2, 3, 3, padding=1))
    maps, style = torch.randn(2, 2, 5, 5), torch.randn(2, 256)
    made = styled.conv(maps)
    mean = made.mean(dim=(2, 3), keepdim=True)
    deviation = (made.var(dim=(2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
    told = styled.told(style)
    scale, shift = told[:, :3, None, None], told[:, 3:, None, None]
    expected = (1 + scale) * (made - mean) / deviation + shift
    assert torch.allclose(styled(maps, style), expected, atol=1e-4)


def test_an_adaptor_draws_its_own_size_and_style_changes_what_it_draws() -> None:
    adaptor, reader = Adaptor(1, 4, 1), StyleReader(1)
    images = torch.randn(2, 1, 36, 36)
    style = reader(images)
    assert adaptor(images, style).shape == images.shape
    assert not torch.allclose(adaptor(images, style), adaptor(images, style + 1), atol=1e-4)


def test_steps_between_looks_are_measured_on_one_scale() -> None:
    before, after = torch.randn(4, 3, 5, 5), 2 + 3 * torch.randn(4, 3, 5, 5)
    [found] = step_between([before], [after])
    both = torch.cat([before, after])
    deviation = (both.var(dim=(0, 2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
    assert torch.allclose(found, (after - before) / deviation, atol=1e-4)
    assert torch.allclose(step_between([7 * before], [7 * after])[0], found, atol=1e-4)


def test_looks_are_the_first_layers_of_a_critic() -> None:
    trunk = nn.Sequential(
        *(nn.Conv2d(1, 2, 4, 2, 1), nn.LeakyReLU(0.01), nn.Conv2d(2, 4, 4, 2, 1)),
        *(nn.LeakyReLU(0.01), nn.Conv2d(4, 8, 4, 2, 1), nn.LeakyReLU(0.01)),
    )
    images = torch.randn(2, 1, 16, 16)
    first, second = looks(trunk, images, 2)
    assert torch.equal(first, trunk[:2](images))
    assert torch.equal(second, trunk[:4](images))
    expected = first.abs().mean() + second.abs().mean()
    zeros = [torch.zeros_like(one) for one in (first, second)]
    assert mean_difference([first, second], zeros).item() == pytest.approx(expected.item())


@pytest.fixture
def trainer() -> Trainer:
    network = tiny("dai2i", **NARROW, projection=8, estimator=True)
    return Trainer(network, lit(channels=1), adam(critic_steps=2), seed=0, space=SPACE)


def fixed(trainer: Trainer, stage: int) -> Any:
    """Return always the same batch of a stage."""
    chance = np.random.default_rng(0)
    everything = torch.arange(len(trainer.data))
    lesson = BatchSpec(
        trainer.data, trainer.config, torch.contiguous_format, chance, lambda: everything
    )
    return trainer.stages[stage].batch(lesson)


TRANSLATOR = {"encoder", "blocks", "decoder"}
ADAPTORS = {"style", "inwards", "outwards"}
REACHED = {
    "critic": {"critic.trunk", "critic.verdict"},
    "penalty": {"critic.trunk", "critic.verdict"},
    "values_real": {"critic.trunk", "critic.values"},
    **dict.fromkeys(("adversarial", "values", "cycle"), TRANSLATOR),
    "domain": {"domain.trunk", "domain.verdict"},
    # What comes in is judged and read before it is brought back.
    "inside": {"style", "inwards"},
    "read": {"style", "inwards"},
    **dict.fromkeys(("back", "back_looks", "analogy"), ADAPTORS),
}


def reached(trainer: Trainer) -> set[str]:
    beside = {
        f"{name}.{child}"
        for name, part in trainer.beside.named_children()
        for child in touched(part)
    }
    return touched(trainer.network) | beside


def test_every_term_reaches_the_parts_it_should_and_no_others(trainer: Trainer) -> None:
    seen = set()
    for stage in (1, 2):
        for turn in trainer.stages[stage].turns:
            for term in turn.terms(fixed(trainer, stage)):
                with trainer.only(turn.parts):
                    turn.terms(fixed(trainer, stage))[term].backward()
                assert reached(trainer) == REACHED[term], term
                trainer.network.zero_grad()
                trainer.beside.zero_grad()
                seen.add(term)
    assert seen == set(trainer.network.LOSSES)


def test_the_translator_stays_as_it_is_while_adaptors_learn(trainer: Trainer) -> None:
    def weights() -> dict[str, Tensor]:
        return {name: one.detach().clone() for name, one in trainer.network.named_parameters()}

    before, moved = weights(), []
    for step in trainer.steps():
        after = weights()
        changed = {key.partition(".")[0] for key in after if not after[key].equal(before[key])}
        moved.append((step.stage, changed))
        before = after
    first = [changed for stage, changed in moved if stage == 1]
    second = [changed for stage, changed in moved if stage == 2]
    assert first == [set(), TRANSLATOR] * 2
    assert second == [set(), ADAPTORS] * 2


def test_the_other_domain_is_the_same_faces_in_another_light(trainer: Trainer) -> None:
    batch = fixed(trainer, 2)
    assert batch.worn.shape == batch.images.shape
    away = (batch.worn - batch.images).abs().mean(dim=(1, 2, 3))
    assert float(away.min()) > 0.05
    alike = [
        float(torch.corrcoef(torch.stack([one.flatten(), two.flatten()]))[0, 1])
        for one, two in zip(batch.worn, batch.images, strict=True)
    ]
    assert sorted(alike)[len(alike) // 2] > 0.8
    assert torch.equal(batch.worn, fixed(trainer, 2).worn)


def test_every_term_of_the_adaptors_follows_its_formula(trainer: Trainer) -> None:
    network, beside = trainer.network, trainer.beside
    assert isinstance(network, Dai2i)
    assert isinstance(beside, nn.ModuleDict)
    critic, domain = beside["critic"], beside["domain"]
    assert isinstance(domain, DomainCritic)
    batch = fixed(trainer, 2)
    style = network.style(batch.worn)
    inside = network.inwards(batch.worn, style)
    translated = network.translate(inside, batch.wished)[0]
    drawn = network.outwards(translated, style)
    back = network.outwards(network.translate(inside, batch.own)[0], style)

    def seen(images: Tensor) -> list[Tensor]:
        return [critic.trunk[:2](images), critic.trunk[:4](images)]  # type: ignore[index,operator]

    def moved(one: Tensor, other: Tensor) -> list[Tensor]:
        return step_between(seen(one), seen(other))

    within, without = moved(inside, translated), moved(batch.worn, drawn)
    expected = {
        "domain": (domain(batch.images) - 1).pow(2).mean() + domain(inside).pow(2).mean(),
        "inside": (domain(inside) - 1).pow(2).mean(),
        "read": value_error(critic(translated)[1], batch.wished, SPACE),
        "back": (back - batch.worn).abs().mean(),
        "back_looks": sum(
            (one - two).abs().mean() for one, two in zip(seen(back), seen(batch.worn), strict=True)
        ),
        "analogy": sum((one - two).abs().mean() for one, two in zip(within, without, strict=True)),
    }
    found: dict[str, Tensor] = {}
    for turn in trainer.stages[2].turns:
        found |= turn.terms(fixed(trainer, 2))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].item() == pytest.approx(
            float(torch.as_tensor(value).detach()), rel=1e-3, abs=1e-5
        ), name


def test_a_few_updates_bring_the_source_back() -> None:
    none = dict.fromkeys(("inside", "read", "back_looks", "analogy"), 0.0)
    made = Trainer(tiny("dai2i", **NARROW), lit(), adam(weights=none), seed=0, space=SPACE)
    turn: Update = made.stages[2].turns[1]
    before, after = learn(turn, made, 12, lambda: fixed(made, 2))
    assert after["back"] < 0.95 * before["back"]
