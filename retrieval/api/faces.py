"""Face sets, opened by SPEC."""

from pathlib import Path

from gallery.faces import FaceSet
from gallery.marks import marked
from gallery.readers.registry import open_faces


def load_faces(spec: str | FaceSet, landmarks: str | Path | None = None) -> FaceSet:
    """Open the images that a SPEC names; see `mindseye.load_faces`."""
    faces = spec if isinstance(spec, FaceSet) else open_faces(spec)
    return faces if landmarks is None else marked(faces, Path(landmarks))
