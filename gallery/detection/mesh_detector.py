"""MediaPipe's faces as a detector: BlazeFace says about where, the 468 points exactly.

The whole photograph is looked at first, as one square; where no face is found, squares of half the
longest side, then of a quarter, each shifted by half of itself. So faces are found whose side is a
fiftieth of the longest side; where a large face is found, the smallest are not looked for.

BlazeFace alone also sees faces in folds of clothes: what counts is its score and the presence that
the points come with, together.

Eyes are the middles of the eyeballs and the chin is its tip, as the studio draws them, from the
points' own: constants fitted on drawn faces and checked on photographs (docs/log.md). Heads that
are turned too far for the 468 points have six, BlazeFace's own, and the lower edge of its box.

Source: rules and constants are this project's, benchmarks/landmarks.py measures them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from gallery.arrays import Doubles
from gallery.detection import blaze_face, face_mesh
from gallery.detection.blaze_face import BlazeFace, FaceBox, each_once, overlap
from gallery.detection.face_mesh import FaceMesh, Square
from gallery.detection.geometry import DetectedFace
from gallery.detection.head_pose import CHIN, FOREHEAD, LEFT_CORNERS, NOSE_BASE, RIGHT_CORNERS

LEAST_SCORE = 0.3  # of a box that the points are asked about
WIDE = 1.6  # side of the square where the points begin, in sides of the box
# A face is one if logit(score) + PRESENCE * logit(presence) is at least SURE; by squares a side, of
# which there are the more, the smaller they are.
PRESENCE = 0.2
SURE = {1: 0.1, 2: 0.9, 4: 0.9}
SURE_OF_OTHERS = 0.9  # in the same photograph, beside the surest
# Upright faces of portraits have 4 or more, upside down they have 3 or less: where the surest has
# less than this, the photograph is looked at upside down, too.
CERTAIN = 3.4
SEEN_PRESENCE = 0.1  # from which on the points say where eyes and chin are
LEAST_WINDOW = 64  # pixels; smaller squares of a photograph are not looked at
MOST_BOXES = 24  # of a level: the surest
# From the middle of the eyes' corners back into the head, and from the chin's point down and back:
# in distances between the outer corners.
EYES_BACK, CHIN_DOWN, CHIN_BACK = 0.17, 0.06, 0.10
# Without the points: from the eyes towards the ears' middle; from the box' lower edge, in heights.
TO_EARS, BELOW = 0.17, 0.03
TO_CHIN = 1.7  # from the eyes, in distances from there to the mouth

Window = tuple[float, float, float]  # left and upper edge, side: pixels


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What may be a face, and how sure that is: a logit."""

    sureness: float
    face: DetectedFace


class MeshDetector:
    """Finds faces, with their chins."""

    def __init__(self) -> None:
        """Load the networks.

        Raises:
            MissingPackageError: The package with the weights, or ai-edge-litert, is not installed.
        """
        self._boxes = BlazeFace()
        self._mesh = FaceMesh()

    @staticmethod
    def require() -> None:
        """Refuse, before anything large is loaded, what is not installed.

        Raises:
            MissingPackageError: The package with the weights, or ai-edge-litert, is not installed.
        """
        FaceMesh.require()

    def look(self, image: Image.Image) -> Sequence[DetectedFace]:
        """Return the faces of an upright image, in mode "L" or "RGB"; none may be there.

        Faces that lie on their side or upside down are among them (`DetectedFace.is_upright`).
        """
        for level, least in SURE.items():
            if found := self._candidates(image, level, least):
                if found[0].sureness < CERTAIN:
                    turned = image.transpose(Image.Transpose.ROTATE_180)
                    others = self._candidates(turned, level, CERTAIN)
                    if others:
                        return [_upside_down(one.face, image.size) for one in others]
                return [one.face for one in found]
        return ()

    def _candidates(self, image: Image.Image, level: int, least: float) -> list[_Candidate]:
        """Return the faces in the squares of one level, the surest first."""
        squares = windows(*image.size, level)
        boxes = each_once([box for one in squares for box in self._boxes_in(image, one)])
        found = [self._face(image, box, least) for box in boxes[:MOST_BOXES]]
        return _believed([one for one in found if one is not None])

    def _boxes_in(self, image: Image.Image, window: Window) -> list[FaceBox]:
        """Return the boxes in one square of an image, in pixels of the image."""
        left, upper, side = window
        seen = self._boxes.look(_small(image, window), LEAST_SCORE)
        return [box.moved(side / blaze_face.SIDE, left, upper) for box in seen]

    def _face(self, image: Image.Image, box: FaceBox, least: float) -> _Candidate | None:
        """Look at a box closely; None if it is not sure enough that it holds a face."""
        across = box.points[blaze_face.RIGHT_EYE] - box.points[blaze_face.LEFT_EYE]
        start = Square(*box.middle, WIDE * box.side, float(np.arctan2(across[1], across[0])))
        near, x, y = _around(image, start)
        start = Square(start.x - x, start.y - y, start.side, start.angle)
        mesh = self._mesh.look_at(near, start, around=False)
        sureness = _logit(box.score) + PRESENCE * _logit(mesh.presence)
        if sureness < least:
            return None
        if mesh.presence < face_mesh.SURE:
            mesh = self._mesh.look_at(near, start)
        face = _by_points(mesh.points + np.array([x, y, 0.0]))
        if mesh.presence < SEEN_PRESENCE or not (face.is_upright or mesh.presence > face_mesh.SURE):
            face = _by_box(box)
        return _Candidate(sureness, face)


