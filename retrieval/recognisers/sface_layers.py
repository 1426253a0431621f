"""SFace's layers, read from its file: a MobileNet of 27 convolutions and one full layer, 0.57 GMAC.

The file's batch is fixed at one, and as it lists its numbers as inputs, runtimes may not fold
normalisations into convolutions. Here they are folded once, in float64; torch
(sface_network.py) or OpenVINO (sface_openvino.py) run what comes out, in batches.

Shapes: F features, C channels, k side of a kernel, H height, W width.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gallery.arrays import Doubles, Floats
from retrieval.recognisers.onnx_file import Graph, Node, OnnxError, read_onnx

DIMENSION = 128
MIDDLE, SCALE = 127.5, 1 / 128  # of pixels, as the file's first two operators have it


@dataclass(frozen=True, slots=True)
class ConvolutionLayer:
    """A convolution with its normalisation, and a PReLU after it.

    Attributes:
        weight: Weights, (F, C / groups, k, k).
        bias: Biases, (F,).
        slope: Slope of negative numbers, (F,).
        stride: Stride in both directions.
        padding: Padding on all sides.
        groups: Groups of channels.
    """

    weight: Floats
    bias: Floats
    slope: Floats
    stride: int
    padding: int
    groups: int


@dataclass(frozen=True, slots=True)
class SFaceLayers:
    """The whole network.

    Attributes:
        convolutions: One after the other.
        weight: Weights of the full layer, for maps whose channels stand last, (128, H · W · C).
        bias: Its biases, (128,).
    """

    convolutions: tuple[ConvolutionLayer, ...]
    weight: Floats
    bias: Floats


def read_layers(path: Path) -> SFaceLayers:
    """Read `face_recognition_sface_2021dec.onnx`.

    Raises:
        OnnxError: The file holds another network.
    """
    graph = read_onnx(path)
    kinds = [node.kind for node in graph.nodes]
    body = ["Conv", "BatchNormalization", "PRelu"] * (kinds.count("Conv"))
    tail = ["BatchNormalization", "Dropout", "Flatten", "Gemm", "BatchNormalization"]
    if kinds != ["Sub", "Mul", *body, *tail]:
        raise OnnxError(f"{path} is not the network of SFace that is known here")
    return SFaceLayers(tuple(_layers(graph)), *_full(graph))


def _layers(graph: Graph) -> Iterator[ConvolutionLayer]:
    for place in range(2, len(graph.nodes) - 5, 3):
        convolution, norm, activation = graph.nodes[place : place + 3]
        weight = graph.tensors[convolution.inputs[1]].astype(np.float64)
        scale, bias = _normalisation(graph, norm)
        if len(convolution.inputs) > 2:
            bias = bias + scale * graph.tensors[convolution.inputs[2]]
        said = convolution.numbers
        yield ConvolutionLayer(
            _single(weight * scale[:, None, None, None]),
            _single(bias),
            _single(graph.tensors[activation.inputs[1]].reshape(-1).astype(np.float64)),
            int(said["strides"][0]),
            int(said["pads"][0]),
            int(said["group"][0]),
        )


def _full(graph: Graph) -> tuple[Floats, Floats]:
    """Fold the two normalisations around the full layer into it, channels last."""
    before, _, _, full, after = graph.nodes[-5:]
    scale, shift = _normalisation(graph, before)  # (C,)
    out_scale, out_shift = _normalisation(graph, after)  # (128,)
    weight = graph.tensors[full.inputs[1]].reshape(DIMENSION, len(scale), -1)  # (128, C, H · W)
    bias = graph.tensors[full.inputs[2]] + weight.sum(axis=2, dtype=np.float64) @ shift
    factors = (out_scale[:, None] * scale).astype(np.float32)
    folded = (weight * factors[:, :, None]).transpose(0, 2, 1).reshape(DIMENSION, -1)
    return folded, _single(bias * out_scale + out_shift)


def _normalisation(graph: Graph, node: Node) -> tuple[Doubles, Doubles]:
    """Return what a batch normalisation multiplies with, and adds."""
    gamma, beta, mean, variance = (graph.tensors[n].astype(np.float64) for n in node.inputs[1:5])
    scale = gamma / np.sqrt(variance + node.numbers["epsilon"][0])
    return scale, beta - mean * scale


def _single(numbers: Doubles) -> Floats:
    return np.ascontiguousarray(numbers, np.float32)
