"""Aligned pixels of many faces, bad files reported instead of raised.

Shapes: N images, S side, C channels.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from gallery.align import Aligner, Landmarks, Pixels
from gallery.errors import DatasetError, ImageError
from gallery.faces import Face, FaceSet, Problem
from gallery.images import decode, decoding_of
from gallery.marks import landmarks_in


@dataclass(frozen=True, slots=True)
class Aligned:
    """Faces with their pixels.

    Attributes:
        faces: Those whose files could be used, in the set's order, N of them.
        pixels: (N, S, S, C), 0..255.
        problems: The others, with reasons.
    """

    faces: tuple[Face, ...]
    pixels: Pixels
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """What looking at a file brought.

    Attributes:
        name: Name of the file.
        problem: Why it cannot be used, if so.
        notes: What should be known of it, if it can.
    """

    name: str
    problem: Problem | None
    notes: tuple[str, ...] = ()


def align_each(faces: FaceSet, aligner: Aligner) -> Iterator[tuple[Face, Pixels | Problem]]:
    """Yield every face with its aligned pixels (S, S, C), or with why it has none."""
    for face in faces.faces:
        try:
            yield face, cut(faces, face, aligner)
        except ImageError as error:
            yield face, Problem(face.name, str(error))


def check_each(faces: FaceSet, aligner: Aligner) -> Iterator[Checked]:
    """Yield of every face what is wrong with its file, and what should be known of it."""
    for face in faces.faces:
        try:
            image, landmarks = _opened(faces, face)
            aligner.align(image, landmarks)
            yield Checked(face.name, None, decoding_of(image).notes)
        except ImageError as error:
            yield Checked(face.name, Problem(face.name, str(error)))


def cut(faces: FaceSet, face: Face, aligner: Aligner) -> Pixels:
    """Return a face of a set, cut out, (S, S, C).

    Raises:
        ImageError: Its file cannot be used, holds no face, or has changed since its landmarks were
            found.
    """
    return aligner.align(*_opened(faces, face))


def _opened(faces: FaceSet, face: Face) -> tuple[Image.Image, Landmarks | None]:
    content = faces.read(face)
    sha256 = "" if face.looked_at is None else hashlib.sha256(content).hexdigest()
    landmarks = landmarks_in(face, sha256)
    return decode(content), landmarks


def align_all(pairs: Sequence[tuple[Face, Pixels | Problem]], spec: str) -> Aligned:
    """Gather what `align_each` yielded.

    Raises:
        DatasetError: Not one file could be used.
    """
    good = [(face, pixels) for face, pixels in pairs if not isinstance(pixels, Problem)]
    problems = tuple(pixels for _, pixels in pairs if isinstance(pixels, Problem))
    if not good:
        first = f"; the first: {problems[0].name}: {problems[0].reason}" if problems else ""
        raise DatasetError(f"No image of {spec} can be used{first}")
    return Aligned(tuple(face for face, _ in good), np.stack([p for _, p in good]), problems)
