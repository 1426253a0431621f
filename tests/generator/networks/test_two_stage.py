"""Shapes: B batch, C channels, S side, A length of the one-hot code."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from generator.networks.blocks import UnpoolConv
from generator.networks.two_stage import TwoStage, TwoStageConfig, initialise

# The lists of BMVC 2016 (60) and arXiv 1511.08446 (32), sections 3.1 and 3.2, with every ReLU that
# the texts ask for, "M" for the width that BMVC prints as 1, and "C" for the image's channels.
BMVC = {
    "first.image": "Conv(3, 3, 64)-ReLU-Conv(3, 3, 64)-ReLU-Pool(2, 2)",
    "first.code": "FC(512)-ReLU-FC(900A)",
    "first.fusion": ("Conv(3, 3, 128)-ReLU-Conv(3, 3, 128)-ReLU-Pool(2, 2)-Conv(1, 1, 128)-ReLU"),
    "first.decoder": (
        "Unpool(2, 2)-Conv(3, 3, 64)-ReLU-Conv(3, 3, M)-ReLU"
        "-Unpool(2, 2)-Conv(3, 3, 64)-ReLU-Conv(3, 3, C)"
    ),
    "refiner.encoder": (
        "Conv(3, 3, 64)-ReLU-Conv(3, 3, 64)-ReLU-Pool(2, 2)"
        "-Conv(3, 3, 128)-ReLU-Conv(3, 3, 128)-ReLU-Pool(2, 2)-Conv(1, 1, 128)-ReLU"
    ),
    "refiner.decoder": (
        "Unpool(2, 2)-Conv(3, 3, 128)-ReLU-Conv(3, 3, 64)-ReLU"
        "-Unpool(2, 2)-Conv(3, 3, 64)-ReLU-Conv(3, 3, C)"
    ),
}
ARXIV = {
    "first.image": "Conv(3, 3, 64)-ReLU-Conv(3, 3, 64)-ReLU-Pool(2, 2)",
    "first.code": "FC(512)-ReLU-FC(256A)",
    "first.fusion": (
        "Conv(3, 3, 64)-ReLU-Conv(3, 3, 128)-ReLU-Conv(3, 3, 128)-ReLU-Conv(3, 3, 64)-ReLU"
    ),
    "first.decoder": "Unpool(2, 2)-Conv(3, 3, 64)-ReLU-Conv(3, 3, C)",
    "refiner.encoder": (
        "Conv(3, 3, 64)-ReLU-Conv(3, 3, 64)-ReLU-Pool(2, 2)-Conv(3, 3, 128)-ReLU"
        "-Conv(3, 3, 128)-ReLU-Conv(3, 3, 128)-ReLU-Conv(3, 3, 64)-ReLU"
    ),
    "refiner.decoder": "Unpool(2, 2)-Conv(3, 3, 64)-ReLU-Conv(3, 3, C)",
}

# Inputs and outputs of every layer with weights for 7 values, counted by hand: (kernel, in, out).
BMVC_FIRST = (
    *((3, 3, 64), (3, 64, 64), (1, 7, 512), (1, 512, 6300)),
    *((3, 71, 128), (3, 128, 128), (1, 128, 128)),
    *((3, 128, 64), (3, 64, 64), (3, 64, 64), (3, 64, 3)),
)
BMVC_REFINER = (
    *((3, 6, 64), (3, 64, 64), (3, 64, 128), (3, 128, 128), (1, 128, 128)),
    *((3, 128, 128), (3, 128, 64), (3, 64, 64), (3, 64, 3)),
)
ARXIV_FIRST = (
    *((3, 1, 64), (3, 64, 64), (1, 7, 512), (1, 512, 1792)),
    *((3, 71, 64), (3, 64, 128), (3, 128, 128), (3, 128, 64)),
    *((3, 64, 64), (3, 64, 1)),
)
ARXIV_REFINER = (
    *((3, 2, 64), (3, 64, 64), (3, 64, 128), (3, 128, 128), (3, 128, 128), (3, 128, 64)),
    *((3, 64, 64), (3, 64, 1)),
)


def network(
    size: int = 32, channels: int = 1, code_size: int = 3, **changes: int | str
) -> TwoStage:
    config = TwoStageConfig(size=size, channels=channels, code_size=code_size, **changes)  # type: ignore[arg-type]
    made = TwoStage(config)
    initialise(made, torch.Generator().manual_seed(0))
    return made


def outline(size: int, channels: int, code_size: int, **changes: int | str) -> TwoStage:
    """Make a network without weights: shapes and counts alone."""
    with torch.device("meta"):
        config = TwoStageConfig(size=size, channels=channels, code_size=code_size, **changes)  # type: ignore[arg-type]
        return TwoStage(config)


def inputs(made: TwoStage, batch: int = 2) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(1)
    config = made.config
    images = torch.randn(batch, config.channels, config.size, config.size, generator=random)
    codes = torch.eye(config.code_size)[torch.arange(batch) % config.code_size]
    return images, codes


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def by_hand(layers: tuple[tuple[int, int, int], ...]) -> int:
    return sum(kernel * kernel * before * after + after for kernel, before, after in layers)


def printed(layers: nn.Module) -> str:
    """Describe a chain of layers as the papers do."""
    words = []
    for layer in layers.children():
        match layer:
            case UnpoolConv():
                words += ["Unpool(2, 2)", f"Conv(3, 3, {layer.out_channels})"]
            case nn.Conv2d():
                assert layer.stride == (1, 1)
                assert layer.padding == (layer.kernel_size[0] // 2, layer.kernel_size[1] // 2)
                words.append(
                    f"Conv({layer.kernel_size[0]}, {layer.kernel_size[1]}, {layer.out_channels})"
                )
            case nn.Linear():
                words.append(f"FC({layer.out_features})")
            case nn.MaxPool2d():
                assert layer.stride == 2
                words.append(f"Pool({layer.kernel_size}, {layer.kernel_size})")
            case _:
                words.append(type(layer).__name__)
    return "-".join(words)


def filled_in(layers: str, channels: int, code_size: int, middle: int = 64) -> str:
    layers = layers.replace("M", str(middle)).replace(" C)", f" {channels})")
    return layers.replace("900A", str(900 * code_size)).replace("256A", str(256 * code_size))


@pytest.mark.parametrize(
    ("size", "channels", "lists"), [(60, 3, BMVC), (32, 1, ARXIV)], ids=["bmvc", "arxiv"]
)
@pytest.mark.parametrize("code_size", [2, 7])
def test_the_layers_are_the_published_ones(
    size: int, channels: int, lists: dict[str, str], code_size: int
) -> None:
    made = outline(size, channels, code_size)
    for name, expected in lists.items():
        assert printed(made.get_submodule(name)) == filled_in(expected, channels, code_size), name


def test_the_literal_1_of_bmvc_is_the_width_of_one_layer() -> None:
    decoder = printed(outline(60, 3, 7, middle_channels=1).first.decoder)
    assert decoder == filled_in(BMVC["first.decoder"], 3, 7, middle=1)


@pytest.mark.parametrize(
    ("size", "channels", "first", "refiner", "parameters"),
    [
        (60, 3, BMVC_FIRST, BMVC_REFINER, (3_670_111, 538_435)),
        (32, 1, ARXIV_FIRST, ARXIV_REFINER, (1_334_657, 518_465)),
    ],
    ids=["two-stage-60", "two-stage-32"],
)
def test_seven_values_take_the_parameters_counted_by_hand(
    size: int,
    channels: int,
    first: tuple[tuple[int, int, int], ...],
    refiner: tuple[tuple[int, int, int], ...],
    parameters: tuple[int, int],
) -> None:
    made = outline(size, channels, 7)
    assert (by_hand(first), by_hand(refiner)) == parameters
    assert (count(made.first), count(made.refiner)) == parameters


def test_the_literal_1_of_bmvc_takes_fewer_parameters() -> None:
    made = outline(60, 3, 7, middle_channels=1)
    assert (count(made.first), count(made.refiner)) == (3_597_472, 538_435)


@pytest.mark.parametrize("code_size", [1, 2, 3, 6, 11, 26])
@pytest.mark.parametrize(("size", "fused"), [(60, 128), (32, 64)])
def test_a_further_value_costs_its_codes_and_its_map(size: int, fused: int, code_size: int) -> None:
    cells = (size // 2) ** 2
    per_value = (
        512 + (512 + 1) * cells + 9 * fused
    )  # both fully connected layers, first fusion layer
    seven = {60: 3_670_111, 32: 1_334_657}[size]
    made = outline(size, 3 if size == 60 else 1, code_size)
    assert count(made.first) == seven + (code_size - 7) * per_value
    assert count(made.refiner) == {60: 538_435, 32: 518_465}[size]


@pytest.mark.parametrize(
    ("size", "channels", "layer", "shape"),
    [
        (60, 3, "", (128, 15, 15)),
        (60, 3, "conv5", (128, 15, 15)),
        (32, 1, "", (64, 16, 16)),
        (32, 1, "conv6", (64, 16, 16)),
        (32, 1, "conv5", (128, 16, 16)),
        (32, 1, "conv4", (128, 16, 16)),
    ],
)
def test_features_are_the_named_layer_after_its_relu(
    size: int, channels: int, layer: str, shape: tuple[int, int, int]
) -> None:
    made = network(size, channels, feature_layer=layer)
    images, codes = inputs(made)
    seen: dict[str, Tensor] = {}
    for name, module in made.refiner.encoder.named_children():
        module.register_forward_hook(lambda _m, _i, out, name=name: seen.__setitem__(name, out))
    with torch.inference_mode():
        drawing = made(images, codes)
    assert drawing.first.shape == drawing.refined.shape == images.shape
    assert drawing.features.shape == (2, *shape)
    assert drawing.features.min() == 0 < drawing.features.max()
    before = seen[layer or {60: "conv5", 32: "conv6"}[size]]
    assert torch.equal(drawing.features, before.clamp(min=0))
    assert before.min() < 0


def test_the_feature_of_bmvc_has_28800_numbers() -> None:
    made = network(60, 3, 7)
    with torch.inference_mode():
        assert made(*inputs(made, 1)).features.flatten(1).shape == (1, 28_800)


@pytest.mark.parametrize(("size", "channels"), [(60, 3), (32, 1)])
def test_both_stages_draw_values_of_either_sign(size: int, channels: int) -> None:
    made = network(size, channels)
    with torch.inference_mode():
        drawing = made(*inputs(made))
    for image in (drawing.first, drawing.refined):
        assert image.min() < 0 < image.max()


def test_the_network_takes_images_of_any_channels() -> None:
    made = network(32, 3)
    with torch.inference_mode():
        assert made(*inputs(made)).refined.shape == (2, 3, 32, 32)


def test_the_first_stage_draws_from_the_image_and_from_the_code() -> None:
    made = network()
    images, codes = inputs(made)
    with torch.inference_mode():
        drawn = made.first(images, codes)
        assert not torch.equal(drawn, made.first(images, codes.roll(1, 1)))
        assert not torch.equal(drawn, made.first(images.flip(3), codes))
        alone = made.first(images[1:], codes[1:])
    assert torch.allclose(drawn[1:], alone, atol=1e-5)


def test_the_code_is_laid_out_map_by_map() -> None:
    made = network()
    with torch.no_grad():
        second = made.get_submodule("first.code.2")
        second.get_parameter("weight").zero_()
        second.get_parameter("bias").copy_(torch.arange(3.0).repeat_interleave(256))
    images, codes = inputs(made)
    seen: list[Tensor] = []
    made.first.fusion.register_forward_pre_hook(lambda _m, given: seen.append(given[0]))
    with torch.inference_mode():
        made.first(images, codes)
        assert torch.equal(seen[0][:, :64], made.first.image(images))
    for value in range(3):
        assert (seen[0][:, 64 + value] == value).all()


def test_the_refiner_sees_the_source_before_the_first_drawing() -> None:
    made = network()
    images, _ = inputs(made)
    with torch.no_grad():
        made.get_parameter("refiner.encoder.conv1.weight")[:, 1].zero_()
        refined, features = made.refiner(images, images)
        again, same = made.refiner(images, -images)
        other, _ = made.refiner(-images, images)
    assert torch.equal(refined, again)
    assert torch.equal(features, same)
    assert not torch.equal(refined, other)


def test_the_whole_network_is_its_stages_in_a_row() -> None:
    made = network(feature_layer="conv4")
    images, codes = inputs(made)
    with torch.inference_mode():
        drawing = made(images, codes)
        first = made.first(images, codes)
        refined, features = made.refiner(images, first)
    assert torch.equal(drawing.first, first)
    assert torch.equal(drawing.refined, refined)
    assert torch.equal(drawing.features, features)


@given(
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 5), st.integers(1, 5)),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_unpooling_and_convolving_follow_their_definitions(
    shape: tuple[int, int, int, int], seed: int, channels_last: bool
) -> None:
    random = torch.Generator().manual_seed(seed)
    maps = torch.randn(shape, generator=random, requires_grad=True)
    layer = UnpoolConv(shape[1], 2)
    given = maps.contiguous(memory_format=torch.channels_last) if channels_last else maps
    drawn = layer(given)
    wanted = convolved(unpooled(maps), layer)
    assert torch.allclose(drawn, wanted, atol=1e-5)
    weights = torch.randn(wanted.shape, generator=random)
    parameters = [maps, *layer.parameters()]
    gradients = torch.autograd.grad((drawn * weights).sum(), parameters)
    for gradient, right in zip(
        gradients, torch.autograd.grad((wanted * weights).sum(), parameters), strict=True
    ):
        assert torch.allclose(gradient, right, atol=1e-4)


def unpooled(maps: Tensor) -> Tensor:
    """Make every element the upper left of a 2 x 2 block of zeros, one by one."""
    batch, features, height, width = maps.shape
    blocks = torch.zeros(batch, features, 2 * height, 2 * width)
    for row, column in np.ndindex(height, width):
        blocks[:, :, 2 * row, 2 * column] = maps[:, :, row, column]
    return blocks


def convolved(maps: Tensor, layer: UnpoolConv) -> Tensor:
    return functional.conv2d(maps, layer.weight, layer.bias, padding=1)


@pytest.mark.parametrize(("size", "channels"), [(60, 3), (32, 1)])
def test_weights_are_drawn_as_he_et_al_prescribe(size: int, channels: int) -> None:
    made = network(size, channels, 7)
    layers = [m for m in made.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == {60: 20, 32: 18}[size]
    for layer in layers:
        assert layer.bias is not None
        assert not layer.bias.any()
        weight = layer.weight.detach()
        expected = (2 / weight[0].numel()) ** 0.5  # weight[0]: all that feeds one output
        error = 4 / (2 * weight.numel()) ** 0.5  # four standard errors of a standard deviation
        assert weight.std().item() == pytest.approx(expected, rel=error)
        assert abs(weight.mean().item()) < 4 * expected / weight.numel() ** 0.5


def test_a_seed_decides_all_weights_and_disturbs_nobody() -> None:
    first, second = network(), network()
    state = torch.get_rng_state()
    initialise(second, torch.Generator().manual_seed(0))
    assert torch.equal(torch.get_rng_state(), state)
    mine, yours = first.state_dict(), second.state_dict()
    assert all(torch.equal(mine[name], yours[name]) for name in mine)
    initialise(second, torch.Generator().manual_seed(1))
    yours = second.state_dict()
    assert not any(torch.equal(mine[n], yours[n]) for n in mine if n.endswith("weight"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 64}, r"size must be one of \[32, 60\], got 64"),
        ({"channels": 0}, "must be positive"),
        ({"code_size": 0}, "must be positive"),
        ({"middle_channels": 0}, "must be positive"),
        ({"feature_layer": "conv1"}, "must be one of conv6, conv5, conv4, got 'conv1'"),
        ({"size": 60, "feature_layer": "conv4"}, "must be one of conv5, got 'conv4'"),
        ({"middle_channels": 32}, "two-stage-32 has no such layer"),
    ],
)
def test_a_network_that_was_never_published_is_refused(
    changes: dict[str, int | str], message: str
) -> None:
    given: dict[str, int | str] = {"size": 32, "channels": 1, "code_size": 3, **changes}
    with pytest.raises(ValueError, match=message):
        TwoStageConfig(**given)  # type: ignore[arg-type]


def test_a_configuration_says_all_its_settings() -> None:
    config = TwoStageConfig(size=32, channels=1, code_size=3)
    assert TwoStageConfig(size=32, channels=1, code_size=3, **config.settings()) == config
    assert config.feature_layer == "conv6"
