"""The precision of drawing is measured once for a machine, not by every process."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from generator import precision_cache
from generator.precision import Speeds
from generator.precision_cache import kept_speeds, pick_precision
from generator.runs.request import CPU

SLOW_HALF = Speeds(float32_ms=24.5, bfloat16_ms=223.3)
FAST_HALF = Speeds(float32_ms=23.6, bfloat16_ms=12.9)


def machine(speeds: Speeds) -> Callable[[torch.device, bool], Speeds]:
    return lambda device, training: speeds  # noqa: ARG005


def unmeasured(device: torch.device, training: bool) -> Speeds:
    raise AssertionError(f"{device} was measured, training {training}")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    kept = tmp_path / "deep" / "precision"
    monkeypatch.setattr(precision_cache, "folder", lambda: kept)
    return kept


def file_of(folder: Path) -> Path:
    (only,) = folder.iterdir()
    return only


@pytest.mark.parametrize(
    ("speeds", "kind"), [(SLOW_HALF, torch.float32), (FAST_HALF, torch.bfloat16)]
)
@pytest.mark.usefixtures("folder")
def test_the_next_process_measures_nothing(speeds: Speeds, kind: torch.dtype) -> None:
    assert pick_precision.__wrapped__(CPU, machine(speeds)) == kind
    assert kept_speeds(CPU, unmeasured) == speeds
    assert pick_precision.__wrapped__(CPU, unmeasured) == kind


@pytest.mark.parametrize("variable", ["ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA"])
def test_a_machine_told_to_use_less_is_measured_by_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.delenv(variable, raising=False)
    kept_speeds(CPU, machine(FAST_HALF))
    monkeypatch.setenv(variable, "AVX2")
    assert kept_speeds(CPU, machine(SLOW_HALF)) == SLOW_HALF
    monkeypatch.delenv(variable)
    assert kept_speeds(CPU, unmeasured) == FAST_HALF
    assert len(list(folder.iterdir())) == 2


def test_another_processor_or_torch_is_measured_by_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept_speeds(CPU, machine(FAST_HALF))
    monkeypatch.setattr(torch, "__version__", "1000.0")
    kept_speeds(CPU, machine(SLOW_HALF))
    moved = tmp_path / "cpuinfo"
    moved.write_text("model name\t: Another\ncpu MHz\t: 1.0\nflags\t: few\n\nmodel name\t: B\n")
    monkeypatch.setattr("generator.machine.CPUINFO", moved)
    kept_speeds(CPU, machine(SLOW_HALF))
    assert len(list(folder.iterdir())) == 3
    moved.write_text("model name\t: Another\ncpu MHz\t: 2.0\nflags\t: few\n")  # only its clock
    assert kept_speeds(CPU, unmeasured) == SLOW_HALF


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "null", '{"speeds": {"float32_ms": 1, "bfloat16_ms": 2}}'),
        *('"machine"', '{"machine": {}, "speeds": {"float32_ms": 1, "bfloat16_ms": 2}}'),
    ],
)
def test_a_damaged_file_is_measured_anew(folder: Path, content: str) -> None:
    kept_speeds(CPU, machine(SLOW_HALF))
    file_of(folder).write_text(content)
    assert kept_speeds(CPU, machine(FAST_HALF)) == FAST_HALF
    assert kept_speeds(CPU, unmeasured) == FAST_HALF


@pytest.mark.parametrize("number", [0, -1, "fast", None, [], {}])
def test_speeds_that_are_none_are_measured_anew(folder: Path, number: object) -> None:
    kept_speeds(CPU, machine(SLOW_HALF))
    kept = json.loads(file_of(folder).read_text())
    kept["speeds"]["bfloat16_ms"] = number
    file_of(folder).write_text(json.dumps(kept))
    assert kept_speeds(CPU, machine(FAST_HALF)) == FAST_HALF


def test_what_cannot_be_kept_is_measured_every_time(folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_text("in the way")
    assert kept_speeds(CPU, machine(SLOW_HALF)) == SLOW_HALF
    assert kept_speeds(CPU, machine(FAST_HALF)) == FAST_HALF
    assert folder.read_text() == "in the way"


def test_a_folder_in_place_of_the_file_leaves_nothing_behind(folder: Path) -> None:
    kept_speeds(CPU, machine(SLOW_HALF))
    path = file_of(folder)
    path.unlink()
    path.mkdir()
    assert kept_speeds(CPU, machine(FAST_HALF)) == FAST_HALF
    assert [one.name for one in folder.iterdir()] == [path.name]


def test_a_user_without_a_home_is_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(precision_cache, "folder", homeless)
    assert kept_speeds(CPU, machine(FAST_HALF)) == FAST_HALF
