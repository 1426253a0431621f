"""Measures and kinds of answers, on galleries small enough to know the answer."""

from dataclasses import replace

import numpy as np
import pytest

from gallery.attributes import Attribute, AttributeSpace
from retrieval.evaluation.records import MethodRecord, QueryTable, Record
from retrieval.evaluation.statistics.outcomes import (
    Kind,
    check_consistent,
    kinds,
    random_scores,
    rank_all,
    scores_of,
)
from tests.retrieval.evaluation import simulated

SPACE = AttributeSpace((Attribute("pose", ("left", "right")), Attribute("light", ("day", "night"))))
# Images of person 0: 0 left day, 1 left night, 2 right day, 3 right night; person 1: 4..7 likewise.


def known() -> Record:
    """Person 0, left by day and by night, wished right; right day does not exist at night."""
    made = simulated.record(2)
    gallery = simulated.grid(2, SPACE)
    queries = QueryTable(
        source=np.array([0, 1]),
        wished=np.array([[1, -1], [1, -1]]),
        right=np.array([2, 3, 2, 3]),
        right_starts=np.array([0, 2, 4]),
        right_strict=np.array([True, False, False, False]),
    )
    top = np.array([[0, 3, 6, 5, 2], [3, 4, 2, -1, -1]])
    ranks = np.array([4, 1, 2, 0])
    ours = MethodRecord(name="ours", top=top, right_ranks=ranks)
    provenance = replace(made.provenance, protocol={**made.provenance.protocol, "cutoffs": [1, 5]})
    values = gallery.values.copy()
    values[[1, 3], 1] = -1  # nobody knows the light of the second source, nor that of image 3
    return replace(
        made,
        gallery=replace(gallery, values=values),
        queries=queries,
        methods=(ours,),
        provenance=provenance,
        drawings=type(made.drawings)(),
    )


def test_a_known_ranking_has_known_measures() -> None:
    record = known()
    scores = scores_of(record.methods, record)
    assert scores["C1"].values.tolist() == [
        [0, 1, pytest.approx((1 / 2 + 2 / 5) / 2), 1 / 2],
        [1, 1, pytest.approx((1 + 2 / 3) / 2), 1],
    ]
    assert scores["C2"].values[0].tolist() == [0, 1, pytest.approx(1 / 5), pytest.approx(1 / 5)]
    assert scores["C1"].by_seed[0] == pytest.approx(scores["C1"].values.mean(axis=0))


def test_a_query_with_nothing_to_find_under_c2_is_not_measured_there() -> None:
    record = known()
    assert record.queries.measured["C2"].tolist() == [True, False]
    scores = scores_of(record.methods, record)["C2"]
    assert np.isnan(scores.values[1]).all()
    assert scores.by_seed[0] == pytest.approx(scores.values[0])


def test_every_image_is_of_one_kind() -> None:
    record = known()
    assert kinds(record, record.methods[0]).tolist() == [
        [
            Kind.WRONG_VALUE,
            Kind.OTHER_ATTRIBUTE,
            Kind.WRONG_IDENTITY,
            Kind.ELSE,
            Kind.RIGHT,
        ],
        # what is unknown of the source equals nothing: no image is right under C2
        [Kind.OTHER_ATTRIBUTE, Kind.ELSE, Kind.OTHER_ATTRIBUTE, Kind.NOTHING, Kind.NOTHING],
    ]


def test_a_right_image_that_is_not_ranked_counts_as_not_found() -> None:
    record = known()
    filtered = replace(record.methods[0], right_ranks=np.array([-1, 1, 2, 0]))
    ranked = rank_all(filtered, record.queries)
    assert ranked["C2"].first.tolist() == [-1, -1]
    scores = scores_of([filtered], record)
    assert scores["C2"].values[0].tolist() == [0, 0, 0, 0]
    assert scores["C1"].values[0, 2] == pytest.approx((1 / 2) / 2)


def test_seeds_are_averaged_query_by_query() -> None:
    record = known()
    other = replace(record.methods[0], seed=1, right_ranks=np.array([0, 1, 3, 2]))
    scores = scores_of([record.methods[0], other], record)["C1"]
    assert scores.seeds == (0, 1)
    assert scores.values[:, 0].tolist() == [0.5, 0.5]
    assert scores.by_seed[:, 0].tolist() == [0.5, 0.5]


def test_measures_of_a_simulated_benchmark_equal_loops_over_its_rankings() -> None:
    record = simulated.record(3, names=("ours",))
    gallery, queries, method = record.gallery, record.queries, record.methods[0]
    scores = scores_of([method], record)
    for query in range(0, len(queries), 7):
        source, value = queries.source[query], queries.wished[query, 0]
        same = gallery.identity == gallery.identity[source]
        right = same & (gallery.values[:, 0] == value)
        alike = right & (gallery.values[:, 1] == gallery.values[source, 1])
        for criterion, answers in (("C1", right), ("C2", alike)):
            hits = answers[method.top[query]]
            rates = [hits[:k].any() for k in record.provenance.cutoffs]
            assert scores[criterion].values[query, :4].tolist() == rates


def test_chance_is_what_many_orders_by_lot_come_to() -> None:
    record = simulated.record(2, names=("ours",), most=30)
    random, runs = np.random.default_rng(0), 1_500
    drawn = []
    for _ in range(runs):
        places = np.argsort(random.random((len(record.queries), len(record.gallery))), axis=1)
        owner = np.repeat(np.arange(len(record.queries)), np.diff(record.queries.right_starts))
        method = MethodRecord(name="lot", right_ranks=places[owner, record.queries.right])
        drawn.append(scores_of([method], record))
    for criterion, chance in random_scores(record).items():
        mean = np.mean([one[criterion].by_seed[0] for one in drawn], axis=0)
        assert chance.by_seed[0] == pytest.approx(mean, abs=0.01)


def test_chance_knows_that_the_source_is_left_out() -> None:
    record = simulated.record(2, names=("ours",))
    protocol = {**record.provenance.protocol, "exclude_source": True}
    without = replace(record, provenance=replace(record.provenance, protocol=protocol))
    more, less = random_scores(without)["C2"], random_scores(record)["C2"]
    size = len(record.gallery)
    assert less.values[0, 0] == pytest.approx(1 / size)
    assert more.values[0, 0] == pytest.approx(1 / (size - 1))


def test_rankings_that_contradict_themselves_are_refused() -> None:
    record = known()
    check_consistent(record)
    good = record.methods[0]
    moved = replace(good, right_ranks=np.array([3, 1, 2, 0]))
    with pytest.raises(
        ValueError, match=r"ours has 4 right .* 4 exact ranks .* 1 of them of other"
    ):
        check_consistent(replace(record, methods=(moved,)))
    late = replace(good, right_ranks=np.array([7, 1, 2, 0]))
    with pytest.raises(ValueError, match="ours has 4 right images .* but 3 exact ranks"):
        check_consistent(replace(record, methods=(late,)))
