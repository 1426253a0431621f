"""Shapes: B batch, C channels, S side, A length of the one-hot code."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from gallery.attributes import Attribute, AttributeSpace
from generator.networks.adversarial import COLOUR, gradient_penalty, value_error, wasserstein
from generator.networks.blocks import Critic
from generator.networks.family import initialise
from generator.training.augment import jitter


def images(count: int = 3, side: int = 32, seed: int = 0) -> Tensor:
    return torch.randn(count, 1, side, side, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def critic() -> Critic:
    made = Critic(size=32, channels=1, classes=3, width=4)
    initialise(made, torch.Generator().manual_seed(0))
    return made


def slow_penalty(critic: Critic, real: Tensor, drawn: Tensor, shares: list[float]) -> Tensor:
    """Image by image: the slope at a point between, its length, its distance from 1."""
    squares = []
    for one, other, share in zip(real, drawn, shares, strict=True):
        point = (share * one + (1 - share) * other).detach().requires_grad_()
        (slope,) = torch.autograd.grad(critic(point[None])[0][0], point, create_graph=True)
        squares.append((torch.sqrt((slope**2).sum()) - 1) ** 2)
    return sum(squares[1:], squares[0]) / len(squares)


def test_the_gradient_penalty_is_that_of_a_slow_reference(critic: Critic) -> None:
    real, drawn = images(seed=1), images(seed=2)
    random = np.random.default_rng(5).uniform(size=3).astype(np.float32).tolist()
    expected = slow_penalty(critic, real, drawn, random)
    found = gradient_penalty(lambda x: critic(x)[0], real, drawn, np.random.default_rng(5))
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    weights = list(critic.trunk.parameters())
    slopes = [
        torch.autograd.grad(one, weights, allow_unused=True, materialize_grads=True)
        for one in (expected, found)
    ]
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(*slopes, strict=True))
    assert any(float(one.abs().max()) > 0 for one in slopes[0])


def test_the_penalty_of_a_plane_is_how_far_its_slope_is_from_one() -> None:
    normal = images(1, 4)[0]
    found = gradient_penalty(
        lambda x: (x * normal).flatten(1).sum(dim=1),
        images(5, 4),
        images(5, 4, seed=1),
        np.random.default_rng(0),
    )
    assert found.item() == pytest.approx((normal.norm().item() - 1) ** 2, rel=1e-5)


def test_no_gradient_of_the_penalty_reaches_the_drawings(critic: Critic) -> None:
    drawn = images(seed=2).requires_grad_()
    penalty = gradient_penalty(lambda x: critic(x)[0], images(), drawn, np.random.default_rng(0))
    (slope,) = torch.autograd.grad(penalty, drawn, allow_unused=True)
    assert slope is None


def test_a_critic_lowers_what_it_says_of_drawings_less_what_of_photographs() -> None:
    assert wasserstein(torch.tensor([1.0, 3.0]), torch.tensor([5.0, 0.0])).item() == 0.5


def test_the_error_of_values_is_their_mean_surprise() -> None:
    space = AttributeSpace((Attribute("a", ("0", "1")), Attribute("b", ("0", "1", "2"))))
    logits = torch.tensor([[1.0, 2.0, 0.0, -1.0, 3.0], [0.5, 0.0, 1.0, 1.0, -2.0]])
    codes = torch.tensor([[0.0, 1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 1.0, 0.0]])
    surprises = []
    for row, shown in zip(logits.tolist(), codes.tolist(), strict=True):
        for start, end in ((0, 2), (2, 5)):
            total = sum(math.exp(one) for one in row[start:end])
            right = row[start + shown[start:end].index(1.0)]
            surprises.append(math.log(total) - right)
    assert value_error(logits, codes, space).item() == pytest.approx(sum(surprises) / 4, rel=1e-5)
    single = value_error(logits[:, :2], codes[:, :2], None).item()
    assert single == pytest.approx((surprises[0] + surprises[2]) / 2, rel=1e-5)


@pytest.mark.parametrize(
    ("size", "depth", "side"), [(128, 6, 2), (64, 5, 2), (60, 4, 3), (32, 4, 2)]
)
def test_a_critic_halves_its_images_until_two_or_three_cells_are_left(
    size: int, depth: int, side: int
) -> None:
    with torch.device("meta"):
        critic = Critic(size=size, channels=3, classes=7)
        verdicts, logits = critic(torch.zeros(2, 3, size, size))
        maps = critic.trunk(torch.zeros(2, 3, size, size))
    assert (verdicts.shape, logits.shape) == ((2,), (2, 7))
    assert maps.shape == (2, 64 << (depth - 1), side, side)
    assert critic.values.kernel_size == (side, side)


def test_a_verdict_is_the_mean_over_patches(critic: Critic) -> None:
    patches = critic.verdict(critic.trunk(images(4))).detach()
    assert patches.shape == (4, 1, 2, 2)
    expected = [float(one.sum()) / 4 for one in patches]
    assert critic(images(4))[0].tolist() == pytest.approx(expected, abs=1e-6)


def test_other_colours_leave_every_pixel_where_it_is() -> None:
    levels = torch.full((2, 3, 8, 8), 100.0)
    levels[:, :, 2, 5] = 180.0
    (changed,) = jitter([levels], np.random.default_rng(0), COLOUR)
    assert not torch.allclose(changed, levels, atol=1)
    for image in changed:
        assert not torch.allclose(image[0], image[1], atol=1)  # another tint
        for plane in image:
            rest = plane.clone()
            rest[2, 5] = plane[0, 0]
            assert torch.allclose(rest, plane[0, 0].expand(8, 8), atol=1e-2)
            assert plane[2, 5] > plane[0, 0]
