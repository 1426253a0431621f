import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments.seeds.trainings import across_trainings, to_markdown
from gallery.errors import ConfigError
from retrieval.evaluation.records import Record
from retrieval.evaluation.statistics.comparison import compare
from retrieval.evaluation.statistics.per_query import read_per_query
from tests.retrieval.evaluation import simulated
from tests.retrieval.evaluation.simulated import written

ROOT = Path(__file__).parents[2]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a module of this checkout."""
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def losing(record: Record, every: int) -> Record:
    """`ours` finds nothing for every n-th query."""
    method = record.methods[0]
    owner = np.repeat(np.arange(len(record.queries)), np.diff(record.queries.right_starts))
    ranks = np.where(owner % every == 0, -1, method.right_ranks)
    return replace(record, methods=(replace(method, right_ranks=ranks), *record.methods[1:]))


@pytest.fixture
def record() -> Record:
    return simulated.record(5, names=("ours", "raw"), most=300)


@pytest.fixture
def trainings(record: Record, tmp_path: Path) -> list[Path]:
    return [written(losing(record, n), tmp_path / f"seed-{n}") for n in (3, 5, 10)]


def test_the_mean_over_trainings_is_the_mean_of_their_means(trainings: list[Path]) -> None:
    found = across_trainings({"new": trainings}, ["ours"])
    tables = [read_per_query(path / "queries.npz") for path in trainings]
    assert len(found) == 2 * 6
    for one in found:
        place = tables[0].criteria.index(one.criterion), tables[0].measures.index(one.measure)
        each = [np.nanmean(table.scores[0, place[0], :, place[1]]) for table in tables]
        assert (one.group, one.method, one.trainings) == ("new", "ours", 3)
        assert one.mean.value == pytest.approx(np.mean(each), abs=1e-6)
        assert one.deviation == pytest.approx(np.std(each, ddof=1), abs=1e-6)
        assert one.deviation > 0
        assert one.change is None


def test_one_training_is_compared_as_two_benchmarks_are(
    record: Record, trainings: list[Path], tmp_path: Path
) -> None:
    whole = written(record, tmp_path / "whole")
    found = across_trainings({"whole": [whole], "new": [trainings[0]]}, ["ours", "raw"])
    changes = {
        (d.method, d.criterion, d.measure): d for d in compare(whole, trainings[0]).differences
    }
    compared = [one for one in found if one.group == "new"]
    assert len(compared) == 2 * 2 * 6
    for one in compared:
        expected = changes[one.method, one.criterion, one.measure]
        assert one.mean == expected.second
        assert one.change == expected.change
        assert np.isnan(one.deviation)


def test_the_table_gives_intervals_and_how_far_trainings_lie_apart(trainings: list[Path]) -> None:
    found = across_trainings({"new": trainings, "one": trainings[:1]}, ["ours", "unknown"])
    first, *_ = (one for one in found if one.measure == "R@1")
    table = to_markdown([one for one in found if one.measure == "R@1"]).splitlines()
    assert table[0] == "| trained | method | C1 R@1 | C2 R@1 |"
    assert first.mean.interval is not None
    low, high = (100 * end for end in first.mean.interval)
    spelt = f"{100 * first.mean.value:.1f} ± {100 * first.deviation:.1f} [{low:.1f}, {high:.1f}]"
    assert table[2].startswith(f"| new | `ours` | {spelt} |")
    assert " ± " not in table[3]
    assert "Paired difference to new, points:" in table


def test_benchmarks_stand_on_one_page(trainings: list[Path]) -> None:
    results = json.loads((trainings[0] / "results.json").read_text())
    script = [sys.executable, "-m", "experiments.folds.page"]
    ran = run(*script, *map(str, trainings[:2]))
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert sum(line.startswith("| `ours` |") for line in lines) == 2
    expected = 100 * results["methods"][0]["scores"]["C1"]["R@1"]["value"]
    shown = next(line for line in lines if line.startswith("| `ours` |"))
    assert shown.startswith(f"| `ours` | {expected:.1f} [")
    refused = run(*script, "nowhere").stderr
    assert refused.startswith("Error: There is no nowhere; give a results.json")


def test_what_was_found_of_each_wish_stands_in_a_table(trainings: list[Path]) -> None:
    script = [sys.executable, "-m", "experiments.wishes.table", str(trainings[0])]
    ran = run(*script, "--attribute", "pose")
    assert ran.returncode == 0, ran.stderr
    table = read_per_query(trainings[0] / "queries.npz")
    wished = [key.rpartition("pose=")[2] for key in table.key.tolist() if "\tpose=" in key]
    lines = ran.stdout.splitlines()
    assert lines[0] == "| wish | queries | method | C1 R@1 | C1 R@5 | C2 R@1 | C2 R@5 |"
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["0", "15", "30", "45"]
    at = [i for i, key in enumerate(table.key.tolist()) if key.endswith(("pose=45", "pose=-45"))]
    expected = 100 * np.nanmean(table.scores[0, 0, at, table.measures.index("R@1")])
    asked = wished.count("45") + wished.count("-45")
    assert lines[-1].startswith(f"| 45 | {asked:,} | `ours` | {expected:.1f} [")
    assert run(*script, "--attribute", "hat").stderr == "Error: Nothing was wished of 'hat' there\n"


def test_trainings_of_other_queries_or_methods_are_refused(
    trainings: list[Path], tmp_path: Path
) -> None:
    other = written(simulated.record(5, names=("ours", "raw"), most=200), tmp_path / "other")
    with pytest.raises(ConfigError, match="did not ask the same queries; run both with the same"):
        across_trainings({"new": [*trainings, other]}, ["ours"])
    with pytest.raises(ConfigError, match="None of the results knows shift; look at table.md"):
        across_trainings({"new": trainings}, ["shift"])
    with pytest.raises(ConfigError, match="new has no results"):
        across_trainings({"new": []}, ["ours"])


def test_the_script_prints_the_table(trainings: list[Path]) -> None:
    script = [sys.executable, "-m", "experiments.seeds.table"]
    groups = [f"new={trainings[0]},{trainings[1]}", f"old={trainings[2]}"]
    ran = run(*script, *groups, "--measures", "R@5")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("| trained | method | C1 R@5 | C2 R@5 |")
    wrong = run(*script, "nonsense")
    assert wrong.returncode == 1
    assert wrong.stderr == "Error: 'nonsense' is no group; write NAME=RESULTS,RESULTS\n"
