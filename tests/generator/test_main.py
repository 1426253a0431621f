"""`python -m generator`, in this process but for one run in a bare one."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gallery.faces import FaceSet
from generator import __main__ as command
from generator.checkpoint import load_weights

ROOT = Path(__file__).parents[2]
Train = Callable[..., int]

# Runs `python -m generator` once for every list of arguments, where only what a bare GPU machine
# has can be imported; prints the exit statuses.
BARE = """
import json, runpy, sys

MISSING = {"typer", "click", "rich", "sqlalchemy", "alembic", "faiss", "hypothesis"}
MISSING |= {"pytest", "pydantic", "cli", "commands", "index", "retrieval"}

class Bare:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in MISSING:
            return None
        return self.finder.find_spec(name, path, target)

sys.meta_path[:] = map(Bare, sys.meta_path)
statuses = []
for arguments in json.loads(sys.argv[1]):
    sys.argv[1:] = arguments
    try:
        runpy.run_module("generator", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        statuses.append(end.code)
print(statuses)
"""


@pytest.fixture
def options(tmp_path: Path, paint: Callable[..., FaceSet]) -> list[str]:
    """A command line that trains for a moment."""
    faces = paint(tmp_path / "faces", people=2, poses=2, lights=1)
    config = tmp_path / "config.toml"
    config.write_text("[train]\nbatch_size = 2\n")
    return [
        *(faces.spec, "--architecture", "two-stage-32", "--attribute", "pose"),
        *("--steps", "1", "--config", str(config), "--device", "cpu"),
        *("--out", str(tmp_path / "run")),
    ]


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Keep the command from changing this process; counts its wishes to."""
    wishes: list[bool] = []
    monkeypatch.setattr(command, "keep_freed_memory", lambda: wishes.append(True))
    return wishes


def test_it_trains_and_says_where_the_weights_are(
    options: list[str],
    tmp_path: Path,
    kept: list[bool],
    capsys: pytest.CaptureFixture[str],
) -> None:
    more = ["--recipe", "paper", "--train-identities", "1", "--seed", "3", "--crop", "0,0,1,1"]
    assert command.main([*options, *more]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert lines[-1] == f"Weights: {tmp_path / 'run'}"
    assert [line.partition(":")[0] for line in lines[:-1]] == [
        *("reading", "reading", "stage 1", "stage 2", "measuring", "measuring")
    ]
    assert lines[0] == "reading: 2/2"
    assert lines[2].startswith("stage 1: 1/1  loss ")
    assert kept == [True]
    card = load_weights(tmp_path / "run" / "weights.safetensors")[1]
    assert card.recipe["name"] == "paper"
    assert (card.recipe["steps"], card.recipe["batch_size"]) == (1, 2)
    assert (card.seed, card.train_identities) == (3, ("s1",))
    assert str(card.aligner.crop) == "0,0,1,1"


def test_files_that_cannot_be_used_are_named(
    options: list[str], tmp_path: Path, kept: list[bool], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "faces" / "s2-0-0.png").write_bytes(b"")
    assert command.main(options) == 0
    assert "Skipped s2-0-0.png: " in capsys.readouterr().err
    assert kept


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--architecture", "two-stage-61"], "no architecture 'two-stage-61'; did you mean"),
        (["--attribute", "poes"], "no attribute 'poes'; did you mean 'pose'"),
        (["--attribute", "pose"], "--attribute names one twice"),
        (["--device", "gpu"], "--device takes auto, cpu or cuda, got 'gpu'"),
        (["--config", "nowhere.toml"], "Cannot read nowhere.toml"),
        (["--steps", "0"], "steps must be above 0, got 0"),
        (["--seed", "-1"], "--seed takes a whole number"),
        (["--fold", "9/9"], "--fold takes K/N"),
        (["--train-identities", "x"], "--train-identities takes 1..2"),
        (["--crop", "left"], "--crop takes X,Y,W,H"),
        (["--crop", ""], "--crop takes X,Y,W,H"),
        (["--out", "/dev/null/run"], "/dev/null"),
    ],
)
def test_what_a_user_can_put_right_is_said_in_one_line(
    options: list[str],
    kept: list[bool],
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    message: str,
) -> None:
    assert command.main([*options, *more]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert said.err.startswith("Error: ")
    assert message in said.err
    assert kept


@pytest.mark.parametrize("spec", ["faces", "folder:", "cmu:faces", "folder:/nowhere"])
def test_a_spec_that_cannot_be_opened_is_said_in_one_line(
    options: list[str], kept: list[bool], capsys: pytest.CaptureFixture[str], spec: str
) -> None:
    assert command.main([spec, *options[1:]]) == 1
    said = capsys.readouterr().err
    assert said.startswith("Error: ")
    assert len(said.splitlines()) == 1
    assert kept


@pytest.mark.parametrize(
    "wrong", [["--recipe", "slow"], ["--steps", "x"], ["--train-identities", "1", "--fold", "1/2"]]
)
def test_what_is_no_command_line_is_refused_with_the_usage(
    options: list[str], capsys: pytest.CaptureFixture[str], wrong: list[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main([*options, *wrong])
    assert capsys.readouterr().err.startswith("usage: python -m generator")


def test_it_runs_on_a_machine_without_the_rest_of_the_project(
    options: list[str], tmp_path: Path
) -> None:
    calls = [[*options, "--device", "gpu"], options, options, [*options, "--resume"]]
    done = subprocess.run(
        [sys.executable, "-c", BARE, json.dumps(calls)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "[1, 0, 1, 0]\n", done.stderr
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 2
    assert "--device takes auto, cpu or cuda, got 'gpu'" in errors[0]
    assert "already holds a training run; add --resume" in errors[1]
    load_weights(tmp_path / "run" / "weights.safetensors")
