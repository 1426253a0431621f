"""Measures against their definitions, written as loops."""

from collections.abc import Callable
from fractions import Fraction
from itertools import combinations, permutations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from retrieval.evaluation.statistics.metrics import (
    Hits,
    average_precision,
    average_precision_of_ranks,
    expected_average_precision_at_random,
    expected_hit_rate_at_random,
    expected_reciprocal_rank_at_random,
    first_ranks,
    hit_rate_at_k,
    mean_absolute_error,
    mean_squared_error,
    recall_at_k,
    reciprocal_rank,
)

rankings = arrays(np.bool_, st.tuples(st.integers(1, 6), st.integers(1, 12)))


@st.composite
def rankings_with_relevant(draw: st.DrawFn) -> tuple[Hits, np.ndarray]:
    """Hits (Q, R), and counts (Q,) of at least the hits and at least 1."""
    hits = draw(rankings)
    missed = draw(arrays(np.int64, len(hits), elements=st.integers(0, 5)))
    return hits, np.maximum(hits.sum(axis=1) + missed, 1)


def precision_at_hits(ranking: list[bool]) -> list[float]:
    return [sum(ranking[: r + 1]) / (r + 1) for r, hit in enumerate(ranking) if hit]


@given(rankings_with_relevant())
def test_measures_equal_their_definitions(case: tuple[Hits, np.ndarray]) -> None:
    hits, relevant = case
    for k in range(1, hits.shape[1] + 1):
        rate, recall = hit_rate_at_k(hits, k), recall_at_k(hits, relevant, k)
        for query, ranking in enumerate(hits.tolist()):
            assert rate[query] == (sum(ranking[:k]) > 0)
            assert recall[query] == sum(ranking[:k]) / relevant[query]
    average, reciprocal = average_precision(hits, relevant), reciprocal_rank(hits)
    for query, ranking in enumerate(hits.tolist()):
        expected = sum(precision_at_hits(ranking)) / relevant[query]
        assert average[query] == pytest.approx(expected, abs=1e-12)
        assert reciprocal[query] == (1 / (ranking.index(True) + 1) if any(ranking) else 0)


def test_recall_counts_what_was_found_among_what_could_be_found() -> None:
    hits = np.array([[True, False, True], [False, False, True]])
    assert recall_at_k(hits, np.array([4, 1]), k=3).tolist() == [0.5, 1.0]
    assert recall_at_k(hits, np.array([4, 1]), k=2).tolist() == [0.25, 0.0]


def test_hit_rate_asks_only_whether_there_is_a_hit() -> None:
    hits = np.array([[True, False, True], [False, False, True], [False, False, False]])
    assert hit_rate_at_k(hits, 2).tolist() == [True, False, False]
    assert hit_rate_at_k(hits, 3).tolist() == [True, True, False]


def test_ranks_start_at_one() -> None:
    hits = np.array([[True, True], [False, True], [False, False]])
    assert reciprocal_rank(hits).tolist() == [1.0, 0.5, 0.0]


def test_average_precision_of_a_perfect_a_mixed_and_a_cut_off_ranking() -> None:
    hits = np.array([[True, True, False], [False, True, True], [True, False, False]])
    found = average_precision(hits, np.array([2, 2, 2]))
    assert found == pytest.approx([1, (1 / 2 + 2 / 3) / 2, 1 / 2])


@given(rankings_with_relevant())
def test_recall_and_hit_rate_never_fall_as_k_grows(case: tuple[Hits, np.ndarray]) -> None:
    hits, relevant = case
    ks = range(1, hits.shape[1] + 1)
    assert (np.diff([recall_at_k(hits, relevant, k) for k in ks], axis=0) >= 0).all()
    rates = np.array([hit_rate_at_k(hits, k) for k in ks])
    assert (rates[1:] >= rates[:-1]).all()


@given(rankings)
def test_with_one_relevant_item_recall_is_the_hit_rate_and_precision_the_reciprocal_rank(
    hits: Hits,
) -> None:
    first = hits & (hits.cumsum(axis=1) == 1)  # keep the first hit of each row
    one = np.ones(len(hits), dtype=np.int64)
    for k in range(1, hits.shape[1] + 1):
        assert (recall_at_k(first, one, k) == hit_rate_at_k(first, k)).all()
    assert np.allclose(average_precision(first, one), reciprocal_rank(first))