def _believed(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Return the surest face, and others that do not overlap it if they are sure enough."""
    kept: list[_Candidate] = []
    for one in sorted(candidates, key=lambda candidate: -candidate.sureness):
        boxes = [other.face.box for other in kept]
        apart = all(overlap(one.face.box, box) < blaze_face.OVERLAP for box in boxes)
        if not kept or (apart and one.sureness >= SURE_OF_OTHERS):
            kept.append(one)
    return kept


def _upside_down(face: DetectedFace, size: tuple[int, int]) -> DetectedFace:
    """Return a face of an image that was turned by 180 degrees, in the image as it is."""
    width, height = size
    left, upper, right, lower = face.box

    def turned(point: tuple[float, float]) -> tuple[float, float]:
        return width - point[0], height - point[1]

    return DetectedFace(
        box=(*turned((right, lower)), *turned((left, upper))),
        left_eye=turned(face.left_eye),
        right_eye=turned(face.right_eye),
        nose=turned(face.nose),
        chin=face.chin and turned(face.chin),
    )


def windows(width: int, height: int, level: int) -> Iterator[Window]:
    """Yield the squares that are looked at in an image: of a whole, half, quarter longest side.

    They overlap by half; where the image is narrower than a square, the square reaches beyond.
    """
    side = max(width, height) / level
    if level > 1 and side < LEAST_WINDOW:
        return
    for upper in _starts(height, side):
        for left in _starts(width, side):
            yield left, upper, side


def _starts(length: int, side: float) -> list[float]:
    if side >= length:
        return [(length - side) / 2]
    number = int(np.ceil((length - side) / (side / 2))) + 1
    return [float(one) for one in np.linspace(0, length - side, number)]


def _small(image: Image.Image, window: Window) -> Image.Image:
    """Shrink or enlarge one square of an image to what BlazeFace takes; black beyond the edges."""
    left, upper, side = window
    scale = blaze_face.SIDE / side
    x0, y0 = max(left, 0.0), max(upper, 0.0)
    x1, y1 = min(left + side, image.width), min(upper + side, image.height)
    size = (max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale)))
    how = Image.Resampling.BILINEAR
    inner = image.resize(size, how, box=(x0, y0, x1, y1), reducing_gap=2.0)
    small = Image.new("RGB", (blaze_face.SIDE, blaze_face.SIDE))
    small.paste(inner.convert("RGB"), (round((x0 - left) * scale), round((y0 - upper) * scale)))
    return small


def _around(image: Image.Image, square: Square) -> tuple[Image.Image, int, int]:
    """Cut out, in colour, what the points may need around a square, and say where it began."""
    reach = square.side
    x0, y0 = max(int(square.x - reach), 0), max(int(square.y - reach), 0)
    x1 = max(min(int(square.x + reach) + 1, image.width), x0 + 1)
    y1 = max(min(int(square.y + reach) + 1, image.height), y0 + 1)
    return image.crop((x0, y0, x1, y1)).convert("RGB"), x0, y0


def _by_points(points: Doubles) -> DetectedFace:
    """Return a face by its 468 points, (468, 3)."""
    left, right = points[list(LEFT_CORNERS)].mean(axis=0), points[list(RIGHT_CORNERS)].mean(axis=0)
    across = points[RIGHT_CORNERS[1]] - points[LEFT_CORNERS[0]]
    width = float(np.linalg.norm(across))
    back = np.cross(across, points[CHIN] - points[FOREHEAD])
    back /= np.linalg.norm(back)
    down = np.cross(back, across / width)
    chin = points[CHIN] + width * (CHIN_DOWN * down + CHIN_BACK * back)
    inside = width * EYES_BACK * back
    low, high = points.min(axis=0), points.max(axis=0)
    return DetectedFace(
        box=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
        left_eye=_flat(right + inside),  # the person's own left is on the picture's right
        right_eye=_flat(left + inside),
        nose=_flat(points[NOSE_BASE]),
        chin=_flat(chin),
    )


def _by_box(face: FaceBox) -> DetectedFace:
    """Return a face by BlazeFace's box and points."""
    points = face.points
    eyes = points[[blaze_face.LEFT_EYE, blaze_face.RIGHT_EYE]]
    ears = points[[blaze_face.LEFT_EAR, blaze_face.RIGHT_EAR]].mean(axis=0)
    aside = TO_EARS * (ears[0] - eyes[:, 0].mean())
    middle = (float(eyes[:, 0].mean() + aside), float(eyes[:, 1].mean()))
    down = points[blaze_face.MOUTH] - eyes.mean(axis=0)
    if down[1] > 0.5 * np.linalg.norm(down):
        chin = (middle[0], face.box[3] + BELOW * (face.box[3] - face.box[1]))
    else:  # on its side: nobody cuts by this, but whoever asks is told so
        chin = _flat(middle + TO_CHIN * down)
    return DetectedFace(
        box=face.box,
        left_eye=_flat(eyes[1] + (aside, 0)),
        right_eye=_flat(eyes[0] + (aside, 0)),
        nose=_flat(points[blaze_face.NOSE]),
        chin=chin,
    )


def _flat(point: Doubles) -> tuple[float, float]:
    return float(point[0]), float(point[1])


def _logit(share: float) -> float:
    clipped = min(max(share, 1e-6), 1 - 1e-6)
    return float(np.log(clipped / (1 - clipped)))
