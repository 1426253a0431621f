"""What waits for a GPU: which steps there are, what is skipped and why; no step is done here."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent.parent


def asked(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script with a folder of its own."""
    return subprocess.run(
        ["bash", str(ROOT / "experiments" / "gpu" / "run.sh"), *arguments],  # noqa: S607
        env={**os.environ, "OUT": str(tmp_path), "PYTHON": "false"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_dry_run_lists_every_step_and_does_none(tmp_path: Path) -> None:
    said = asked(tmp_path, "--dry-run")
    lines = said.stdout.splitlines()
    assert said.returncode == 0
    assert len(lines) == 12
    assert lines[0].startswith("would do     rates, at most 120 s")
    assert "no set studio-249" in lines[3]
    assert "prepare" in lines[3]
    assert "no network draws 112 pixels" in lines[-1]
    assert list(tmp_path.iterdir()) == []


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    (tmp_path / "rates.done").touch()
    (tmp_path / "studio-249").mkdir()
    said = asked(tmp_path, "--dry-run", "rates", "paper", "paper-table")
    assert [line.split()[:2] for line in said.stdout.splitlines()] == [
        *(["done", "before"], ["would", "do"], ["skipped", "paper-table:"])
    ]


def test_a_step_that_there_is_not_is_refused(tmp_path: Path) -> None:
    said = asked(tmp_path, "--dry-run", "rate")
    assert (said.returncode, said.stdout) == (2, "")
    assert "There is no step 'rate'; there are: rates draw" in said.stderr


def test_without_a_gpu_nothing_is_begun(tmp_path: Path) -> None:
    said = asked(tmp_path, "rates")
    assert said.stdout == "skipped      rates: torch sees no GPU here; --smoke runs on the CPU\n"


def test_kinds_are_asked_on_the_cpu_where_faiss_has_no_gpu() -> None:
    pytest.importorskip("faiss")
    from experiments.gpu import searches  # noqa: PLC0415  FAISS is an extra

    rng = np.random.default_rng(0)
    rows = rng.standard_normal((200, searches.WIDTH), dtype=np.float32)
    found = {kind: searches.measured(kind, rows, rows[:3]) for kind in ("flat", "ivf")}
    assert [list(sides) for sides in found.values()] == [["cpu"], ["cpu"]]
    shown = searches.table({"rows": 200, "gpus": 0, "kinds": found})
    assert "| ivf | cpu |" in shown
