from dataclasses import replace

import numpy as np
import pytest

from retrieval.evaluation.records import People, QueryTable, example_queries
from retrieval.evaluation.statistics.outcomes import check_consistent, scores_of
from retrieval.evaluation.statistics.pooling import pool
from tests.retrieval.evaluation import simulated


def test_arrays_of_other_lengths_are_refused() -> None:
    record = simulated.record(2, names=("ours",))
    queries = record.queries
    with pytest.raises(ValueError, match=r"wished must have the shape \(252, 2\), got \(3, 2\)"):
        replace(queries, wished=np.zeros((3, 2), dtype=np.int64))
    narrow = replace(queries, wished=np.zeros((252, 1), dtype=np.int64))
    with pytest.raises(ValueError, match=r"wished must have the shape \(252, 2\), got \(252, 1\)"):
        replace(record, queries=narrow)
    with pytest.raises(ValueError, match="subset 'dark' must have the shape"):
        replace(queries, subsets={"dark": np.zeros(3, dtype=bool)})
    with pytest.raises(ValueError, match="identity must have the shape"):
        replace(record.gallery, identity=np.zeros(3, dtype=np.int64))
    short = replace(record.methods[0], right_ranks=np.zeros(3, dtype=np.int64))
    with pytest.raises(ValueError, match="right_ranks of ours must have the shape"):
        replace(record, methods=(short,))
    with pytest.raises(ValueError, match="'gender' needs 2 values, one for each person, got 1"):
        People(("a", "b"), {"gender": ("female",)})


def test_a_query_without_a_right_image_is_refused() -> None:
    one = np.array([0])
    with pytest.raises(ValueError, match="a query has no right image"):
        QueryTable(
            source=one,
            wished=one[:, None],
            right=np.array([], dtype=np.int64),
            right_starts=np.array([0, 0]),
            right_strict=np.array([], dtype=bool),
        )


def test_right_images_are_counted_by_criterion() -> None:
    table = QueryTable(
        source=np.array([0, 1]),
        wished=np.array([[1], [1]]),
        right=np.array([3, 4, 5]),
        right_starts=np.array([0, 2, 3]),
        right_strict=np.array([True, True, False]),
    )
    assert {c: n.tolist() for c, n in table.relevant.items()} == {"C1": [2, 1], "C2": [2, 0]}
    assert table.measured["C2"].tolist() == [True, False]


def test_examples_are_chosen_by_lot_and_stay_chosen() -> None:
    chosen = example_queries(1_000, seed=3, wanted=50)
    assert len(chosen) == len(set(chosen.tolist())) == 50
    assert chosen.tolist() == sorted(chosen.tolist()) == example_queries(1_000, 3, 50).tolist()
    assert chosen.tolist() != example_queries(1_000, seed=4, wanted=50).tolist()
    assert example_queries(5, seed=0).tolist() == [0, 1, 2, 3, 4]


def test_pooled_folds_answer_as_each_did() -> None:
    folds = [simulated.record(people, fold=fold) for people, fold in ((3, 0), (2, 1))]
    pooled = pool(folds)
    check_consistent(pooled)
    for place, method in enumerate(pooled.methods[:-1]):
        together = scores_of([method], pooled)
        for criterion in ("C1", "C2"):
            apart = [scores_of([fold.methods[place]], fold)[criterion].values for fold in folds]
            assert np.array_equal(together[criterion].values, np.concatenate(apart))
    assert len(pooled.gallery) == sum(len(fold.gallery) for fold in folds)
    second = len(folds[0].queries)
    source = pooled.queries.source[second]
    assert pooled.gallery.names[source] == folds[1].gallery.names[folds[1].queries.source[0]]
    assert pooled.people.names[pooled.identity[second]] == "p002"
    assert pooled.gallery.fold[source] == 1
    assert pooled.provenance.hashes.keys() == {"data", "protocol", "code", "fold-0", "fold-1"}
    assert pooled.provenance.seconds["build"] == 40.5


def test_somebody_in_two_galleries_is_one_person() -> None:
    first, second = simulated.record(2), simulated.record(2)
    pooled = pool([first, second])
    assert pooled.people.names == ("p000", "p001")
    assert set(pooled.identity.tolist()) == {0, 1}
    assert pooled.people.traits["gender"] == ("male", "female")
    unknown = replace(first.gallery, identity=np.full(len(first.gallery), -1))
    with_unknown = pool([first, replace(second, gallery=unknown)])
    assert (with_unknown.gallery.identity[len(first.gallery) :] == -1).all()


def test_errors_and_maps_and_estimates_are_joined() -> None:
    folds = [simulated.record(3), simulated.record(2, fold=1)]
    drawings = pool(folds).drawings
    assert drawings.squared_errors["stage 2"].tolist() == [
        error for fold in folds for error in fold.drawings.squared_errors["stage 2"].tolist()
    ]
    for number, one in enumerate(drawings.maps):
        parts = [fold.drawings.maps[number] for fold in folds]
        assert one.count == sum(part.count for part in parts)
        assert np.allclose(one.total, parts[0].total + parts[1].total)
    (ours, _) = pool(folds).estimates
    assert ours.confusion.sum() == sum(fold.estimates[0].confusion.sum() for fold in folds)


def test_a_method_that_one_fold_skipped_is_skipped() -> None:
    first, second = simulated.record(2), simulated.record(2, fold=1)
    missing = replace(second.methods[1], skipped="no GPU")
    pooled = pool(
        [first, replace(second, methods=(second.methods[0], missing, *second.methods[2:]))]
    )
    assert [bool(method.skipped) for method in pooled.methods] == [False, True, False, True]
    assert pooled.methods[1].skipped == "no GPU"


def test_a_trained_method_that_one_fold_skipped_is_skipped_once() -> None:
    names = ("ours", "shift/sface")
    first = simulated.record(2, names=names, seeds=(0, 1))
    second = simulated.record(2, names=names, fold=1)
    missing = replace(second.methods[1], skipped="no GPU")
    pooled = pool([first, replace(second, methods=(second.methods[0], missing, second.methods[2]))])
    assert [method.name for method in pooled.methods] == ["ours", "shift/sface", "two-step/dlib"]
    with pytest.raises(ValueError, match="different seeds of shift/sface"):
        pool([first, second])


def test_rankings_of_other_depths_are_filled_with_nothing() -> None:
    first, second = (
        simulated.record(2, names=("ours",)),
        simulated.record(2, names=("ours",), fold=1),
    )
    short = replace(second.methods[0], top=second.methods[0].top[:, :7])
    pooled = pool([first, replace(second, methods=(short, second.methods[1]))])
    top = pooled.methods[0].top[len(first.queries) :]
    assert (top[:, 7:] == -1).all()
    assert np.array_equal(top[:, :7], short.top + len(first.gallery))


def test_what_does_not_belong_together_is_not_pooled() -> None:
    record = simulated.record(2)
    with pytest.raises(ValueError, match="there is no record to pool"):
        pool([])
    with pytest.raises(ValueError, match="different methods"):
        pool([record, simulated.record(2, names=("ours",), fold=1)])
    other = replace(record.gallery, space=record.gallery.space.only(("illumination", "pose")))
    with pytest.raises(ValueError, match="different attributes"):
        pool([record, replace(record, gallery=other)])
