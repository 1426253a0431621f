"""dlib's detector of faces, a convolutional network, and its five points; the extra `faces`.

Of the files in gallery/detection/dlib_models.py: `mmod_human_face_detector.dat`, which finds faces
from about 80 pixels on, also far turned ones, and `shape_predictor_5_face_landmarks.dat`: the
corners of the eyes and the base of the nose. Smaller faces are found by enlarging the photograph.

Source: King, "Max-Margin Object Detection", arXiv 1502.00046, 2015; Kazemi and Sullivan, "One
millisecond face alignment with an ensemble of regression trees", CVPR 2014; both as trained by
King, github.com/davisking/dlib-models.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from gallery.detection.dlib_models import import_dlib, weights_file
from gallery.detection.geometry import DetectedFace

INSTALL = "pip install 'mindseye[faces]' (docs/data.md), or say where faces are by hand"
FILES = ("mmod_human_face_detector.dat", "shape_predictor_5_face_landmarks.dat")
# How a photograph is resized: enlarged at most so much, its longest side at most so many pixels;
# and if no face was found there, then. Faces of 40 pixels become 100.
SEARCHES = ((2.5, 640), (4.0, 1600))
LEAST_PX = 40  # of width and height; smaller pictures hold no face that is found


class DlibDetector:
    """Runs dlib's detector."""

    def __init__(self, searches: Sequence[tuple[float, int]] = SEARCHES) -> None:
        """Load the networks.

        Args:
            searches: How a photograph is resized, until a face is found: as SEARCHES.

        Raises:
            MissingPackageError: The package with the weights, or dlib, is not installed.
        """
        self.require()
        dlib = import_dlib(INSTALL)
        detector, predictor = (weights_file(name, INSTALL) for name in FILES)
        self._searches = searches
        self._detect = dlib.cnn_face_detection_model_v1(str(detector))
        self._predict = dlib.shape_predictor(str(predictor))

    @staticmethod
    def require() -> None:
        """Refuse, before anything large is loaded, what is not installed.

        Raises:
            MissingPackageError: The package with the weights, or dlib, is not installed.
        """
        for name in FILES:
            weights_file(name, INSTALL)
        import_dlib(INSTALL)

    def look(self, image: Image.Image) -> Sequence[DetectedFace]:
        """Return the faces of an upright image, in mode "L" or "RGB"; none may be there.

        Faces from about 40 pixels on are found, in large photographs from a twentieth of the
        longest side on. Where a large face is found, the smallest are not looked for.
        """
        for scale in scales(*image.size, self._searches):
            size = (round(image.width * scale), round(image.height * scale))
            if min(size) < LEAST_PX:
                continue
            pixels = np.asarray(image.convert("RGB").resize(size, Image.Resampling.BICUBIC))
            seen = self._detect(pixels, 0)
            if len(seen):
                back = (image.width / size[0], image.height / size[1])
                return [_sighting(self._predict(pixels, one.rect), back) for one in seen]
        return ()


def scales(
    width: int, height: int, searches: Sequence[tuple[float, int]] = SEARCHES
) -> tuple[float, ...]:
    """Return by how much to resize an image of this size, for one search after the other."""
    longest = max(width, height)
    return tuple(min(enlarged, side / longest) for enlarged, side in searches)


def _sighting(shape: Any, back: tuple[float, float]) -> DetectedFace:  # noqa: ANN401  dlib is untyped
    """Read what dlib saw in an image, `back` times as wide and high as the one it looked at."""
    points = [((part.x + 0.5) * back[0], (part.y + 0.5) * back[1]) for part in shape.parts()]
    box = shape.rect
    return DetectedFace(
        box=(
            box.left() * back[0],
            box.top() * back[1],
            (box.right() + 1) * back[0],
            (box.bottom() + 1) * back[1],
        ),
        left_eye=_between(points[0], points[1]),
        right_eye=_between(points[2], points[3]),
        nose=points[4],
    )


def _between(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2
