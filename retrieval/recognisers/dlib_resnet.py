"""dlib's face recogniser: a ResNet of 29 layers, 128 dimensions, compared by Euclidean distance.

The weights are `dlib_face_recognition_resnet_model_v1.dat` (gallery/detection/dlib_models.py).
dlib's chips are 150 x 150 pixels with a quarter of the face's width around it, much as our crops:
the whole crop is enlarged. Its vectors are normalised here, as all are, since the papers
L2-normalise every feature.

Source: King, "High quality face recognition with deep metric learning", blog.dlib.net, 2017.
"""

import numpy as np

from gallery.align import Pixels
from gallery.arrays import Floats, normalise
from gallery.detection.dlib_models import import_dlib, weights_file
from gallery.files import file_sha256
from retrieval.recognisers.third_party import INSTALL, enlarged

SIDE = 150
WHOLE = (0.0, 0.0, 1.0, 1.0)


class DlibRecogniser:
    """Runs dlib's ResNet."""

    dimension = 128

    def __init__(self) -> None:
        """Load the network.

        Raises:
            MissingEmbedderError: The package with the weights, or dlib, is not installed.
        """
        path = weights_file("dlib_face_recognition_resnet_model_v1.dat", INSTALL)
        dlib = import_dlib(INSTALL)
        self._network = dlib.face_recognition_model_v1(str(path))
        self.fingerprint = f"dlib {dlib.__version__} {file_sha256(path)}"

    def describe(self, pixels: Pixels) -> Floats:
        """Describe faces: (N, S, S, C), 0..255 -> (N, 128), of the length that dlib gives them."""
        chips = list(enlarged(pixels, SIDE, WHOLE))
        vectors = self._network.compute_face_descriptor(chips) if chips else []
        return np.array([list(v) for v in vectors], np.float32).reshape(len(chips), 128)

    def embed(self, pixels: Pixels) -> Floats:
        """Embed faces: (N, S, S, C), 0..255 -> (N, 128), unit length."""
        return normalise(self.describe(pixels))
