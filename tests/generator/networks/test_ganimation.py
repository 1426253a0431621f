"""GANimation layer by layer and loss by loss, against lists and formulas written by hand.

Shapes: B batch, C channels, S side, A length of the one-hot code.
"""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from generator.networks.adversarial import code_error, gradient_penalty
from generator.networks.ganimation import Ganimation, roughness
from generator.networks.registry import architecture
from generator.training.plan import BatchSpec, PlanContext
from tests.generator.editing import SPACE, adam, lit, tiny
from tests.generator.networks.test_sargan import DECODER, ENCODER, VANILLA, layers_of

# StarGAN's layers for 7 values at 128 x 128 but for the last, then two last ones side by side.
LAYERS = (
    *ENCODER,
    *(6 * VANILLA),
    *DECODER[:-1],
    ("L", 64, 1, 7, 128, 3_136 + 1),
    ("L", 64, 3, 7, 128, 9_408 + 3),
)


def test_every_layer_has_the_shape_and_the_parameters_of_the_list() -> None:
    with torch.device("meta"):
        network = architecture("ganimation").build(7, {})
        found = layers_of(network, torch.zeros(2, 3, 128, 128), torch.zeros(2, 7))
    assert found == list(LAYERS)
    total = sum(parameters for *_, parameters in LAYERS)
    assert sum(one.numel() for one in network.parameters()) == total == 8_439_940


@pytest.mark.parametrize(("size", "side"), [(64, 8), (60, 15), (32, 8)])
def test_sizes_for_small_machines_draw_their_own_size(size: int, side: int) -> None:
    with torch.device("meta"):
        network = architecture("ganimation").build(2, {"size": size})
        drawing = network.draw(torch.zeros(2, 3, size, size), torch.zeros(2, 2))
    assert drawing.refined.shape == (2, 3, size, size)
    assert drawing.features.shape == (2, 256, side, side)


@pytest.fixture
def network() -> Ganimation:
    made = tiny("ganimation")
    assert isinstance(made, Ganimation)
    return made


def test_the_source_stays_where_attention_says_and_colours_come_in_elsewhere(
    network: Ganimation,
) -> None:
    images, codes = torch.randn(2, 1, 32, 32), torch.eye(3)[:2]
    planes = codes[:, :, None, None] * torch.ones(1, 1, 32, 32)
    middle = network.blocks(network.encoder(torch.cat([images, planes], dim=1)))
    raised = network.decoder(middle)
    kept = 1 / (1 + torch.exp(-network.attention(raised)))
    expected = (1 - kept) * network.colours(raised) + kept * images
    painted = network.paint(images, codes)
    assert painted.kept.shape == (2, 1, 32, 32)
    assert torch.allclose(painted.kept, kept, atol=1e-6)
    assert torch.allclose(network(images, codes).refined, expected, atol=1e-5)
    with torch.no_grad():
        network.attention.bias.fill_(1e4)  # type: ignore[union-attr]
    assert torch.allclose(network(images, codes).refined, images)


def test_roughness_is_the_sum_of_squared_steps_between_neighbours() -> None:
    maps = torch.randn(2, 1, 3, 4)
    total = 0.0
    for image in maps[:, 0].tolist():
        for y in range(3):
            for x in range(4):
                total += (image[y + 1][x] - image[y][x]) ** 2 if y < 2 else 0
                total += (image[y][x + 1] - image[y][x]) ** 2 if x < 3 else 0
    assert roughness(maps).item() == pytest.approx(total / 2, rel=1e-5)


def test_a_code_is_told_wrongly_by_its_squared_difference() -> None:
    told, codes = torch.tensor([[0.5, 0.0], [0.0, 3.0]]), torch.eye(2)
    assert code_error(told, codes).item() == pytest.approx((0.25 + 0 + 0 + 4) / 4)


def test_every_term_follows_its_formula(network: Ganimation) -> None:
    data, config = lit(), adam()
    plan = network.plan(PlanContext(config, data, SPACE, torch.Generator().manual_seed(1)))
    critic, (stage,) = plan.beside, plan.stages

    def batch() -> Any:
        chance = np.random.default_rng(0)
        chosen = torch.tensor([1, 5, 9, 14])
        return stage.batch(BatchSpec(data, config, torch.contiguous_format, chance, lambda: chosen))

    given = batch()
    x, own, wished = given.images, given.own, given.wished

    def steps(maps: Tensor) -> Tensor:
        down, across = maps.diff(dim=2).pow(2), maps.diff(dim=3).pow(2)
        return (down.sum() + across.sum()) / len(maps)

    drawn, kept, _ = network.paint(x, wished)
    back, kept_back, _ = network.paint(drawn, own)
    (real, told_real), (judged, told) = critic(x), critic(drawn)
    expected = {
        "critic": judged.mean() - real.mean(),
        "penalty": gradient_penalty(lambda i: critic(i)[0], x, drawn, batch().random),
        "values_real": (told_real - own).pow(2).mean(),
        "adversarial": -judged.mean(),
        "values": (told - wished).pow(2).mean(),
        "cycle": (x - back).abs().mean(),
        "kept": kept.mean() + kept_back.mean(),
        "smooth": steps(kept) + steps(kept_back),
    }
    found = {**stage.turns[0].terms(batch()), **stage.turns[1].terms(batch())}
    assert found.keys() == expected.keys() == network.LOSSES.keys()
    for name, value in expected.items():
        assert found[name].item() == pytest.approx(value.item(), rel=1e-3, abs=1e-5), name


def test_the_paper_recipe_is_the_published_one() -> None:
    paper = architecture("ganimation").recipe("paper").train
    assert (paper.learning_rate, paper.beta1, paper.beta2) == (1e-4, 0.5, 0.999)
    assert (paper.batch_size, paper.critic_steps) == (25, 5)
    assert paper.steps * paper.batch_size == 30 * 200_000
    losses = Ganimation.LOSSES
    assert losses["values"] * paper.batch_size == losses["values_real"] * 25 == 4_000
    assert (losses["cycle"], losses["kept"], losses["penalty"]) == (10, 0.1, 10)
    assert losses["smooth"] == pytest.approx(0.1 * 0.0001)
