"""In which precision a machine draws: what was measured, kept for the user's next processes.

A query draws one or two images: to measure takes longer than that, and would be done again by every
process. A file holds what was measured under one processor, torch, and environment; under others,
or where it is damaged or cannot be written, it is measured anew. Deleting the folder does no harm.
"""

import hashlib
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import torch

from gallery.errors import ConfigError
from gallery.json_files import read, spell
from generator.machine import keep_json, processor
from generator.precision import Measure, Speeds, measure_speeds

LIMITING = ("ATEN_", "DNNL_", "MKL_", "ONEDNN_")  # variables that tell torch what not to use


def folder() -> Path:
    """Return where it is kept.

    Raises:
        RuntimeError: The user has no home.
    """
    return Path.home() / ".cache" / "mindseye" / "precision"


@cache
def pick_precision(device: torch.device, measure: Measure = measure_speeds) -> torch.dtype:
    """Return bfloat16 where the machine draws faster with it, else float32."""
    faster = kept_speeds(device, measure).faster
    return torch.bfloat16 if faster == "bfloat16" else torch.float32


def kept_speeds(device: torch.device, measure: Measure) -> Speeds:
    """Return what was kept of a machine; measure it, and keep that, where nothing was.

    Args:
        device: That draws.
        measure: Measures it.
    """
    machine = machine_of(device)
    name = hashlib.sha256(spell(machine).encode()).hexdigest()[:16]
    try:
        path = folder() / f"{name}.json"
    except RuntimeError:
        return measure(device, False)  # noqa: FBT003  named by Measure
    with suppress(ConfigError, KeyError, TypeError, ValueError):
        return _read(path, machine)
    speeds = measure(device, False)  # noqa: FBT003  likewise
    with suppress(OSError):
        keep_json(path, {"machine": machine, "speeds": speeds.to_json()})
    return speeds


def machine_of(device: torch.device) -> dict[str, Any]:
    """Say all that the speed of one thread's arithmetic depends on."""
    limits = {name: os.environ[name] for name in sorted(os.environ) if name.startswith(LIMITING)}
    cuda = device.type == "cuda"
    return {
        "processor": torch.cuda.get_device_name(device) if cuda else processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "environment": limits,
    }


def _read(path: Path, machine: Mapping[str, Any]) -> Speeds:
    """Read what was kept.

    Raises:
        ConfigError: There is no such file, or it is damaged.
        KeyError, TypeError, ValueError: It is of another machine, or damaged.
    """
    kept = read(path, ConfigError, "It is measured anew")
    speeds = Speeds(*(float(kept["speeds"][name]) for name in ("float32_ms", "bfloat16_ms")))
    numbers = (speeds.float32_ms, speeds.bfloat16_ms)
    if kept["machine"] != machine or not all(map(math.isfinite, numbers)) or min(numbers) <= 0:
        raise ValueError(f"{path} is damaged")
    return speeds
