"""Shapes: N images, S side, C channels, A length of the one-hot code, D length of the features."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gallery.errors import WeightsError
from generator.card import Card
from generator.checkpoint import save_weights
from generator.engine import Drawn, Engine
from generator.request import CPU
from generator.two_stage import TwoStage

MakeCard = Callable[..., Card]
MakeNetwork = Callable[[Card], TwoStage]


def wishes(card: Card, count: int = 5) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Make images of noise and codes in turn: (N, S, S, C) and (N, A)."""
    size, channels = card.aligner.size, card.aligner.channels
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (count, size, size, channels), dtype=np.uint8)
    return pixels, np.eye(card.space.size, dtype=np.float32)[np.arange(count) % card.space.size]


def same(first: Drawn, second: Drawn, levels: float) -> bool:
    return (
        np.allclose(first.first, second.first, atol=levels, rtol=0)
        and np.allclose(first.refined, second.refined, atol=levels, rtol=0)
        and np.allclose(first.features, second.features, atol=1e-3, rtol=1e-4)
    )


@pytest.mark.parametrize(
    ("name", "dimension"), [("two-stage-60", 28_800), ("two-stage-32", 16_384)]
)
def test_drawing_is_the_network_between_normalisation_and_its_undoing(
    make_card: MakeCard, make_network: MakeNetwork, name: str, dimension: int
) -> None:
    card = make_card(name)
    network = make_network(card)
    pixels, codes = wishes(card, 2)
    mean = np.array(card.mean, dtype=np.float32)
    deviation = np.array(card.deviation, dtype=np.float32)
    with torch.no_grad():
        by_hand = network(
            torch.from_numpy(((pixels - mean) / deviation).transpose(0, 3, 1, 2)),
            torch.from_numpy(codes),
        )
    drawn = Engine(network, card, CPU).draw(pixels, codes)
    for levels, normalised in ((drawn.first, by_hand.first), (drawn.refined, by_hand.refined)):
        expected = np.clip(normalised.numpy().transpose(0, 2, 3, 1) * deviation + mean, 0, 255)
        assert levels.shape == pixels.shape
        assert levels.dtype == np.float32
        assert np.allclose(levels, expected, atol=0.01)
    assert drawn.features.shape == (2, dimension)
    assert np.allclose(drawn.features, by_hand.features.flatten(1).numpy(), atol=1e-4)


def test_batches_do_not_change_what_is_drawn(
    make_card: MakeCard, make_network: MakeNetwork
) -> None:
    card = make_card()
    network = make_network(card)
    pixels, codes = wishes(card)
    whole = Engine(network, card, CPU).draw(pixels, codes)
    for size in (1, 2, 5):
        parts = Engine(network, card, CPU, batch_size=size).draw(pixels, codes)
        assert same(whole, parts, levels=0.01)
    backwards = Engine(network, card, CPU, batch_size=2).draw(pixels[::-1], codes[::-1])
    assert np.allclose(backwards.refined[::-1], whole.refined, atol=0.01)


def test_drawings_are_grey_levels_whatever_the_network_says(
    make_card: MakeCard, make_network: MakeNetwork
) -> None:
    card = make_card()
    network = make_network(card)
    with torch.no_grad():
        for name in ("first.decoder.conv2.weight", "refiner.decoder.conv2.weight"):
            network.get_parameter(name).mul_(100)
    drawn = Engine(network, card, CPU).draw(*wishes(card))
    for levels in (drawn.first, drawn.refined):
        assert (levels.min(), levels.max()) == (0, 255)


@pytest.mark.parametrize("channels", ["two-stage-60", "two-stage-32"])
def test_nothing_wished_for_is_nothing_drawn(
    make_card: MakeCard, make_network: MakeNetwork, channels: str
) -> None:
    card = make_card(channels)
    engine = Engine(make_network(card), card, CPU)
    drawn = engine.draw(*wishes(card, 0))
    size = card.aligner.size
    assert drawn.first.shape == drawn.refined.shape == (0, size, size, card.aligner.channels)
    assert drawn.features.shape == (0, engine.dimension)


@pytest.mark.parametrize(
    ("layer", "dimension"), [("conv6", 64 * 256), ("conv5", 128 * 256), ("conv4", 128 * 256)]
)
def test_the_dimension_is_that_of_the_feature_layer(
    make_card: MakeCard, make_network: MakeNetwork, layer: str, dimension: int
) -> None:
    card = make_card(network={"feature_layer": layer})
    assert Engine(make_network(card), card, CPU).dimension == dimension


def test_shapes_that_do_not_fit_are_refused(make_card: MakeCard, make_network: MakeNetwork) -> None:
    card = make_card()
    engine = Engine(make_network(card), card, CPU)
    pixels, codes = wishes(card)
    for wrong in (pixels[:4], pixels[:, :31], pixels[..., 0], np.repeat(pixels, 3, axis=3)):
        with pytest.raises(
            ValueError, match=r"expected images \(5, 32, 32, 1\) and codes \(N, 3\)"
        ):
            engine.draw(wrong, codes)
    for wrong_codes in (codes[:, :2], codes[:, 0], codes[None]):
        with pytest.raises(ValueError, match=r"codes \(N, 3\)"):
            engine.draw(pixels[: len(wrong_codes)], wrong_codes)


def test_drawing_twice_is_drawing_once(make_card: MakeCard, make_network: MakeNetwork) -> None:
    card = make_card()
    engine = Engine(make_network(card).train(), card, CPU)
    pixels, codes = wishes(card)
    kept = pixels.copy()
    first, second = engine.draw(pixels, codes), engine.draw(pixels, codes)
    assert np.array_equal(first.refined, second.refined)
    assert np.array_equal(first.features, second.features)
    assert np.array_equal(pixels, kept)


def test_an_engine_opens_weights_on_disk(
    tmp_path: Path, make_card: MakeCard, make_network: MakeNetwork
) -> None:
    card = make_card()
    network = make_network(card)
    written = save_weights(tmp_path / "w.safetensors", network, card)
    engine = Engine.open(tmp_path / "w.safetensors", CPU)
    assert engine.card == written
    pixels, codes = wishes(card, 2)
    expected = Engine(network, card, CPU).draw(pixels, codes)
    assert same(engine.draw(pixels, codes), expected, levels=0)


def test_an_engine_without_weights_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="There is no file"):
        Engine.open(tmp_path / "w.safetensors", CPU)
