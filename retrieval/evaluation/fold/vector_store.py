"""Vectors on disk: embeddings kept from run to run by hash, and scratch files that are not.

A kept entry is NAME-HASH.npy with NAME-HASH.json, which says what it is of, how long it took to
make, and the hash of the array; it is written last. What is damaged is made anew. Scratch files go
when the benchmark ends. Both are read through memory maps: memory does not grow with the gallery.

Shapes: N rows, D dimensions.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from gallery.errors import DatasetError
from gallery.files import file_sha256, replacing, write_whole
from gallery.json_files import read, spell
from retrieval.evaluation.records import BenchmarkProgress

SCRATCH = "scratch-"
Value = TypeVar("Value")
Array = NDArray[Any]
Steps = Generator[BenchmarkProgress, None, Value]


@dataclass(frozen=True, slots=True)
class Timed(Generic[Value]):
    """Something that was made, and the seconds it took, whether or not it was kept since."""

    value: Value
    seconds: float


class Writer:
    """Writes an array to a file, part by part.

    Attributes:
        done: Rows that were written.
    """

    def __init__(self, path: Path, count: int) -> None:
        self.done = 0
        self._path, self._count = path, count
        self._file: Array | None = None

    def add(self, part: Array) -> None:
        """Write further rows, (n, ...).

        Raises:
            OSError: The disk is full.
        """
        if self._file is None:
            shape = (self._count, *part.shape[1:])
            self._path.unlink(missing_ok=True)  # maps of an older file stay valid
            self._file = np.lib.format.open_memmap(
                self._path, mode="w+", dtype=part.dtype, shape=shape
            )
            _reserve(self._path)
        self._file[self.done : self.done + len(part)] = part
        self.done += len(part)

    def close(self) -> Array:
        """Return the rows that were written, a memory map, (N, ...); empty without any."""
        if self._file is None:
            return np.empty((0, 0), dtype=np.float32)
        if isinstance(self._file, np.memmap):
            self._file.flush()
        return self._file[: self.done]


@dataclass(frozen=True, slots=True)
class Store:
    """Where vectors are.

    Attributes:
        kept: Folder of what is reused.
        scratch: Folder of what is not.
    """

    kept: Path
    scratch: Path

    @contextmanager
    def inner(self) -> Iterator["Store"]:
        """Open a store with scratch files of its own, which are deleted first."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as scratch:
            yield Store(self.kept, Path(scratch))

    def writer(self, name: str, count: int) -> "Writer":
        """Return what writes rows to a scratch file; another of this name is overwritten.

        Args:
            name: Name of the file.
            count: Rows that there will be, N; fewer are fine.
        """
        return Writer(self.scratch / f"{name}.npy", count)

    def keep(
        self, name: str, key: Mapping[str, Any], count: int, make: Callable[[], Iterator[Array]]
    ) -> Steps[Timed[Array]]:
        """Return rows that were made before, or make and keep them.

        Args:
            name: Name of what is made, for file and progress.
            key: All that decides the rows; JSON.
            count: Rows, N.
            make: Yields them, part by part.

        Raises:
            OSError: The disk is full, or the folder cannot be written.
        """
        text = json.dumps(key, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:20]
        path = self.kept / f"{name.replace('/', '-')}-{digest}.npy"
        found = _kept(path, text, count)
        if found is not None:
            return found
        started = time.perf_counter()
        self.kept.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            writer = Writer(temporary, count)
            for part in make():
                writer.add(part)
                yield BenchmarkProgress(f"embedding with {name}", writer.done, count)
            if len(writer.close()) != count:
                raise ValueError(f"{name} made {writer.done} of {count} rows")
        seconds = time.perf_counter() - started
        entry = {"key": text, "seconds": round(seconds, 3), "sha256": file_sha256(path)}
        write_whole(path.with_suffix(".json"), spell(entry, indent=1).encode())
        return Timed(np.load(path, mmap_mode="r"), seconds)

    def keep_several(
        self, name: str, key: Mapping[str, Any], make: Callable[[], Steps[dict[str, Array]]]
    ) -> Steps[Timed[dict[str, Array]]]:
        """Return arrays that were made together before, or make and keep them.

        Args:
            name: Name of what is made, for the files.
            key: All that decides the arrays; JSON.
            make: Makes them, by name.

        Raises:
            OSError: The disk is full, or the folder cannot be written.
        """
        text = json.dumps(key, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:20]
        entry = self.kept / f"{name}-{digest}.json"
        found = _kept_several(entry, text)
        if found is not None:
            return found
        started = time.perf_counter()
        arrays = yield from make()
        self.kept.mkdir(parents=True, exist_ok=True)
        files = {}
        for part, array in arrays.items():
            path = _part_of(entry, part)
            with replacing(path) as temporary, temporary.open("wb") as file:
                np.save(file, np.ascontiguousarray(array))
            files[part] = file_sha256(path)
        seconds = time.perf_counter() - started
        told = {"key": text, "seconds": round(seconds, 3), "files": files}
        write_whole(entry, spell(told, indent=1).encode())
        return Timed({part: _mapped(_part_of(entry, part)) for part in files}, seconds)


@contextmanager
def open_store(kept: Path) -> Iterator[Store]:
    """Open a store; its scratch files are deleted at the end, and those of killed processes now.

    Raises:
        OSError: The folder cannot be written.
    """
    kept.mkdir(parents=True, exist_ok=True)
    for left in kept.glob(f"{SCRATCH}*"):
        if not _is_alive(left.name.removeprefix(SCRATCH).partition("-")[0]):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{SCRATCH}{os.getpid()}-", dir=kept) as scratch:
        yield Store(kept, Path(scratch))


def default_cache() -> Path:
    """Return where embeddings and trained rivals are kept if nobody says otherwise."""
    return Path.home() / ".cache" / "mindseye" / "bench"


def array_sha256(array: Array) -> str:
    """Return a hash of an array's type, shape and content, read in pieces."""
    digest = hashlib.sha256(f"{array.dtype} {array.shape}".encode())
    for start in range(0, len(array), 4096):
        digest.update(np.ascontiguousarray(array[start : start + 4096]).data)
    return digest.hexdigest()


def _is_alive(process: str) -> bool:
    """Say whether a process of this machine runs; in doubt, it does."""
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (ValueError, OSError):
        return True
    return True


def _reserve(path: Path) -> None:
    """Claim a sparse file's space: else a full disk would end the process, not raise OSError."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _part_of(entry: Path, part: str) -> Path:
    return entry.with_suffix(f".{part}.npy")


def _mapped(path: Path) -> Array:
    """Open an array as a memory map; an empty one cannot be mapped, and is read."""
    try:
        array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError:
        array = np.load(path, allow_pickle=False)
    return array


def _kept_several(entry: Path, key: str) -> Timed[dict[str, Array]] | None:
    try:
        told = read(entry, DatasetError, "It is made again")
        files = {part: _part_of(entry, part) for part in told["files"]}
        if told["key"] != key or any(
            file_sha256(path) != told["files"][part] for part, path in files.items()
        ):
            return None
        arrays = {part: _mapped(path) for part, path in files.items()}
        return Timed(arrays, float(told["seconds"]))
    except (OSError, DatasetError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _kept(path: Path, key: str, count: int) -> Timed[Array] | None:
    try:
        entry = read(path.with_suffix(".json"), DatasetError, "It is made again")
        if entry["key"] != key or entry["sha256"] != file_sha256(path):
            return None
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        return Timed(array, float(entry["seconds"])) if len(array) == count else None
    except (OSError, DatasetError, ValueError, KeyError, TypeError):
        return None
