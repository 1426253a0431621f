"""What cards hold of scores, read once and written as it was."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from generator.hypotheses import ONE, Hypotheses
from generator.weights_file import load_card
from generator.zoo import packaged
from retrieval.scoring.profile import FittedScore, FittingData, ScoreProfile
from retrieval.scoring.terms import Coefficients

WITHIN = Hypotheses(1.5)
SAID = {
    "clip": -10.0,
    "without_identity": {"log_probability": 0.2},
    "log_probability": 0.3,
    "identity": 0.7,
    "without_log_probability": {"identity": 0.4},
    "hit_rate": {"drawing": {"C1": 0.5, "C2": None}},
    "hypotheses": {
        "fused": {
            "chosen": "2 within 1.5",
            "tried": {
                "2 within 1.5": {
                    "log_probability": 0.1,
                    "identity": 0.6,
                    "rows": 1.25,
                    "hit_rate": {"C1": 0.9, "C2": 0.8},
                }
            },
        }
    },
    "recogniser": "colours 1",
    "fitted_on": {"spec": "here", "people": ["a", "b"], "images": 4, "queries": 8, "seed": 1},
}
CALIBRATION = {
    "fused, hypotheses 2 within 1.5": {
        "measures": ["drawing", "lead"],
        "first": {"bias": 0.5, "slopes": [1.0, 2.0]},
        "others": {"bias": -1.0, "slopes": [0.0, 1.0]},
        "expected_calibration_error": 0.01,
    }
}


def test_a_card_is_read_and_written_byte_for_byte(
    make_fitted_weights: Callable[..., Path],
) -> None:
    card = load_card(make_fitted_weights(fusion=SAID, calibration=CALIBRATION))
    profile = ScoreProfile.of(card)
    assert profile.scores == {
        "drawing+values": Coefficients(log_p=0.2),
        "fused": Coefficients(log_p=0.3, identity=0.7),
    }
    assert profile.identity_alone == Coefficients(identity=0.4)
    assert profile.chosen("fused") == WITHIN
    assert profile.chosen("drawing+values") == ONE
    fitted = FittedScore(Coefficients(log_p=0.1, identity=0.6), 1.25, {"C1": 0.9, "C2": 0.8})
    assert profile.tried("fused") == {WITHIN: fitted}
    assert profile.weights("fused", WITHIN) == Coefficients(log_p=0.1, identity=0.6)
    assert profile.recogniser == "colours 1"
    assert profile.fitted_on == FittingData(
        spec="here", people=("a", "b"), images=4, queries=8, seed=1
    )
    calibration = profile.calibration("fused", WITHIN)
    assert calibration is not None
    assert calibration.expected_error == 0.01
    assert profile.calibration("fused") is None
    again = profile.written_on(load_card(make_fitted_weights()))
    assert json.dumps(again.fusion) == json.dumps(SAID)
    assert json.dumps(again.calibration) == json.dumps(CALIBRATION)


@pytest.mark.parametrize("name", [one.card.name for one in packaged()])
def test_packaged_cards_lose_nothing(name: str) -> None:
    (card,) = (one.card for one in packaged() if one.card.name == name)
    again = ScoreProfile.of(card).written_on(card)
    assert again.calibration == card.calibration
    if card.fusion:
        assert again.fusion == card.fusion


def test_a_card_on_which_nothing_was_fitted_says_so(pose_weights: Path) -> None:
    profile = ScoreProfile.of(load_card(pose_weights))
    assert not profile.scores
    assert not profile.calibrations
    assert not profile.hypotheses
    assert profile.fitted_on is None
    assert profile.weights("drawing") == Coefficients()
