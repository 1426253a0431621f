"""The plain form to draw with agrees with the fast one of the family that has one."""

from collections.abc import Callable

import numpy as np
import pytest

from generator.card import Card
from generator.engine import Engine
from generator.networks.family import Network
from generator.networks.two_stage import TwoStage
from generator.runs.request import CPU


def test_the_plain_form_draws_and_chooses_as_the_fast_one(
    make_card: Callable[..., Card],
    make_network: Callable[[Card], TwoStage],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    card = make_card(network={"projection": 16, "estimator": True})
    network = make_network(card)
    fast = Engine(network, card, CPU)
    with monkeypatch.context() as patch:
        patch.setattr(TwoStage, "fast", Network.fast)  # that of families without a fast form
        plain = Engine(network, card, CPU)
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (4, 32, 32, 1), dtype=np.uint8)
    codes = np.broadcast_to(np.eye(3, dtype=np.float32), (4, 3, 3))
    handicap = random.normal(0, 500, (4, 3)).astype(np.float32)
    one, other = (engine.closest(pixels, codes, handicap=handicap) for engine in (fast, plain))
    assert len(set(one.choice.tolist())) > 1
    assert np.array_equal(one.choice, other.choice)
    for a, b in (
        (one.errors, other.errors),
        (one.drawn.first, other.drawn.first),
        (one.drawn.refined, other.drawn.refined),
        (one.drawn.features, other.drawn.features),
        (fast.log_probabilities(pixels), plain.log_probabilities(pixels)),
    ):
        assert np.allclose(a, b, rtol=1e-3, atol=1e-2)
    single = plain.draw(pixels[:2], codes[:2, 1])
    assert np.allclose(single.refined, fast.draw(pixels[:2], codes[:2, 1]).refined, atol=1e-2)
