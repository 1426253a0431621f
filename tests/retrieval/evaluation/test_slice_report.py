import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gallery.faces import Problem
from retrieval.evaluation.baselines import METHODS
from retrieval.evaluation.protocols import Protocol
from retrieval.evaluation.results import Fold, Results
from retrieval.evaluation.slice_report import DEFINITION, to_json, to_markdown, write

NAMES = (*METHODS, "random")


def fold(name: str, queries: int, strict: int, gallery: int = 1_200) -> Fold:
    return Fold(
        weights=name,
        sha256="a" * 64,
        identities=6,
        gallery=gallery,
        queries={"C1": queries, "C2": strict},
        dropped={"C1": 1_000, "C2": 1_000 + queries - strict},
        estimates_right=900,
        estimates=gallery,
        problems=(Problem("bad.png", "empty file (0 bytes)"),),
    )


@pytest.fixture
def results() -> Results:
    """Two folds of 1,500 and 500 queries; hits of noise, of each method another share.

    C2 is measured on 1,200 and 300 of them.
    """
    made = Results("folder:photos", Protocol(seed=4, cutoffs=(1, 5)))
    random = np.random.default_rng(0)
    for part in (fold("eyes-1", 1_500, 1_200), fold("eyes-2", 500, 300, gallery=1_800)):
        made.folds.append(part)
        for place, method in enumerate(NAMES):
            for criterion in ("C1", "C2"):
                for k in (1, 5):
                    share = (place + 1) * (k + 1) / 40
                    hits = random.random(part.queries[criterion]) < share
                    made.hits.setdefault((method, criterion, k), []).append(hits)
        for stage in ("source", "stage 1", "stage 2"):
            errors = random.uniform(0, 500, part.queries["C2"])
            made.squared_errors.setdefault(stage, []).append(errors)
    made.seconds = {"build": 1.25, "answer": 0.5}
    return made


def cells(markdown: str) -> dict[str, list[str]]:
    """Read the table: cells by method, and the columns' names."""
    rows = [line.strip("|").split("|") for line in markdown.splitlines() if line.startswith("|")]
    table = {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}
    return {name.split("`")[1] if "`" in name else name: row for name, row in table.items()}


def test_rates_are_shares_of_the_queries_of_their_criterion(results: Results) -> None:
    report = to_json(results)
    assert list(report["hit_rate"]) == list(NAMES)
    for method in NAMES:
        for criterion in ("C1", "C2"):
            for k in (1, 5):
                parts = results.hits[method, criterion, k]
                share = sum(part.sum() for part in parts) / {"C1": 2_000, "C2": 1_500}[criterion]
                rate = report["hit_rate"][method][criterion][str(k)]
                assert rate == pytest.approx(share, abs=1e-6)
    for stage, parts in results.squared_errors.items():
        mean = sum(part.sum() for part in parts) / 1_500
        assert report["mse"][stage] == pytest.approx(mean, abs=1e-3)


def test_counts_are_summed_over_the_folds(results: Results) -> None:
    report = to_json(results)
    assert report["format"] == 1
    assert report["spec"] == "folder:photos"
    assert report["protocol"] == {
        "queries": 10_000,
        "seed": 4,
        "cutoffs": [1, 5],
        "exclude_source": False,
    }
    assert report["queries"] == {"C1": 2_000, "C2": 1_500}
    assert report["queries_dropped"] == {"C1": 2_000, "C2": 2_500}
    assert (report["gallery"], report["identities"]) == (3_000, 12)
    assert report["estimate_accuracy"] == 0.6
    assert report["seconds"] == {"build": 1.25, "answer": 0.5}
    assert report["folds"][1] == {
        "weights": "eyes-2",
        "sha256": "a" * 64,
        "identities": 6,
        "gallery": 1_800,
        "queries": {"C1": 500, "C2": 300},
        "queries_dropped": {"C1": 1_000, "C2": 1_200},
        "estimate_accuracy": 0.5,
        "problems": [["bad.png", "empty file (0 bytes)"]],
    }


def test_the_table_prints_the_numbers_of_the_json(results: Results) -> None:
    report, table = to_json(results), cells(to_markdown(results))
    assert table.pop("method") == ["C1 R@1", "C1 R@5", "C2 R@1", "C2 R@5"]
    table.pop("---")
    assert list(table) == list(NAMES)
    for method, row in table.items():
        rates = report["hit_rate"][method]
        assert row == [f"{100 * rates[c][k]:.1f}" for c in ("C1", "C2") for k in ("1", "5")]


def test_the_table_says_of_what_the_rates_are_shares(results: Results) -> None:
    text = to_markdown(results)
    assert text.startswith("# folder:photos: eyes-1, eyes-2\n")
    assert (
        "In percent of 2,000 queries under C1 and, under C2, 1,500 of these (seed 4; left out"
        " before the draw, because nothing in the gallery answers them or their source cannot be"
        " read: 2,000 under C1, 2,500 under C2); gallery: 3,000 images, with 12 known people in 2"
        " folds of 1,200, 1,800, each searched by itself; the source image is kept in the gallery."
    ) in text
    assert "estimated rightly: 60.0 %." in text
    mse = to_json(results)["mse"]
    assert f"source {mse['source']:.1f}, stage 1 {mse['stage 1']:.1f}, stage 2" in text
    assert DEFINITION in text


def test_one_fold_is_not_called_pooled_and_a_source_left_out_is_named(results: Results) -> None:
    results.folds.pop()
    results.protocol = Protocol(cutoffs=(1, 5), exclude_source=True)
    text = to_markdown(results)
    assert "folds" not in text
    assert "the source image is left out of the gallery" in text


def test_what_is_written_is_what_is_printed(results: Results, tmp_path: Path) -> None:
    write(results, tmp_path / "deep" / "down")
    written = json.loads((tmp_path / "deep" / "down" / "results.json").read_text("utf-8"))
    assert written == to_json(results)
    assert (tmp_path / "deep" / "down" / "table.md").read_text("utf-8") == to_markdown(results)
    assert sorted(path.name for path in (tmp_path / "deep" / "down").iterdir()) == [
        "results.json",
        "table.md",
    ]


def test_json_holds_no_numbers_that_json_does_not_know(results: Results) -> None:
    json.dumps(to_json(results), allow_nan=False)


def test_where_nothing_can_be_measured_a_gap_is_left(results: Results) -> None:
    """No query is answered under C2, and no value of the second fold is known."""
    none = np.array([], dtype=np.bool_)
    for method, criterion, k in results.hits:
        if criterion == "C2":
            results.hits[method, criterion, k] = [none, none]
    for stage in results.squared_errors:
        results.squared_errors[stage] = [none.astype(np.float64)]
    results.folds[1] = replace(results.folds[1], estimates_right=0, estimates=0)
    report = to_json(results)
    json.dumps(report, allow_nan=False)
    assert report["hit_rate"]["ours"]["C2"] == {"1": None, "5": None}
    assert report["mse"] == {"source": None, "stage 1": None, "stage 2": None}
    assert report["folds"][1]["estimate_accuracy"] is None
    assert report["estimate_accuracy"] == 0.75
    text = to_markdown(results)
    assert cells(text)["ours"][2:] == ["-", "-"]
    assert "source -, stage 1 -, stage 2 -." in text
