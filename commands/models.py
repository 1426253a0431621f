"""Opening what a command works on: a collection of images, and weights to draw with."""

from pathlib import Path
from typing import TYPE_CHECKING

from commands.progress import tell

NAMED = 5  # lines that name no image

if TYPE_CHECKING:
    from gallery.faces import FaceSet
    from generator.engine import Engine


def open_set(spec: str, landmarks: Path | None = None) -> "FaceSet":
    """Open a collection of images, and say what is odd about its labels and landmarks.

    Args:
        spec: As the user wrote it.
        landmarks: File of landmarks beside those that the reader reads.
    """
    from gallery.marks import marked
    from gallery.readers.folder import LABELS, NO_FILE
    from gallery.readers.registry import open_faces
    from gallery.summary import remarks_text

    faces = open_faces(spec)
    if landmarks is not None:
        faces = marked(faces, landmarks)
    missed = [one for one in faces.problems if one.reason.startswith(NO_FILE)]
    if missed:
        tell(f"{LABELS}: lines that name no image: {len(missed)}")
    for one in missed[:NAMED]:
        tell(f"  {one.name}: {one.reason}")
    if len(missed) > NAMED:
        tell(f"  … and {len(missed) - NAMED} more; mindseye data show {spec} names all")
    for line in remarks_text(faces, most=NAMED):
        tell(line)
    return faces


def open_engine(given: str, device: str, images: int = 1) -> "Engine":
    """Open weights to draw so many images."""
    from generator.device import pick_device, worth_compiling
    from generator.engine import Engine
    from generator.weights_file import find_weights

    chosen = pick_device(device)
    return Engine.open(find_weights(given), chosen, compiled=worth_compiling(chosen, images))


def packaged_for(faces: "FaceSet", attributes: list[str], most: int | None = None) -> list[Path]:
    """Choose packaged weights, and say which."""
    from generator.zoo import fitting

    chosen = fitting(faces.space, attributes)[:most]
    tell(f"Weights: {', '.join(one.card.name for one in chosen)} (packaged)")
    return [one.path for one in chosen]
