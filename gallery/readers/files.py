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


# Folders that computers fill, in lower case: what is in them, nobody put into a collection.
JUNK = {
    "@eadir": "thumbnails",
    ".@__thumb": "thumbnails",
    ".thumbnails": "thumbnails",
    "__macosx": "what macOS keeps of files",
    "#recycle": "deleted files",
    "@recycle": "deleted files",
    "$recycle.bin": "deleted files",
    "recycler": "deleted files",
    "#snapshot": "older states",
    "@recently-snapshot": "older states",
    "system volume information": "what Windows keeps of a disk",
    "lost+found": "remains of a repair",
}


def walk(root: Path) -> Iterator[Entry]:
    """Yield every file below a folder, in natural order.

    Hidden files and folders are passed over; symbolic links to folders are not followed. A folder
    below the root that cannot be listed is yielded as a problem, and so is a file whose name is not
    UTF-8: no database could hold it. Folders of thumbnails and of deleted files are left out and
    counted: for each kind the first is yielded at the end, as a problem.

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
    junk: dict[str, _Junk] = {}
    yield from _walk(entries, "", junk)
    for kind, found in junk.items():
        yield Entry(f"{found.first}/", found.told(kind))


@dataclass(slots=True)
class _Junk:
    """Folders of one kind that are left out."""

    first: str
    folders: int = 0
    files: int = 0

    def told(self, kind: str) -> str:
        files = "1 file" if self.files == 1 else f"{self.files} files"
        where = f" in {self.folders} such folders" if self.folders > 1 else ""
        return f"{kind}: {files}{where} left out"

    def add(self, folder: str) -> None:
        self.folders += 1
        self.files += sum(len(files) for _, _, files in os.walk(folder))


def _kind_of_junk(name: str) -> str | None:
    lowered = name.lower()
    return "deleted files" if lowered.startswith(".trash") else JUNK.get(lowered)


def _entries(folder: Path | str) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        visible = [e for e in found if not e.name.startswith(".") or _is_junk(e)]
    return sorted(visible, key=lambda entry: natural_key(entry.name))


def _is_junk(entry: os.DirEntry[str]) -> bool:
    return _kind_of_junk(entry.name) is not None and entry.is_dir(follow_symlinks=False)


def _walk(entries: list[os.DirEntry[str]], prefix: str, junk: dict[str, _Junk]) -> Iterator[Entry]:
    for entry in entries:
        name = f"{prefix}{entry.name}"
        readable = name.encode("utf-8", "backslashreplace").decode("utf-8")
        if readable != name:
            yield Entry(readable, "its name is not UTF-8; rename it")
        elif not entry.is_dir(follow_symlinks=False):
            regular = entry.is_file(follow_symlinks=False)
            yield Entry(name, None if regular else NOT_REGULAR)
        elif kind := _kind_of_junk(entry.name):
            junk.setdefault(kind, _Junk(name)).add(entry.path)
        else:
            yield from _walk_below(entry, f"{name}/", junk)


def _walk_below(folder: os.DirEntry[str], prefix: str, junk: dict[str, _Junk]) -> Iterator[Entry]:
    try:
        entries = _entries(folder.path)
    except OSError as error:
        yield Entry(prefix, f"the folder cannot be listed: {error.strerror or error}")
        return
    yield from _walk(entries, prefix, junk)
