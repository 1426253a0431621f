"""Which files of a folder are pictures: by what they hold, not by what they are called."""

import os
from dataclasses import dataclass
from pathlib import Path

from gallery.formats.magic import (
    HEAD_BYTES,
    RAW,
    is_image_name,
    is_picture_name,
    is_raw_name,
    kind_of,
)
from gallery.formats.registry import READERS
from gallery.readers.files import Entry


@dataclass(frozen=True, slots=True)
class FileLook:
    """What a file seems to be.

    Attributes:
        is_picture: Whether it may be decoded.
        reason: Why a picture is left out; None where there is nothing to say.
    """

    is_picture: bool = False
    reason: str | None = None


def look(root: Path, entry: Entry) -> FileLook:
    """Say whether a file is a picture, from its name where that promises one, else from its bytes.

    Args:
        root: The root of the walk.
        entry: What was found there.
    """
    if entry.problem is not None:
        told = entry.name.endswith("/") or is_picture_name(entry.name)
        return FileLook(reason=entry.problem if told else None)
    if is_image_name(entry.name):
        return FileLook(is_picture=True)
    try:
        kind = kind_of(_head(root / entry.name))
    except OSError as error:
        told = is_picture_name(entry.name)
        return FileLook(reason=f"cannot be read: {error.strerror or error}" if told else None)
    return _judged(entry.name, kind)


def _judged(name: str, kind: str | None) -> FileLook:
    """Judge a file by its name, and the kind of image that its first bytes are of."""
    if is_raw_name(name) and kind in (None, "TIFF"):
        kind = RAW
    if kind in READERS:
        return FileLook(is_picture=True)
    if kind is not None:
        return FileLook(reason=f"{kind}, which is not read; convert it to JPEG")
    if is_picture_name(name):
        return FileLook(
            reason="named as a picture, of a format that is not read; convert it to JPEG"
        )
    return FileLook()


def _head(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        return os.read(descriptor, HEAD_BYTES)
    finally:
        os.close(descriptor)
