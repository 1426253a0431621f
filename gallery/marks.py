"""What landmark files say of images: which image a line means, and of which bytes it holds."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from gallery.align import Landmarks
from gallery.errors import DatasetError, ImageError
from gallery.faces import Face, FaceSet, Unmatched
from gallery.landmarks import Mark, read_marks
from gallery.spelling import Names

FACELESS = "holds no face"  # so begins the reason for which such an image is left out
HINTED = 20  # lines that name no image for which a nearest one is looked for


class OtherBytesError(ImageError):
    """Landmarks were found in other bytes than an image has now."""

    def __init__(self) -> None:
        super().__init__(
            "its landmarks were found in other bytes: the photograph has changed since; find its"
            " face again: mindseye data find-faces"
        )


class FacelessError(ImageError):
    """An image was looked at, and holds no face."""

    def __init__(self) -> None:
        super().__init__(
            f"{FACELESS}: none was found in it; if there is one, write its eyes and chin into the"
            " landmark file (index build --keep-faceless takes it as it is)"
        )


def landmarks_in(face: Face, sha256: str) -> Landmarks | None:
    """Return where a face is in an image of these bytes; None where nobody knows.

    Raises:
        OtherBytesError: That was found in other bytes.
        FacelessError: These bytes were looked at, and hold no face.
    """
    if face.looked_at in (None, sha256):
        if face.is_faceless:
            raise FacelessError
        return face.landmarks
    if face.landmarks is not None:
        raise OtherBytesError
    return None


def marked(faces: FaceSet, path: Path | None = None) -> FaceSet:
    """Return the faces with what a landmark file says of them; what it does not name stays.

    Args:
        faces: The images.
        path: The file; None for the one that the collection's reader reads, if it is there.

    Raises:
        DatasetError: It is not one of landmarks, it is not there, or the collection takes none.
    """
    if faces.landmarks_file is None:
        raise DatasetError(f"The faces of {faces.spec} are aligned already; leave out --landmarks")
    if path is not None and not path.is_file():
        raise DatasetError(f"There is no landmark file {path}; check --landmarks")
    file = path or faces.landmarks_file
    marks = read_marks(file)
    if not marks:
        return faces
    lines = Names(marks)
    meant = {face.name: lines.find(face.name) for face in faces.faces}
    found = tuple(
        _marked(face, marks[line]) if (line := meant[face.name]) is not None else face
        for face in faces.faces
    )
    left = marks.keys() - {line for line in meant.values() if line is not None}
    known = [name for name, line in meant.items() if line is None]
    known += [one.name for one in faces.problems]
    strays = _unmatched(file.name, (name for name in marks if name in left), faces.root, known)
    return replace(faces, faces=found, unmatched=(*faces.unmatched, *strays))


def _unmatched(
    file: str, names: Iterable[str], root: Path, known: Iterable[str]
) -> tuple[Unmatched, ...]:
    """Return what is to be said of lines that name no image of a set.

    A line that names another file of the folder is passed over: of that file nothing is asked.

    Args:
        file: Name of the file in which they stand.
        names: What they name.
        root: Folder of the set.
        known: Names of its images that no other line names.
    """
    images = Names(known)
    found: list[Unmatched] = []
    for name in names:
        if images.find(name) is not None or _is_below(root, name):
            continue
        near = images.nearest(name) if len(found) < HINTED else None
        hint = "" if near is None else f"; did you mean {near!r}?"
        found.append(Unmatched(file, name, f"names no image{hint}"))
    return tuple(found)


def _marked(face: Face, mark: Mark) -> Face:
    if mark.landmarks is None and mark.sha256 is None:
        return face  # nothing is said
    return replace(face, landmarks=mark.landmarks, looked_at=mark.sha256)


def _is_below(root: Path, name: str) -> bool:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        return False
    try:
        return (root / name).exists()
    except (OSError, ValueError):
        return False
