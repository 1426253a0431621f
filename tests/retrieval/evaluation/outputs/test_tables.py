from typing import Any

import pytest

from retrieval.evaluation.outputs import words
from retrieval.evaluation.outputs.tables import to_markdown
from retrieval.evaluation.statistics.summary import score_all, summarise
from tests.retrieval.evaluation import simulated


@pytest.fixture(scope="module")
def summary() -> dict[str, Any]:
    record = simulated.record(4, names=("ours", "raw"), most=200)
    return summarise(record, score_all(record))


def rows(markdown: str, head: str) -> dict[str, list[str]]:
    """Read one table: cells by what the row begins with."""
    lines = markdown.split(f"| {head} |")[1].split("\n\n", maxsplit=1)[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in cells}


@pytest.mark.parametrize("criterion", ["C1", "C2"])
def test_the_table_prints_the_numbers_of_the_json(summary: dict[str, Any], criterion: str) -> None:
    table = rows(to_markdown(summary), f"{criterion}, percent")
    changes = rows(to_markdown(summary), f"{criterion}, points")
    for method in summary["methods"]:
        if "scores" not in method:
            continue
        (row,) = (cells for head, cells in table.items() if head.startswith(f"`{method['name']}`"))
        for cell, figure in zip(row, method["scores"][criterion].values(), strict=True):
            low, high = (f"{100 * end:.1f}" for end in figure["interval"])
            between = "" if low == high else f" [{low}, {high}]"
            assert cell == f"{100 * figure['value']:.1f}{between}"
        if method["name"] == "raw":
            change = method["scores"][criterion]["R@1"]["difference"]
            assert changes["`raw`"][0].startswith(f"{100 * change['value']:+.1f} [")
    assert "`ours`" not in changes


def test_first_answers_are_told_by_kind_and_by_value(summary: dict[str, Any]) -> None:
    markdown = to_markdown(summary)
    kinds = rows(markdown, f"percent of the C2 queries | {' | '.join(words.KINDS.values())}")
    (raw,) = (one for one in summary["methods"] if one["name"] == "raw")
    expected = [f"{100 * raw['answers']['first'][kind]:.1f}" for kind in words.KINDS]
    assert kinds["`raw`"] == expected
    matrix = summary["hit_matrix"][0]
    head = f"`ours`, C1 R@1: pose of the source | {' | '.join(matrix['values'])}"
    first = rows(markdown, head)[matrix["values"][0]]
    assert first[0] == "-"
    assert first[1] == f"{100 * matrix['rates']['ours'][0][1]:.1f}"


def test_published_rows_stand_below_and_say_so(summary: dict[str, Any]) -> None:
    table = rows(to_markdown(summary), "C2, percent")
    row = table["*ours, our 2nd network* as published: arxiv Table 3"]
    assert row == ["43.2", "74.1", "", "86.0", "", ""]
    errors = rows(to_markdown(summary), "queries")
    neutral = errors["*neutral illumination* as published: bmvc Table 1, 510 images"]
    assert neutral == ["", "578.5", "570.5", "884.4"]


def test_what_was_not_run_is_named(summary: dict[str, Any]) -> None:
    assert "- `two-step/dlib`: dlib is not installed" in to_markdown(summary)
    rest = {**summary, "methods": [m for m in summary["methods"] if not m["skipped"]]}
    assert "Every method was run." in to_markdown(rest)


def test_a_title_names_no_folders(summary: dict[str, Any]) -> None:
    told = {**summary, "spec": "cmu-faces:/home/somebody/faces.tar.gz"}
    assert words.title(told) == "cmu-faces:faces.tar.gz: pose-0"
    assert words.title(summary) == "studio-mini: pose-0"
    assert to_markdown(told).startswith("# cmu-faces:faces.tar.gz: pose-0\n")


def test_numbers_are_printed_for_people() -> None:
    assert words.percent(0.4996) == "50.0"
    assert words.percent(None) == "-"
    assert (words.change(-0.0001), words.change(0.0213)) == ("+0.0", "+2.1")
    assert words.ends([0.1, 0.25]) == "10.0, 25.0"
    assert words.ends([0.1, 0.1]) == words.ends(None) == ""
    assert [words.duration(s) for s in (0.0123, 2.5, 90, 7200, None)] == [
        "12.3 ms",
        "2.5 s",
        "1.5 min",
        "2.0 h",
        "-",
    ]
    assert [words.size(n) for n in (12, 2_500, 3e6, 4e9)] == ["12 B", "2.5 kB", "3.0 MB", "4.0 GB"]
