"""Read arrays out of a pickle without running what it says.

The one place where something is unpickled (docs/adr/0002-no-pickle.md): published weights of a
rival that exist in no other form. Only dictionaries, texts, numbers and NumPy arrays of numbers
are made; whatever else the file names is refused before it is looked up.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.errors import WeightsError

_RECONSTRUCT = np.empty(0).__reduce__()[0]
ALLOWED = {  # NumPy calls the same things by an old and a new name
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _ArraysOnly(pickle.Unpickler):
    """Knows arrays and nothing else."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401  pickle's signature
        """Return one of the few things that arrays are made of."""
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is no array")
        return ALLOWED[module, name]


def read_arrays(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the arrays of a pickled, nested dictionary, by their keys joined with "/".

    Raises:
        WeightsError: The file is damaged, or names anything but arrays of floats.
    """
    try:
        with path.open("rb") as file:
            tree = _ArraysOnly(file).load()
        return _flat(tree, "")
    except (
        pickle.UnpicklingError,
        OSError,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        IndexError,
    ) as error:
        raise WeightsError(f"{path} holds no plain arrays: {error}") from error


def _flat(tree: Any, prefix: str) -> dict[str, NDArray[np.float32]]:  # noqa: ANN401
    if isinstance(tree, Mapping):
        found: dict[str, NDArray[np.float32]] = {}
        for key, branch in tree.items():
            found |= _flat(branch, f"{prefix}/{key}" if prefix else str(key))
        return found
    if not isinstance(tree, np.ndarray) or tree.dtype.kind != "f":
        raise ValueError(f"{prefix or 'it'} is no array of floats")
    return {prefix: tree.astype(np.float32)}
