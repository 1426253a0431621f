"""Arrays and JSON on disk: written whole, checked when read.

Source of .npy: NumPy Enhancement Proposal 1, "A simple file format for NumPy arrays", 2007.
"""

import contextlib
import math
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.errors import IndexFileError
from gallery.files import file_sha256, replacing, sync
from gallery.json_files import spell

AGAIN = "Build it again: mindseye index build"
MAGIC = b"\x93NUMPY\x01\x00"
LONGEST_HEADER = 1024
HEADER = re.compile(
    re.escape(MAGIC) + rb"(..)\{'descr': '([<>|=][A-Za-z]\d{0,4})', 'fortran_order': (True|False),"
    rb" 'shape': \(((?:\d{1,15},? ?){0,8})\), \} *\n",
    re.DOTALL,
)


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

    The header is read here, not by NumPy, which would evaluate it as Python: it must be as NumPy
    writes that of such an array, and the file as long as it says.

    Raises:
        IndexFileError: The file is missing, damaged, or holds another array.
    """
    try:
        if path.exists() and not path.is_file():
            raise ValueError("it is no plain file")
        with path.open("rb") as file:
            start, found, order, shape = _header(file.read(LONGEST_HEADER))
            length = os.fstat(file.fileno()).st_size
            expected = np.dtype(dtype).newbyteorder("<").str
            if (found, order, len(shape)) != (expected, "False", ndim):
                raise IndexFileError(
                    f"{path} holds {_spelt(found)} {shape}, expected {dtype.__name__} with"
                    f" {ndim} axes in C order. {AGAIN}"
                )
            if length != start + math.prod(shape) * np.dtype(dtype).itemsize:
                raise ValueError(f"{length} bytes do not hold an array of shape {shape}")
            if 0 in shape:
                return np.empty(shape, dtype)
            return np.memmap(file, dtype, "c", start, shape).view(np.ndarray)  # quicker to access
    except FileNotFoundError as error:
        raise IndexFileError(f"{path} is missing. {AGAIN}") from error
    except (OSError, ValueError) as error:
        raise IndexFileError(f"{path} is damaged ({error}). {AGAIN}") from error


def _header(start: bytes) -> tuple[int, str, str, tuple[int, ...]]:
    """Read the start of a .npy file: its length, the type, whether in Fortran order, the shape."""
    found = HEADER.match(start)
    if found is None or len(found[0]) != len(MAGIC) + 2 + int.from_bytes(found[1], "little"):
        raise ValueError("it does not begin like a .npy file of numbers")
    kind, order, axes = (found[group].decode("ascii") for group in (2, 3, 4))
    return len(found[0]), kind, order, tuple(int(axis) for axis in axes.split(",") if axis.strip())


def _spelt(kind: str) -> str:
    """Say what a type is called: float64 for <f8; Python objects for |O."""
    if kind == "|O":
        return "Python objects"
    with contextlib.suppress(TypeError):
        return str(np.dtype(kind))
    return repr(kind)


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write JSON, in UTF-8 and in one step."""
    with replacing(path) as temporary:
        temporary.write_text(spell(data, indent=2) + "\n", "utf-8")
