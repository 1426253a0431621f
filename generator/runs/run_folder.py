"""The folder of a training run, and whether a run may go on in it.

It holds `run.json` (what was asked for), `log.jsonl` (losses), `samples/` (pictures),
`checkpoint.safetensors` while training, and `weights.safetensors` + `weights.json` at the end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gallery.errors import ConfigError, WeightsError
from gallery.files import write_whole
from gallery.json_files import Origin, parse, read, spell
from generator.checkpoint import load_checkpoint
from generator.runs.request import TrainRequest
from generator.training.config import CHOICES
from generator.weights_file import WEIGHTS_FILE

CHECKPOINT_FILE = "checkpoint.safetensors"
RUN_FILE = "run.json"
LOG_FILE = "log.jsonl"
MEASURED = "measured"  # of run.json: what no resumed run must have in common


@dataclass(frozen=True, slots=True)
class State:
    """What a stopped run left: nothing but the end, or a checkpoint.

    Attributes:
        finished: Whether weights and card are there.
        tensors: Tensors of the checkpoint.
        position: Where it stands, JSON.
    """

    finished: bool
    tensors: dict[str, torch.Tensor]
    position: dict[str, Any]


def open_folder(request: TrainRequest, *, resume: bool) -> State | None:
    """Open the folder that a request names, or make it.

    Args:
        request: What to train.
        resume: Whether a run may be there.

    Returns:
        What a run left; None where there is none, or no checkpoint yet.

    Raises:
        ConfigError: The folder holds a run and `resume` was not said, or another run.
        WeightsError: The folder's checkpoint is damaged.
    """
    out = request.out
    weights, checkpoint = out / WEIGHTS_FILE, out / CHECKPOINT_FILE
    if any(path.is_file() for path in (out / RUN_FILE, weights, checkpoint)):
        if not resume:
            raise ConfigError(
                f"{out} already holds a training run; add --resume to go on with it, or name"
                " another folder with --out"
            )
        before = _asked_before(out)
        before.pop(MEASURED, None)
        _require_same(before, request.to_json(), out)
    (out / "samples").mkdir(parents=True, exist_ok=True)
    if weights.is_file() and weights.with_suffix(".json").is_file():
        checkpoint.unlink(missing_ok=True)
        return State(finished=True, tensors={}, position={})
    if not checkpoint.is_file():
        return None
    try:
        tensors, position = load_checkpoint(checkpoint)
    except WeightsError as error:
        raise WeightsError(f"{error}; delete it to begin this training anew") from error
    return State(finished=False, tensors=tensors, position=position)


def as_begun(request: TrainRequest) -> TrainRequest:
    """Return a request for the precision "auto" with the one that its folder's run computes in.

    Without a run, or with one whose `run.json` says nothing of it, it is returned as it is.
    """
    if request.recipe.train.precision != "auto":
        return request
    try:
        before = _asked_before(request.out)
        precision = before["recipe"]["precision"]
        measured = {name: float(ms) for name, ms in before.get(MEASURED, {}).items()}
    except (ConfigError, AttributeError, KeyError, TypeError, ValueError):
        return request
    settled = precision in CHOICES["precision"]
    return request.computing_in(precision, measured) if settled else request


def _asked_before(out: Path) -> dict[str, Any]:
    advice = "It says what the training run there is; name another folder with --out"
    asked = read(out / RUN_FILE, ConfigError, advice)
    if not isinstance(asked, dict):
        raise ConfigError(f"{out / RUN_FILE} is damaged: it is no object. {advice}")
    return asked


def _require_same(before: dict[str, Any], now: dict[str, Any], out: Path) -> None:
    """Refuse other settings; the message names the first that differs, like "recipe.steps"."""
    was, is_now = _flat(before), _flat(now)
    for name in {**is_now, **was}:  # a setting that is as usual may stand in one of them alone
        if was.get(name) != is_now.get(name):
            raise ConfigError(
                f"{out} was begun with {name} = {_said(was, name)}, now it is"
                f" {_said(is_now, name)}; say the same again, or name another folder with --out"
            )


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        table = isinstance(value, dict)
        flat |= {f"{name}.{key}": one for key, one in value.items()} if table else {name: value}
    return flat


def _said(settings: Mapping[str, Any], name: str) -> str:
    if name not in settings:
        return "as usual"
    text = spell(settings[name])
    return text if len(text) <= 80 else f"{text[:77]}…"


def begin_folder(request: TrainRequest) -> None:
    """Start the folder's files; whatever a run left that saved no checkpoint goes."""
    (request.out / LOG_FILE).unlink(missing_ok=True)
    measured = {MEASURED: dict(request.measured)} if request.measured else {}
    asked = spell({**request.to_json(), **measured}, indent=1)
    write_whole(request.out / RUN_FILE, asked.encode())


def shorten_log(log: Path, stage: int, number: int) -> None:
    """Drop what was logged after the checkpoint: it will be logged again."""
    lines = log.read_text("utf-8", "replace").splitlines() if log.is_file() else []
    kept = [line for line in lines if _logged_before(line, stage, number)]
    write_whole(log, "".join(f"{line}\n" for line in kept).encode())


def _logged_before(line: str, stage: int, number: int) -> bool:
    try:
        entry = parse(line, Origin(LOG_FILE, ConfigError, "The line is left out"))
        return bool((entry["stage"], entry["step"]) <= (stage, number))
    except (ConfigError, KeyError, TypeError):  # a line that was being written when the run stopped
        return False
