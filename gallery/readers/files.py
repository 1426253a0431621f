"""Walking a folder of images the same way for every reader."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gallery.attributes import natural_key
from gallery.errors import DatasetError
from gallery.faces import Problem

NOT_REGULAR = "not a regular file (a link, pipe or device)"


@dataclass(frozen=True, slots=True)
class Entry:
    """What was found in a folder.

    Attributes:
        name: Relative to the root, with forward slashes; of a folder that could not be listed, with
            a slash at the end.
        problem: Why it cannot be read, or None for a regular file.
    """

    name: str
    problem: str | None = None

    @property
    def stem(self) -> str:
        """The file's own name, without folders and suffix."""
        return self.name.rpartition("/")[2].rpartition(".")[0]

    def as_problem(self) -> Problem:
        """Return it as a problem of a face set."""
        return Problem(self.name, self.problem or "")


def walk(root: Path) -> Iterator[Entry]:
    """Yield every file below a folder, in natural order.

    Hidden files and folders are passed over; symbolic links to folders are not followed. A folder
    below the root that cannot be listed is yielded as a problem, and so is a file whose name is not
    UTF-8: no database could hold it.

    Raises:
        DatasetError: root is not a folder, or cannot be listed.
    """
    if root.is_file():
        raise DatasetError(f"{root} is a file, not a folder; give the folder that holds the images")
    if not root.is_dir():
        raise DatasetError(f"There is no folder {root}; check the path after the reader's name")
    try:
        entries = _entries(root)
    except OSError as error:
        raise DatasetError(f"Cannot list {root}: {error.strerror or error}") from error
    yield from _walk(entries, "")


def _entries(folder: Path | str) -> list[os.DirEntry[str]]:
    visible = (entry for entry in os.scandir(folder) if not entry.name.startswith("."))
    return sorted(visible, key=lambda entry: natural_key(entry.name))


def _walk(entries: list[os.DirEntry[str]], prefix: str) -> Iterator[Entry]:
    for entry in entries:
        name = f"{prefix}{entry.name}"
        readable = name.encode("utf-8", "backslashreplace").decode("utf-8")
        if readable != name:
            yield Entry(readable, "its name is not UTF-8; rename it")
        elif not entry.is_dir(follow_symlinks=False):
            regular = entry.is_file(follow_symlinks=False)
            yield Entry(name, None if regular else NOT_REGULAR)
        else:
            yield from _walk_below(entry, f"{name}/")


def _walk_below(folder: os.DirEntry[str], prefix: str) -> Iterator[Entry]:
    try:
        entries = _entries(folder.path)
    except OSError as error:
        yield Entry(prefix, f"the folder cannot be listed: {error.strerror or error}")
        return
    yield from _walk(entries, prefix)
