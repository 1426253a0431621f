"""Shapes: B batch, C channels, S side, A length of the one-hot code."""

import pytest
import torch
from torch.nn import functional

from generator.networks.adversarial import is_drawn, is_real
from generator.networks.coders import CoderConfig, Doubling, Halving, flat_length, trunk_of
from tests.generator.tiny import faces, normal, ready


@pytest.mark.parametrize(
    ("size", "widths"),
    [(16, (8, 16)), (32, (8, 16, 32)), (64, (8, 16, 32, 64)), (128, (8, 16, 32, 64, 64))],
)
def test_halving_leads_to_4_by_4_and_doubling_back(size: int, widths: tuple[int, ...]) -> None:
    config = CoderConfig(code_size=2, size=size, channels=1, width=8)
    assert config.widths == widths
    maps = Halving(1, widths)(torch.randn(2, 1, size, size))
    assert maps.shape == (2, widths[-1], 4, 4)
    assert flat_length(widths) == maps[0].numel()
    drawn, first = Doubling(5, widths[::-1], 1)(torch.randn(2, 5))
    assert drawn.shape == (2, 1, size, size)
    assert first.shape == (2, widths[-1], 4, 4)


def test_a_drawing_does_not_depend_on_what_is_drawn_beside_it() -> None:
    encoder = ready(Halving(3, (8, 16)))
    images = faces(3)
    assert torch.allclose(encoder(images)[:1], encoder(images[:1]), atol=1e-5)


@pytest.mark.parametrize("size", [8, 60, 256])
def test_a_side_that_halving_does_not_fit_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"size must be one of 16, 32, 64, 128, got {size}"):
        CoderConfig(code_size=2, size=size)


@pytest.mark.parametrize("width", [0, 4, 12])
def test_a_width_that_groups_do_not_fit_is_refused(width: int) -> None:
    with pytest.raises(ValueError, match=f"width must be a multiple of 8, got {width}"):
        CoderConfig(code_size=2, width=width)


def test_what_is_real_and_what_is_drawn_are_binary_cross_entropies() -> None:
    logits = 3 * normal(6, 1)
    for paid, target in ((is_real(logits), 1.0), (is_drawn(logits), 0.0)):
        expected = functional.binary_cross_entropy_with_logits(
            logits, torch.full_like(logits, target)
        )
        assert paid.item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("size", [16, 64])
def test_a_critic_ends_in_a_flat_map_of_4_by_4(size: int) -> None:
    config = CoderConfig(code_size=2, size=size, channels=3, width=8)
    trunk, length = trunk_of(config)
    assert trunk(torch.randn(2, 3, size, size)).shape == (2, length)
    assert length == 4 * 4 * config.widths[-1]
