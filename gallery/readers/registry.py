"""The readers by name, and the SPECs that address them: READER:PATH."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from gallery.errors import DatasetError, did_you_mean
from gallery.faces import FaceSet
from gallery.readers import cmu_faces, folder, multipie, studio

READERS: dict[str, Callable[[str, Path], FaceSet]] = {
    "cmu-faces": cmu_faces.read,
    "folder": folder.read,
    "multipie": multipie.read,
    "studio": studio.read,
}
PACKAGED: dict[str, Callable[[str], FaceSet]] = {"studio-mini": studio.read_mini}


def open_faces(spec: str) -> FaceSet:
    """Open the face set that a SPEC names.

    Args:
        spec: READER:PATH, like "folder:/home/me/photos" or "cmu-faces:cmu-faces.tar.gz"; or the
            name of a packaged set, "studio-mini".

    Raises:
        DatasetError: The reader is unknown, or it finds nothing at the path.
    """
    if spec in PACKAGED:
        return PACKAGED[spec](spec)
    reader, colon, path = spec.partition(":")
    if not colon:
        raise DatasetError(f"{spec!r} is not READER:PATH; {_hint(spec)}")
    if reader not in READERS:
        raise DatasetError(f"There is no reader {reader!r}; {did_you_mean(reader, READERS)}")
    if not path:
        raise DatasetError(f"{spec!r} names no path; write {reader}:PATH")
    try:
        return READERS[reader](spec, Path(path).expanduser())
    except (OSError, RuntimeError) as error:  # RuntimeError: "~nobody" has no home
        raise DatasetError(f"Cannot read {path}: {error}") from error


def _hint(spec: str) -> str:
    with contextlib.suppress(OSError, RuntimeError):
        if spec and Path(spec).expanduser().is_dir():
            return f"for a folder of images write folder:{spec}"
    known = ", ".join([*(f"{name}:PATH" for name in READERS), *PACKAGED])
    return f"write one of {known}"
