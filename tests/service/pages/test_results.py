"""Results of benchmarks, as the page lists them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.service.pages.serving import ask

RESULT: dict[str, Any] = {
    "format": 2,
    "spec": "studio-mini",
    "command": "mindseye bench studio-mini",
    "created": "2026-11-30T00:00:00+00:00",
    "reference": "ours",
    "criteria": ["C1"],
    "measures": ["R@1"],
    "wishes": ["pose"],
    "queries": {"C1": 20},
    "gallery": 100,
    "identities": 5,
    "methods": [
        {
            "name": "ours",
            "note": "",
            "skipped": None,
            "scores": {"C1": {"R@1": {"value": 0.75, "interval": [0.5, 0.9]}}},
        },
        {"name": "raw/dlib", "note": "", "skipped": "dlib is not installed"},
    ],
}


def write(folder: Path, result: object = RESULT, report: str | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(result), encoding="utf-8")
    if report is not None:
        (folder / "report.html").write_text(report, encoding="utf-8")


def test_results_of_a_folder_and_of_folders_in_it_are_listed_the_newest_first(
    tmp_path: Path,
) -> None:
    write(tmp_path / "results")
    write(tmp_path / "results" / "later", {**RESULT, "created": "2026-12-01T00:00:00+00:00"})
    found = ask(tmp_path / "results", "/v1/results").json()
    assert [one["name"] for one in found["results"]] == ["later", "results"]
    ours, other = found["results"][0]["methods"]
    assert ours["scores"]["C1"]["R@1"] == {"value": 0.75, "interval": [0.5, 0.9]}
    assert other["skipped"] == "dlib is not installed"


def test_a_broken_result_is_named_with_its_reason_and_without_its_place(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    write(folder / "good")
    write(folder / "half", {"spec": "studio-mini"})
    (folder / "torn").mkdir()
    (folder / "torn" / "results.json").write_text("{", encoding="utf-8")
    found = ask(folder, "/v1/results").json()
    assert [one["name"] for one in found["results"]] == ["good"]
    assert [one["name"] for one in found["broken"]] == ["half", "torn"]
    assert str(tmp_path) not in json.dumps(found["broken"])


def test_a_report_has_its_own_rules_and_runs_nothing(tmp_path: Path) -> None:
    write(tmp_path / "results" / "one", report="<p>report</p>")
    came = ask(tmp_path / "results", "/v1/results/one/report")
    assert came.text == "<p>report</p>"
    policy = came.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "sandbox" in policy


@pytest.mark.parametrize("name", ["two", "..", "%2e%2e", "..%2fresults", "one%2f..%2fone"])
def test_a_name_is_looked_up_and_never_made_a_path(tmp_path: Path, name: str) -> None:
    write(tmp_path / "results" / "one", report="<p>report</p>")
    write(tmp_path, report="<p>outside</p>")
    came = ask(tmp_path / "results", f"/v1/results/{name}/report")
    assert came.status_code == 404
    assert "outside" not in came.text


def test_without_a_folder_of_results_there_is_no_such_view() -> None:
    assert ask(None, "/benchmarks").status_code == 404
    assert "Benchmarks" not in ask(None, "/").text


def test_pages_hold_no_data_no_inline_script_and_no_inline_style(tmp_path: Path) -> None:
    write(tmp_path / "results")
    for path in ("/", "/estimates", "/benchmarks"):
        came = ask(tmp_path / "results", path)
        assert came.status_code == 200
        assert "style=" not in came.text
        assert "<style" not in came.text
        assert all("src=" in part for part in came.text.split("<script")[1:])
        assert "'unsafe-inline'" not in came.headers["content-security-policy"]
        assert "studio-mini" not in came.text
