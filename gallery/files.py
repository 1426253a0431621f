"""Files that appear whole or not at all, and are on disk when the writer returns."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside path; what was written there becomes path in one step.

    A killed or failed writer leaves path as it was. Afterwards the file and its name are on disk.

    Raises:
        IsADirectoryError: Path is a folder, such as "." or "/".
    """
    _require_no_folder(path)
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        yield temporary
        sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)


def require_writable(path: Path) -> None:
    """Try whether `replacing` could write a file, before anything long is done for it.

    Raises:
        OSError: It could not: the folder cannot be made or written, or path is a folder.
    """
    _require_no_folder(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        temporary.touch()
    finally:
        temporary.unlink(missing_ok=True)


def _require_no_folder(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder")


def sync(path: Path) -> None:
    """Wait until a file's content, or a directory's names, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def followed(path: Path) -> Path:
    """Return where a symbolic link that was given by hand leads; any other path as it is.

    Links inside folders that are walked are another matter: nobody chose each of them.
    """
    is_link = os.path.islink(path)  # noqa: PTH114  Path.is_symlink raises for some names
    return Path(os.path.realpath(path)) if is_link else path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one step; see `replacing`.

    Raises:
        OSError: The disk is full, or the folder cannot be written; an older file is left as it was.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
