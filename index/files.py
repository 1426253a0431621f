"""Arrays and JSON on disk: written whole, checked when read.

Source of .npy: NumPy Enhancement Proposal 1, "A simple file format for NumPy arrays", 2007.
"""

import json
import tokenize
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from gallery.errors import IndexFileError
from gallery.files import file_sha256, replacing, sync

AGAIN = "Build it again: mindseye index build"
# What NumPy raises for a torn or garbled .npy file; found by feeding it some.
_BAD_HEADER = (OSError, ValueError, EOFError, SyntaxError, OverflowError, tokenize.TokenError)


def make_directory(path: Path) -> None:
    """Make a folder and those above it, on disk when this returns."""
    path.mkdir(parents=True, exist_ok=True)
    sync(path.parent)


def write_array(path: Path, array: NDArray[Any]) -> str:
    """Write a .npy file, and return its SHA-256."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, np.ascontiguousarray(array), allow_pickle=False)
    return file_sha256(path)


def open_array(path: Path, dtype: type[np.generic], ndim: int) -> NDArray[Any]:
    """Map a .npy file into memory, copied where it is written to.

    Raises:
        IndexFileError: The file is missing, damaged, or holds another array.
    """
    try:
        array = open_memmap(path, mode="c")
    except FileNotFoundError as error:
        raise IndexFileError(f"{path} is missing. {AGAIN}") from error
    except _BAD_HEADER as error:
        raise IndexFileError(f"{path} is damaged ({error}). {AGAIN}") from error
    if array.dtype != dtype or array.ndim != ndim or not array.flags.c_contiguous:
        raise IndexFileError(
            f"{path} holds {array.dtype} {array.shape}, expected {dtype.__name__} with"
            f" {ndim} axes in C order. {AGAIN}"
        )
    return array.view(np.ndarray)  # the subclass makes every access slower


def require_sha256(path: Path, expected: str) -> None:
    """Compare a file with its hash.

    Raises:
        IndexFileError: It is another.
    """
    found = file_sha256(path)
    if found != expected:
        raise IndexFileError(
            f"{path} has SHA-256 {found[:12]}…, expected {expected[:12]}…: it is damaged. {AGAIN}"
        )


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write JSON, in UTF-8 and in one step."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(data, indent=2) + "\n", "utf-8")


def read_json(path: Path) -> Any:  # noqa: ANN401  JSON is what it is
    """Read JSON.

    Raises:
        IndexFileError: The file is missing or no JSON.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise IndexFileError(f"{path} is missing. {AGAIN}") from error
    except (OSError, ValueError) as error:
        raise IndexFileError(f"{path} is damaged ({error}). {AGAIN}") from error
