"""Train over and over, killed in all kinds of places and resumed. `test_resume.py` runs this.

Every run is the command line, `python -m generator`, in a fork of this process, which has imported
torch but never computed: to import it takes seconds, to fork takes none.

Usage: python killed_runs.py FACES OUT. Leaves OUT/CASE/run for every case.
"""

import itertools
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import torch
import torch._dynamo  # an optimiser's first step would import it: once here, not in every fork

from generator import __main__ as command
from generator import checkpoint, weights_file
from generator.freed_memory import keep_freed_memory
from generator.runs import run, trainer
from generator.runs.request import TrainRequest, make_request


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("outlived SIGKILL")


def instead(_original: Callable[..., Any], *_args: Any, **_options: Any) -> NoReturn:
    die()


def after(original: Callable[..., Any], *args: Any, **options: Any) -> NoReturn:
    original(*args, **options)
    die()


def half_a_file(original: Callable[..., Any], tensors: Any, path: Path, metadata: Any) -> NoReturn:
    original(tensors, path, metadata=metadata)
    os.truncate(path, path.stat().st_size // 2)
    die()


def half_a_line(_original: Callable[..., Any], _run: Any, log: Path, *_rest: Any) -> NoReturn:
    with log.open("a", encoding="utf-8") as file:
        file.write('{"stage": 1, "step": 3, "lo')
    die()


@dataclass(frozen=True, slots=True)
class Kill:
    """Die at a call of a function: `how` is called in its place."""

    owner: Any
    name: str
    call: int
    how: Callable[..., NoReturn]

    def arm(self) -> None:
        original, calls = getattr(self.owner, self.name), itertools.count(1)

        def counted(*args: Any, **options: Any) -> Any:
            if next(calls) == self.call:
                self.how(original, *args, **options)
            return original(*args, **options)

        setattr(self.owner, self.name, counted)


# Every stage makes three updates, with checkpoints after the second and the third. The kills of a
# case follow each other; calls are counted anew in every process.
UPDATE, LOG = (trainer.Trainer, "update_once"), (run.TrainingRun, "_log")
CASES: dict[str, list[Kill]] = {
    "fast-unbroken": [],
    "fast-killed-before-its-first-checkpoint": [
        Kill(run, "align_each", 2, instead),
        Kill(*UPDATE, 1, instead),
        Kill(*UPDATE, 2, instead),
        Kill(checkpoint, "save_file", 1, half_a_file),
    ],
    "fast-killed-in-stage-1": [
        Kill(*LOG, 3, half_a_line),
        Kill(run, "sample_sheet", 1, instead),
        Kill(checkpoint, "save_file", 1, half_a_file),
        Kill(run, "save_checkpoint", 1, after),
    ],
    "fast-killed-in-stage-2": [Kill(*UPDATE, 5, instead), Kill(*UPDATE, 3, instead)],
    "fast-killed-at-its-end": [
        Kill(run, "measure", 1, instead),
        Kill(checkpoint, "save_file", 1, half_a_file),
        Kill(weights_file, "write_whole", 1, instead),
        Kill(run, "save_weights", 1, after),
    ],
    "paper-unbroken": [],
    "paper-killed-in-both-stages": [Kill(*UPDATE, 3, instead), Kill(*UPDATE, 4, instead)],
}


def train(faces: Path, out: Path, recipe: str, *, resume: bool) -> int:
    def often(*args: Any, **options: Any) -> TrainRequest:
        return replace(make_request(*args, **options), checkpoint_every=2)

    vars(command)["make_request"] = often
    run.LOG_EVERY = 1
    torch.set_num_threads(1)
    options = {
        "--architecture": "two-stage-32",
        "--attribute": "pose",
        "--recipe": recipe,
        "--out": str(out),
        "--config": str(faces / "config.toml"),
        "--train-identities": "1",
        "--device": "cpu",
    }
    flat = [part for option in options.items() for part in option]
    return command.main([f"folder:{faces}", *flat, *(["--resume"] if resume else [])])


def fork(work: Callable[[], int]) -> int:
    """Return the exit status of some work in a process of its own; negative: the signal."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(work())
        except BaseException:  # noqa: BLE001  nothing may leave the fork
            traceback.print_exc()
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_and_resumed(faces: Path, out: Path, recipe: str, kills: list[Kill]) -> None:
    for number, kill in enumerate(kills):

        def work(kill: Kill = kill, number: int = number) -> int:
            kill.arm()
            return train(faces, out, recipe, resume=number > 0)

        status = fork(work)
        if status != -signal.SIGKILL:
            sys.exit(f"{out.parent.name} was to be killed, and ended with {status}")
    status = fork(lambda: train(faces, out, recipe, resume=bool(kills)))
    if status != 0:
        sys.exit(f"{out.parent.name} was to be finished, and ended with {status}")


def main(faces: Path, out: Path) -> None:
    if sys.platform.startswith("linux") and fork(lambda: not keep_freed_memory()) != 0:
        sys.exit("mallopt refused what it was asked")
    for name, kills in CASES.items():
        recipe = name.partition("-")[0]
        killed_and_resumed(faces, out / name / "run", recipe, kills)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
