"""TFEM layer by layer and loss by loss, against lists and formulas written by hand.

Shapes: B batch, C channels, S side, A length of the one-hot code.
"""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from generator.networks.adversarial import gradient_penalty
from generator.networks.registry import architecture
from generator.networks.tfem import FusionUnit, Tfem, variation
from generator.training.plan import BatchSpec, PlanContext
from tests.generator.editing import SPACE, adam, lit, tiny
from tests.generator.networks.test_sargan import layers_of

# For 7 values at 128 x 128: layer, inputs, outputs, kernel, side of its output, parameters; see
# test_sargan.py. First down, then from the middle up: a unit, and the decoder's layer before it.
DOWN = (
    ("C", 3, 64, 7, 128, 9_408 + 128),
    ("C", 64, 128, 4, 64, 131_072 + 256),
    ("C", 128, 256, 4, 32, 524_288 + 512),
    ("C", 256, 512, 4, 16, 2_097_152 + 1_024),
    ("C", 512, 512, 4, 8, 4_194_304 + 1_024),
    ("C", 512 + 7, 512, 3, 8, 2_391_552 + 1_024),
)


def unit(width: int, below: int, side: int) -> tuple[tuple[str, int, int, int, int, int], ...]:
    """List a fusion unit in the order it computes; each norm has twice its outputs."""
    half, low, both = width // 2, below // 2, width + width
    return (
        ("C", width + 7, width, 5, side, (width + 7) * width * 25 + 2 * width),
        ("C", width, low, 4, side // 2, width * low * 16 + 2 * low),
        ("C", below, low, 3, side // 2, below * low * 9 + 2 * low),
        ("C", width, half, 3, side, width * half * 9 + 2 * half),
        ("T", below, half, 4, side, below * half * 16 + 2 * half),
        ("T", below, width, 4, side, below * width * 16 + 2 * width),
        ("C", both, half, 3, side, both * half * 9 + 2 * half),
        ("C", both, half, 5, side, both * half * 25 + 2 * half),
    )


LAYERS = (
    *DOWN,
    *unit(512, 512, 16),
    ("T", 512, 512, 4, 16, 4_194_304 + 1_024),
    *unit(256, 512, 32),
    ("T", 1024, 256, 4, 32, 4_194_304 + 512),
    *unit(128, 256, 64),
    ("T", 512, 128, 4, 64, 1_048_576 + 256),
    ("T", 256, 64, 4, 128, 262_144 + 128),
    ("L", 64, 3, 7, 128, 9_408 + 3),
)


class Edit(nn.Module):
    """The generator alone, without the reader."""

    def __init__(self, network: Tfem) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor, change: torch.Tensor) -> torch.Tensor:
        return self.network.edit(images, change).refined


def test_every_layer_has_the_shape_and_the_parameters_of_the_list() -> None:
    with torch.device("meta"):
        network = architecture("tfem").build(7, {})
        assert isinstance(network, Tfem)
        found = layers_of(Edit(network), torch.zeros(2, 3, 128, 128), torch.zeros(2, 7))
    assert found == list(LAYERS)
    total = sum(parameters for *_, parameters in LAYERS)
    reader = sum(one.numel() for one in network.reader.parameters())
    assert (total, reader) == (57_362_691, 8_678_119)
    assert sum(one.numel() for one in network.parameters()) == total + reader


@pytest.mark.parametrize(
    ("size", "features"), [(128, (512, 8)), (64, (512, 8)), (100, (512, 12)), (32, (256, 8))]
)
def test_sizes_for_small_machines_draw_their_own_size(size: int, features: tuple[int, int]) -> None:
    with torch.device("meta"):
        network = architecture("tfem").build(2, {"size": size})
        drawing = network.draw(torch.zeros(2, 3, size, size), torch.zeros(2, 2))
    assert drawing.refined.shape == (2, 3, size, size)
    assert drawing.features.shape == (2, features[0], features[1], features[1])


def test_a_unit_exchanges_between_both_scales_and_fuses_by_two_kernels() -> None:
    made = FusionUnit(4, 8, 3)
    random = torch.Generator().manual_seed(0)
    seen, deeper = (
        torch.randn(2, 4, 7, 7, generator=random),
        torch.randn(2, 8, 3, 3, generator=random),
    )
    change = torch.tensor([[1.0, -1.0, 0.0], [0.0, 0.0, 0.0]])
    planes = change[:, :, None, None] * torch.ones(1, 1, 7, 7)
    told = made.told(torch.cat([seen, planes], dim=1))
    high = torch.cat([made.stays(told), made.rises(deeper, (7, 7))], dim=1)
    low = torch.cat([made.sinks(told), made.rests(deeper)], dim=1)
    both = torch.cat([high, made.raised(low, (7, 7))], dim=1)
    expected = torch.cat([made.near(both), made.far(both)], dim=1)
    assert expected.shape == (2, 4, 7, 7)
    assert torch.allclose(made(seen, deeper, change), expected, atol=1e-6)


def test_the_wish_is_told_as_what_it_differs_from_the_source() -> None:
    network = tiny("tfem").eval()
    assert isinstance(network, Tfem)
    images, codes = torch.randn(4, 1, 32, 32), torch.eye(3)[[0, 1, 2, 0]]
    own = network.read(images)
    drawn = network.draw(images, codes).refined
    assert torch.allclose(drawn, network.edit(images, codes - own).refined, atol=1e-5)
    assert not torch.allclose(drawn, network.edit(images, codes).refined, atol=1e-3)


def test_variation_is_the_sum_of_steps_between_neighbours() -> None:
    images = torch.randn(2, 2, 3, 4)
    total = sum(
        abs(rows[y][x] - rows[other_y][other_x])
        for image in images.tolist()
        for rows in image
        for y in range(3)
        for x in range(4)
        for other_y, other_x in ((y + 1, x), (y, x + 1))
        if other_y < 3 and other_x < 4
    )
    assert variation(images).item() == pytest.approx(total / 2, rel=1e-5)


def test_every_term_follows_its_formula() -> None:
    network = tiny("tfem").eval()
    assert isinstance(network, Tfem)
    data, config = lit(), adam()
    plan = network.plan(PlanContext(config, data, SPACE, torch.Generator().manual_seed(1)))
    critic, (stage,) = plan.beside, plan.stages

    def batch() -> Any:
        chance = np.random.default_rng(0)
        chosen = torch.tensor([1, 5, 9])
        return stage.batch(BatchSpec(data, config, torch.contiguous_format, chance, lambda: chosen))

    given = batch()
    x, own, wished = given.images, given.own, given.wished
    drawn = network.edit(x, wished - own).refined
    (real, told_real), (judged, told) = critic(x), critic(drawn)
    read = network.reader(x).sigmoid()
    surprise = -(own * read.log() + (1 - own) * (1 - read).log())
    steps = drawn.diff(dim=2).abs().sum() + drawn.diff(dim=3).abs().sum()
    expected = {
        "critic": judged.mean() - real.mean(),
        "penalty": gradient_penalty(lambda i: critic(i)[0], x, drawn, batch().random),
        "values_real": (told_real - own).pow(2).mean(),
        "reading": surprise.mean(),
        "adversarial": -judged.mean(),
        "values": (told - wished).pow(2).mean(),
        "reconstruction": (network.edit(x, torch.zeros(3, 3)).refined - x).abs().mean(),
        "cycle": (network.edit(drawn, own - wished).refined - x).abs().mean(),
        "smooth": steps / 3,
    }
    found: dict[str, torch.Tensor] = {}
    for turn in stage.turns:
        found |= turn.terms(batch())
    assert found.keys() == expected.keys() == network.LOSSES.keys()
    for name, value in expected.items():
        assert found[name].item() == pytest.approx(value.item(), rel=1e-3, abs=1e-5), name


def test_the_paper_recipe_has_the_weights_of_the_authors_code() -> None:
    paper = architecture("tfem").recipe("paper").train
    assert (paper.batch_size, paper.critic_steps, paper.learning_rate) == (25, 4, 1e-4)
    losses = Tfem.LOSSES
    assert (losses["adversarial"], losses["values"], losses["values_real"]) == (10, 150, 150)
    assert (losses["cycle"], losses["reconstruction"], losses["penalty"]) == (30, 30, 10)
    assert losses["smooth"] == pytest.approx(25 * 1e-5)
