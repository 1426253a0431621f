"""FAISS itself: importing it, reading and writing its files, selecting rows, the GPU.

Shapes: N rows.
"""

import importlib
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.errors import ConfigError, IndexFileError
from gallery.files import replacing
from index.files import AGAIN

# All write the package `faiss`; two of them leave a mixture of both.
DISTRIBUTIONS = ("faiss-cpu", "faiss-gpu", "faiss-gpu-cu11", "faiss-gpu-cu12")


def require_faiss(kind: str = "flat") -> Any:  # noqa: ANN401  FAISS ships no types
    """Import FAISS.

    Args:
        kind: Kind of index that needs it, for the message.

    Raises:
        ConfigError: It is not installed, or two distributions of it have overwritten each other;
            the message holds the commands that help.
    """
    installed = [name for name in DISTRIBUTIONS if _is_installed(name)]
    if len(installed) > 1:
        raise ConfigError(
            f"{' and '.join(installed)} are both installed and overwrite each other's files."
            f" Remove both, then install one: pip uninstall -y {' '.join(installed)}"
            ' && pip install "mindseye[cpu]" (or "mindseye[gpu]")'
        )
    try:
        return importlib.import_module("faiss")
    except ImportError as error:
        raise ConfigError(
            f'The index kind "{kind}" needs FAISS, which cannot be imported ({error}).'
            ' Install it: pip install "mindseye[cpu]"; or use the index kind "exact"'
        ) from error


def loaded_faiss() -> Any:  # noqa: ANN401  FAISS ships no types
    """Return FAISS where an index of it is open: without the checks, which take 0.2 ms."""
    return sys.modules["faiss"]


def has_faiss() -> bool:
    """Say whether FAISS can be imported."""
    try:
        require_faiss()
    except ConfigError:
        return False
    return True


def _is_installed(distribution: str) -> bool:
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def write_faiss(index: Any, path: Path) -> None:  # noqa: ANN401  FAISS ships no types
    """Write an index to one file, which appears whole or not at all."""
    with replacing(path) as temporary:
        require_faiss().write_index(index, str(temporary))


def read_faiss(path: Path, size: int, kind: str, *, mapped: bool) -> Any:  # noqa: ANN401
    """Read an index.

    Args:
        path: Its file.
        size: Its length in bytes, as written; to map a shorter file would end the process.
        kind: What needs it, for the message.
        mapped: Leave vectors and codes on disk, mapped into memory, where FAISS can; such an index
            cannot be added to.

    Raises:
        IndexFileError: The file is missing or damaged.
        ConfigError: FAISS is not installed, or twice.
    """
    faiss = require_faiss(kind)
    if not path.is_file():
        raise IndexFileError(f"{path} is missing. {AGAIN}")
    found = path.stat().st_size
    if found != size:
        raise IndexFileError(
            f"{path} cannot be read (it has {found} bytes, expected {size}). {AGAIN}"
        )
    try:
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if mapped else 0)
    except (RuntimeError, MemoryError) as error:  # a torn file may claim any length
        reason = str(error).splitlines()[0]
        raise IndexFileError(f"{path} cannot be read ({reason}). {AGAIN}") from error


def selector(mask: NDArray[np.bool_]) -> Any:  # noqa: ANN401  FAISS ships no types
    """Make what lets FAISS find some rows only, (N,); ids of the index are row numbers."""
    faiss = loaded_faiss()
    bits = np.packbits(mask, bitorder="little")
    made = faiss.IDSelectorBitmap(len(mask), faiss.swig_ptr(bits))
    made.bits_of_python = bits  # FAISS keeps a pointer to them
    return made


def gpus() -> int:
    """Count the GPUs that FAISS can use: 0 where faiss-gpu is not installed."""
    faiss = require_faiss()
    return int(faiss.get_num_gpus()) if hasattr(faiss, "StandardGpuResources") else 0


def on_gpu(index: Any) -> Any | None:  # noqa: ANN401  FAISS ships no types
    """Copy an index to the first GPU; None where there is none, or FAISS cannot.

    It cannot copy hnsw, pq and rabitq.
    """
    faiss = require_faiss()
    if gpus() == 0:
        return None
    try:
        return faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index)
    except RuntimeError:
        return None
