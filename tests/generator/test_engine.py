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
from generator.drawer import DrawnBatch
from generator.engine import Engine
from generator.networks.two_stage import TwoStage
from generator.runs.request import CPU

MakeCard = Callable[..., Card]
MakeNetwork = Callable[[Card], TwoStage]


def wishes(card: Card, count: int = 5) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Make images of noise and codes in turn: (N, S, S, C) and (N, A)."""
    size, channels = card.aligner.size, card.aligner.channels
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (count, size, size, channels), dtype=np.uint8)
    return pixels, np.eye(card.space.size, dtype=np.float32)[np.arange(count) % card.space.size]


def same(first: DrawnBatch, second: DrawnBatch, levels: float) -> bool:
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


def test_the_dimension_of_an_engine_costs_no_drawing(
    make_card: MakeCard, make_network: MakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = make_card()
    engine = Engine(make_network(card), card, CPU)
    drawn = engine.draw(*wishes(card, 1))
    monkeypatch.setattr(Engine, "draw", None)
    assert engine.dimension == drawn.features.shape[1]


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
    engine = Engine.open(tmp_path / "w.safetensors", CPU, precision=torch.float32)
    assert engine.card == written
    pixels, codes = wishes(card, 2)
    expected = Engine(network, card, CPU).draw(pixels, codes)
    assert same(engine.draw(pixels, codes), expected, levels=0)


def test_an_engine_without_weights_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="There is no file"):
        Engine.open(tmp_path / "w.safetensors", CPU)


def all_wishes(card: Card, count: int) -> NDArray[np.float32]:
    """Every value for every image, (N, K, A)."""
    return np.broadcast_to(np.eye(card.space.size, dtype=np.float32), (count, 3, 3)).copy()


def one_by_one(
    engine: Engine, pixels: NDArray[np.uint8], codes: NDArray[np.float32], refine_best: int
) -> tuple[NDArray[np.int64], list[DrawnBatch]]:
    """Follow the definition of `closest`, one drawing at a time."""
    choices, kept = [], []
    for image, wished in zip(pixels, codes, strict=True):
        drawn = [engine.draw(image[None], code[None]) for code in wished]
        coarse = [float(np.square(one.first[0] - image).mean()) for one in drawn]
        near = sorted(np.argsort(coarse, kind="stable")[:refine_best].tolist())
        fine = [float(np.square(drawn[place].refined[0] - image).mean()) for place in near]
        choices.append(near[int(np.argmin(fine))])
        kept.append(drawn[choices[-1]])
    return np.array(choices), kept


@pytest.mark.parametrize("name", ["two-stage-60", "two-stage-32"])
@pytest.mark.parametrize("refine_best", [1, 2, 3])
def test_the_closest_drawing_is_that_of_the_definition(
    make_card: MakeCard, make_network: MakeNetwork, name: str, refine_best: int
) -> None:
    card = make_card(name)
    engine = Engine(make_network(card), card, CPU, batch_size=7)
    pixels, codes = wishes(card, 5)[0], all_wishes(card, 5)
    closest = engine.closest(pixels, codes, refine_best=refine_best)
    choices, kept = one_by_one(engine, pixels, codes, refine_best)
    assert closest.choice.tolist() == choices.tolist()
    for position, one in enumerate(kept):
        assert np.allclose(closest.drawn.first[position], one.first[0], atol=0.01)
        assert np.allclose(closest.drawn.refined[position], one.refined[0], atol=0.01)
        assert np.allclose(closest.drawn.features[position], one.features[0], atol=1e-3)
        error = np.square(one.refined[0] - pixels[position]).mean()
        assert closest.errors[position] == pytest.approx(error, rel=1e-3)


def test_images_may_have_wishes_of_their_own(
    make_card: MakeCard, make_network: MakeNetwork
) -> None:
    card = make_card()
    engine = Engine(make_network(card), card, CPU)
    pixels, codes = wishes(card, 6)[0], all_wishes(card, 6)
    codes[::2] = codes[::2, ::-1]
    forwards = engine.closest(pixels, all_wishes(card, 6))
    mixed = engine.closest(pixels, codes)
    assert mixed.choice[1::2].tolist() == forwards.choice[1::2].tolist()
    assert mixed.choice[::2].tolist() == (2 - forwards.choice[::2]).tolist()
    assert np.allclose(mixed.drawn.refined, forwards.drawn.refined, atol=0.01)


def test_of_equally_close_drawings_the_earlier_wish_wins(
    make_card: MakeCard, make_network: MakeNetwork
) -> None:
    card = make_card()
    engine = Engine(make_network(card), card, CPU)
    pixels, codes = wishes(card, 4)[0], np.repeat(all_wishes(card, 4)[:, :1], 3, axis=1)
    for refine_best in (1, 2, 3):
        assert not engine.closest(pixels, codes, refine_best=refine_best).choice.any()


def test_half_the_precision_gives_almost_the_same_features(
    make_card: MakeCard, make_network: MakeNetwork
) -> None:
    card = make_card("two-stage-60")
    network = make_network(card)
    pixels, codes = wishes(card)
    whole = Engine(network, card, CPU).draw(pixels, codes)
    half = Engine(network, card, CPU, precision=torch.bfloat16).draw(pixels, codes)
    lengths = np.linalg.norm(whole.features, axis=1) * np.linalg.norm(half.features, axis=1)
    assert ((whole.features * half.features).sum(axis=1) / lengths).min() > 0.999
    assert np.abs(whole.refined - half.refined).mean() < 1
    assert not np.array_equal(whole.refined, half.refined)


@pytest.mark.parametrize(("codes", "best"), [((2, 3, 2), None), ((2, 3), None), ((2, 3, 3), 0)])
def test_wishes_that_do_not_fit_are_refused(
    make_card: MakeCard, make_network: MakeNetwork, codes: tuple[int, ...], best: int | None
) -> None:
    card = make_card()
    engine = Engine(make_network(card), card, CPU)
    pixels = wishes(card, 2)[0]
    with pytest.raises(ValueError, match=r"codes \(N, K, 3\)|refine_best must be at least 1"):
        engine.closest(pixels, np.zeros(codes, dtype=np.float32), refine_best=best)


@pytest.mark.parametrize("name", ["two-stage-60", "two-stage-32"])
def test_a_projection_and_an_estimator_are_those_of_the_plain_network(
    make_card: MakeCard, make_network: MakeNetwork, name: str
) -> None:
    card = make_card(name, network={"projection": 16, "estimator": True})
    network = make_network(card).eval()
    engine = Engine(network, card, CPU)
    pixels, codes = wishes(card)
    mean, deviation = (np.array(x, np.float32) for x in (card.mean, card.deviation))
    images = torch.from_numpy(((pixels - mean) / deviation).transpose(0, 3, 1, 2))
    with torch.no_grad():
        by_hand = network(images, torch.from_numpy(codes))
        logits = network.estimator(images)  # type: ignore[misc]
    assert engine.dimension == 16
    assert np.allclose(engine.draw(pixels, codes).features, by_hand.features.numpy(), atol=1e-3)
    assert np.allclose(
        engine.log_probabilities(pixels), logits.log_softmax(dim=1).numpy(), atol=1e-4
    )
    assert engine.estimates
    assert np.exp(engine.log_probabilities(pixels)).sum(axis=1) == pytest.approx(np.ones(5))


def test_without_an_estimator_there_is_no_estimate(
    make_card: MakeCard, make_network: MakeNetwork
) -> None:
    card = make_card()
    engine = Engine(make_network(card), card, CPU)
    assert not engine.estimates
    with pytest.raises(ValueError, match="these weights have no attribute estimator"):
        engine.log_probabilities(wishes(card)[0])


@pytest.mark.parametrize("refine_best", [1, 3])
def test_a_handicap_is_added_before_drawings_are_compared(
    make_card: MakeCard, make_network: MakeNetwork, refine_best: int
) -> None:
    card = make_card()
    engine = Engine(make_network(card), card, CPU)
    pixels, codes = wishes(card, 6)[0], all_wishes(card, 6)
    wanted = np.array([0, 1, 2, 2, 1, 0])
    handicap = np.full((6, 3), 1e6, dtype=np.float32)
    handicap[np.arange(6), wanted] = 0
    closest = engine.closest(pixels, codes, handicap=handicap, refine_best=refine_best)
    assert closest.choice.tolist() == wanted.tolist()
    errors = np.square(closest.drawn.refined - pixels).mean(axis=(1, 2, 3))
    assert closest.errors == pytest.approx(errors, rel=1e-3)  # without the handicap
