"""SARGAN layer by layer, against lists written by hand from section III and StarGAN's appendix.

Shapes: B batch, C channels, S side, A length of the one-hot code.
"""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from generator.networks.adversarial import gradient_penalty, value_error
from generator.networks.blocks import AttentionBlock, AttentionUnit, UpConvNorm
from generator.networks.registry import architecture
from generator.networks.sargan import Sargan
from generator.training.plan import BatchSpec, PlanContext
from tests.generator.editing import SPACE, adam, lit, tiny

# For 7 values at 128 x 128: layer, inputs, outputs, kernel, side of its output, parameters. "C" is
# a convolution and "T" a transposed one, each with an instance norm (2 x outputs) behind it; "L" a
# last one with biases.
ENCODER = (
    ("C", 3 + 7, 64, 7, 128, 31_360 + 128),
    ("C", 64, 128, 4, 64, 131_072 + 256),
    ("C", 128, 256, 4, 32, 524_288 + 512),
)
ATTENTION = (
    ("C", 256, 256, 3, 32, 589_824 + 512),
    ("C", 256, 256, 3, 32, 589_824 + 512),
    ("C", 256, 128, 4, 16, 524_288 + 256),
    ("C", 128, 64, 4, 8, 131_072 + 128),
    ("T", 64, 128, 4, 16, 131_072 + 256),
    ("T", 128, 256, 4, 32, 524_288 + 512),
    ("L", 256, 1, 3, 32, 2_304 + 1),
)
VANILLA = (("C", 256, 256, 3, 32, 589_824 + 512), ("C", 256, 256, 3, 32, 589_824 + 512))
DECODER = (
    ("T", 256, 128, 4, 64, 524_288 + 256),
    ("T", 128, 64, 4, 128, 131_072 + 128),
    ("L", 64, 3, 7, 128, 9_408 + 3),
)
LISTS = {
    ("sargan", 1): ENCODER + ATTENTION + DECODER,
    ("sargan", 6): ENCODER + 6 * ATTENTION + DECODER,
    ("stargan", 6): ENCODER + 6 * VANILLA + DECODER,
}


def layers_of(network: nn.Module, *inputs: Tensor) -> list[tuple[str, int, int, int, int, int]]:
    """List the convolutions in the order they compute, each with the norm behind it."""
    found: list[tuple[str, int, int, int, int, int]] = []

    def note(layer: nn.Module, _inputs: Any, output: Tensor) -> None:
        parameters = sum(one.numel() for one in layer.parameters())
        if isinstance(layer, nn.InstanceNorm2d):
            *start, count = found[-1]
            found[-1] = (*start, count + parameters)  # type: ignore[assignment]
        elif isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            kind = "T" if isinstance(layer, nn.ConvTranspose2d) else "C"
            kind = "C" if kind == "C" and layer.bias is None else kind
            kind = "L" if layer.bias is not None else kind
            sizes = (layer.in_channels, layer.out_channels, layer.kernel_size[0])
            found.append((kind, *sizes, output.shape[-1], parameters))

    hooks = [layer.register_forward_hook(note) for layer in network.modules()]
    network(*inputs)
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize(("name", "blocks"), list(LISTS))
def test_every_layer_has_the_shape_and_the_parameters_of_the_list(name: str, blocks: int) -> None:
    with torch.device("meta"):
        network = architecture(name).build(7, {"blocks": blocks})
        found = layers_of(network, torch.zeros(2, 3, 128, 128), torch.zeros(2, 7))
    assert found == list(LISTS[name, blocks])
    total = sum(parameters for *_, parameters in LISTS[name, blocks])
    assert sum(one.numel() for one in network.parameters()) == total


def test_stargan_has_as_many_parameters_as_its_authors_count_for_five_values() -> None:
    with torch.device("meta"):
        network = architecture("stargan").build(5, {})
    assert sum(one.numel() for one in network.parameters()) == 8_430_528 + 3  # our last has biases


@pytest.mark.parametrize(("size", "side"), [(128, 8), (64, 8), (60, 15), (32, 8)])
def test_sizes_for_small_machines_draw_their_own_size(size: int, side: int) -> None:
    for name in ("sargan", "stargan"):
        with torch.device("meta"):
            network = architecture(name).build(2, {"size": size})
            drawing = network.draw(torch.zeros(2, 3, size, size), torch.zeros(2, 2))
        assert drawing.refined.shape == (2, 3, size, size)
        assert drawing.first is drawing.refined
        assert drawing.features.shape == (2, 256, side, side)


