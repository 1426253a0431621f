"""Find the faces of a collection, and keep where they are in its landmark file."""

import hashlib
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gallery.detection.geometry import Detector, FoundFace, NoFaceError, find_face
from gallery.errors import DatasetError, ImageError
from gallery.faces import Face, FaceSet, Problem
from gallery.files import require_writable
from gallery.images import decode
from gallery.journal import Journal
from gallery.landmarks import Mark, faceless_row, read_marks
from gallery.marks import marked
from gallery.spelling import Names

WRITTEN_EVERY = 16  # images


@dataclass(frozen=True, slots=True)
class SearchedImage:
    """One image that was looked at.

    Attributes:
        done: Images so far, those known before too.
        total: Images of the collection.
    """

    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What looking for faces brought.

    Attributes:
        known: Images whose landmarks were known before.
        found: Images in which a face was found.
        several: How many faces there were, by image, where more than one; the largest was taken.
        none: Images without a face.
        problems: Images that cannot be read.
        left_out: Files left out by the collection's reader, with reasons.
        by_hand: Images whose lines were written by hand meanwhile; these stay.
    """

    known: int
    found: int
    several: Mapping[str, int]
    none: tuple[str, ...]
    problems: tuple[Problem, ...]
    left_out: tuple[Problem, ...] = ()
    by_hand: tuple[str, ...] = ()


def locate(
    faces: FaceSet, detector: Detector, path: Path | None = None
) -> Generator[SearchedImage, None, Outcome]:
    """Find the face in every image whose landmarks are not known, and write them to a file.

    What stands in the file stays as it is, by whomever it was written, also while this runs;
    images without a face, and photographs that have changed since, are looked at again. The file
    appears whole, now and then and at the end, also when the generator is closed early.

    Args:
        faces: The images.
        detector: Looks for faces.
        path: The file; None for the one that the collection's reader reads.

    Raises:
        DatasetError: The collection takes no landmarks, the file is not one of landmarks, or it
            cannot be written: that is tried before anything is looked for.
        OSError: The disk is full.
    """
    if faces.landmarks_file is None:
        raise DatasetError(f"The faces of {faces.spec} are aligned already; there is none to find")
    target = path or faces.landmarks_file
    own = target == faces.landmarks_file  # where not, what the reader knows is not in the file
    wanted = _unknown(faces, read_marks(target), own=own)
    if wanted:
        _require_writable(target, faces)
    journal = Journal(target)
    known = len(faces) - len(wanted)
    found: dict[str, FoundFace] = {}
    problems: dict[str, ImageError] = {}
    try:
        for number, face in enumerate(wanted, start=1):
            one = _look(faces, face, detector, journal)
            if isinstance(one, ImageError):
                problems[face.name] = one
            else:
                found[face.name] = one
            if number % WRITTEN_EVERY == 0:
                journal.try_to_save()
            yield SearchedImage(known + number, len(faces))
    finally:
        journal.save()
    outcome = _outcome(known, found, problems)
    return replace(outcome, left_out=faces.problems, by_hand=tuple(journal.by_hand))


def _look(
    faces: FaceSet, face: Face, detector: Detector, journal: Journal
) -> FoundFace | ImageError:
    """Look for the face of one image; note where it is, or that there is none."""
    try:
        content = faces.read(face)
        found = find_face(decode(content), detector)
    except NoFaceError as error:
        journal.add(faceless_row(face.name, hashlib.sha256(content).hexdigest()))
        return error
    except ImageError as error:
        return error
    journal.add(found.points.row(face.name, hashlib.sha256(content).hexdigest()))
    return found


def _unknown(faces: FaceSet, marks: Mapping[str, Mark], *, own: bool) -> list[Face]:
    """Return the images that are to be looked at.

    Others have lines that were written by hand, or found in the bytes that they have; or, where the
    file is their collection's own, landmarks beside them.
    """
    lines = Names(marks)
    nothing = Mark(None)
    said = {f.name: marks[line] for f in faces.faces if (line := lines.find(f.name)) is not None}
    return [
        face
        for face in faces.faces
        if not (
            own and face.landmarks is not None
            if (mark := said.get(face.name, nothing)) == nothing
            else _holds(faces, face, mark)
        )
    ]


def _holds(faces: FaceSet, face: Face, mark: Mark) -> bool:
    """Say whether a line tells where the face is in an image as it is now."""
    if mark.landmarks is None or mark.sha256 is None:
        return mark.landmarks is not None
    try:
        return hashlib.sha256(faces.read(face)).hexdigest() == mark.sha256
    except ImageError:
        return False


def _require_writable(target: Path, faces: FaceSet) -> None:
    try:
        require_writable(target)
    except OSError as error:
        raise DatasetError(
            f"{target} cannot be written: {error.strerror or error}. Write the landmarks elsewhere:"
            f" mindseye data find-faces {faces.spec} --out FILE; and have them read there: mindseye"
            " index build --landmarks FILE"
        ) from error


def _outcome(
    known: int, found: Mapping[str, FoundFace], problems: Mapping[str, ImageError]
) -> Outcome:
    none = (name for name, error in problems.items() if isinstance(error, NoFaceError))
    bad = {name: str(why) for name, why in problems.items() if not isinstance(why, NoFaceError)}
    return Outcome(
        known=known,
        found=len(found),
        several={name: face.faces for name, face in found.items() if face.faces > 1},
        none=tuple(none),
        problems=tuple(Problem(name, reason) for name, reason in bad.items()),
    )


def located(faces: FaceSet, path: Path) -> FaceSet:
    """Return the faces whose landmarks stand in a file, with these.

    Raises:
        DatasetError: It is not one of landmarks.
    """
    bare = replace(faces, faces=tuple(replace(f, landmarks=None) for f in faces.faces))
    return marked(bare, path).where(lambda face: face.landmarks is not None)


def to_text(outcome: Outcome) -> str:
    """Say what was found, for people."""
    total = (
        f"{outcome.found} faces found, {outcome.known} known already, {len(outcome.none)} images"
        f" without a face, {len(outcome.problems)} that cannot be read"
    )
    if outcome.left_out:
        total += f", {len(outcome.left_out)} files left out"
    lines = [total]
    lines += [f"  {n} faces, the largest taken: {name}" for name, n in outcome.several.items()]
    lines += [f"  no face: {name}" for name in outcome.none]
    lines += [f"  cannot be read: {one.name}: {one.reason}" for one in outcome.problems]
    lines += [f"  left out: {one.name}: {one.reason}" for one in outcome.left_out]
    lines += [f"  written by hand meanwhile, and kept: {name}" for name in outcome.by_hand]
    return "\n".join(lines)


def to_json(outcome: Outcome) -> dict[str, Any]:
    """Say it for programs."""
    return {
        "found": outcome.found,
        "known": outcome.known,
        "several": dict(outcome.several),
        "none": list(outcome.none),
        "problems": _told(outcome.problems),
        "left_out": _told(outcome.left_out),
        "by_hand": list(outcome.by_hand),
    }


def _told(problems: Sequence[Problem]) -> list[dict[str, str]]:
    return [{"path": one.name, "reason": one.reason} for one in problems]
