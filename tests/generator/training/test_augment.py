"""Shapes: B batch, C channels, S side."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from generator.training.augment import Augmentation, jitter, leave_out_colours

NONE = Augmentation(gain=0, offset=0, tint=0, shift=0, zoom=0, noise=0)


def faces(count: int = 6, channels: int = 3, side: int = 16) -> Tensor:
    random = torch.Generator().manual_seed(0)
    return 40 + 160 * torch.rand(count, channels, side, side, generator=random)


def jittered(images: list[Tensor], strength: Augmentation, seed: int = 0) -> list[Tensor]:
    return jitter(images, np.random.default_rng(seed), strength)


def test_without_strength_nothing_changes() -> None:
    images = faces()
    (same,) = jittered([images], NONE)
    assert torch.allclose(same, images, atol=1e-2)


@pytest.mark.parametrize("channels", [1, 3])
def test_source_and_target_are_changed_alike_and_only_the_source_is_noisy(channels: int) -> None:
    images = faces(channels=channels)
    quiet = Augmentation(noise=0)
    source, target = jittered([images, images], quiet)
    assert torch.equal(source, target)
    assert not torch.allclose(source, images, atol=1)
    noisy, clean = jittered([images, images], Augmentation())
    assert torch.equal(clean, target)
    assert 1 < (noisy - clean).std() < 4


def test_pairs_are_changed_differently_and_the_same_seed_changes_alike() -> None:
    images = faces(1).expand(6, -1, -1, -1)
    (first,) = jittered([images], Augmentation())
    (again,) = jittered([images], Augmentation())
    (other,) = jittered([images], Augmentation(), seed=1)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert len({one.mean().item() for one in first}) == 6


def test_light_is_a_gain_around_grey_and_an_offset() -> None:
    images = faces()
    strength = Augmentation(gain=0.2, offset=0, tint=0, shift=0, zoom=0, noise=0)
    (lit,) = jittered([images], strength)
    for one, before in zip(lit, images, strict=True):
        ratio = (one - 128) / (before - 128)
        kept = ((before - 128).abs() > 5) & (one > 0) & (one < 255)
        assert ratio[kept].std() < 0.01
        assert abs(ratio[kept].mean() - 1) > 0.001


def test_levels_stay_levels() -> None:
    (lit,) = jittered([faces()], Augmentation().scaled(20))
    assert (lit.min().item(), lit.max().item()) == (0, 255)


def test_a_shift_moves_by_at_most_its_share_of_the_side() -> None:
    spot = torch.zeros(64, 1, 50, 50)
    spot[:, :, 25, 25] = 255
    strength = Augmentation(gain=0, offset=0, tint=0, shift=0.1, zoom=0, noise=0)
    (moved,) = jittered([spot], strength)
    rows, columns = (moved[:, 0].sum(dim=axis).argmax(dim=1) for axis in (2, 1))
    for places in (rows, columns):
        assert (places - 25).abs().max() <= 6
        assert places.unique().numel() > 5


def test_zoom_changes_the_size() -> None:
    square = torch.zeros(32, 1, 40, 40)
    square[:, :, 10:30, 10:30] = 255
    strength = Augmentation(gain=0, offset=0, tint=0, shift=0, zoom=0.2, noise=0)
    (zoomed,) = jittered([square], strength)
    area = zoomed.sum(dim=(1, 2, 3)) / 255
    assert area.min() < 380
    assert area.max() > 420
    assert area.min() > 400 / 1.3**2


def ramp(count: int = 40) -> Tensor:
    return torch.full((count, 1, 16, 16), 120.0)


def test_light_may_come_from_a_side_and_leaves_the_middle_as_it_was() -> None:
    source, target = jittered([ramp(), ramp()], replace(NONE, shade=0.2))
    assert torch.equal(source, target)
    across = source[:, 0, 8, 15] / source[:, 0, 8, 0]
    assert across.min() < 0.9
    assert across.max() > 1.1
    middle = source[:, 0, 7:9, 7:9].mean(dim=(1, 2))
    assert torch.allclose(middle, torch.tensor(120.0), atol=1e-3)


def test_gamma_moves_the_middle_tones_and_neither_black_nor_white() -> None:
    images = torch.tensor([0.0, 120.0, 255.0]).view(1, 1, 1, 3).expand(40, 1, 3, 3)
    (changed,) = jittered([images], replace(NONE, gamma=0.3))
    assert torch.allclose(changed[..., 0], torch.tensor(0.0), atol=1e-3)
    assert torch.allclose(changed[..., 2], torch.tensor(255.0), atol=1e-3)
    assert changed[..., 1].min() < 100
    assert changed[..., 1].max() > 140


def test_blur_keeps_the_mean_and_takes_the_sharpness() -> None:
    stripes = (torch.arange(32) % 4 < 2).float().mul(200).expand(20, 1, 32, 32)
    (blurred,) = jittered([stripes], replace(NONE, blur=0.05))
    assert torch.allclose(blurred.mean(dim=(1, 2, 3)), torch.tensor(100.0), atol=3)
    left = blurred.std(dim=(1, 2, 3)) / stripes.std()
    assert left.min() < 0.5
    assert left.max() > 0.9  # some stay nearly as they were


def test_every_image_strays_by_itself_and_the_pair_still_strays_together() -> None:
    images = faces()
    kind = Augmentation(noise=0)
    source, target = jittered([images, images], replace(kind, own=0.5))
    (together,) = jittered([images], kind)
    apart, common = (source - target).abs().mean(), (together - images).abs().mean()
    assert 1 < apart < common


@pytest.mark.parametrize("name", ["own", "shade", "gamma", "blur"])
def test_what_is_added_leaves_the_other_draws_as_they_were(name: str) -> None:
    """So a training without it stays the same training."""
    flat = torch.full((6, 1, 16, 16), 128.0)
    kind = Augmentation(gain=0, offset=12, tint=0)
    less = replace(kind, **{name: 1e-12})
    for one, other in zip(jittered([flat], kind), jittered([flat], less), strict=True):
        assert torch.allclose(one, other, atol=1e-2)


def test_strength_scales_everything_but_what_is_a_share_of_it() -> None:
    kind = Augmentation(own=0.5, shade=0.1, gray=0.4).scaled(3)
    assert (kind.own, kind.gray, kind.offset) == (0.5, 1.0, 30.0)
    assert kind.shade == pytest.approx(0.3)


def test_some_images_lose_their_colours_and_other_draws_stay_as_they_were() -> None:
    images, random = faces(200), np.random.default_rng(0)
    some = leave_out_colours(images, random, 0.3)
    gray = (some.std(dim=1) < 1e-3).flatten(1).all(dim=1)
    assert 40 <= gray.sum() <= 80
    assert torch.equal(some[~gray], images[~gray])
    assert torch.allclose(some.mean(dim=1), images.mean(dim=1), atol=1e-3)
    assert random.random() == np.random.default_rng(0).random()


def test_however_far_the_scale_strays_no_image_is_turned_over() -> None:
    rising = torch.linspace(40, 200, 24).view(1, 1, 24, 1).expand(60, 1, 24, 24)
    (zoomed,) = jittered([rising], replace(NONE, zoom=2.0))
    assert (zoomed[:, 0, -1] >= zoomed[:, 0, 0]).all()
