"""The readers by name, and the SPECs that address them: READER:PATH."""

import contextlib
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image

from gallery import images
from gallery.errors import DatasetError, did_you_mean
from gallery.faces import Face, FaceSet
from gallery.readers import cmu_faces, folder, multipie, studio
from gallery.spelling import Names
from gallery.studio.shards import MANIFEST

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


@dataclass(frozen=True, slots=True)
class Photograph:
    """An image that is asked about.

    Attributes:
        path: As it was given.
        image: Upright.
        sha256: Of its bytes: tells whether a gallery holds it, under whatever name.
    """

    path: Path
    image: Image.Image
    sha256: str


def open_photograph(path: Path) -> Photograph:
    """Open an image that is asked about; see `read_image`.

    Raises:
        ImageError: It cannot be used as an image.
        DatasetError: It lies in a drawn set that is damaged.
    """
    content = read_image(_spelt(path.absolute()))
    return Photograph(path, images.decode(content), hashlib.sha256(content).hexdigest())


def _spelt(path: Path) -> Path:
    """Return the file that a path means, if it is there with letters composed otherwise only."""
    if str(path).isascii() or path.exists() or not path.parent.is_dir():
        return path
    found = Names(os.listdir(path.parent)).find(path.name)  # noqa: PTH208  names alone
    return path if found is None else path.with_name(found)


def read_image(path: Path) -> bytes:
    """Read the bytes of an image by the path under which the catalogue knows it.

    Args:
        path: A file; or, of an image inside a drawn set, the set's folder and the image's name.

    Raises:
        ImageError: It cannot be read.
        DatasetError: It lies in a drawn set that is damaged.
    """
    if path.exists():
        return images.read_file(path)
    for parent in path.parents:
        if parent == studio.MINI or (parent / MANIFEST).is_file():
            drawn = _drawn(parent)
            name = path.relative_to(parent).as_posix()
            if name in drawn[1]:
                return drawn[0].read(drawn[1][name])
    return images.read_file(path)


@lru_cache(maxsize=4)
def _drawn(place: Path) -> tuple[FaceSet, dict[str, Face]]:
    """Open a drawn set once, with its faces by name."""
    is_mini = place == studio.MINI
    faces = studio.read_mini(str(place)) if is_mini else studio.read(str(place), place)
    return faces, {face.name: face for face in faces.faces}


def _hint(spec: str) -> str:
    with contextlib.suppress(OSError, RuntimeError):
        if spec and Path(spec).expanduser().is_dir():
            return f"for a folder of images write folder:{spec}"
    known = ", ".join([*(f"{name}:PATH" for name in READERS), *PACKAGED])
    return f"write one of {known}"
