"""Where a face is, from what a detector sees: a box, the eyes and the nose.

Some detectors see the chin. Of those that do not, it is estimated here, from the eyes, the base of
the nose and the size of the box; docs/log.md says how well. Coordinates are pixels of the upright
image, x to the right and y down.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from gallery.align import Landmarks
from gallery.errors import ImageError
from gallery.images import decoding_of
from gallery.landmarks import Points

# Eyes and chin stand on one upright line. It runs through the midpoint of the eyes' corners, but
# back from there by AHEAD times the nose's x, since corners lie before eyeballs, and of a turned
# head more so; and towards the box' middle by INWARD, since an eye that is not seen is guessed to
# stand outside the face.
AHEAD, INWARD = 0.28, 0.21
# The chin lies below the eyes by NOSE times the height from there to the base of the nose, plus BOX
# times the side of the box.
NOSE, BOX = 1.17, 0.38
HIGHEST = 0.5  # it lies at least so far below the eyes, in sides of the box


class NoFaceError(ImageError):
    """No face was found in an image."""


@dataclass(frozen=True, slots=True)
class DetectedFace:
    """One face, as a detector sees it.

    Attributes:
        box: Left, upper, right and lower edge: from the brows to the mouth or the chin.
        left_eye: The person's left eye, midway between its corners, (x, y).
        right_eye: The right one; of a profile, a guess at the eye that is not seen.
        nose: Its base, above the upper lip, (x, y).
        chin: Its tip, where the detector sees it. The eyes are the middles of the eyeballs then,
            and nothing is estimated.
    """

    box: tuple[float, float, float, float]
    left_eye: tuple[float, float]
    right_eye: tuple[float, float]
    nose: tuple[float, float]
    chin: tuple[float, float] | None = None

    @property
    def side(self) -> float:
        """Mean of the box' width and height, pixels."""
        left, upper, right, lower = self.box
        return (right - left + lower - upper) / 2

    def times(self, factor: float) -> "DetectedFace":
        """Return it in an image that is so many times as wide and high."""
        left, upper, right, lower = (number * factor for number in self.box)
        points = (self.left_eye, self.right_eye, self.nose)
        left_eye, right_eye, nose = ((x * factor, y * factor) for x, y in points)
        chin = self.chin and (self.chin[0] * factor, self.chin[1] * factor)
        return DetectedFace((left, upper, right, lower), left_eye, right_eye, nose, chin)

    @property
    def is_upright(self) -> bool:
        """Whether the chin lies below the eyes, within 60 degrees."""
        if self.chin is None:
            return True
        across = self.chin[0] - (self.left_eye[0] + self.right_eye[0]) / 2
        down = self.chin[1] - (self.left_eye[1] + self.right_eye[1]) / 2
        return down > 0.5 * math.hypot(across, down)


@dataclass(frozen=True, slots=True)
class FoundFace:
    """The largest face of a photograph.

    Attributes:
        points: Its eyes and its chin.
        faces: How many were seen in the photograph.
    """

    points: Points
    faces: int

    @property
    def landmarks(self) -> Landmarks:
        """What an aligner cuts by."""
        return self.points.landmarks


class Detector(Protocol):
    """Looks for faces."""

    def look(self, image: Image.Image) -> Sequence[DetectedFace]:
        """Return the faces of an upright image, in mode "L" or "RGB"; none may be there."""


def find_face(image: Image.Image, detector: Detector) -> FoundFace:
    """Return the largest face of an upright image, in pixels of its file.

    Raises:
        NoFaceError: There is none, or none that stands upright.
    """
    seen = detector.look(image)
    if not seen:
        raise NoFaceError("no face was found")
    upright = [one for one in seen if one.is_upright]
    if not upright:
        raise NoFaceError("the face lies on its side or upside down; turn the photograph")
    largest = max(upright, key=lambda one: one.side)
    return FoundFace(points_of(largest.times(decoding_of(image).reduction)), len(seen))


def points_of(seen: DetectedFace) -> Points:
    """Return the eyes and the chin of a face, estimated where it was not seen."""
    if seen.chin is not None:
        return Points(seen.left_eye, seen.right_eye, seen.chin)
    eyes_x = (seen.left_eye[0] + seen.right_eye[0]) / 2
    eyes_y = (seen.left_eye[1] + seen.right_eye[1]) / 2
    inward = (seen.box[0] + seen.box[2]) / 2 - eyes_x
    aside = INWARD * inward - AHEAD * (seen.nose[0] - eyes_x)
    down = max(NOSE * (seen.nose[1] - eyes_y) + BOX * seen.side, HIGHEST * seen.side)
    return Points(
        left_eye=(seen.left_eye[0] + aside, seen.left_eye[1]),
        right_eye=(seen.right_eye[0] + aside, seen.right_eye[1]),
        chin=(eyes_x + aside, eyes_y + down),
    )
