"""Which photographs can be lifted, and where the 468 points lie in them.

Shapes: S side of a portrait.
"""

import hashlib
from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from gallery.align import Aligner, Crop, Pixels
from gallery.arrays import Floats
from gallery.detection.face_mesh import FaceMesh
from gallery.detection.geometry import NoFaceError, find_face
from gallery.detection.mesh_detector import MeshDetector
from gallery.errors import DatasetError, ImageError
from gallery.faces import Face, FaceSet, Problem
from gallery.images import decode
from gallery.studio.lift.fit import fit_head
from gallery.studio.lift.head_model import HeadModel
from gallery.studio.progress import StudioProgress

MOST_YAW_DEG = 10.0
_PRESENT = 0.5
_LOOKED_AT = 384  # side of the square in which the mesh looks for the face, pixels
_PORTRAIT = 512  # side of a portrait, at most
_WIDE = 2.4  # side of a portrait, of the longer side of the points' box
_AROUND = 1.3  # side of the square in which the mesh looks, of the drawing's crop


class PointFinder:
    """Finds the 468 points of the face in a photograph: the largest, unless its place is known."""

    def __init__(self) -> None:
        """Load the networks.

        Raises:
            MissingPackageError: The extra packages are not installed.
        """
        self._mesh = FaceMesh()
        self._detector = MeshDetector()

    def look(self, image: Image.Image, face: Face) -> Floats:
        """Return the points in pixels of the upright file, (468, 3).

        Raises:
            NoFaceError: No face is seen.
            ImageError: The face lies outside of the image.
        """
        if face.is_faceless:
            raise NoFaceError("no face was found when it was looked at")
        marks = face.landmarks or find_face(image, self._detector).landmarks
        own = Aligner(size=1, channels=3).crop_by(marks)
        side = _AROUND * own.width
        square = Crop(own.x - (side - own.width) / 2, own.y - (side - own.width) / 2, side, side)
        crop = Aligner(size=_LOOKED_AT, channels=3).align(image, crop=square)
        seen = self._mesh.look(crop[None])
        if seen.presence[0] < _PRESENT:
            raise NoFaceError("no face is seen where one should be")
        points = seen.points[0] * np.float32(side / _LOOKED_AT)
        return np.asarray(points + np.array([square.x, square.y, 0]), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class FoundPoints:
    """The 468 points of one photograph.

    Attributes:
        faces: The set, with this one face.
        sha256: Of its bytes.
        points: x and y in pixels of the upright file, z in the same unit, (468, 3).
        yaw_deg: How the head is turned, as `pose` counts.
    """

    faces: FaceSet
    sha256: str
    points: Floats
    yaw_deg: float

    @property
    def face(self) -> Face:
        """The photograph."""
        return self.faces.faces[0]

    @property
    def label(self) -> str:
        """Whose face it is: its identity, or else its name."""
        return self.face.identity or self.face.name


@dataclass(frozen=True, slots=True)
class Choice:
    """What can be lifted of a set.

    Attributes:
        people: One photograph of everybody, in the set's order of people.
        left_out: The others, with reasons.
    """

    people: tuple[FoundPoints, ...]
    left_out: tuple[Problem, ...]


def choose(
    faces: FaceSet, finder: PointFinder, model: HeadModel
) -> Generator[StudioProgress, None, Choice]:
    """Look at every photograph, and take one frontal one of everybody.

    Of several, a neutral one is taken first, then the most frontal. A photograph without an
    identity is a person of its own.

    Raises:
        DatasetError: None can be lifted.
    """
    found: dict[str, list[FoundPoints]] = {}
    left_out = list(faces.problems)
    for number, face in enumerate(faces.faces, start=1):
        one = _look(replace(faces, faces=(face,)), finder, model)
        if isinstance(one, str):
            left_out.append(Problem(face.name, one))
        else:
            found.setdefault(one.label, []).append(one)
        yield StudioProgress(number, len(faces), face.name)
    if not found:
        raise DatasetError(
            f"No photograph of {faces.spec} can be lifted"
            f"{''.join(f'; {p.name}: {p.reason}' for p in left_out[:1])}. Name frontal photographs"
        )
    return Choice(tuple(map(_best, found.values())), tuple(left_out))


def _best(several: list[FoundPoints]) -> FoundPoints:
    return min(several, key=lambda one: (not _is_neutral(one.face), abs(one.yaw_deg)))


def _is_neutral(face: Face) -> bool:
    return face.condition.get("expression", "neutral") == "neutral"


def _look(one: FaceSet, finder: PointFinder, model: HeadModel) -> FoundPoints | str:
    """Find the points of a photograph, or say why it cannot be lifted."""
    face = one.faces[0]
    try:
        content = one.read(face)
        image = decode(content).convert("RGB")
        points = finder.look(image, face)
    except ImageError as error:
        return str(error)
    yaw_deg = fit_head(model, points)[1].yaw_deg
    if abs(yaw_deg) > MOST_YAW_DEG:
        return f"the head is turned by {yaw_deg:.0f} degrees; up to {MOST_YAW_DEG:.0f} are lifted"
    return FoundPoints(one, hashlib.sha256(content).hexdigest(), points, yaw_deg)


def portrait(image: Image.Image, points: Floats) -> tuple[Pixels, Floats]:
    """Cut out head and shoulders, wide enough for hair.

    Args:
        image: Upright.
        points: In pixels of its file, (468, 3).

    Returns:
        RGB, (S, S, 3), and the points in its pixels.
    """
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    side = float(_WIDE * (high - low).max())
    left, top = (low + high) / 2 - side / 2
    size = int(np.clip(side, 96, _PORTRAIT))
    square = Crop(float(left), float(top), side, side)
    pixels = Aligner(size=size, channels=3).align(image.convert("RGB"), crop=square)
    return pixels, ((points - [left, top, 0]) * (size / side)).astype(np.float32)
