"""Whether files are those that were written: length and hash, before anything opens them.

A file that was found right is not read again while its inode, length and time of modification are
the same: within a process always, between processes if enough was read to be worth a note in the
space, `checked.json` (docs/adr/0014). A file changed in the last seconds is read every time, since
it may change again without a change of its time.
"""

import contextlib
import os
import stat
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gallery.errors import IndexFileError
from gallery.files import file_sha256
from gallery.json_files import read, spell
from index.files import AGAIN

NOTE = "checked.json"
NOTE_FORMAT = 1
WORTH = 64 * 2**20  # bytes read since the last note: 0.05 s, or 0.2 s without SHA instructions
MOST_NOTED = 20_000
RACY_NS = 2 * 10**9

Identity = tuple[int, int]  # device and inode
State = tuple[int, int, str]  # length in bytes, time of modification in ns, SHA-256


@dataclass(frozen=True, slots=True, kw_only=True)
class FileId:
    """What identifies a file of a generation.

    Attributes:
        name: In its folder.
        bytes: Length.
        sha256: SHA-256 of its content, in hexadecimal.
    """

    name: str
    bytes: int
    sha256: str


def describe(path: Path) -> FileId:
    """Return what identifies a file that was just written."""
    return FileId(name=path.name, bytes=path.stat().st_size, sha256=file_sha256(path))


class CheckedFiles:
    """Files of one space that were found right, by this process or one before it."""

    def __init__(self, space_dir: Path) -> None:
        """Take over what was noted in the space."""
        self._directory = space_dir
        self._known = _noted(space_dir)
        self._unnoted = 0  # bytes read since the last note

    def require(
        self, path: Path, sha256: str, size: int | None = None, *, anew: bool = False
    ) -> None:
        """Compare a file with what was written, unless that was done since it last changed.

        Args:
            path: Path of the file.
            sha256: It should have, in hexadecimal.
            size: Bytes it should have; None if only the hash is known.
            anew: Whether it is read whatever is known of it.

        Raises:
            IndexFileError: It is missing, no plain file, or another.
        """
        found = _look(path)
        if size is not None and found.st_size != size:
            raise IndexFileError(
                f"{path} is damaged: it has {found.st_size} bytes, expected {size}. {AGAIN}"
            )
        identity = (found.st_dev, found.st_ino)
        state = (found.st_size, found.st_mtime_ns, sha256)
        if self._known.get(identity) == state and not anew:
            return
        _require_sha256(path, sha256)
        if time.time_ns() - found.st_mtime_ns > RACY_NS:
            self._known[identity] = state
            self._unnoted += found.st_size
            if self._unnoted >= WORTH:
                self._note()

    def _note(self) -> None:
        """Write down what is known, for the processes after this one; where that can be written."""
        self._unnoted = 0
        with contextlib.suppress(OSError):
            device = self._directory.stat().st_dev
            files = [[at[1], *state] for at, state in self._known.items() if at[0] == device]
            text = spell({"format": NOTE_FORMAT, "files": files[-MOST_NOTED:]})
            # A name of its own: several readers may write at once.
            with tempfile.NamedTemporaryFile(
                "w", dir=self._directory, prefix=f".{NOTE}.", suffix=".tmp", delete=False
            ) as file:
                file.write(text)
            Path(file.name).replace(self._directory / NOTE)


@cache
def checked_files(space_dir: Path) -> CheckedFiles:
    """Return what this process knows of the files of a space."""
    return CheckedFiles(space_dir)


def _noted(space_dir: Path) -> dict[Identity, State]:
    """Read what was noted in a space; nothing where there is no note, or it is damaged."""
    path = space_dir / NOTE
    with contextlib.suppress(IndexFileError, OSError, ValueError, TypeError, KeyError):
        if path.exists():
            device, told = space_dir.stat().st_dev, read(path, IndexFileError, AGAIN)
            if told["format"] == NOTE_FORMAT:
                files = told["files"]
                return {(device, inode): (n, mtime, sha256) for inode, n, mtime, sha256 in files}
    return {}


def _require_sha256(path: Path, expected: str) -> None:
    try:
        found = file_sha256(path)
    except OSError as error:
        raise IndexFileError(f"{path} cannot be read ({error.strerror}). {AGAIN}") from error
    if found != expected:
        raise IndexFileError(
            f"{path} has SHA-256 {found[:12]}…, expected {expected[:12]}…: it is damaged. {AGAIN}"
        )


def _look(path: Path) -> os.stat_result:
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise IndexFileError(f"{path} is missing. {AGAIN}") from error
    except OSError as error:
        raise IndexFileError(f"{path} cannot be read ({error.strerror}). {AGAIN}") from error
    if not stat.S_ISREG(found.st_mode):
        raise IndexFileError(f"{path} is damaged: it is no plain file. {AGAIN}")
    return found
