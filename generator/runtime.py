"""Opening weights to draw with: by torch."""

from pathlib import Path
from typing import TYPE_CHECKING

from generator.drawer import Drawer

if TYPE_CHECKING:
    import torch


def open_drawer(path: Path, device: "str | torch.device" = "auto") -> Drawer:
    """Open weights to draw with.

    Args:
        path: The .safetensors file.
        device: Where to draw: "auto", "cpu", "cuda" or "cuda:N".

    Raises:
        ConfigError: There is no such device.
        WeightsError: The weights are missing or damaged.
    """
    from generator.device import pick_device  # noqa: PLC0415  torch, where it draws
    from generator.engine import Engine  # noqa: PLC0415  likewise

    return Engine.open(path, pick_device(str(device)))