@given(rankings_with_relevant())
def test_measures_do_not_write_to_their_arguments(case: tuple[Hits, np.ndarray]) -> None:
    hits, relevant = case
    before = hits.copy(), relevant.copy()
    recall_at_k(hits, relevant, 1)
    average_precision(hits, relevant)
    reciprocal_rank(hits)
    assert np.array_equal(hits, before[0])
    assert np.array_equal(relevant, before[1])


with_relevant = pytest.mark.parametrize(
    "measure", [lambda hits, relevant: recall_at_k(hits, relevant, 1), average_precision]
)


@with_relevant
def test_a_probe_with_nothing_to_find_is_refused(
    measure: Callable[[Hits, np.ndarray], np.ndarray],
) -> None:
    with pytest.raises(ValueError, match=r"probes \[1\] have nothing to find"):
        measure(np.zeros((2, 3), dtype=bool), np.array([1, 0]))


@with_relevant
def test_more_hits_than_relevant_items_are_refused(
    measure: Callable[[Hits, np.ndarray], np.ndarray],
) -> None:
    with pytest.raises(ValueError, match=r"probes \[0\] have more hits than relevant items"):
        measure(np.ones((2, 3), dtype=bool), np.array([2, 3]))


@with_relevant
def test_counts_of_other_probes_are_refused(
    measure: Callable[[Hits, np.ndarray], np.ndarray],
) -> None:
    with pytest.raises(ValueError, match=r"relevant must be \(2,\), got \(3,\)"):
        measure(np.zeros((2, 3), dtype=bool), np.array([1, 1, 1]))


@pytest.mark.parametrize("k", [0, -1, 4])
def test_k_must_be_a_rank(k: int) -> None:
    hits = np.zeros((2, 3), dtype=bool)
    with pytest.raises(ValueError, match="k must lie in"):
        hit_rate_at_k(hits, k)
    with pytest.raises(ValueError, match="k must lie in"):
        recall_at_k(hits, np.array([1, 1]), k)


@pytest.mark.parametrize("hits", [np.zeros(3, dtype=bool), np.zeros((2, 3), dtype=np.int64)])
def test_hits_must_be_boolean_rankings(hits: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"hits must be boolean \(Q, R\)"):
        hit_rate_at_k(hits, 1)
    with pytest.raises(ValueError, match=r"hits must be boolean \(Q, R\)"):
        reciprocal_rank(hits)


def test_an_empty_ranking_has_no_reciprocal_rank() -> None:
    with pytest.raises(ValueError, match="k must lie in"):
        reciprocal_rank(np.zeros((2, 0), dtype=bool))


@pytest.mark.parametrize("gallery", [1, 2, 5, 7])
def test_the_rate_at_random_equals_counting_all_draws(gallery: int) -> None:
    relevant = np.arange(gallery + 1)
    for k in range(1, gallery + 1):
        draws = list(combinations(range(gallery), k))
        counted = [sum(min(d) < r for d in draws) / len(draws) for r in relevant]
        assert expected_hit_rate_at_random(relevant, gallery, k) == pytest.approx(counted)


@given(st.integers(1, 30_000), st.data())
def test_the_rate_at_random_keeps_its_digits(gallery: int, data: st.DataObject) -> None:
    relevant, k = data.draw(st.integers(0, gallery)), data.draw(st.integers(1, min(gallery, 300)))
    exact = 1 - Fraction(comb(gallery - relevant, k), comb(gallery, k))
    (rate,) = expected_hit_rate_at_random(np.array([relevant]), gallery, k)
    assert rate == pytest.approx(float(exact), rel=1e-12, abs=0)


def test_the_rate_at_random_equals_seeded_permutations() -> None:
    gallery, rng = 20, np.random.default_rng(0)
    relevant = np.array([1, 3, 8])
    ranks = rng.permuted(np.tile(np.arange(gallery), (20_000, 1)), axis=1)
    for k in (1, 4, 10):
        simulated = [hit_rate_at_k(ranks < r, k).mean() for r in relevant]
        expected = expected_hit_rate_at_random(relevant, gallery, k)
        assert expected == pytest.approx(simulated, abs=0.015)  # 4 standard errors


def test_the_rate_at_random_of_a_tiny_chance_is_not_rounded_away() -> None:
    rate = expected_hit_rate_at_random(np.array([1, 1]), 10**9, 1)
    assert rate == pytest.approx([1e-9, 1e-9], rel=1e-12, abs=0)


