"""SFace's network in torch.

Channels last, in batches, a face takes half the time that the file's own form takes in onnxruntime
(benchmarks/recognisers.py). In bfloat16 vectors come out with a cosine of 0.9996 only.

Shapes: N faces, C channels, H height, W width.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gallery.align import Pixels
from gallery.arrays import Floats
from retrieval.recognisers.sface_layers import (
    DIMENSION,
    MIDDLE,
    SCALE,
    ConvolutionLayer,
    read_layers,
)

BATCH = 16


@dataclass(frozen=True, slots=True)
class _Layer:
    """A convolution and the PReLU after it; see `ConvolutionLayer`; weights are channels last."""

    weight: Tensor
    bias: Tensor
    slope: Tensor
    stride: int
    padding: int
    groups: int

    @classmethod
    def of(cls, layer: ConvolutionLayer, precision: torch.dtype) -> "_Layer":
        """Take its numbers in a precision."""
        weight, bias, slope = (
            torch.from_numpy(one).to(precision) for one in (layer.weight, layer.bias, layer.slope)
        )
        laid_out = weight.contiguous(memory_format=torch.channels_last)
        return cls(laid_out, bias, slope, layer.stride, layer.padding, layer.groups)

    def __call__(self, x: Tensor) -> Tensor:
        made = functional.conv2d(
            x, self.weight, self.bias, self.stride, self.padding, groups=self.groups
        )
        return functional.prelu(made, self.slope)


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
        layers = read_layers(path)
        self._precision = precision
        self._layers = [_Layer.of(layer, precision) for layer in layers.convolutions]
        self._weight, self._bias = torch.from_numpy(layers.weight), torch.from_numpy(layers.bias)

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
