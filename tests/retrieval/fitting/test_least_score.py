import numpy as np
import pytest

from retrieval.fitting.calibration import STRANGERS, least_score
from retrieval.scoring.confidence import Calibration, LeastScore, Logistic


def test_one_question_in_ten_about_strangers_brings_something() -> None:
    strangers = np.linspace(0, 0.999, 1000).astype(np.float32)
    right = np.linspace(0.5, 1.5, 1001).astype(np.float32)
    found = least_score(strangers, right)
    assert found is not None
    assert found.score == pytest.approx(0.899, abs=0.001)
    assert found.strangers == pytest.approx(STRANGERS, abs=0.002)
    assert found.kept == pytest.approx(0.6, abs=0.01)


def test_who_is_alone_has_no_strangers() -> None:
    alone = np.array([-np.inf, -np.inf], dtype=np.float32)
    assert least_score(alone, np.ones(2, np.float32)) is None
    assert least_score(np.ones(2, np.float32), np.empty(0, np.float32)) is None


def test_a_card_keeps_it_and_people_are_told() -> None:
    least = LeastScore(1.25, 0.1, 0.83)
    whole = Calibration(("drawing", "lead"), *(Logistic(0.0, (1.0, 2.0)),) * 2, least=least)
    assert Calibration.from_json(whole.to_json()) == whole
    assert str(least) == (
        "--min-score 1.25: 90 of 100 questions about people who are not in the gallery then bring"
        " nothing, and 83 of 100 right first answers stay"
    )
