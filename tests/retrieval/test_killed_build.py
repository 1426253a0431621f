"""A build that is killed goes on where it was, and ends as one that was not killed."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

DRIVER = Path(__file__).with_name("killed_build.py")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path, pose_weights: Path, photograph: Callable[..., Path]) -> Iterator[Path]:
    """Eight photographs, two of them alike, two bad ones, and weights that are only a card.

    In memory where there is such a place: the process is killed, not the machine.
    """
    memory = Path("/dev/shm")  # noqa: S108
    with TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as name:
        yield _filled(Path(name), pose_weights, photograph)


def _filled(tmp_path: Path, pose_weights: Path, photograph: Callable[..., Path]) -> Path:
    for number in range(7):
        photograph(tmp_path / "photos" / f"{number}.png", seed=number)
    shutil.copy(tmp_path / "photos" / "1.png", tmp_path / "photos" / "6a.png")
    (tmp_path / "photos" / "2a.png").write_text("no image")
    (tmp_path / "photos" / "5a.png").touch()
    weights = tmp_path / "weights" / "weights.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"nobody reads them")
    card = json.loads(pose_weights.with_suffix(".json").read_text("utf-8"))
    card["sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    weights.with_suffix(".json").write_text(json.dumps(card))
    return tmp_path


def kill_again_and_again(folder: Path, which: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(DRIVER), str(folder), which],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["wrong"] == [], done.stderr
    rows = told["result"]["rows"]
    assert {name: len(rows[name]) for name in ("image", "file", "placement", "space", "shard")} == {
        "image": 8,
        "file": 10,
        "placement": 8,
        "space": 1,
        "shard": 3,
    }
    assert sorted(told["result"]["ids"][0]) == sorted(set(told["result"]["ids"][0]))
    assert len(told["result"]["ids"][0]) == 7
    return told


def test_a_build_killed_before_a_write_of_any_kind_ends_as_if_nothing_had_happened(
    folder: Path,
) -> None:
    instants = kill_again_and_again(folder, "some")["instants"]
    for kind in ("open .tmp", "os.rename .npy", "os.remove .npy", "CREATE"):
        assert any(label.startswith(kind) for label in instants), kind
    committed = [label.split()[-1] for label in instants if label.startswith("COMMIT")]
    assert {"version", "space", "file", "shard", "SET"} <= set(committed), committed


@pytest.mark.slow
def test_a_build_killed_before_any_write_ends_as_if_nothing_had_happened(folder: Path) -> None:
    assert len(kill_again_and_again(folder, "all")["instants"]) > 50
