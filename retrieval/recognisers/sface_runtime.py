"""What runs SFace's network: torch.

Shapes: N faces.
"""

from pathlib import Path
from typing import Protocol

from gallery.align import Pixels
from gallery.arrays import Floats


class FaceNetwork(Protocol):
    """Describes faces by 128 numbers each."""

    def describe(self, faces: Pixels) -> Floats:
        """Describe faces: RGB, 0..255, (N, 112, 112, 3) -> (N, 128), of any length."""


def open_network(path: Path) -> FaceNetwork:
    """Load the network from its file.

    Raises:
        OnnxError: The file holds another network.
    """
    from retrieval.recognisers.sface_network import SFaceNetwork  # noqa: PLC0415  torch

    return SFaceNetwork(path)
