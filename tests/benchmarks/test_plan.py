"""The tables of docs/scale.md are what the script makes of the results that are there."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))
plan: Any = import_module("plan")  # benchmarks is a folder of scripts


def test_the_page_holds_what_the_script_writes() -> None:
    page = (ROOT / "docs" / "scale.md").read_text("utf-8")
    for table in plan.tables(student_ms=1.5, gb=256, cores=32).split("\n\n"):
        assert table in page
    assert f"{plan.one_driver():,.0f} images a second" in page
