"""Shapes: B batch, C channels, S side, A length of the one-hot code."""

from typing import Any

import numpy as np
import pytest
import torch

from generator.networks.registry import architecture
from generator.networks.stgan import Stgan, TransferUnit
from generator.training.plan import BatchSpec, PlanContext
from tests.generator.editing import SPACE, adam, lit, tiny


@pytest.mark.parametrize(
    ("size", "layers", "features"),
    [(128, 5, (1024, 8)), (64, 4, (512, 8)), (60, 3, (256, 15)), (32, 3, (256, 8))],
)
def test_layers_and_features_follow_the_size(
    size: int, layers: int, features: tuple[int, int]
) -> None:
    with torch.device("meta"):
        network = architecture("stgan").build(2, {"size": size})
        drawing = network.draw(torch.zeros(2, 3, size, size), torch.zeros(2, 2))
    assert isinstance(network, Stgan)
    widths = [64 << depth for depth in range(layers)]
    assert [layer[0].out_channels for layer in network.encoder] == widths  # type: ignore[index]
    assert len(network.units) == layers - 1
    assert drawing.refined.shape == (2, 3, size, size)
    assert drawing.features.shape == (2, features[0], features[1], features[1])


def test_a_unit_hands_over_what_its_equations_say() -> None:
    unit = TransferUnit(4, 3).eval()
    random = torch.Generator().manual_seed(0)
    seen, state = (
        torch.randn(2, 4, 7, 7, generator=random),
        torch.randn(2, 8, 3, 3, generator=random),
    )
    difference = torch.tensor([[1.0, -1.0, 0.0], [0.0, 0.0, 0.0]])
    planes = difference[:, :, None, None] * torch.ones(1, 1, 3, 3)
    asked = unit.raised(torch.cat([state, planes], dim=1), output_size=(7, 7))
    both = torch.cat([seen, asked], dim=1)
    reset, update = unit.reset(both).sigmoid(), unit.update(both).sigmoid()
    kept = reset * asked
    changed = unit.changed(torch.cat([seen, kept], dim=1)).tanh()
    handed, onwards = unit(seen, state, difference)
    assert torch.allclose(onwards, kept)
    assert torch.allclose(handed, (1 - update) * asked + update * changed, atol=1e-6)


def test_drawing_takes_the_difference_from_what_the_reader_says() -> None:
    network = tiny("stgan").train()
    assert isinstance(network, Stgan)
    images, codes = torch.randn(4, 1, 32, 32), torch.eye(3)[[0, 1, 2, 0]]
    own = network.read(images)
    assert torch.equal(own, network.read(images))  # nothing is dropped out
    assert network.reader.training
    assert bool(((own > 0) & (own < 1)).all())
    network.eval()
    drawn = network.draw(images, codes).refined
    assert torch.allclose(drawn, network.edit(images, codes - own).refined, atol=1e-5)


def test_the_terms_of_the_generator_follow_their_equations() -> None:
    network = tiny("stgan").eval()
    assert isinstance(network, Stgan)
    data, config = lit(), adam()
    plan = network.plan(PlanContext(config, data, SPACE, torch.Generator().manual_seed(1)))
    critic, (stage,) = plan.beside, plan.stages

    def batch() -> Any:
        lesson = BatchSpec(
            data,
            config,
            torch.contiguous_format,
            np.random.default_rng(0),
            lambda: torch.tensor([1, 5, 9]),
        )
        return stage.batch(lesson)

    given = batch()
    drawn = network.edit(given.images, given.wished - given.own).refined
    same = network.edit(given.images, torch.zeros(3, 3)).refined
    terms = stage.turns[2].terms(batch())
    assert terms["reconstruction"].item() == pytest.approx(
        (same - given.images).abs().mean().item(), rel=1e-4
    )
    assert terms["adversarial"].item() == pytest.approx(-critic(drawn)[0].mean().item(), abs=1e-5)
    judged = stage.turns[0].terms(batch())["critic"].item()
    real = critic(given.images)[0].mean()
    assert judged == pytest.approx((critic(drawn)[0].mean() - real).item(), abs=1e-5)
    logits = network.reader(given.images)
    surprise = -(
        given.own * logits.sigmoid().log() + (1 - given.own) * (1 - logits.sigmoid()).log()
    )
    reading = stage.turns[1].terms(batch())["reading"].item()
    assert reading == pytest.approx(surprise.mean().item(), rel=1e-4)
