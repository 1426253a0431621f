"""Intervals against simulated people whose truth is known."""

import numpy as np
import pytest

from retrieval.evaluation.statistics import bootstrap
from retrieval.evaluation.statistics.bootstrap import (
    cluster_sums,
    interval,
    replicates,
    resample,
    student_quantile,
)
from retrieval.evaluation.statistics.estimation import Sample


def simulated(people: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Hits of people with chances of their own, and as many queries as their chance is high."""
    chance = random.beta(2, 2, people)
    queries = 4 + random.binomial(40, chance)
    person = np.repeat(np.arange(people), queries)
    return (random.random(len(person)) < chance[person]).astype(float)[:, None], person


def truth() -> float:
    """Share of hits among all queries: E[p (4 + 40 p)] / E[4 + 40 p], with p of beta(2, 2)."""
    mean, square = 1 / 2, 1 / 20 + 1 / 4
    return (4 * mean + 40 * square) / (4 + 40 * mean)


@pytest.mark.parametrize(("people", "least"), [(6, 0.90), (24, 0.92), (60, 0.925)])
def test_intervals_hold_the_truth_as_often_as_they_say(people: int, least: float) -> None:
    random, covered, runs = np.random.default_rng(people), 0, 400
    for run in range(runs):
        values, person = simulated(people, random)
        sums, sizes = cluster_sums(values, person, people)
        ends = interval(replicates(resample(people, 300, seed=run), sums, sizes), people)
        assert ends is not None
        covered += ends[0, 0] <= truth() <= ends[0, 1]
    assert least <= covered / runs <= 0.98


def test_resampling_queries_would_promise_too_much() -> None:
    random, covered, runs = np.random.default_rng(0), 0, 60
    for run in range(runs):
        values, _ = simulated(24, random)
        count = len(values)
        sums, sizes = cluster_sums(values, np.arange(count), count)
        ends = interval(replicates(resample(count, 100, seed=run), sums, sizes), count)
        assert ends is not None
        covered += ends[0, 0] <= truth() <= ends[0, 1]
    assert covered / runs < 0.8


def test_replicates_equal_means_over_the_queries_of_the_people_drawn() -> None:
    random = np.random.default_rng(3)
    values, person = random.random((40, 3)), random.integers(0, 5, 40)
    counts = resample(5, 20, seed=1)
    found = replicates(counts, *cluster_sums(values, person, 5))
    for draw, replicate in zip(counts.astype(int), found, strict=True):
        drawn = [values[person == who] for who, times in enumerate(draw) for _ in range(times)]
        assert replicate == pytest.approx(np.concatenate(drawn).mean(axis=0))
    assert (counts.sum(axis=1) == 5).all()


def test_everybody_once_is_the_mean_over_all_queries() -> None:
    values, person = simulated(12, np.random.default_rng(1))
    found = replicates(np.ones((1, 12)), *cluster_sums(values, person, 12))
    assert found[0] == pytest.approx(values.mean(axis=0))


def test_draws_are_the_same_for_one_seed_and_others_for_another() -> None:
    assert np.array_equal(resample(7, 50, seed=2), resample(7, 50, seed=2))
    assert not np.array_equal(resample(7, 50, seed=2), resample(7, 50, seed=3))


def test_one_person_tells_nothing_of_others() -> None:
    assert interval(np.ones((10, 1)), 1) is None
    values = np.array([[0.0], [1.0], [1.0]])
    figure = Sample(np.array([True] * 3), np.array([4, 4, 4])).figures(values)[0]
    assert figure.value == pytest.approx(2 / 3)
    assert figure.interval is None


def test_of_no_query_there_is_no_mean() -> None:
    sample = Sample(np.array([False, False]), np.array([0, 1]))
    (figure,) = sample.figures(np.ones((2, 1)))
    assert np.isnan(figure.value)
    assert (len(sample), sample.people, figure.interval) == (0, 0, None)


def test_paired_differences_are_sharper_than_two_intervals() -> None:
    values, person = simulated(30, np.random.default_rng(5))
    worse = values.copy()
    worse[::10] = 0  # the same queries, a tenth of them lost
    sample = Sample(np.ones(len(values), dtype=bool), person)
    (first,), (second,) = sample.figures(values), sample.figures(worse)
    (change,) = sample.differences(worse, values)
    assert change.value == pytest.approx(second.value - first.value)
    assert change.interval is not None
    assert first.interval is not None
    width = change.interval[1] - change.interval[0]
    assert width < 0.5 * (first.interval[1] - first.interval[0])
    assert change.interval[1] < 0


def test_only_the_chosen_queries_count() -> None:
    values, identity = np.arange(6.0)[:, None], np.array([9, 9, 5, 5, 7, 7])
    chosen = np.array([True, False, True, True, False, False])
    sample = Sample(chosen, identity)
    assert (len(sample), sample.people) == (3, 2)
    (figure,) = sample.figures(values)
    assert figure.value == pytest.approx((0 + 2 + 3) / 3)
    assert figure.interval == (0.0, 2.5)  # two people: all that can be drawn


# Abramowitz and Stegun, "Handbook of mathematical functions", table 26.10
@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.706), (2, 4.303), (5, 2.571), (10, 2.228), (30, 2.042), (120, 1.980)],
)
def test_quantiles_of_student_stand_in_the_tables(freedom: int, quantile: float) -> None:
    assert student_quantile(0.975, freedom) == pytest.approx(quantile, abs=5e-4)


def test_intervals_are_wider_for_few_people() -> None:
    estimates = np.random.default_rng(0).normal(size=(20_000, 1))
    few, many = interval(estimates, 5), interval(estimates, 500)
    assert few is not None
    assert many is not None
    assert many[0] == pytest.approx([-1.96, 1.96], abs=0.06)
    expected = student_quantile(0.975, 4) * np.sqrt(5 / 4)
    assert few[0] == pytest.approx([-expected, expected], abs=0.25)
    assert bootstrap.LEVEL == 0.95
