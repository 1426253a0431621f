"""Shapes: N images, K values."""

import numpy as np
import pytest

from gallery.align import Aligner, Pixels
from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.faces import Face
from gallery.pixels import Aligned
from generator import fitting
from generator.card import Card
from generator.engine import Drawn, Engine, Floats
from generator.fitting import fit_rule, redrawing_errors

POSE = Attribute("pose", ("-45", "0", "45"), "degree")


class Told(Engine):
    """Its redrawings have the errors, and its estimator the probabilities, that a test says.

    Image n is all n: so it is known which one is drawn.
    """

    def __init__(self, errors: Floats, probabilities: Floats) -> None:
        self.card = Card(
            name="told",
            architecture="none",
            space=AttributeSpace((POSE,)),
            aligner=Aligner(size=2, channels=1),
            mean=(0.0,),
            deviation=(1.0,),
        )
        self.errors, self.probabilities = errors, probabilities

    def draw(self, pixels: Pixels, codes: Floats) -> Drawn:
        off = np.sqrt(self.errors[pixels[:, 0, 0, 0], codes.argmax(axis=1)])
        refined = (pixels + off[:, None, None, None]).astype(np.float32)
        return Drawn(refined, refined, refined.reshape(len(codes), -1))

    def log_probabilities(self, pixels: Pixels) -> Floats:
        found: Floats = np.log(self.probabilities[pixels[:, 0, 0, 0]]).astype(np.float32)
        return found


def validation(*labels: str) -> Aligned:
    faces = tuple(Face(f"{n}.png", "s", Condition(pose=v)) for n, v in enumerate(labels))
    pixels = np.broadcast_to(
        np.arange(len(labels), dtype=np.uint8)[:, None, None, None], (len(labels), 2, 2, 1)
    ).copy()
    return Aligned(faces, pixels, ())


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
    engine = Told(np.array(errors, np.float32), np.array(probabilities, np.float32))
    fitted = fit_rule(engine, validation(*["-45"] * len(errors)))
    assert fitted["rule"] == rule
    assert fitted["accuracy"]["estimator" if rule == "expected" else best(fitted)] == 1.0
    assert ("temperature" in fitted) == (rule == "both")


@pytest.mark.parametrize(("worth", "rule"), [(0.03, "expected"), (0.003, "both")])
def test_redrawing_under_every_value_must_be_worth_it(
    worth: float, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "WORTH", worth)
    probabilities = np.array([*[WRONG] * 5, *[SURE] * 245], np.float32)  # of 250 five wrong: 2 %
    engine = Told(np.array([NEAR] * 250, np.float32), probabilities)
    assert fit_rule(engine, validation(*["-45"] * 250))["rule"] == rule


@pytest.mark.parametrize(("wrong", "rule"), [(3, "expected"), (5, "both")])
def test_another_rule_must_be_ahead_by_more_than_chance(wrong: int, rule: str) -> None:
    probabilities = np.array([*[WRONG] * wrong, *[SURE] * (250 - wrong)], np.float32)
    engine = Told(np.array([NEAR] * 250, np.float32), probabilities)
    assert fit_rule(engine, validation(*["-45"] * 250))["rule"] == rule


def best(fitted: dict[str, dict[str, float]]) -> str:
    return max(fitted["accuracy"], key=lambda name: fitted["accuracy"][name])


def test_errors_are_those_of_every_redrawing() -> None:
    errors = np.array([NEAR, FAR, (1.0, 4.0, 9.0)], np.float32)
    engine = Told(errors, np.full((3, 3), 1 / 3, np.float32))
    assert redrawing_errors(engine, validation("0", "0", "0")) == pytest.approx(errors, rel=1e-4)


def test_images_of_unknown_value_do_not_count() -> None:
    engine = Told(np.array([NEAR, FAR], np.float32), np.array([SURE, SURE], np.float32))
    assert fit_rule(engine, validation("-45", "30"))["accuracy"]["estimator"] == 1.0
