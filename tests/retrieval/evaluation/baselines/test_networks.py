"""Shapes: B batch, C channels, S side, F features."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from generator.networks.estimator import encoder
from retrieval.evaluation.baselines.networks import (
    LocallyConnected,
    Normalise,
    draw_weights,
    in_batches,
    place,
    relit,
    seeded,
    shifted,
)

CPU = torch.device("cpu")


def slow_local(maps: Tensor, layer: LocallyConnected) -> Tensor:
    """Every place by itself: the sum over its own kernel."""
    count, channels, _, _ = maps.shape
    size, outputs = layer.kernel, layer.weight.shape[2]
    found = torch.zeros(count, outputs, layer.side, layer.side)
    for row in range(layer.side):
        for column in range(layer.side):
            own = layer.weight[row * layer.side + column].view(channels, size, size, outputs)
            seen = maps[:, :, row : row + size, column : column + size]
            found[:, :, row, column] = torch.einsum("bcij,cijf->bf", seen, own)
            found[:, :, row, column] += layer.bias[row * layer.side + column, 0]
    return found


def test_a_locally_connected_layer_follows_its_definition() -> None:
    layer = LocallyConnected(side=7, inputs=2, outputs=3, kernel=3)
    draw_weights(layer, seed=0)
    nn.init.normal_(layer.bias, generator=torch.Generator().manual_seed(1))
    maps = torch.randn(4, 2, 7, 7, generator=torch.Generator().manual_seed(2))
    found = layer(maps)
    assert found.shape == (4, 3, 5, 5)
    torch.testing.assert_close(found, slow_local(maps, layer))


def test_with_one_kernel_everywhere_it_is_a_convolution() -> None:
    layer = LocallyConnected(side=6, inputs=2, outputs=3, kernel=3)
    kernel = torch.randn(3, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    layer.weight.data = kernel.flatten(1).T.expand(layer.weight.shape).clone()
    maps = torch.randn(2, 2, 6, 6, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(layer(maps), nn.functional.conv2d(maps, kernel))


def test_a_kernel_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="a kernel of 5 does not fit maps of 4 x 4"):
        LocallyConnected(4, 1, 1, 5)


def test_weights_depend_on_the_seed_alone() -> None:
    layers = [LocallyConnected(4, 1, 2, 3) for _ in range(3)]
    for layer, seed in zip(layers, (0, 0, 1), strict=True):
        draw_weights(layer, seed)
    assert torch.equal(layers[0].weight, layers[1].weight)
    assert not torch.equal(layers[0].weight, layers[2].weight)
    assert layers[0].weight.std().item() == pytest.approx((2 / 9) ** 0.5, rel=0.3)


def test_levels_undo_normalisation() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    normalise = Normalise.of(pixels)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
    normal = normalise(images)
    assert normal.mean((0, 2, 3)).abs().max() < 1e-5
    torch.testing.assert_close(normalise.levels(normal), images)
    assert normalise.levels(torch.full((1, 3, 1, 1), 99.0)).max() == 255
    assert set(normalise.state_dict()) == {"mean", "deviation"}


@pytest.mark.parametrize(("channels", "size"), [(1, 32), (3, 60)])
def test_an_encoder_says_how_much_it_finds(channels: int, size: int) -> None:
    network, length = encoder(channels, size)
    assert network.eval()(torch.zeros(2, channels, size, size)).shape == (2, length)


def test_a_placed_network_keeps_its_values() -> None:
    network, _ = encoder(1, 16)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    place(network, CPU)
    kernel = network.state_dict()["3.weight"]
    assert kernel.is_contiguous(memory_format=torch.channels_last)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_shifting_moves_each_image_by_itself_and_repeats_its_edge() -> None:
    rows = torch.arange(32.0)[:, None] * 32 + torch.arange(32.0)
    images = rows.expand(40, 1, 32, 32)
    with seeded(0, CPU):
        moved = shifted(images)
    assert moved.shape == images.shape
    offsets = {tuple(divmod(int(m[0, 16, 16]), 32)) for m in moved}
    assert {row for row, _ in offsets} == {column for _, column in offsets} == {14, 15, 16, 17, 18}
    for one in moved:
        row, column = divmod(int(one[0, 16, 16]), 32)
        at = (
            (torch.arange(32) + row - 16).clamp(0, 31),
            (torch.arange(32) + column - 16).clamp(0, 31),
        )
        assert torch.equal(one[0], rows[at[0][:, None], at[1][None]])


def test_relighting_changes_every_image_in_its_own_way() -> None:
    with seeded(0, CPU):
        changed = relit(torch.full((3, 1, 8, 8), 100.0))
    means = changed.mean((1, 2, 3))
    assert len(set(means.round().tolist())) == 3
    assert 1 < changed[0].std() < 6


def test_random_numbers_are_lent_and_given_back() -> None:
    torch.manual_seed(5)
    undisturbed = torch.rand(3)
    torch.manual_seed(5)
    with seeded(1, CPU):
        first = torch.rand(3)
    assert torch.equal(torch.rand(3), undisturbed)
    with seeded(1, CPU):
        assert torch.equal(torch.rand(3), first)


def test_images_are_asked_about_in_batches_whatever_their_strides() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 4, 4, 1), dtype=np.uint8)[:, ::-1]
    sizes = []

    def ask(images: Tensor, extra: Tensor) -> Tensor:
        sizes.append(len(images))
        return images.mean((1, 2, 3))[:, None] + extra

    extra = np.arange(300, dtype=np.float32)[:, None]
    found = in_batches(ask, CPU, pixels, extra)
    assert sizes == [256, 44]
    np.testing.assert_allclose(found, pixels.mean((1, 2, 3))[:, None] + extra, rtol=1e-5)
