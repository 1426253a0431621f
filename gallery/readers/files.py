"""Walking a folder of images the same way for every reader."""

import os
from collections.abc import Iterator
from pathlib import Path

from gallery.attributes import natural_key
from gallery.errors import DatasetError


def walk(root: Path) -> Iterator[tuple[str, bool]]:
    """Yield every file below a folder, in natural order.

    Hidden files and folders are passed over; symbolic links to folders are not followed.

    Yields:
        Name relative to root, with forward slashes; and whether it is a regular file (False for
        symbolic links, pipes, sockets, devices).

    Raises:
        DatasetError: root is not a folder, or cannot be listed.
    """
    if not root.is_dir():
        raise DatasetError(f"There is no folder {root}; check the path after the reader's name")
    yield from _walk(root, "")


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, bool]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: natural_key(entry.name))
    except OSError as error:
        raise DatasetError(f"Cannot list {folder}: {error.strerror or error}") from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder / entry.name, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.is_file(follow_symlinks=False)
