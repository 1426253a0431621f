"""What runs SFace's network: what draws, OpenVINO or torch.

Shapes: N faces.
"""

from pathlib import Path
from typing import Protocol

from gallery.align import Pixels
from gallery.arrays import Floats

TORCH, OPENVINO = "torch", "openvino"


class FaceNetwork(Protocol):
    """Describes faces by 128 numbers each."""

    def describe(self, faces: Pixels) -> Floats:
        """Describe faces: RGB, 0..255, (N, 112, 112, 3) -> (N, 128), of any length."""


def open_network(path: Path, runtime: str = TORCH) -> FaceNetwork:
    """Load the network from its file.

    Args:
        path: The file.
        runtime: What runs it: "openvino", or torch.

    Raises:
        OnnxError: The file holds another network.
    """
    if runtime == OPENVINO:
        from retrieval.recognisers.sface_openvino import SFaceOpenVino  # noqa: PLC0415  an extra

        return SFaceOpenVino.open(path)
    from retrieval.recognisers.sface_network import SFaceNetwork  # noqa: PLC0415  torch

    return SFaceNetwork(path)