def test_the_attention_block_adds_features_where_attention_is() -> None:
    block = AttentionBlock(8)
    maps = torch.randn(2, 8, 15, 15, generator=torch.Generator().manual_seed(0))
    features = block.features(maps)
    attention = block.attention(features)
    assert attention.shape == (2, 1, 15, 15)
    assert bool(((attention > 0) & (attention < 1)).all())
    expected = maps.clone()
    for channel in range(8):
        expected[:, channel] += attention[:, 0] * features[:, channel]
    assert torch.allclose(block(maps), expected, atol=1e-6)


def test_the_attention_unit_adds_what_was_encoded_to_what_is_decoded() -> None:
    unit = AttentionUnit(8)
    features = torch.randn(2, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        half = unit.down1(features)
        raised = unit.up2(unit.down2(half), (4, 4))
        whole = features + unit.up1(half + raised, (8, 8))
        expected = 1 / (1 + torch.exp(-unit.last(whole)))
    assert torch.allclose(unit(features), expected, atol=1e-6)
    assert UpConvNorm(2, 3)(torch.zeros(1, 2, 7, 7), (15, 15)).shape == (1, 3, 15, 15)


@pytest.mark.parametrize("skip", [True, False])
def test_the_input_is_added_to_the_output_if_that_is_asked(skip: bool) -> None:
    network = tiny("sargan", skip=skip)
    assert isinstance(network, Sargan)
    images, codes = torch.randn(2, 1, 32, 32), torch.eye(3)[:2]
    planes = codes[:, :, None, None] * torch.ones(1, 1, 32, 32)
    middle = network.blocks(network.encoder(torch.cat([images, planes], dim=1)))
    expected = network.decoder(middle) + (images if skip else 0)
    drawing = network(images, codes)
    assert torch.allclose(drawing.refined, expected, atol=1e-6)
    assert torch.equal(drawing.features, middle)


@pytest.mark.parametrize("cycle", ["drawing", "source"])
@pytest.mark.parametrize("skip", [True, False])
def test_every_term_follows_its_equation(skip: bool, cycle: str) -> None:
    network = tiny("sargan", skip=skip, cycle=cycle)
    assert isinstance(network, Sargan)
    data, config = lit(), adam()
    random = torch.Generator().manual_seed(1)
    plan = network.plan(PlanContext(config, data, SPACE, random))
    critic, (stage,) = plan.beside, plan.stages
    positions = torch.tensor([1, 5, 9, 14])

    def batch() -> Any:
        chance = np.random.default_rng(0)
        return stage.batch(
            BatchSpec(data, config, torch.contiguous_format, chance, lambda: positions)
        )

    given = batch()
    x, own, wished = given.images, given.own, given.wished
    assert torch.equal(own, data.codes[data.sources[positions]])
    assert torch.equal(wished, data.codes[data.targets[positions]])

    def residual(images: Tensor, codes: Tensor) -> Tensor:
        """G(x, e) of the paper."""
        drawn: Tensor = network(images, codes).refined
        return drawn - images if skip else drawn

    y = residual(x, wished) + (x if skip else 0)
    added = {"drawing": y, "source": x}[cycle] if skip else 0
    back = residual(y, own) + added
    (real, read), (judged, told) = critic(x), critic(y)
    chance = batch().random
    expected = {
        "critic": judged.mean() - real.mean(),
        "penalty": gradient_penalty(lambda i: critic(i)[0], x, y, chance),
        "values_real": value_error(read, own, SPACE),
        "adversarial": -judged.mean(),
        "values": value_error(told, wished, SPACE),
        "cycle": (x - back).abs().mean(),
    }
    found = {**stage.turns[0].terms(batch()), **stage.turns[1].terms(batch())}
    assert found.keys() == expected.keys() == network.LOSSES.keys()
    for name, value in expected.items():
        assert found[name].item() == pytest.approx(value.item(), rel=1e-3, abs=1e-5), name
    weighed = stage.turns[1].loss(
        {name: found[name] for name in ("adversarial", "values", "cycle")}
    )
    by_hand = found["adversarial"] + found["values"] + 10 * found["cycle"]
    assert weighed.item() == pytest.approx(by_hand.item(), rel=1e-5)
    assert functional.l1_loss(back, x).item() == pytest.approx(expected["cycle"].item())


def test_the_paper_recipe_is_the_published_one() -> None:
    paper = architecture("sargan").recipe("paper").train
    assert (paper.optimiser, paper.learning_rate) == ("adam", 1e-4)
    assert (paper.beta1, paper.beta2, paper.weight_decay) == (0.5, 0.999, 0)
    assert (paper.batch_size, paper.critic_steps, paper.schedule) == (8, 5, "constant")
    assert paper.steps * paper.batch_size == 400 * 2_312
    losses = Sargan.LOSSES
    assert (losses["penalty"], losses["cycle"], losses["values"]) == (10, 10, 1)
