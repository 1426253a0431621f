"""A run that is killed and resumed ends as one that is not: `killed_runs.py` trains them all."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gallery.faces import FaceSet

ROOT = Path(__file__).parents[2]
CONFIG = '[train]\nsteps = 3\nbatch_size = 2\nwarmup_steps = 1\nprecision = "float32"\n'
FILES = {
    "run.json",
    "log.jsonl",
    "weights.safetensors",
    "weights.json",
    *(f"samples/stage{stage}-00000{step}.png" for stage in (1, 2) for step in (2, 3)),
}


def contents(run: Path) -> dict[str, Any]:
    """Read all files of a run; of the log all but how fast it went."""
    found: dict[str, Any] = {}
    for path in run.rglob("*"):
        if path.name == "log.jsonl":
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            assert all(line.pop("images_per_s") > 0 for line in lines)
            found[path.name] = lines
        elif path.is_file():
            found[str(path.relative_to(run))] = path.read_bytes()
    return found


def test_a_run_killed_and_resumed_leaves_the_files_of_an_unbroken_one(
    tmp_path: Path, make_faces: Callable[..., FaceSet]
) -> None:
    faces = make_faces(people=2, poses=2, lights=1).root
    (faces / "config.toml").write_text(CONFIG)
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("killed_runs.py"), faces, tmp_path / "runs"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    runs = {path.name: contents(path / "run") for path in (tmp_path / "runs").iterdir()}
    unbroken = {recipe: runs.pop(f"{recipe}-unbroken") for recipe in ("fast", "paper")}
    assert len(runs) == 5
    for files in unbroken.values():
        steps = [(line["stage"], line["step"]) for line in files["log.jsonl"]]
        assert set(files) == FILES
        assert steps == [(stage, step) for stage in (1, 2) for step in (1, 2, 3)]
    assert unbroken["fast"]["weights.safetensors"] != unbroken["paper"]["weights.safetensors"]
    for name, files in runs.items():
        expected = unbroken[name.partition("-")[0]]
        assert set(files) == FILES, name
        assert [file for file in FILES if files[file] != expected[file]] == [], name
