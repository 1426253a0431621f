"""The readers by name, and the SPECs that address them: READER:PATH."""

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from PIL import Image

from gallery import images
from gallery.errors import DatasetError, did_you_mean
from gallery.faces import FaceSet
from gallery.readers.known import PACKAGED, READERS
from gallery.spelling import Names

GONE = (errno.ENOENT, errno.ENOTDIR)


def open_faces(spec: str) -> FaceSet:
    """Open the face set that a SPEC names.

    Args:
        spec: READER:PATH, like "folder:/home/me/photos" or "cmu-faces:cmu-faces.tar.gz"; or the
            name of a packaged set, "studio-mini".

    Raises:
        DatasetError: The reader is unknown, or it finds nothing at the path.
    """
    if spec in PACKAGED:
        read_mini: Callable[[str], FaceSet] = import_module(PACKAGED[spec]).read_mini
        return read_mini(spec)
    reader, colon, path = spec.partition(":")
    if not colon:
        raise DatasetError(f"{spec!r} is not READER:PATH; {_hint(spec)}")
    if reader not in READERS:
        raise DatasetError(f"There is no reader {reader!r}; {did_you_mean(reader, READERS)}")
    if not path:
        raise DatasetError(f"{spec!r} names no path; write {reader}:PATH")
    try:
        read: Callable[[str, Path], FaceSet] = import_module(READERS[reader]).read
        return read(spec, Path(path).expanduser())
    except (OSError, RuntimeError) as error:  # RuntimeError: "~nobody" has no home
        raise DatasetError(f"Cannot read {path}: {error}") from error


@dataclass(frozen=True, slots=True)
class Photograph:
    """An image that is asked about.

    Attributes:
        path: As it was given.
        image: Upright.
        sha256: SHA-256 of its bytes: tells whether a gallery holds it, under whatever name.
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
    drawn: bytes | None = import_module(READERS["studio"]).read_drawn(path)
    return images.read_file(path) if drawn is None else drawn


def is_there(path: Path) -> bool:
    """Say whether an image is at the place under which the catalogue knows it, unread.

    Of one inside an archive or a drawn set: whether that is there. What cannot be looked at may
    well be there.

    Args:
        path: As `read_image` takes it.
    """
    try:
        os.lstat(path)
    except OSError as error:
        if error.errno not in GONE:
            return True
        is_set: Callable[[Path], bool] = import_module("gallery.studio.shards").is_set
        return any(parent.is_file() or is_set(parent) for parent in path.parents)
    return True


def _hint(spec: str) -> str:
    with contextlib.suppress(OSError, RuntimeError):
        if spec and Path(spec).expanduser().is_dir():
            return f"for a folder of images write folder:{spec}"
    known = ", ".join([*(f"{name}:PATH" for name in READERS), *PACKAGED])
    return f"write one of {known}"
