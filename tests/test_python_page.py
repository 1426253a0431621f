"""docs/python.md: every example is run, in order, in an empty folder."""

import re
from pathlib import Path
from typing import Any

import pytest

import mindseye  # noqa: TID251  its tests may

PAGE = Path(__file__).parents[1] / "docs" / "python.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_every_example_of_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text("utf-8")
    names: dict[str, Any] = {"__name__": "page"}
    for found in BLOCK.finditer(text):
        line = text.count("\n", 0, found.start(1))
        code = compile("\n" * line + found[1], str(PAGE), "exec")
        exec(code, names)  # noqa: S102  our own page
    assert {"drawn.png", "sheet.png", "why", "answer.json", "out", "runs"} <= {
        path.name for path in tmp_path.iterdir()
    }
    printed = capsys.readouterr().out
    assert "pose has no value '46'" in printed


def test_the_page_names_every_public_function() -> None:
    text = PAGE.read_text("utf-8")
    functions = [name for name in mindseye.__all__ if name.islower()]
    assert [name for name in functions if f"mindseye.{name}(" not in text] == []
