"""Opening weights to draw with: those that are named, or packaged ones that fit."""

from pathlib import Path
from typing import TYPE_CHECKING

from commands.telling import tell

if TYPE_CHECKING:
    from gallery.faces import FaceSet
    from generator.engine import Engine


def open_engine(given: str, device: str, images: int = 1) -> "Engine":
    """Open weights to draw so many images."""
    from generator.checkpoint import find_weights
    from generator.engine import Engine
    from generator.machine import pick_device, worth_compiling

    chosen = pick_device(device)
    return Engine.open(find_weights(given), chosen, compiled=worth_compiling(chosen, images))


def packaged_for(faces: "FaceSet", attributes: list[str], most: int | None = None) -> list[Path]:
    """Choose packaged weights, and say which."""
    from generator.packaging import fitting

    chosen = fitting(faces.space, attributes)[:most]
    tell(f"Weights: {', '.join(one.card.name for one in chosen)} (packaged)")
    return [one.path for one in chosen]
