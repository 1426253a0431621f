"""Face sets, opened by SPEC."""

from collections.abc import Sequence
from pathlib import Path

from gallery.detection import face_search, registry
from gallery.faces import FaceSet
from gallery.joined import join
from gallery.marks import marked
from gallery.readers.registry import open_faces
from retrieval.api.progress import Callback, follow
from retrieval.api.report import Report


def load_faces(
    spec: str | FaceSet | Sequence[str | FaceSet], landmarks: str | Path | None = None
) -> FaceSet:
    """Open the images that a SPEC, or several, name; see `mindseye.load_faces`."""
    if not isinstance(spec, str | FaceSet):
        first, *more = spec
        return join([load_faces(first, landmarks), *map(load_faces, more)])
    faces = spec if isinstance(spec, FaceSet) else open_faces(spec)
    return faces if landmarks is None else marked(faces, Path(landmarks))


def find_faces(
    faces: str | FaceSet,
    *,
    out: str | Path | None = None,
    detector: str = "auto",
    progress: Callback | None = None,
) -> Report:
    """Find the face in every image, and write down where its eyes and chin are.

    What was written down before stays; so it goes on where it was ended.

    Args:
        faces: A SPEC, such as "folder:photos", or what `load_faces` returned.
        out: The file. None: where adding the images looks for it.
        detector: "mesh", "dlib", or "auto": each that is installed until one finds a face.
        progress: Told how far it is. What it raises ends it; what was found is kept.

    Returns:
        "found", "known", "several", "none" (images without a face), "problems", "left_out" and
        "by_hand".

    Raises:
        UserError: No detector is installed (extra "faces"), or the file cannot be written.
    """
    opened = load_faces(faces)
    looks = face_search.locate(
        opened, registry.open_detector(detector), None if out is None else Path(out)
    )
    outcome = follow(looks, progress, "finding faces")
    return Report(face_search.to_json(outcome), face_search.to_text(outcome))
