"""Aligned pixels of many faces, bad files reported instead of raised.

Shapes: N images, S side, C channels.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gallery.align import Aligner, Pixels
from gallery.errors import DatasetError, ImageError
from gallery.faces import Face, FaceSet, Problem
from gallery.images import decode
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


def align_each(faces: FaceSet, aligner: Aligner) -> Iterator[tuple[Face, Pixels | Problem]]:
    """Yield every face with its aligned pixels (S, S, C), or with why it has none."""
    for face in faces.faces:
        try:
            yield face, cut(faces, face, aligner)
        except ImageError as error:
            yield face, Problem(face.name, str(error))


def cut(faces: FaceSet, face: Face, aligner: Aligner) -> Pixels:
    """Return a face of a set, cut out, (S, S, C).

    Raises:
        ImageError: Its file cannot be used, holds no face, or has changed since its landmarks were
            found.
    """
    content = faces.read(face)
    sha256 = "" if face.looked_at is None else hashlib.sha256(content).hexdigest()
    landmarks = landmarks_in(face, sha256)
    return aligner.align(decode(content), landmarks)


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
