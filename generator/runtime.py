"""Opening weights to draw with: by torch, or by OpenVINO, which a search needs no torch for.

"auto" takes OpenVINO where it is installed (the extra `fast`), agrees with torch and is faster at
what a query asks, as was measured once for these weights on this machine
(generator/openvino/export.py); on a GPU torch draws. The variable MINDSEYE_RUNTIME says what "auto"
stands for.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from gallery.errors import ConfigError, WeightsError, did_you_mean
from generator.card import Card
from generator.drawer import Drawer
from generator.openvino import library
from generator.weights_file import load_card, require_own

if TYPE_CHECKING:
    import torch

    from generator.openvino.engine import OpenVinoEngine

Runtime = Literal["auto", "torch", "openvino"]
RUNTIMES: tuple[str, ...] = get_args(Runtime)
VARIABLE = "MINDSEYE_RUNTIME"
# Where Linux has a driver of NVIDIA's, also within WSL and on Jetson.
_DRIVERS = (Path("/dev/nvidiactl"), Path("/dev/dxg"), Path("/dev/nvhost-gpu"))


def open_drawer(
    path: Path, device: "str | torch.device" = "auto", runtime: str | None = None
) -> Drawer:
    """Open weights to draw with.

    Args:
        path: The .safetensors file.
        device: Where to draw: "auto", "cpu", "cuda" or "cuda:N".
        runtime: What draws: "auto", "torch" or "openvino"; None for what MINDSEYE_RUNTIME says, or
            "auto".

    Raises:
        ConfigError: There is no such device or runtime, or OpenVINO is asked for and cannot draw.
        WeightsError: The weights are missing or damaged.
    """
    wanted = settle(runtime)
    if wanted != "torch" and _may_run(wanted, str(device)):
        drawer = _by_openvino(path, required=wanted == "openvino")
        if drawer is not None:
            drawer.weights = path
            return drawer
    from generator.device import pick_device  # noqa: PLC0415  torch, where it draws
    from generator.engine import Engine  # noqa: PLC0415  likewise

    return Engine.open(path, pick_device(str(device)))


def expected(path: Path, runtime: str | None = None) -> str | None:
    """Say what `open_drawer` would take for a question on the CPU, and open nothing.

    Returns:
        "torch" or "openvino"; None where that was not measured yet, which the next question does.

    Raises:
        ConfigError: There is no such runtime, or OpenVINO is asked for and is not installed.
        WeightsError: The card of the weights is missing or damaged.
    """
    wanted = settle(runtime)
    if wanted == "torch" or not _may_run(wanted, "auto"):
        return "torch"
    from generator.openvino.kept import find, place_of  # noqa: PLC0415  an extra

    try:
        kept = find(place_of(_named(load_card(path))))
    except RuntimeError:  # no home to keep it in
        return "torch"
    if kept is None:
        return None
    takes = not kept.refused and (wanted == "openvino" or kept.is_faster)
    return "openvino" if takes else "torch"


def settle(runtime: str | None) -> str:
    """Return what is wanted: what is said here, or by the variable, or "auto".

    Raises:
        ConfigError: There is no such runtime.
    """
    given = os.environ.get(VARIABLE, "") if runtime in (None, "auto") else runtime
    wanted = given or "auto"
    if wanted not in RUNTIMES:
        raise ConfigError(f"--runtime cannot be {wanted!r}; {did_you_mean(wanted, RUNTIMES)}")
    return wanted


def _may_run(wanted: str, device: str) -> bool:
    """Say whether OpenVINO may draw; it draws on the CPU.

    Raises:
        ConfigError: It is asked for, and cannot.
    """
    if wanted == "auto":
        on_cpu = device == "cpu" or (device == "auto" and not _may_have_gpu())
        return on_cpu and library.is_installed()
    if device not in ("auto", "cpu"):
        raise ConfigError(f"OpenVINO draws on the CPU, not on {device}; leave out --device")
    if not library.is_installed():
        raise ConfigError(f"OpenVINO is not installed; {library.INSTALL}")
    return True


def _may_have_gpu() -> bool:
    """Say whether torch might find a CUDA device, without asking it."""
    if sys.platform == "linux":
        return any(driver.exists() for driver in _DRIVERS)
    return sys.platform != "darwin"


def _by_openvino(path: Path, *, required: bool) -> "OpenVinoEngine | None":
    """Open what was exported, or export it; None where torch is to draw.

    Raises:
        WeightsError: OpenVINO is required, and cannot draw with these weights; or they are missing
            or damaged.
    """
    from generator.openvino.engine import OpenVinoEngine  # noqa: PLC0415  an extra
    from generator.openvino.kept import find, place_of, require_writable  # noqa: PLC0415  likewise

    card = load_card(path)
    require_own(path, card)
    try:
        place = place_of(_named(card))
        kept = find(place)
        if kept is None:
            require_writable(place)  # or every process would convert what none can keep
            from generator.openvino.export import export  # noqa: PLC0415  torch, once

            kept = export(path, place)
        if not kept.refused and (required or kept.is_faster):
            return OpenVinoEngine.of(card, kept)
        why = kept.refused
    except (OSError, RuntimeError) as error:
        why = str(error)
    if required:
        raise WeightsError(f"OpenVINO cannot draw with {card.name}: {why}; say --runtime torch")
    return None


def _named(card: Card) -> dict[str, object]:
    """Return what tells weights from all others, and what an engine reads off the card."""
    return {
        "weights": card.sha256,
        "architecture": card.architecture,
        "network": dict(card.network),
        "values": card.space.size,
        "mean": list(card.mean),
        "deviation": list(card.deviation),
        "size": card.aligner.size,
    }
