"""Measuring: what is printed and written, by which protocol, with which weights."""

import json
from pathlib import Path

from tests.running import Mindseye

QUICK_METHODS = ("ours", "ours-pixels", "two-step-true/pixels", "two-step-true/features")


def test_a_benchmark_prints_and_writes_the_same_numbers(
    mindseye: Mindseye, faces_spec: str, pose_weights: Path, tmp_path: Path
) -> None:
    asked = ("--queries", 20, "--seed", 3, "--cache", "cache")
    given = ("bench", faces_spec, "--weights", pose_weights, *asked)
    ran = mindseye(*given, "--out", "one")
    assert ran.status == 0, ran.err
    assert ran.out == (tmp_path / "one" / "table.md").read_text("utf-8") + "\n"
    assert "Written: one/report.html, one/table.md, one/results.json" in ran.err
    assert "<html" in (tmp_path / "one" / "report.html").read_text("utf-8")
    results = json.loads((tmp_path / "one" / "results.json").read_text("utf-8"))
    assert (results["gallery"], results["identities"], results["queries"]) == (
        12,
        2,
        {"C1": 20, "C2": 20},
    )
    names = [method["name"] for method in results["methods"]]
    assert names == [*QUICK_METHODS, "random"]
    again = mindseye(*given, "--out", "two", "--json").json
    for passing in ("seconds", "created", "command", "files"):
        again.pop(passing)
        results.pop(passing)
    for method in (*again["methods"], *results["methods"]):
        method.pop("build_s", None)
        method.pop("query_s", None)
    assert again == results
    compared = mindseye("bench", "--compare", "one/results.json", "two")
    assert compared.status == 0, compared.err
    assert "20 queries about 2 people, asked by both" in compared.out


def test_a_benchmark_without_weights_takes_packaged_ones(
    mindseye: Mindseye, faces_spec: str
) -> None:
    ran = mindseye("bench", faces_spec, "--out", "one", "--queries", 3, "--methods", "raw/pixels")
    assert ran.status == 0, ran
    assert "Weights: pose-mindseye-60 (packaged)" in ran.err


def test_a_benchmark_follows_its_protocol_and_options(
    mindseye: Mindseye, faces_spec: str, pose_weights: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(
        '[split]\ntrain_identities = "4"\n[gallery]\nlight = ["left"]\n'
        "[queries]\ncount = 9\n[judging]\ncutoffs = [1, 2]\n"
    )
    where = ("--protocol", "mine.toml", "--out", "one", "--cache", "cache", "--json")
    given = ("bench", faces_spec, "--weights", pose_weights, *where)
    results = mindseye(*given, "--methods", "raw/pixels,raw/features*", "--queries", 5).json
    assert (results["gallery"], results["identities"]) == (3, 1)
    assert results["queries"] == {"C1": 5, "C2": 5}
    assert results["protocol"]["cutoffs"] == [1, 2]
    assert results["protocol"]["name"] == "mine"
    names = [method["name"] for method in results["methods"]]
    assert names == ["ours", "raw/pixels", "raw/features", "raw/features/no-source", "random"]
