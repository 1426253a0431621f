import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from retrieval.evaluation.outputs import views
from retrieval.evaluation.outputs.plots import figures
from retrieval.evaluation.outputs.tables import to_markdown
from retrieval.evaluation.records import Record
from retrieval.evaluation.statistics.breakdowns import (
    count_kinds,
    error_matrices,
    groupings,
    hit_matrices,
)
from retrieval.evaluation.statistics.outcomes import rank_all, scores_of
from retrieval.evaluation.statistics.pooling import pool
from retrieval.evaluation.statistics.summary import breakdown_cutoff, score_all, summarise
from tests.retrieval.evaluation import simulated


@pytest.fixture(scope="module")
def record() -> Record:
    names = ("ours", "raw", "shift/sface", "oracle-target")
    return pool(
        [simulated.record(4, names=names, seeds=(0, 1), fold=fold, most=400) for fold in (0, 1)]
    )


@pytest.fixture(scope="module")
def summary(record: Record) -> dict[str, Any]:
    return summarise(record, score_all(record))


def method(summary: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in summary["methods"] if one["name"] == name)


def test_it_is_json_without_numbers_that_json_does_not_know(summary: dict[str, Any]) -> None:
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_every_method_is_there_and_the_skipped_one_says_why(summary: dict[str, Any]) -> None:
    names = [one["name"] for one in summary["methods"]]
    assert names == ["ours", "raw", "shift/sface", "oracle-target", "two-step/dlib", "random"]
    skipped = method(summary, "two-step/dlib")
    assert "dlib is not installed" in skipped["skipped"]
    assert "scores" not in skipped
    assert all(one["skipped"] is None for one in summary["methods"] if one is not skipped)


def test_figures_are_means_over_the_measured_queries(
    record: Record, summary: dict[str, Any]
) -> None:
    found = scores_of([record.methods[0]], record)
    for criterion in ("C1", "C2"):
        means = np.nanmean(found[criterion].values, axis=0)
        figures = method(summary, "ours")["scores"][criterion]
        assert list(figures) == ["R@1", "R@5", "R@10", "R@20", "mAP", "MRR"]
        for mean, figure in zip(means, figures.values(), strict=True):
            assert figure["value"] == pytest.approx(mean, abs=1e-6)
            assert figure["interval"][0] <= figure["value"] <= figure["interval"][1]
            assert "difference" not in figure


def test_differences_are_to_ours(summary: dict[str, Any]) -> None:
    ours, raw = method(summary, "ours")["scores"], method(summary, "raw")["scores"]
    for criterion in ("C1", "C2"):
        for name, figure in raw[criterion].items():
            expected = figure["value"] - ours[criterion][name]["value"]
            assert figure["difference"]["value"] == pytest.approx(expected, abs=2e-6)
            low, high = figure["difference"]["interval"]
            assert low <= expected <= high


def test_seeds_are_told_apart(summary: dict[str, Any]) -> None:
    figure = method(summary, "shift/sface")["scores"]["C2"]["R@5"]
    assert len(figure["by_seed"]) == 2
    assert figure["value"] == pytest.approx(np.mean(figure["by_seed"]), abs=2e-6)
    assert figure["seed_deviation"] == pytest.approx(np.std(figure["by_seed"], ddof=1), abs=2e-6)
    assert method(summary, "shift/sface")["seeds"] == [0, 1]
    assert "by_seed" not in method(summary, "raw")["scores"]["C2"]["R@5"]


def test_curves_pass_through_the_hit_rates(summary: dict[str, Any]) -> None:
    ours = method(summary, "ours")
    for criterion in ("C1", "C2"):
        curve = ours["curve"][criterion]
        assert len(curve) == ours["at_depth"]["depth"] == 20
        for k in (1, 5, 10, 20):
            assert curve[k - 1] == ours["scores"][criterion][f"R@{k}"]["value"]
        assert ours["at_depth"][criterion]["mAP"] <= ours["scores"][criterion]["mAP"]["value"]


def test_the_neutral_subset_has_its_own_errors(record: Record, summary: dict[str, Any]) -> None:
    neutral = record.queries.subsets["neutral illumination"]
    errors = record.drawings.squared_errors["stage 1"]
    found = summary["mse"]["neutral illumination"]["stage 1"]
    assert found["queries"] == neutral.sum()
    assert found["value"] == pytest.approx(errors[neutral].mean(), abs=1e-5)
    assert summary["mse"]["all"]["stage 1"]["value"] == pytest.approx(errors.mean(), abs=1e-5)


def test_the_matrix_of_errors_equals_loops(record: Record) -> None:
    errors, queries = record.drawings.squared_errors["stage 2"], record.queries
    (matrix,) = error_matrices(record, "stage 2")
    before = record.gallery.values[queries.source, 0]
    for own in range(7):
        for value in range(7):
            mine = errors[(before == own) & (queries.wished[:, 0] == value)]
            assert matrix.queries[own, value] == len(mine)
            if own == value:
                assert np.isnan(matrix.mean[own, value])
            else:
                assert matrix.mean[own, value] == pytest.approx(mine.mean())


def test_errors_that_were_not_measured_are_in_no_cell(record: Record) -> None:
    errors = record.drawings.squared_errors["stage 2"].copy()
    errors[::2] = np.nan
    drawings = replace(record.drawings, squared_errors={"stage 2": errors})
    (matrix,) = error_matrices(replace(record, drawings=drawings), "stage 2")
    assert matrix.queries.sum() == len(errors) // 2


