"""Moments that add up, and the distance where it has a closed form."""

import numpy as np
import pytest

from retrieval.evaluation.frechet import Moments, add, frechet_distance


def vectors(count: int, size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, size))


def exact(mean: np.ndarray, covariance: np.ndarray, count: int = 100) -> Moments:
    return Moments(count, mean, covariance * (count - 1))


def test_moments_of_parts_are_those_of_the_whole() -> None:
    whole = vectors(50, 4) * 3 + 100
    parts = [Moments.of(whole[:1]), Moments.of(whole[1:1]), Moments.of(whole[1:30])]
    added = add([*parts, Moments.of(whole[30:])])
    assert added.count == 50
    assert added.mean == pytest.approx(whole.mean(axis=0))
    assert added.covariance == pytest.approx(np.cov(whole, rowvar=False))


def test_one_vector_has_no_covariance() -> None:
    with pytest.raises(ValueError, match="at least 2 vectors, got 1"):
        _ = Moments.of(vectors(1, 3)).covariance


def test_the_distance_to_itself_is_0() -> None:
    for count in (5, 200):  # fewer vectors than dimensions, and more
        some = Moments.of(vectors(count, 20))
        assert frechet_distance(some, some) == pytest.approx(0, abs=1e-5)


def test_numbers_have_the_distance_of_means_and_deviations() -> None:
    a = exact(np.array([1.0]), np.array([[4.0]]))
    b = exact(np.array([4.0]), np.array([[25.0]]))
    assert frechet_distance(a, b) == pytest.approx((4 - 1) ** 2 + (5 - 2) ** 2)


def test_independent_dimensions_add_up() -> None:
    spread_a, spread_b = np.array([1.0, 2.0, 0.0]), np.array([3.0, 0.5, 2.0])
    shift = np.array([0.5, -1.0, 2.0])
    a = exact(np.zeros(3), np.diag(spread_a**2))
    b = exact(shift, np.diag(spread_b**2))
    expected = np.square(shift).sum() + np.square(spread_a - spread_b).sum()
    assert frechet_distance(a, b) == pytest.approx(expected)
    assert frechet_distance(b, a) == pytest.approx(expected)


def test_turning_both_changes_nothing() -> None:
    a, b = vectors(300, 5), vectors(300, 5, seed=1) @ np.diag([1, 2, 3, 0.5, 0.1]) + 0.3
    turn = np.linalg.qr(vectors(5, 5, seed=2))[0]
    straight = frechet_distance(Moments.of(a), Moments.of(b))
    turned = frechet_distance(Moments.of(a @ turn), Moments.of(b @ turn))
    assert straight > 1
    assert turned == pytest.approx(straight)


def test_covariances_that_do_not_commute_are_right_too() -> None:
    """Of 2 x 2 matrices, tr((AB)^1/2) = sqrt(tr(AB) + 2 sqrt(det(AB)))."""
    first = np.array([[2.0, 0.8], [0.8, 1.0]])
    second = np.array([[0.5, -0.3], [-0.3, 3.0]])
    product = first @ second
    assert not np.allclose(product, second @ first)
    root = np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    expected = np.trace(first) + np.trace(second) - 2 * root
    found = frechet_distance(exact(np.zeros(2), first), exact(np.zeros(2), second))
    assert found == pytest.approx(expected)
