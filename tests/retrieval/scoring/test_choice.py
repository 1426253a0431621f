"""Which score a space gets: asked for, kept, or chosen by what was fitted."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gallery.errors import ConfigError, WeightsError
from generator.engine import Engine
from retrieval.scoring.choice import ScoreChoice, choose_score, refuse_score
from tests.retrieval.recognising import FUSION, Colours, tell_by_colours

TWO = {"hypotheses": {"fused": {"chosen": "2 within 1.5"}}}


@pytest.fixture(autouse=True)
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    tell_by_colours(monkeypatch)


@pytest.fixture
def opened(make_fitted_weights: Callable[..., Path]) -> Callable[..., Engine]:
    """Open weights with an estimator, on whose card something was fitted."""

    def open_fitted(**fusion: object) -> Engine:
        fitted = {"recogniser": Colours.fingerprint, **fusion} if fusion else {}
        weights = make_fitted_weights(fusion=fitted)
        return Engine.open(weights, torch.device("cpu"))

    return open_fitted


def test_what_is_asked_for_and_what_a_space_has_stay_without_a_word(
    opened: Callable[..., Engine],
) -> None:
    engine = opened(**FUSION)
    assert choose_score("drawing", None, engine, is_new=True) == ScoreChoice("drawing")
    assert choose_score("drawing", None, engine, is_new=False) == ScoreChoice("drawing")
    assert choose_score(None, None, engine, is_new=False) == ScoreChoice(None)


def test_a_choice_of_more_than_the_drawing_is_told(opened: Callable[..., Engine]) -> None:
    assert choose_score(None, None, opened(), is_new=True) == ScoreChoice("drawing")
    told = "as fitted for fitted-32; --score drawing for less"
    engine = opened(**FUSION)
    assert choose_score(None, None, engine, is_new=True) == ScoreChoice("fused", f"fused, {told}")
    engine = opened(**FUSION, **TWO)
    two = f"fused with hypotheses 2 within 1.5, {told}"
    for asked in (None, "auto"):
        assert choose_score(None, asked, engine, is_new=True) == ScoreChoice("fused", two)
    assert choose_score(None, "1", engine, is_new=True) == ScoreChoice("fused", f"fused, {told}")


def test_a_score_that_cannot_be_had_is_refused_before_anything_is_made(
    opened: Callable[..., Engine], pose_weights: Path
) -> None:
    fitted, plain = opened(**FUSION), Engine.open(pose_weights, torch.device("cpu"))
    refuse_score("fused", None, [fitted], is_new=True)
    refuse_score(None, "auto", [fitted, plain], is_new=True)
    with pytest.raises(ConfigError, match="--score cannot be 'fuesd'; did you mean 'fused'"):
        refuse_score("fuesd", None, [fitted], is_new=False)
    with pytest.raises(ConfigError, match="which the weights pose-32 lack"):
        refuse_score("fused", None, [fitted, plain], is_new=False)
    with pytest.raises(WeightsError, match="no fitted weights of the score 'fused'"):
        refuse_score("fused", None, [opened()], is_new=False)


def test_second_hypotheses_are_looked_at_where_a_score_would_be_chosen(
    opened: Callable[..., Engine], pose_weights: Path
) -> None:
    fitted, plain = opened(**FUSION, **TWO), Engine.open(pose_weights, torch.device("cpu"))
    with pytest.raises(ConfigError, match="--hypotheses 2 does harm with --score drawing"):
        refuse_score(None, "2", [plain], is_new=True)
    refuse_score(None, "2", [plain], is_new=False)
    with pytest.raises(ConfigError, match="Hypotheses are 1, 2, or like"):
        refuse_score(None, "3", [plain], is_new=False)
    with pytest.raises(WeightsError, match="with 2 within 3 hypotheses"):
        refuse_score("fused", "2 within 3", [fitted], is_new=False)


def test_another_recogniser_than_was_fitted_with_is_never_used_in_silence(
    opened: Callable[..., Engine],
) -> None:
    engine = opened(**FUSION, recogniser="colours 0")
    why = r"fitted with the recogniser colours 0, and here colours 1 is installed"
    with pytest.raises(WeightsError, match=f"{why}.* fit again .*or say --score drawing.values"):
        refuse_score("fused", None, [engine], is_new=True)
    refuse_score(None, None, [engine], is_new=True)
    chosen = choose_score(None, None, engine, is_new=True)
    assert chosen.score == "drawing+values"
    assert "The fused score of fitted-32 was fitted with the recogniser colours 0" in chosen.why


def test_an_older_card_that_names_no_recogniser_is_said_to_be_so(
    opened: Callable[..., Engine],
) -> None:
    chosen = choose_score(None, None, opened(**FUSION, recogniser=""), is_new=True)
    assert chosen.score == "fused"
    assert chosen.why.endswith("The card of fitted-32 does not say which recogniser that was with")
