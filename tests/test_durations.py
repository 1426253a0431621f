"""Who states how long something takes says on what processor; a page has AVX2 beside it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = (
    *("README.md", "benchmarks/README.md"),
    *(f"docs/{name}.md" for name in ("cmu-faces", "data", "editors", "benchmark", "transfer")),
    "docs/weights.md",
)
STATED = re.compile(
    r"\b(minutes|hours?|minutes?|seconds)\s+(of|on)\s|\bquarter of an hour|, in \d+ min"
    r"|\bminutes are wall|an hour\b|\d seconds of",
    re.IGNORECASE,
)


def stated(page: str) -> list[str]:
    """Return the paragraphs, or lines of commands, that say how long something takes."""
    text = (ROOT / page).read_text("utf-8")
    return [part for part in re.split(r"\n\n|\n- ", text) if STATED.search(part)]


def test_some_pages_state_durations() -> None:
    assert sum(map(len, map(stated, PAGES))) > 5


@pytest.mark.parametrize("page", PAGES)
def test_every_duration_names_its_processor(page: str) -> None:
    for part in stated(page):
        assert "Zen 5" in part or "EPYC" in part, part


def test_the_page_of_durations_has_a_column_for_avx2_alone() -> None:
    text = (ROOT / "docs" / "durations.md").read_text("utf-8")
    assert "ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2" in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert "AVX2 alone" in rows[0]
    assert all(len(line.split("|")) == 5 for line in rows)
