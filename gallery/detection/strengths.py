"""Strengths that the 468 points of a face tell: how far a mouth smiles, how far it is open.

Of each a line: 0 at the mean of resting faces, 1 at the mean of fully moved ones, cut to [0, 1].
The lines were fitted on drawn faces, whose strengths are exact (experiments/strengths). Faces rest
differently: a line is off by about 0.2 for a person nobody knows, less between two pictures of one.
What the points do not tell is not estimated: they hardly see drawn eyes close, and have no brows'
strength.

Shapes: N faces.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gallery.align import Aligner, Pixels
from gallery.arrays import Doubles, Floats
from gallery.detection.face_mesh import Meshes
from gallery.detection.head_pose import Openings, openings
from gallery.errors import ImageError
from gallery.faces import Face, FaceSet, Problem

SIDE = 192  # of the square that points are looked for in, pixels
BATCH = 16
PRESENT = 0.5  # presence of a face below which nothing is said
DIGITS = 2


@dataclass(frozen=True, slots=True)
class StrengthLine:
    """What a measure is worth.

    Attributes:
        measure: Takes it from openings.
        resting: Its mean of faces at rest, strength 0.
        moved: Its mean of faces that are fully moved, strength 1.
    """

    measure: Callable[[Openings], Doubles]
    resting: float
    moved: float

    def strengths(self, found: Openings) -> Doubles:
        """Return strengths in [0, 1], (N,)."""
        share = (self.measure(found) - self.resting) / (self.moved - self.resting)
        return np.asarray(np.clip(share, 0, 1), dtype=np.float64)


LINES: Mapping[str, StrengthLine] = {
    "smile": StrengthLine(lambda found: found.mouth_width, 0.569, 0.746),
    "jaw-open": StrengthLine(lambda found: found.mouth, 0.033, 0.209),
}


@dataclass(frozen=True, slots=True)
class EstimatedFaces:
    """Strengths of some images.

    Attributes:
        faces: The images that were read; what landmarks say of them is in the conditions.
        problems: Images that cannot be read, or show no face.
        done: Images looked at so far, in all.
        total: Images of the set.
    """

    faces: tuple[Face, ...]
    problems: tuple[Problem, ...]
    done: int
    total: int


def strengths_of(points: Floats) -> dict[str, Doubles]:
    """Estimate strengths by points (N, 468, 3): name to (N,), in [0, 1]."""
    found = openings(points)
    return {name: line.strengths(found) for name, line in LINES.items()}


def estimate(faces: FaceSet, look: Callable[[Pixels], Meshes]) -> Iterator[EstimatedFaces]:
    """Estimate the strengths of a set's images; what is known of them stays, but for these.

    Args:
        faces: The images, cut by their landmarks or as an aligner does without.
        look: Finds points in crops, (N, S, S, 3).
    """
    aligner, done = Aligner(size=SIDE, channels=3, crop=faces.crop), 0
    for start in range(0, len(faces), BATCH):
        some = faces.faces[start : start + BATCH]
        cut, problems = _cut(faces, some, aligner)
        done += len(some)
        told: list[Face] = []
        if cut:
            found = look(np.stack(list(cut.values())))
            values = strengths_of(found.points)
            for place, face in enumerate(cut):
                if found.presence[place] < PRESENT:
                    problems.append(Problem(face.name, "no face is seen in it"))
                    continue
                said = {name: f"{part[place]:.{DIGITS}f}" for name, part in values.items()}
                told.append(replace(face, condition=face.condition.replace(said)))
        yield EstimatedFaces(tuple(told), tuple(problems), done, len(faces))


def _cut(
    faces: FaceSet, some: Sequence[Face], aligner: Aligner
) -> tuple[dict[Face, Pixels], list[Problem]]:
    cut: dict[Face, Pixels] = {}
    problems: list[Problem] = []
    for face in some:
        try:
            cut[face] = aligner.align(faces.load(face), face.landmarks)
        except ImageError as error:
            problems.append(Problem(face.name, str(error)))
    return cut, problems
