"""A recogniser for tests: mean colours of the quarters of a face, and no package needed."""

from collections.abc import Callable

import numpy as np
import pytest

from gallery.align import Pixels
from gallery.arrays import Floats, normalise
from retrieval.recognisers import registry


def tell_by_colours(
    patch: pytest.MonkeyPatch, recogniser: Callable[[], object] | None = None
) -> None:
    """Let all searches, fits and benchmarks tell people apart by their colours, or otherwise.

    Args:
        patch: Undone when the test ends.
        recogniser: What stands in for all recognisers; None for `Colours`.
    """
    for name in registry.RECOGNISERS:
        patch.setitem(registry.RECOGNISERS, name, recogniser or Colours)


FUSION = {
    "clip": -10.0,
    "log_probability": 0.3,
    "identity": 0.7,
    "without_identity": {"log_probability": 0.2},
    "without_log_probability": {"identity": 0.4},
}


class Colours:
    """Tells the tiny gallery's people apart by their skin."""

    fingerprint = "colours 1"
    dimension = 12

    def embed(self, pixels: Pixels) -> Floats:
        """Embed faces: (N, S, S, C) -> (N, 12), unit length."""
        half = pixels.shape[1] // 2
        quarters = [
            np.broadcast_to(part.mean(axis=(1, 2)), (len(pixels), 3))
            for rows in (pixels[:, :half], pixels[:, half:])
            for part in (rows[:, :, :half], rows[:, :, half:])
        ]
        return normalise((np.concatenate(quarters, axis=1) - 100).astype(np.float32))
