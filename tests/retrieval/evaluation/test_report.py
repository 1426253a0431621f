import json
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gallery.files import file_sha256
from retrieval.evaluation import report
from retrieval.evaluation.drawing_records import Drawings
from retrieval.evaluation.outputs import plots
from retrieval.evaluation.records import BenchmarkProgress, MethodRecord, Record
from retrieval.evaluation.report import Written
from retrieval.evaluation.statistics.pooling import pool
from tests.retrieval.evaluation import simulated


def finish(
    steps: Generator[BenchmarkProgress, None, Written],
) -> tuple[list[BenchmarkProgress], Written]:
    """Run to the end."""
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return seen, end.value


@pytest.fixture(scope="module")
def record() -> Record:
    return pool([simulated.record(3, fold=fold, most=120) for fold in (0, 1)])


@pytest.fixture(scope="module")
def written(record: Record, tmp_path_factory: pytest.TempPathFactory) -> Written:
    return finish(report.write(record, tmp_path_factory.mktemp("results") / "out"))[1]


def test_every_file_is_there_and_results_name_their_hashes(written: Written) -> None:
    there = {str(path.relative_to(written.out)) for path in written.out.rglob("*.*")}
    assert there == set(written.files)
    results = json.loads((written.out / "results.json").read_text())
    assert results == written.summary
    assert set(results["files"]) == there - {"results.json"}
    for name, sha256 in results["files"].items():
        assert file_sha256(written.out / name) == sha256
    assert {"table.md", "queries.npz", "report.html", "trec/ours.run.gz"} <= there
    assert {"plots/hit-rate-C2.png", "plots/hit-rate-C2.svg", "plots/mse-pose.svg"} <= there
    assert {"plots/change-pose-C2.png", "plots/error-maps.png", "plots/rank-C1.svg"} <= there
    assert written.notes == ()


def test_plots_are_pictures_with_something_on_them(written: Written) -> None:
    pictures = sorted((written.out / "plots").glob("*.png"))
    assert len(pictures) == 8
    for path in pictures:
        with Image.open(path) as picture:
            assert min(picture.size) > 200
            assert np.asarray(picture.convert("L")).std() > 5
    text = (written.out / "plots" / "hit-rate-C2.svg").read_text()
    assert text.startswith("<?xml")
    assert "two-step/dlib" not in text  # it did not run
    assert ">ours-pixels<" in text


def test_the_same_record_gives_the_same_bytes(
    record: Record, written: Written, tmp_path: Path
) -> None:
    again = finish(report.write(record, tmp_path))[1]
    assert again.summary["files"] == written.summary["files"]


@pytest.fixture
def no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "find_spec", lambda name: None)  # noqa: ARG005


@pytest.mark.usefixtures("no_plots")
def test_progress_counts_to_its_end(record: Record, tmp_path: Path) -> None:
    seen, _ = finish(report.write(record, tmp_path))
    assert [(step.done, step.total) for step in seen] == [(n, 6) for n in range(1, 7)]


@pytest.mark.usefixtures("no_plots")
def test_without_matplotlib_all_else_is_written_and_the_reason_is_said(
    record: Record, tmp_path: Path
) -> None:
    written = finish(report.write(record, tmp_path))[1]
    assert len(written.notes) == 1
    assert "pip install 'mindseye[plots]'" in written.notes[0]
    assert not (tmp_path / "plots").exists()
    assert (tmp_path / "report.html").exists()
    assert json.loads((tmp_path / "results.json").read_text())["notes"] == list(written.notes)


def test_a_record_that_contradicts_itself_leaves_older_results_alone(
    record: Record, tmp_path: Path
) -> None:
    (tmp_path / "results.json").write_text("{}")
    method = record.methods[0]
    wrong = replace(method, right_ranks=np.roll(method.right_ranks, 1))
    with pytest.raises(ValueError, match="the ranking of ours has"):
        finish(report.write(replace(record, methods=(wrong,)), tmp_path))
    assert (tmp_path / "results.json").read_text() == "{}"


def bare() -> Record:
    """As little as a benchmark can leave: one method, that was skipped; nothing was drawn."""
    made = simulated.record(2, names=(), most=10)
    skipped = MethodRecord(name="ours", skipped="no weights")
    people = replace(made.people, traits={})
    return replace(
        made,
        methods=(skipped,),
        people=people,
        drawings=Drawings(),
        estimates=(),
        queries=replace(made.queries, subsets={}),
    )


@pytest.mark.usefixtures("no_plots")
def test_a_benchmark_that_ran_nothing_still_reports(tmp_path: Path) -> None:
    written = finish(report.write(bare(), tmp_path))[1]
    summary: dict[str, Any] = written.summary
    drawn = [name.rpartition("-")[0] for name, _ in plots.figures(summary, bare())]
    assert sorted(set(drawn)) == ["change-pose", "hit-rate", "rank"]
    assert [one["name"] for one in summary["methods"]] == ["ours", "random"]
    assert summary["mse"] == {"all": {}}
    page = (tmp_path / "report.html").read_text()
    assert "no weights" in page
    assert "No drawing was compared" in page
    assert "no weights" in (tmp_path / "table.md").read_text()


@pytest.mark.usefixtures("no_plots")
def test_a_benchmark_about_one_person_has_no_intervals(tmp_path: Path) -> None:
    record = simulated.record(1, names=("ours", "raw"))
    written = finish(report.write(record, tmp_path))[1]
    figure = written.summary["methods"][1]["scores"]["C2"]["R@5"]
    assert figure["interval"] is None
    assert figure["difference"]["interval"] is None
    assert len(list(plots.figures(written.summary, record))) == 8
