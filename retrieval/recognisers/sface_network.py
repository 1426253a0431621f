"""SFace's network in torch: a MobileNet of 27 convolutions and one full layer, 0.57 GMAC a face.

The file's batch is fixed at one, and as it lists its numbers as inputs, runtimes may not fold
normalisations into convolutions. Here they are folded once, in float64. In torch, channels
last, in batches, a face takes half the time that it takes in onnxruntime
(benchmarks/recognisers.py). In bfloat16 vectors come out with a cosine of 0.9996 only.

Shapes: N faces, C channels, H height, W width.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gallery.align import Pixels
from gallery.arrays import Doubles, Floats
from retrieval.recognisers.onnx_file import Graph, Node, OnnxError, read_onnx

DIMENSION = 128
BATCH = 16
MIDDLE, SCALE = 127.5, 1 / 128  # of pixels, as the file's first two operators have it


@dataclass(frozen=True, slots=True)
class _Layer:
    """A convolution with its normalisation, and a PReLU after it.

    Attributes:
        weight: Weights, (F, C / groups, k, k), channels last.
        bias: Biases, (F,).
        slope: Slope of negative numbers, (F,).
        stride: Stride in both directions.
        padding: Padding on all sides.
        groups: Groups of channels.
    """

    weight: Tensor
    bias: Tensor
    slope: Tensor
    stride: int
    padding: int
    groups: int

    def __call__(self, x: Tensor) -> Tensor:
        made = functional.conv2d(
            x, self.weight, self.bias, self.stride, self.padding, groups=self.groups
        )
        return functional.prelu(made, self.slope)

    def to(self, precision: torch.dtype) -> "_Layer":
        """Return it with numbers of a precision."""
        weight, bias = self.weight.to(precision), self.bias.to(precision)
        return replace(self, weight=weight, bias=bias, slope=self.slope.to(precision))


class SFaceNetwork:
    """Describes faces by 128 numbers each."""

    def __init__(self, path: Path, precision: torch.dtype = torch.float32) -> None:
        """Load the network from `face_recognition_sface_2021dec.onnx`.

        Args:
            path: The file.
            precision: Precision of the convolutions; the full layer is float32.

        Raises:
            OnnxError: The file holds another network.
        """
        graph = read_onnx(path)
        kinds = [node.kind for node in graph.nodes]
        body = ["Conv", "BatchNormalization", "PRelu"] * (kinds.count("Conv"))
        tail = ["BatchNormalization", "Dropout", "Flatten", "Gemm", "BatchNormalization"]
        if kinds != ["Sub", "Mul", *body, *tail]:
            raise OnnxError(f"{path} is not the network of SFace that is known here")
        self._precision = precision
        self._layers = [layer.to(precision) for layer in _layers(graph)]
        self._weight, self._bias = _full(graph)

    def describe(self, faces: Pixels) -> Floats:
        """Describe faces: RGB, 0..255, (N, 112, 112, 3) -> (N, 128), of any length."""
        found = np.empty((len(faces), DIMENSION), np.float32)
        with torch.inference_mode():
            for start in range(0, len(faces), BATCH):
                part = torch.from_numpy(np.ascontiguousarray(faces[start : start + BATCH]))
                found[start : start + BATCH] = self._run(part).numpy()
        return found

    def _run(self, faces: Tensor) -> Tensor:
        x = (faces.permute(0, 3, 1, 2).float() - MIDDLE) * SCALE  # (N, 3, 112, 112), channels last
        x = x.to(self._precision)
        for layer in self._layers:
            x = layer(x)
        flat = x.permute(0, 2, 3, 1).reshape(len(x), -1).float()  # (N, 7 · 7 · 1024)
        return functional.linear(flat, self._weight, self._bias)


def _layers(graph: Graph) -> Iterator[_Layer]:
    for place in range(2, len(graph.nodes) - 5, 3):
        convolution, norm, activation = graph.nodes[place : place + 3]
        weight = graph.tensors[convolution.inputs[1]].astype(np.float64)
        scale, bias = _normalisation(graph, norm)
        if len(convolution.inputs) > 2:
            bias = bias + scale * graph.tensors[convolution.inputs[2]]
        said = convolution.numbers
        yield _Layer(
            _tensor(weight * scale[:, None, None, None]).contiguous(
                memory_format=torch.channels_last
            ),
            _tensor(bias),
            _tensor(graph.tensors[activation.inputs[1]].reshape(-1).astype(np.float64)),
            int(said["strides"][0]),
            int(said["pads"][0]),
            int(said["group"][0]),
        )


def _full(graph: Graph) -> tuple[Tensor, Tensor]:
    """Fold the two normalisations around the full layer into it, channels last."""
    before, _, _, full, after = graph.nodes[-5:]
    scale, shift = _normalisation(graph, before)  # (C,)
    out_scale, out_shift = _normalisation(graph, after)  # (128,)
    weight = graph.tensors[full.inputs[1]].reshape(DIMENSION, len(scale), -1)  # (128, C, H · W)
    bias = graph.tensors[full.inputs[2]] + weight.sum(axis=2, dtype=np.float64) @ shift
    factors = (out_scale[:, None] * scale).astype(np.float32)
    folded = (weight * factors[:, :, None]).transpose(0, 2, 1).reshape(DIMENSION, -1)
    return torch.from_numpy(folded), _tensor(bias * out_scale + out_shift)


def _normalisation(graph: Graph, node: Node) -> tuple[Doubles, Doubles]:
    """Return what a batch normalisation multiplies with, and adds."""
    gamma, beta, mean, variance = (graph.tensors[n].astype(np.float64) for n in node.inputs[1:5])
    scale = gamma / np.sqrt(variance + node.numbers["epsilon"][0])
    return scale, beta - mean * scale


def _tensor(numbers: Doubles) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(numbers, np.float32))
