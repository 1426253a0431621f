import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gallery.errors import ConfigError, DatasetError
from retrieval.evaluation.records import Record
from retrieval.evaluation.statistics.comparison import compare, to_json, to_markdown
from retrieval.evaluation.statistics.outcomes import scores_of
from retrieval.evaluation.statistics.per_query import read_per_query
from tests.retrieval.evaluation import simulated
from tests.retrieval.evaluation.simulated import written


@pytest.fixture
def record() -> Record:
    return simulated.record(5, names=("ours", "raw"), most=300)


def worse(record: Record) -> Record:
    """`ours` loses every tenth query; other weights."""
    method = record.methods[0]
    owner = np.repeat(np.arange(len(record.queries)), np.diff(record.queries.right_starts))
    ranks = np.where(owner % 10 == 0, -1, method.right_ranks)
    provenance = replace(record.provenance, hashes={**record.provenance.hashes, "fold-0": "b" * 64})
    changed = (replace(method, right_ranks=ranks), *record.methods[1:])
    return replace(record, methods=changed, provenance=provenance)


def test_differences_are_those_of_the_shared_queries(record: Record, tmp_path: Path) -> None:
    first, second = written(record, tmp_path / "a"), written(worse(record), tmp_path / "b")
    found = compare(first, second / "results.json")
    assert found.queries == (300, 300, 300)
    assert found.people == 5
    before = scores_of(record.methods[:1], record)
    after = scores_of(worse(record).methods[:1], record)
    by_name = {(d.method, d.criterion, d.measure): d for d in found.differences}
    assert len(by_name) == 3 * 2 * 6
    for criterion in ("C1", "C2"):
        for column, name in enumerate(("R@1", "R@5", "R@10", "R@20", "mAP", "MRR")):
            one = by_name["ours", criterion, name]
            expected = np.nanmean(
                after[criterion].values[:, column] - before[criterion].values[:, column]
            )
            assert one.change.value == pytest.approx(expected, abs=1e-6)
            assert one.second.value - one.first.value == pytest.approx(one.change.value)
            assert one.change.interval is not None
            assert one.change.interval[0] < one.change.value < one.change.interval[1] < 0
            same = by_name["raw", criterion, name]
            assert (same.change.value, same.change.interval) == (0, (0, 0))
    assert found.notes == (f"fold-0: {'a' * 12} in A, {'b' * 12} in B",)


def test_queries_are_matched_by_what_was_asked(record: Record, tmp_path: Path) -> None:
    other = simulated.record(5, names=("ours", "cpi"), most=310, lot=1)
    found = compare(written(record, tmp_path / "a"), written(other, tmp_path / "b"))
    keys = [set(read_per_query(tmp_path / p / "queries.npz").key.tolist()) for p in "ab"]
    assert found.queries == (300, 310, len(keys[0] & keys[1]))
    assert 0 < found.queries[2] < 300
    table = read_per_query(tmp_path / "b" / "queries.npz")
    shared = np.isin(table.key, list(keys[0] & keys[1]))
    assert found.differences[0].method == "ours"
    assert found.differences[0].second.value == pytest.approx(table.scores[0, 0, shared, 0].mean())
    assert {one.method for one in found.differences} == {"ours", "random"}
    assert "in A alone: raw" in found.notes
    assert "in B alone: cpi" in found.notes


def test_it_can_be_read_as_a_table_and_by_programs(record: Record, tmp_path: Path) -> None:
    found = compare(written(record, tmp_path / "a"), written(worse(record), tmp_path / "b"))
    text, data = to_markdown(found), to_json(found)
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert "300 queries about 5 people, asked by both (A asked 300, B 300)" in text
    (row,) = (row for row in text.splitlines() if row.startswith("| `ours` | C2 | R@20"))
    one = next(
        d
        for d in data["differences"]
        if (d["method"], d["criterion"], d["measure"]) == ("ours", "C2", "R@20")
    )
    low, high = one["b_minus_a"]["interval"]
    numbers = f"| {100 * one['b_minus_a']['value']:+.1f} | {100 * low:+.1f}, {100 * high:+.1f} |"
    assert row.endswith(numbers)


def test_results_that_share_nothing_are_refused(record: Record, tmp_path: Path) -> None:
    other = simulated.record(2, names=("ours",), fold=3)
    with pytest.raises(ConfigError, match="share no query"):
        compare(written(record, tmp_path / "a"), written(other, tmp_path / "b"))


def test_files_that_are_missing_or_not_of_one_benchmark_are_refused(
    record: Record, tmp_path: Path
) -> None:
    good = written(record, tmp_path / "a")
    with pytest.raises(DatasetError, match=r"There is no .*nowhere; give a results\.json"):
        compare(good, tmp_path / "nowhere")
    lonely = tmp_path / "lonely"
    lonely.mkdir()
    shutil.copy(good / "results.json", lonely)
    with pytest.raises(DatasetError, match=r"There is no .*queries\.npz; results are compared"):
        compare(good, lonely)
    mixed = written(worse(record), tmp_path / "b")
    shutil.copy(good / "results.json", mixed)
    with pytest.raises(DatasetError, match="is not the file that results.json was written with"):
        compare(good, mixed)


def test_damaged_files_are_refused(record: Record, tmp_path: Path) -> None:
    good = written(record, tmp_path / "a")
    bad = written(record, tmp_path / "b")
    (bad / "queries.npz").write_bytes(b"not an archive")
    with pytest.raises(DatasetError, match="queries.npz is damaged"):
        compare(good, bad)
    (bad / "results.json").write_text("{")
    with pytest.raises(DatasetError, match="results.json is damaged: Expecting"):
        compare(good, bad)
    (bad / "results.json").write_text('{"format": 1}')
    with pytest.raises(DatasetError, match="has the format 1, and this version reads 2"):
        compare(good, bad)


def test_arrays_hold_no_python_objects(record: Record, tmp_path: Path) -> None:
    path = written(record, tmp_path / "a") / "queries.npz"
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["scores"].dtype == np.float32
        assert arrays["scores"].shape == (3, 2, 300, 6)
    table = read_per_query(path)
    expected = scores_of(record.methods[:1], record)["C2"].values
    assert np.allclose(table.scores[0, 1], expected, atol=1e-7, equal_nan=True)
    source = record.gallery.names[record.queries.source[7]]
    assert table.key[7].split("\t")[0] == source
