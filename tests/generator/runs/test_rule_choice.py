"""Shapes: N images, K values."""

import numpy as np
import pytest

from gallery.attributes import Attribute, Condition
from gallery.faces import Face
from gallery.pixels import Aligned
from generator.runs import rule_choice
from generator.runs.rule_choice import fit_rule, redrawing_errors
from tests.drawing import Told, numbered

POSE = Attribute("pose", ("-45", "0", "45"), "degree")


def validation(*labels: str) -> Aligned:
    faces = tuple(Face(f"{n}.png", "s", Condition(pose=v)) for n, v in enumerate(labels))
    return Aligned(faces, numbered(len(labels)), ())


SURE, WRONG = (0.9, 0.05, 0.05), (0.05, 0.9, 0.05)
NEAR, FAR = (10.0, 500.0, 500.0), (500.0, 10.0, 500.0)


@pytest.mark.parametrize(
    ("errors", "probabilities", "rule"),
    [
        ([NEAR, NEAR], [SURE, SURE], "expected"),  # both are right: the simpler one
        ([FAR, FAR], [SURE, SURE], "expected"),
        ([NEAR, NEAR], [WRONG, WRONG], "both"),  # a small temperature is as right as none
        ([NEAR, (11.0, 10.0, 500.0)] * 20, [(0.4, 0.45, 0.15), SURE] * 20, "both"),
    ],
)
def test_the_rule_that_estimates_best_is_taken(
    errors: list[tuple[float, ...]], probabilities: list[tuple[float, ...]], rule: str
) -> None:
    engine = Told(np.array(errors, np.float32), np.array(probabilities, np.float32), POSE)
    fitted = fit_rule(engine, validation(*["-45"] * len(errors)))
    assert fitted["rule"] == rule
    assert fitted["accuracy"]["estimator" if rule == "expected" else best(fitted)] == 1.0
    assert ("temperature" in fitted) == (rule == "both")


@pytest.mark.parametrize(("worth", "rule"), [(0.03, "expected"), (0.003, "both")])
def test_redrawing_under_every_value_must_be_worth_it(
    worth: float, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule_choice, "WORTH", worth)
    probabilities = np.array([*[WRONG] * 5, *[SURE] * 245], np.float32)  # of 250 five wrong: 2 %
    engine = Told(np.array([NEAR] * 250, np.float32), probabilities, POSE)
    assert fit_rule(engine, validation(*["-45"] * 250))["rule"] == rule


@pytest.mark.parametrize(("wrong", "rule"), [(3, "expected"), (5, "both")])
def test_another_rule_must_be_ahead_by_more_than_chance(wrong: int, rule: str) -> None:
    probabilities = np.array([*[WRONG] * wrong, *[SURE] * (250 - wrong)], np.float32)
    engine = Told(np.array([NEAR] * 250, np.float32), probabilities, POSE)
    assert fit_rule(engine, validation(*["-45"] * 250))["rule"] == rule


def best(fitted: dict[str, dict[str, float]]) -> str:
    return max(fitted["accuracy"], key=lambda name: fitted["accuracy"][name])


def test_errors_are_those_of_every_redrawing() -> None:
    errors = np.array([NEAR, FAR, (1.0, 4.0, 9.0)], np.float32)
    engine = Told(errors, np.full((3, 3), 1 / 3, np.float32), POSE)
    assert redrawing_errors(engine, validation("0", "0", "0")) == pytest.approx(errors, rel=1e-4)


def test_images_of_unknown_value_do_not_count() -> None:
    engine = Told(np.array([NEAR, FAR], np.float32), np.array([SURE, SURE], np.float32), POSE)
    assert fit_rule(engine, validation("-45", "30"))["accuracy"]["estimator"] == 1.0
