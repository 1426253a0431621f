"""What errors of redrawings are usual. Shapes: N images, K values."""

from dataclasses import replace

import numpy as np
import pytest

from gallery.attributes import Attribute
from gallery.errors import WeightsError
from generator.canonical import Rule, canonicalise
from generator.reconstruction_error import ENOUGH, Usual, own_errors, usual_errors, usual_text
from tests.drawing import Told, card_of, numbered

POSE = Attribute("pose", ("-45", "0", "45"), "degree")
LIGHT = Attribute("light", ("left", "right"))
CARD = card_of(POSE)

ERRORS = np.array([(10, 500, 90), (500, 20, 30), (70, 60, 50)], np.float32)
SURE = np.array([(0.8, 0.1, 0.1), (0.1, 0.1, 0.8), (0.1, 0.8, 0.1)], np.float32)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, [10, 20, 50]),
        ({"rule": "reconstruction"}, [10, 20, 50]),
        ({"rule": "estimator"}, [10, 30, 60]),
        ({"rule": "expected"}, [10, 30, 60]),
        ({"rule": "both", "temperature": 6.0}, [10, 30, 60]),  # 6 log 8 = 12.5 outweigh 10
        ({"rule": "both", "temperature": 3.0}, [10, 20, 50]),  # 6.2 do not
    ],
)
def test_an_images_own_error_is_that_of_its_canonical_view(
    chosen: dict[str, object], expected: list[float]
) -> None:
    engine = Told(ERRORS, SURE, POSE)
    assert own_errors(engine, numbered(3), Rule.chosen(chosen)) == pytest.approx(expected, rel=1e-4)


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = own_errors(Told(ERRORS, SURE, POSE), numbered(3), Rule("estimator"))
    monkeypatch.setattr("generator.reconstruction_error.BATCH", 2)
    parts = own_errors(Told(ERRORS, SURE, POSE), numbered(3), Rule("estimator"))
    assert whole is not None
    assert parts == pytest.approx(whole)


def test_several_attributes_are_redrawn_once_as_estimated() -> None:
    errors = np.array([(1, 2, 4, 8, 16)], np.float32)
    likely = np.array([(0.1, 0.2, 0.7, 0.6, 0.4)], np.float32)
    engine = Told(errors, likely, POSE, LIGHT)
    for rule in ("estimator", "both", "reconstruction"):
        assert own_errors(engine, numbered(1), Rule(rule)) == pytest.approx([12.0], rel=1e-4)
    assert own_errors(Told(errors, None, POSE, LIGHT), numbered(1), Rule()) is None


def test_a_card_keeps_quantiles_and_whom_they_are_of() -> None:
    told = usual_errors(np.arange(1001, dtype=np.float32), "folder:x", ["a", "b"])
    assert told == {
        "quantiles": {"0.5": 500.0, "0.9": 900.0, "0.99": 990.0},
        "images": 1001,
        "measured_on": {"spec": "folder:x", "people": ["a", "b"]},
    }
    card = replace(CARD, redrawing=told, train_identities=("c",))
    assert Usual.of(card) == Usual(500.0, 990.0)
    assert card.seen == ("c", "a", "b")
    assert "redrawing 1001 images" in usual_text(card)
    assert "50 % below 500, 90 % below 900, 99 % below 990" in usual_text(card)
    with pytest.raises(ValueError, match="at least one image"):
        usual_errors(np.empty(0), "folder:x", [])


def test_cards_without_them_or_of_few_images_judge_nobody() -> None:
    assert Usual.of(CARD) is None
    few, enough = (
        replace(CARD, redrawing=usual_errors(np.ones(count), "folder:x", ["a"]))
        for count in (ENOUGH - 1, ENOUGH)
    )
    assert Usual.of(few) is None
    assert "too few to judge by: 100 are needed" in usual_text(few)
    assert Usual.of(enough) == Usual(1.0, 1.0)


@pytest.mark.parametrize(
    "damage",
    [
        {"quantiles": {"0.5": 1.0, "0.9": 2.0}},
        {"quantiles": {"0.5": 3.0, "0.9": 2.0, "0.99": 1.0}},
        {"quantiles": {"0.5": 1.0, "0.9": 2.0, "0.99": float("nan")}},
        {"quantiles": [1.0, 2.0, 3.0]},
        {"quantiles": None},
        {"images": "many"},
        {"images": float("inf")},
    ],
)
def test_damage_names_the_command(damage: dict[str, object]) -> None:
    told = usual_errors(np.ones(200), "folder:x", ["a"])
    for read in (Usual.of, usual_text):
        with pytest.raises(WeightsError, match="of told are damaged: .* again: mindseye weights"):
            read(replace(CARD, redrawing={**told, **damage}))


@pytest.mark.parametrize("missing", ["quantiles", "images"])
def test_half_a_table_is_damaged(missing: str) -> None:
    told = usual_errors(np.ones(200), "folder:x", ["a"])
    del told[missing]
    for read in (Usual.of, usual_text):
        with pytest.raises(WeightsError, match=f"are damaged: KeyError.*{missing}"):
            read(replace(CARD, redrawing=told))


@pytest.mark.parametrize("rule", [Rule(), Rule("estimator"), Rule("expected"), Rule("both", 30.0)])
def test_the_errors_on_a_card_are_those_of_the_canonical_views_that_a_search_makes(
    rule: Rule,
) -> None:
    engine = Told(ERRORS, SURE, POSE)
    found = own_errors(engine, numbered(3), rule)
    assert found is not None
    assert found.tolist() == canonicalise(engine, numbered(3), rule).errors.tolist()
