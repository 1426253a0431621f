"""Runs and judgements are read by `ir-measures`, another implementation of the same measures."""

import gzip
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import AP, RR, Measure, Success

from retrieval.evaluation.outputs.trec import escape, run_name, write_trec
from retrieval.evaluation.records import Record
from retrieval.evaluation.statistics.outcomes import rank_all, score_ranked, scores_of
from retrieval.evaluation.statistics.pooling import pool
from retrieval.evaluation.statistics.summary import score_all, summarise
from tests.retrieval.evaluation import simulated

GRADES = {"C1": 1, "C2": 2}


def whole_rankings() -> Record:
    """Two folds of which every image is ranked for every query; some right images are filtered."""
    folds = []
    for fold, people in enumerate((3, 2)):
        record = simulated.record(people, names=(), fold=fold, most=60)
        gallery, queries = record.gallery, record.queries
        method = simulated.ranked("raw", gallery, queries, 0, fold, depth=len(gallery))
        top, ranks = method.top.copy(), method.right_ranks.copy()
        half = len(gallery) // 2
        top[::5, half:] = -1  # as after a filter
        owner = np.repeat(np.arange(len(queries)), np.diff(queries.right_starts))
        ranks[(owner % 5 == 0) & (ranks >= half)] = -1
        folds.append(replace(record, methods=(replace(method, top=top, right_ranks=ranks),)))
    return pool(folds)


def measured(out: Path, name: str, measures: list[Measure]) -> dict[tuple[str, str], float]:
    """Return what ir-measures says of every query, by measure and query."""
    judged = ir_measures.read_trec_qrels(str(out / "trec" / "qrels.txt.gz"))
    run = ir_measures.read_trec_run(str(out / "trec" / f"{name}.run.gz"))
    found = ir_measures.iter_calc(measures, list(judged), list(run))
    return {(str(one.measure), one.query_id): one.value for one in found}


@pytest.mark.parametrize("criterion", ["C1", "C2"])
def test_measures_agree_with_ir_measures_query_by_query(tmp_path: Path, criterion: str) -> None:
    record = whole_rankings()
    assert len(list(write_trec(record, tmp_path))) == 4
    grade = GRADES[criterion]
    wanted = [AP(rel=grade), RR(rel=grade)] + [
        Success(rel=grade) @ k for k in record.provenance.cutoffs
    ]
    found = measured(tmp_path, "raw", wanted)
    scores = scores_of(record.methods, record)[criterion].values
    rates = [f"Success(rel={grade})@{k}" for k in record.provenance.cutoffs]
    asked = np.flatnonzero(record.queries.measured[criterion])
    assert len(asked)
    for query in asked.tolist():
        columns = [*(rates if grade == 2 else [r.replace("(rel=1)", "") for r in rates])]
        names = [*columns, *(("AP(rel=2)", "RR(rel=2)") if grade == 2 else ("AP", "RR"))]
        for name, score in zip(names, scores[query].tolist(), strict=True):
            assert found[name, str(query)] == pytest.approx(score, abs=1e-9)


def test_a_run_file_tells_the_measures_at_its_depth(tmp_path: Path) -> None:
    record = simulated.record(4, names=("ours", "raw"), most=150)
    summary = summarise(record, score_all(record))
    list(write_trec(record, tmp_path))
    judged = list(ir_measures.read_trec_qrels(str(tmp_path / "trec" / "qrels.txt.gz")))
    for method in summary["methods"][:2]:
        run = ir_measures.read_trec_run(str(tmp_path / "trec" / f"{method['name']}.run.gz"))
        found = ir_measures.calc_aggregate([AP(rel=2), RR(rel=2)], judged, list(run))
        at_depth = method["at_depth"]["C2"]
        assert found[AP(rel=2)] == pytest.approx(at_depth["mAP"], abs=1e-6)
        assert found[RR(rel=2)] == pytest.approx(at_depth["MRR"], abs=1e-6)


def test_numbers_are_named_and_names_stay_on_their_line(tmp_path: Path) -> None:
    record = simulated.record(2, names=("ours",), most=20)
    odd = ("with\ttab\nand line", *record.gallery.names[1:])
    record = replace(record, gallery=replace(record.gallery, names=odd))
    list(write_trec(record, tmp_path))
    with gzip.open(tmp_path / "trec" / "images.tsv.gz", "rt") as file:
        head, *rows = (line.rstrip("\n").split("\t") for line in file)
    assert head == ["image", "fold", "name"]
    names = {int(row[0]): row[2] for row in rows}
    assert names.get(0) == "with%09tab%0Aand%20line"
    with gzip.open(tmp_path / "trec" / "queries.tsv.gz", "rt") as file:
        _, *rows = (line.rstrip("\n").split("\t") for line in file)
    assert len(rows) == len(record.queries)
    assert rows[3][3] == record.people.names[record.identity[3]]
    assert rows[3][4].startswith("pose=")
    with gzip.open(tmp_path / "trec" / "ours.run.gz", "rt") as file:
        first = file.readline().split()
    assert first == ["0", "Q0", str(record.methods[0].top[0, 0]), "1", "20", "ours"]


def test_people_with_spaces_in_their_names_are_one_column(tmp_path: Path) -> None:
    record = simulated.record(3, names=("ours",), most=20)
    people = ("Ann Lee", "Bob\tJr.\n50 %20", "Zoë\u3000顔\udce9")
    record = replace(record, people=replace(record.people, names=people))
    list(write_trec(record, tmp_path))
    with gzip.open(tmp_path / "trec" / "queries.tsv.gz", "rt", encoding="utf-8") as file:
        _, *rows = (line.split() for line in file)
    assert {len(row) for row in rows} == {5}
    told = {unquote(row[3], errors="surrogateescape") for row in rows}
    asked = record.gallery.identity[record.queries.source]
    assert told == {people[who] for who in asked.tolist()}


@given(st.text())
def test_escaped_names_are_read_back(name: str) -> None:
    assert unquote(escape(name), errors="surrogateescape") == name
    assert len(escape(name).split()) == bool(name)


def test_seeds_have_files_of_their_own_and_names_no_folders() -> None:
    record = simulated.record(2, names=("ours", "shift/sface"), seeds=(0, 1), most=10)
    names = [run_name(method, record) for method in record.methods]
    assert names == ["ours", "shift-sface--seed-0", "shift-sface--seed-1", "two-step-dlib"]


def test_the_same_results_are_the_same_bytes(tmp_path: Path) -> None:
    record = simulated.record(2, names=("ours",), most=20)
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        list(write_trec(record, tmp_path / place))
    first, second = (
        [path.read_bytes() for path in sorted((tmp_path / p / "trec").iterdir())] for p in "ab"
    )
    assert first == second


def test_scores_of_ranks_are_those_of_the_ranking() -> None:
    record = simulated.record(2, names=("ours",), most=20)
    ranked = rank_all(record.methods[0], record.queries)["C1"]
    scores = score_ranked(ranked, np.ones(20, dtype=bool), (1, 3))
    assert scores[:, 0].tolist() == (ranked.first == 0).tolist()
    assert scores[:, 1].tolist() == (ranked.first < 3).tolist()
