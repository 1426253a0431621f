"""Commands of the program, run in the process of a test."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import cli  # noqa: TID251  its tests may


@dataclass(frozen=True)
class Ran:
    """What a command left.

    Attributes:
        status: Its exit status.
        out: What it wrote to stdout.
        err: What it wrote to stderr.
    """

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Read stdout as one JSON object, on one line and with nothing beside it."""
        assert (self.status, self.out.count("\n")) == (0, 1), self
        return json.loads(self.out)


Mindseye = Callable[..., Ran]


def commands_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Mindseye:
    """Return what runs a command in this process, in an empty folder."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MINDSEYE_COLLECTION", raising=False)
    monkeypatch.setattr("generator.freed_memory.keep_freed_memory", lambda: True)

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["mindseye", *map(str, arguments)])
        capsys.readouterr()
        status: Any = 0
        try:
            cli.main()
        except SystemExit as end:
            status = end.code or 0
        return Ran(status, *capsys.readouterr())

    return run


def one_line_error(ran: Ran) -> str:
    """Return what went wrong, of a command that said so in one line and printed nothing."""
    assert ran.status == 1, ran
    assert ran.out == ""
    assert "Traceback" not in ran.err
    lines = ran.err.splitlines()
    assert len(lines) == 1, ran.err
    assert lines[0].startswith("Error: ")
    return lines[0].removeprefix("Error: ")


def in_a_process(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, with one thread, from the root of the project."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
