"""OpenVINO itself: imported without its converter, and how networks are compiled and run by it.

`import openvino` imports `openvino.tools.ovc`, which sends a message over the network whenever it
is imported, and takes two thirds of the import. The package goes on without it where it is missing;
so it is made to be missing (a name that stands for None in sys.modules cannot be imported: Python's
documentation of the import system, "The module cache"). What it would convert, the package's own
front end for torch converts (generator/openvino/export.py).

Everything is computed in float32: by default OpenVINO takes bfloat16 where a processor has it.
"""

import importlib.util
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.third_party import MissingPackageError

CONVERTER = "openvino.tools.ovc"
INSTALL = "pip install 'mindseye[fast]'"
DEVICE = "CPU"


def is_installed() -> bool:
    """Say whether there is OpenVINO here, without importing it."""
    return importlib.util.find_spec("openvino") is not None


@cache
def openvino() -> Any:  # noqa: ANN401  an extra
    """Import it.

    Raises:
        MissingPackageError: It is not installed; the message says how.
    """
    hidden = CONVERTER not in sys.modules and "openvino" not in sys.modules
    if hidden:
        sys.modules[CONVERTER] = None  # type: ignore[assignment]
    try:
        import openvino as library  # noqa: PLC0415  an extra
    except ImportError as error:
        raise MissingPackageError(f"OpenVINO is not installed; {INSTALL}") from error
    finally:
        if hidden:
            del sys.modules[CONVERTER]
    return library


@cache
def _core() -> Any:  # noqa: ANN401  an extra
    return openvino().Core()


def _settings() -> dict[str, Any]:
    """Return how networks run: in float32; in as many threads as torch would take."""
    settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads.isdecimal() and int(threads):
        settings["INFERENCE_NUM_THREADS"] = int(threads)
    return settings


class Compiled:
    """A network that runs: arrays in, arrays out, by position."""

    def __init__(self, network: Any) -> None:  # noqa: ANN401  an extra
        """Take what OpenVINO compiled."""
        self._network = network
        self._outputs = len(network.outputs)

    def __call__(self, *inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """Run it. What it returns is the caller's own."""
        found = self._network([np.ascontiguousarray(one) for one in inputs])
        return [np.array(found[place]) for place in range(self._outputs)]

    def blob(self) -> bytes:
        """Return it as bytes that `load` reads, of this version and processor alone."""
        exported = self._network.export_model()
        return exported if isinstance(exported, bytes) else bytes(exported.getvalue())


def compiled(model: Any) -> Compiled:  # noqa: ANN401  an extra
    """Compile a model of OpenVINO."""
    return Compiled(_core().compile_model(model, DEVICE, _settings()))


def load(path: Path) -> Compiled:
    """Open what `Compiled.blob` returned; its numbers stay in the file, mapped into memory.

    Args:
        path: The file, whose hash was compared: OpenVINO trusts what it reads.

    Raises:
        RuntimeError: It is of another version or processor.
    """
    mapped = openvino().Tensor(np.memmap(path, dtype=np.uint8, mode="c"))
    return Compiled(_core().import_model(mapped, DEVICE, _settings()))
