"""Face sets, opened by SPEC."""

from collections.abc import Sequence
from pathlib import Path

from gallery.faces import FaceSet
from gallery.joined import join
from gallery.marks import marked
from gallery.readers.registry import open_faces


def load_faces(
    spec: str | FaceSet | Sequence[str | FaceSet], landmarks: str | Path | None = None
) -> FaceSet:
    """Open the images that a SPEC, or several, name; see `mindseye.load_faces`."""
    if not isinstance(spec, str | FaceSet):
        first, *more = spec
        return join([load_faces(first, landmarks), *map(load_faces, more)])
    faces = spec if isinstance(spec, FaceSet) else open_faces(spec)
    return faces if landmarks is None else marked(faces, Path(landmarks))
