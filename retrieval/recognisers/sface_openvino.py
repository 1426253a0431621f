"""SFace's network in OpenVINO: the same layers as in torch, without torch.

Made once for a machine, compared with torch, and kept (generator/openvino/kept.py).

Shapes: N faces, C channels, H height, W width.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gallery.align import Pixels
from gallery.arrays import Floats, normalise
from gallery.errors import ConfigError
from gallery.files import file_sha256
from generator.openvino.kept import Kept, find, keep, place_of
from generator.openvino.library import Compiled, compiled, openvino
from retrieval.recognisers.sface_layers import (
    DIMENSION,
    MIDDLE,
    SCALE,
    ConvolutionLayer,
    SFaceLayers,
    read_layers,
)

BATCH = 16
SIDE = 112  # pixels
NAME = "sface"
COSINE = 0.9999  # with torch's vectors, at least
TRIED = 4  # faces that are compared


class SFaceOpenVino:
    """Describes faces by 128 numbers each."""

    def __init__(self, network: Compiled) -> None:
        """Take the compiled network."""
        self._network = network

    @classmethod
    def open(cls, path: Path) -> "SFaceOpenVino":
        """Open what was kept of a file, or make it.

        Args:
            path: `face_recognition_sface_2021dec.onnx`.

        Raises:
            OnnxError: The file holds another network.
            ConfigError: OpenVINO's vectors are others than torch's.
            OSError: What is made cannot be kept.
        """
        place = place_of({"recogniser": NAME, "sha256": file_sha256(path)})
        kept = find(place) or _made(path, place)
        if kept.refused:
            raise ConfigError(f"OpenVINO cannot run SFace: {kept.refused}; say --runtime torch")
        return cls(kept.network(NAME))

    def describe(self, faces: Pixels) -> Floats:
        """Describe faces: RGB, 0..255, (N, 112, 112, 3) -> (N, 128), of any length."""
        found = np.empty((len(faces), DIMENSION), np.float32)
        for start in range(0, len(faces), BATCH):
            found[start : start + BATCH] = self._network(faces[start : start + BATCH])[0]
        return found


def _made(path: Path, place: Path) -> Kept:
    from retrieval.recognisers.sface_network import SFaceNetwork  # noqa: PLC0415  torch, once

    network = compiled(model_of(read_layers(path)))
    faces = np.random.default_rng(0).integers(0, 256, (TRIED, 14, 14, 3), np.uint8)
    faces = np.kron(faces, np.ones((1, 8, 8, 1), np.uint8))  # (N, 112, 112, 3)
    pairs = [normalise(one.describe(faces)) for one in (SFaceNetwork(path), SFaceOpenVino(network))]
    cosine = float((pairs[0] * pairs[1]).sum(axis=1).min())
    refused = "" if cosine >= COSINE else f"its vectors have a cosine of {cosine:g} with torch's"
    return keep(place, {NAME: network}, {"agreement": {"cosine": cosine}}, refused)


def model_of(layers: SFaceLayers) -> Any:  # noqa: ANN401  an extra
    """Return the network as a model of OpenVINO: (N, 112, 112, 3), 0..255 -> (N, 128)."""
    library = openvino()
    op = library.opset13
    faces = op.parameter([-1, SIDE, SIDE, 3], library.Type.u8, "faces")
    maps = op.transpose(op.convert(faces, "f32"), np.array([0, 3, 1, 2]))
    maps = op.multiply(op.subtract(maps, np.float32(MIDDLE)), np.float32(SCALE))
    for layer in layers.convolutions:
        maps = _convolved(op, maps, layer)
    last = op.transpose(maps, np.array([0, 2, 3, 1]))  # channels last, as the full layer reads them
    flat = op.reshape(last, np.array([0, -1]), special_zero=True)
    described = op.matmul(flat, layers.weight, transpose_a=False, transpose_b=True)
    return library.Model([op.add(described, layers.bias)], [faces], NAME)


def _convolved(op: Any, maps: Any, layer: ConvolutionLayer) -> Any:  # noqa: ANN401  an extra
    """Add a convolution and the PReLU after it."""
    how: Sequence[list[int]] = (
        [layer.stride] * 2,
        [layer.padding] * 2,
        [layer.padding] * 2,
        [1, 1],
    )
    if layer.groups == 1:
        made = op.convolution(maps, layer.weight, *how)
    else:
        of, inputs, *kernel = layer.weight.shape
        grouped = layer.weight.reshape(layer.groups, of // layer.groups, inputs, *kernel)
        made = op.group_convolution(maps, grouped, *how)
    made = op.add(made, layer.bias.reshape(1, -1, 1, 1))
    return op.prelu(made, layer.slope)
