"""Strengths in the score: a Gaussian's log density, asked by three values of a grid."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gallery.attributes import Attribute, AttributeSpace
from generator.networks.estimator import log_probabilities
from generator.values import SPREAD, best_values, shares_of
from retrieval.scoring.log_probability import CLIP
from retrieval.scoring.strengths import asked_of, lagrange_weights
from retrieval.scoring.terms import TERMS, wish_code

SMILE = Attribute("smile", ("0", "0.25", "0.5", "0.75", "1"), unit="strength")
POSE = Attribute("pose", ("-45", "0", "45"), unit="degree")
SPACE = AttributeSpace((POSE, SMILE))
shares = st.floats(0, 1)


def log_p_of(strength: float, attribute: Attribute = SMILE) -> np.ndarray:
    return -np.square(np.array(attribute.grid) - strength) / (2 * SPREAD**2)


@given(
    shares, shares, st.sampled_from([(0.0, 0.5, 1.0), (0.0, 0.25, 0.5, 0.75, 1.0), (0.1, 0.4, 1.0)])
)
def test_a_wish_asks_the_gaussians_log_density_exactly(
    shown: float, wished: float, grid: tuple[float, ...]
) -> None:
    stored = -np.square(np.array(grid) - shown) / (2 * SPREAD**2)
    asked = lagrange_weights(grid, wished)
    assert asked @ stored == pytest.approx(-((wished - shown) ** 2) / (2 * SPREAD**2), abs=1e-9)
    assert asked.sum() == pytest.approx(1)
    assert (asked != 0).sum() <= 3


@given(shares, shares)
def test_it_is_the_inner_product_of_the_square_the_strength_and_one(
    shown: float, wished: float
) -> None:
    by_squares = np.array([shown**2, shown, 1]) @ np.array([1, -2 * wished, wished**2])
    asked = asked_of(SMILE, f"{wished:.4f}")
    assert asked @ log_p_of(shown) == pytest.approx(-by_squares / (2 * SPREAD**2), abs=2e-3)


def test_it_lies_between_the_clip_and_0_and_is_stored_whole() -> None:
    stored = np.stack([log_p_of(strength) for strength in np.linspace(0, 1, 21)])
    assert stored.min() == pytest.approx(-CLIP)
    assert stored.max() == 0
    rows = TERMS["log_p"].gallery(stored.astype(np.float32))
    assert TERMS["log_p"].valid(rows).all()
    np.testing.assert_allclose(CLIP * rows, stored, atol=1e-6)


def test_a_value_of_the_grid_asks_itself_alone_and_names_are_asked_as_before() -> None:
    np.testing.assert_allclose(asked_of(SMILE, "0.5"), [0, 0, 1, 0, 0], atol=1e-12)
    code = wish_code(SPACE, {"smile": "0.75", "pose": "45"}, {"smile": 2.0})
    np.testing.assert_allclose(code, [0, 0, 1, 0, 0, 0, 2, 0], atol=1e-6)
    np.testing.assert_allclose(wish_code(SPACE, {"pose": "0"}), [0, 1, 0, 0, 0, 0, 0, 0])


def test_the_estimators_strength_is_the_expected_one() -> None:
    logits = torch.tensor([[0.0, 0, 5, 0, 0, 9, 9, 0], [1, 0, 0, 9, 0, 0, 0, 0]])
    found = log_probabilities(logits, SPACE).numpy()
    np.testing.assert_allclose(found[:, :3], logits[:, :3].log_softmax(dim=1).numpy(), rtol=1e-5)
    expected = logits[:, 3:].softmax(dim=1).numpy() @ np.array(SMILE.grid)
    assert expected[0] == pytest.approx(0.625, abs=1e-3)
    for row, strength in zip(found, expected, strict=True):
        np.testing.assert_allclose(row[3:], log_p_of(strength), atol=1e-4)
    assert best_values(found, SPACE).tolist()[1] == [0, 0]
    pose, smile = shares_of(found, SPACE)
    np.testing.assert_allclose(pose.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(smile.sum(axis=1), 1, rtol=1e-5)