@pytest.mark.parametrize(("relevant", "k", "message"), [(1, 0, "k must"), (1, 6, "k must")])
def test_a_draw_that_cannot_be_is_refused(relevant: int, k: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        expected_hit_rate_at_random(np.array([relevant]), 5, k)


@pytest.mark.parametrize("relevant", [-1, 6])
def test_more_relevant_items_than_the_gallery_holds_are_refused(relevant: int) -> None:
    with pytest.raises(ValueError, match=r"relevant must lie in 0\.\.5"):
        expected_hit_rate_at_random(np.array([relevant]), 5, 1)


images = arrays(np.uint8, (3, 2, 4, 3))


@given(images, images)
def test_the_squared_error_equals_a_loop_over_pixels(a: np.ndarray, b: np.ndarray) -> None:
    for image, error in enumerate(mean_squared_error(a, b)):
        pairs = zip(a[image].ravel().tolist(), b[image].ravel().tolist(), strict=True)
        squares = [(one - other) ** 2 for one, other in pairs]
        assert error == pytest.approx(sum(squares) / len(squares))


@given(images, images)
def test_the_squared_error_is_symmetric_and_the_same_for_floats(
    a: np.ndarray, b: np.ndarray
) -> None:
    error = mean_squared_error(a, b)
    assert error.dtype == np.float64
    assert np.array_equal(error, mean_squared_error(b, a))
    assert np.array_equal(error, mean_squared_error(a.astype(np.float32), b))
    assert (mean_squared_error(a, a) == 0).all()


@given(images, images)
def test_the_absolute_error_is_the_mean_of_absolute_differences(
    a: np.ndarray, b: np.ndarray
) -> None:
    for image, error in enumerate(mean_absolute_error(a, b)):
        pairs = zip(a[image].ravel().tolist(), b[image].ravel().tolist(), strict=True)
        assert error == pytest.approx(np.mean([abs(one - other) for one, other in pairs]))


def test_black_against_white_is_the_largest_error() -> None:
    black, white = np.zeros((1, 2, 2), dtype=np.uint8), np.full((1, 2, 2), 255, dtype=np.uint8)
    assert mean_squared_error(black, white).tolist() == [255**2]
    assert mean_absolute_error(black, white).tolist() == [255]


@pytest.mark.parametrize(
    ("a", "b"), [((2, 3), (2, 4)), ((2, 3), (1, 3)), ((2,), (2,)), ((2, 0), (2, 0))]
)
def test_images_that_cannot_be_compared_are_refused(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="images must share a shape"):
        mean_squared_error(np.zeros(a), np.zeros(b))


@given(rankings, st.data())
def test_ranks_of_the_relevant_tell_what_whole_rankings_tell(
    hits: Hits, data: st.DataObject
) -> None:
    missed = data.draw(arrays(np.int64, len(hits), elements=st.integers(0, 3)))
    relevant = hits.sum(axis=1) + missed
    probe, ranks = np.nonzero(hits)
    probe = np.concatenate([probe, np.repeat(np.arange(len(hits)), missed)])
    ranks = np.concatenate([ranks, np.full(missed.sum(), -1)])
    order = data.draw(st.permutations(range(len(ranks))))  # in whatever order they are told
    probe, ranks = probe[list(order)], ranks[list(order)]
    found = average_precision_of_ranks(ranks, probe, len(hits))
    some = relevant > 0
    assert found[some] == pytest.approx(average_precision(hits[some], relevant[some]), abs=1e-12)
    assert np.isnan(found[~some]).all()
    first = first_ranks(ranks, probe, len(hits))
    assert first.tolist() == [row.index(True) if any(row) else -1 for row in hits.tolist()]


@pytest.mark.parametrize("gallery", [1, 2, 4, 6])
def test_chances_equal_the_mean_over_all_orders(gallery: int) -> None:
    orders = list(permutations(range(gallery)))
    relevant = np.arange(1, gallery + 1)
    precision, reciprocal = [], []
    for count in relevant:
        hits = np.array(orders) < count
        precision.append(average_precision(hits, np.full(len(hits), count)).mean())
        reciprocal.append(reciprocal_rank(hits).mean())
    found = expected_average_precision_at_random(relevant, gallery)
    assert found == pytest.approx(precision, abs=1e-12)
    assert expected_reciprocal_rank_at_random(relevant, gallery) == pytest.approx(reciprocal)


@pytest.mark.parametrize(
    "measure", [expected_average_precision_at_random, expected_reciprocal_rank_at_random]
)
@pytest.mark.parametrize("relevant", [0, 6])
def test_chances_of_what_cannot_be_are_refused(
    measure: Callable[[np.ndarray, int], np.ndarray], relevant: int
) -> None:
    with pytest.raises(ValueError, match=r"relevant must lie in 1\.\.5"):
        measure(np.array([1, relevant]), 5)
