"""How sure answers are. Shapes: Q queries, K answers to each, M measures."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gallery.errors import WeightsError
from generator.weights_file import load_card
from retrieval.evaluation.statistics.metrics import calibration_error
from retrieval.scoring.confidence import (
    Calibration,
    Logistic,
    fit_logistic,
    leads,
    measure_names,
    measures_of,
)
from retrieval.scoring.profile import ScoreProfile


def test_a_regression_finds_the_odds_that_made_the_answers() -> None:
    random = np.random.default_rng(0)
    measures = random.normal([0.8, -2.0], [0.1, 3.0], size=(20_000, 2))
    odds = -6 + 8 * measures[:, 0] + 0.5 * measures[:, 1]
    right = random.random(20_000) < 1 / (1 + np.exp(-odds))
    found = fit_logistic(measures, right)
    assert found.bias == pytest.approx(-6, abs=0.6)
    assert found.slopes == pytest.approx((8, 0.5), rel=0.1)
    assert calibration_error(found.probability(measures), right) < 0.02


@pytest.mark.parametrize("right", [True, False])
def test_answers_that_are_all_alike_give_no_endless_odds(right: bool) -> None:
    measures = np.random.default_rng(1).normal(size=(50, 2))
    found = fit_logistic(measures, np.full(50, right))
    sure = found.probability(measures)
    assert np.isfinite([found.bias, *found.slopes]).all()
    assert (sure > 0.9).all() if right else (sure < 0.1).all()
    with pytest.raises(ValueError, match="at least one answer"):
        fit_logistic(measures[:0], np.empty(0, dtype=np.bool_))


def test_a_lead_is_over_the_best_other_answer() -> None:
    scores = np.array([[0.9, 0.7, 0.4]], dtype=np.float32)
    assert leads(scores) == pytest.approx(np.array([[0.2, -0.2, -0.5]]))
    assert leads(scores[:, :1]) == pytest.approx(np.zeros((1, 1)))


def test_measures_are_the_parts_and_the_lead() -> None:
    scores = np.array([[1.0, 0.5]], dtype=np.float32)
    parts = {"drawing": scores - 0.2, "log_p": np.full_like(scores, 0.2)}
    names = measure_names(tuple(parts))
    assert names == ("drawing", "log_p", "lead")
    found = measures_of(scores, parts, names)
    assert found[0] == pytest.approx(np.array([[0.8, 0.2, 0.5], [0.3, 0.2, -0.5]]))
    assert measure_names(()) == ("drawing", "lead")
    alone = measures_of(scores, {}, ("drawing", "lead"))
    assert alone[0, 0] == pytest.approx([1.0, 0.5])


def test_first_and_other_answers_are_judged_apart(
    make_fitted_weights: Callable[..., Path],
) -> None:
    told = Calibration(("drawing", "lead"), Logistic(-1, (2.0, 3.0)), Logistic(0.5, (0.0, 1.0)))
    card = load_card(make_fitted_weights(calibration={"drawing": told.to_json()}))
    found = ScoreProfile.of(card).calibration("drawing")
    assert found == told
    sure = told.of_answers(np.array([0.9, 0.5, 0.4], dtype=np.float32), {})
    odds = np.array([-1 + 2 * 0.9 + 3 * 0.4, 0.5 - 0.4, 0.5 - 0.5])
    assert sure == pytest.approx(1 / (1 + np.exp(-odds)), abs=1e-6)
    assert ScoreProfile.of(card).calibration("fused") is None


def test_a_damaged_calibration_names_the_place(make_fitted_weights: Callable[..., Path]) -> None:
    broken = {"measures": ["drawing"], "first": {"bias": 0, "slopes": []}, "others": {}}
    with pytest.raises(WeightsError, match=r"calibration.fused.others.bias is lacking"):
        load_card(make_fitted_weights(calibration={"fused": broken}))
