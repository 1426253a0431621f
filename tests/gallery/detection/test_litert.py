"""Networks of LiteRT: what threads that share one of them get."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest

from gallery.arrays import Floats
from gallery.detection import litert
from gallery.detection.litert import LiteRtNetwork


class Interpreter:
    """Gives back what was last put in, after others had time to put something else in."""

    def __init__(self, **_: object) -> None:
        self._inside = np.zeros((1, 1, 1, 3), np.float32)
        self._disturbed = Event()

    def allocate_tensors(self) -> None:
        pass

    def get_input_details(self) -> list[dict[str, Any]]:
        return [{"index": 0}]

    def get_output_details(self) -> list[dict[str, Any]]:
        return [{"index": 1}]

    def set_tensor(self, _index: int, image: Floats) -> None:
        if self._inside.any():
            self._disturbed.set()
        self._inside = image

    def invoke(self) -> None:
        self._disturbed.wait(0.2)

    def get_tensor(self, _index: int) -> Floats:
        return self._inside.copy()


def test_two_threads_get_what_belongs_to_their_own_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litert, "_interpreter", lambda: Interpreter)
    monkeypatch.setattr(litert, "model_file", Path)
    network = LiteRtNetwork("network.tflite")
    images = [np.full((1, 1, 1, 3), number, np.float32) for number in (1, 2)]
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(network.run, images))
    assert [one[0][0, 0, 0, 0] for one in found] == [1, 2]