def test_groups_by_the_size_of_a_change(record: Record, summary: dict[str, Any]) -> None:
    groups = dict(groupings(record))["change of pose (degrees)"]
    assert list(groups) == ["15", "30", "45", "60", "75", "90"]
    degrees = np.array([-45, -30, -15, 0, 15, 30, 45])
    before = record.gallery.values[record.queries.source, 0]
    change = np.abs(degrees[record.queries.wished[:, 0]] - degrees[before])
    hits = scores_of([record.methods[0]], record)["C2"].values[:, 1]
    (found,) = (
        one
        for one in summary["breakdowns"]
        if one["by"].startswith("change") and one["criterion"] == "C2"
    )
    for group in found["groups"]:
        mine = hits[change == int(group["label"])]
        assert group["queries"] == len(mine)
        assert group["scores"]["ours"]["value"] == pytest.approx(mine.mean(), abs=1e-6)


def test_groups_by_what_is_known_of_people(record: Record, summary: dict[str, Any]) -> None:
    groups = dict(groupings(record))
    assert list(groups["ancestry"]) == ["African", "Asian", "European"]
    ages = np.stack(list(groups["age group"].values()))
    unknown = np.isin(record.identity, [0, 4])  # the first person of each fold
    assert np.array_equal(ages.sum(axis=0), ~unknown)
    (found,) = (
        one for one in summary["breakdowns"] if one["by"] == "gender" and one["criterion"] == "C1"
    )
    assert [group["people"] for group in found["groups"]] == [4, 4]
    assert sum(group["queries"] for group in found["groups"]) == len(record.queries)


def test_hard_negatives_are_counted_rank_by_rank(record: Record) -> None:
    first = count_kinds(record, record.methods[0], 1)
    assert sum(first.values()) == pytest.approx(1)
    hits = scores_of([record.methods[0]], record)["C2"].values[:, 0]
    assert first["right"] == pytest.approx(hits.mean())
    among = count_kinds(record, record.methods[0], 5)
    assert sum(among.values()) == pytest.approx(5)
    assert among["right"] <= 1  # one image is right under C2
    assert among["wrong_value"] > first["wrong_value"]


def test_hit_rates_by_source_value_and_wished_value(
    record: Record, summary: dict[str, Any]
) -> None:
    found = scores_of([record.methods[0]], record)["C1"]
    (matrix,) = hit_matrices(record, [found], 0)
    assert matrix.attribute == "pose"
    queries = record.queries
    own = record.gallery.values[queries.source, 0]
    for row, column in ((0, 6), (3, 2)):
        asked = (own == row) & (queries.wished[:, 0] == column)
        assert matrix.queries[row, column] == asked.sum() > 0
        assert matrix.rates["ours"][row, column] == found.values[asked, 0].mean()
    assert np.isnan(np.diag(matrix.rates["ours"])).all()  # what an image shows nobody wishes for
    assert matrix.queries.sum() == len(queries)
    printed = next(one for one in summary["hit_matrix"] if one["criterion"] == "C1")
    assert (printed["measure"], printed["rates"]["ours"][0][0]) == ("R@1", None)
    assert printed["values"] == list(matrix.values)


def test_the_accuracy_of_an_estimate_counts_values_it_does_not_know(record: Record) -> None:
    ours = replace(record.estimates[0], foreign=100)
    found = summarise(replace(record, estimates=(ours,)), score_all(record))["estimates"][0]
    right = int(np.trace(ours.confusion))
    assert found["images"] == int(ours.confusion.sum()) + 100
    assert found["accuracy"] == pytest.approx(right / found["images"], abs=1e-6)


def test_a_benchmark_without_ours_has_no_differences(record: Record) -> None:
    rest = replace(record, methods=record.methods[1:2])
    raw = summarise(rest, score_all(rest))["methods"][0]
    assert "difference" not in raw["scores"]["C2"]["R@1"]


@pytest.mark.parametrize(
    ("cutoffs", "chosen"), [((1, 5, 20), 5), ((1, 10), 1), ((4, 6), 4), ((20,), 20)]
)
def test_breakdowns_are_at_five_or_the_nearest(cutoffs: tuple[int, ...], chosen: int) -> None:
    assert breakdown_cutoff(cutoffs) == chosen


def test_confidence_is_measured_where_something_was_said() -> None:
    one = simulated.record(4, names=("ours", "raw"), most=200)
    right = rank_all(one.methods[0], one.queries)["C1"].first == 0
    sure = np.where(right, 0.95, 0.15)
    sure[::4] = np.nan
    nobody = np.full(len(sure), np.nan)
    ours, raw, *rest = one.methods
    methods = (replace(ours, confidence=sure), replace(raw, confidence=nobody), *rest)
    summary = summarise(told := replace(one, methods=methods), score_all(told))
    found = method(summary, "ours")["confidence"]
    said = np.isfinite(sure)
    assert found["withheld"] == pytest.approx(1 - said.mean(), abs=1e-6)
    assert found["mean"] == pytest.approx(sure[said].mean(), abs=1e-6)
    assert found["right"] == pytest.approx(right[said].mean(), abs=1e-6)
    assert sum(one["answers"] for one in found["bins"]) == said.sum()
    none = method(summary, "raw")["confidence"]
    assert (none["withheld"], none["mean"], none["expected_calibration_error"]) == (1, None, None)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    table = to_markdown(summary)
    assert "| `raw` | 100.0 | - | - | - |" in table
    notes = [one.note for one in views.confidence(summary).rows]
    assert "withheld for 100.0 %" in notes[1]
    names = [name for name, _ in figures(summary, told)]
    assert names.count("reliability") == 1
