"""Second hypotheses against their definition: all conditions looked at, one after the other."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.errors import ConfigError
from generator.canonical import Rule
from generator.hypotheses import ONE, TWO, Hypotheses
from retrieval.scoring.hypotheses import rivals

POSE = Attribute("pose", ("-45", "0", "45"), "degree")
LIGHT = Attribute("light", ("left", "right"))
ONLY = Attribute("camera", ("near",))
SPACES = [AttributeSpace(one) for one in ((POSE,), (POSE, LIGHT), (ONLY, LIGHT, POSE))]


def guesses(space: AttributeSpace, count: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    parts = []
    for attribute in space.attributes:
        chances = random.dirichlet(np.ones(len(attribute.values)), count)
        parts.append(np.log(chances + 1e-6))
    return np.concatenate(parts, axis=1).astype(np.float32)


@given(st.integers(0, 10_000), st.sampled_from(SPACES), st.booleans())
def test_the_second_is_the_likeliest_condition_but_the_first(
    seed: int, space: AttributeSpace, likeliest: bool
) -> None:
    """Whether the first was chosen by the estimator, or by something else."""
    log_p = guesses(space, 1, seed)
    random = np.random.default_rng(seed + 1)
    every = [
        Condition(dict(zip(space.names, values, strict=True)))
        for values in product(*(attribute.values for attribute in space.attributes))
    ]
    chances = {condition: float(log_p[0] @ space.one_hot(condition)) for condition in every}
    ranked = sorted(every, key=lambda condition: -chances[condition])
    first = ranked[0] if likeliest else ranked[random.integers(len(ranked))]
    second = next(condition for condition in ranked if condition != first)
    found = rivals(log_p, [first], space)
    assert found.conditions == (second,)
    assert found.margins[0] == pytest.approx(chances[first] - chances[second], abs=1e-4)
    assert (found.margins[0] < 0) == (first != ranked[0])


def test_where_there_is_one_condition_there_is_no_second() -> None:
    space = AttributeSpace((ONLY,))
    found = rivals(np.zeros((3, 1), dtype=np.float32), [Condition(camera="near")] * 3, space)
    assert found.margins.tolist() == [np.inf] * 3
    assert TWO.chosen(found.margins).tolist() == [False] * 3


def test_small_margins_are_chosen() -> None:
    margins = np.array([-2.0, 0.0, 1.5, 1.6, 30.0, np.inf], dtype=np.float32)
    assert Hypotheses(1.5).chosen(margins).tolist() == [True, True, True, False, False, False]
    assert ONE.chosen(margins).sum() == 0
    assert TWO.chosen(margins).tolist() == [True] * 5 + [False]
    assert ONE < Hypotheses(0.5) < Hypotheses(1.5) < TWO


@pytest.mark.parametrize(
    ("spelt", "hypotheses"),
    [("1", ONE), ("2", TWO), ("2 within 1.5", Hypotheses(1.5)), ("2 within 4", Hypotheses(4.0))],
)
def test_hypotheses_are_read_back_from_their_spelling(spelt: str, hypotheses: Hypotheses) -> None:
    assert str(hypotheses) == spelt
    assert Hypotheses.parse(spelt) == hypotheses
    for rule in (Rule("estimator"), Rule("both", 30.0, 2)):
        stored = replace(rule, hypotheses=hypotheses)
        assert Rule.parse(str(stored)) == stored
        assert (str(stored) == str(rule)) == hypotheses.single  # older contracts stay as they are
    assert Hypotheses.parse(str(Hypotheses(1e-6))) == Hypotheses(1e-6)


@pytest.mark.parametrize("spelt", ["0", "3", "two", "2 within", "2 within -1", "1 within 2", ""])
def test_anything_else_is_refused(spelt: str) -> None:
    with pytest.raises(ConfigError, match=f"Hypotheses are 1, 2, or like .*, not '{spelt}'"):
        Hypotheses.parse(spelt)
