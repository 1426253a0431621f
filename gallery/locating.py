"""Find the faces of a collection, and keep where they are in its landmark file."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gallery.errors import DatasetError, ImageError
from gallery.faces import FaceSet, Problem
from gallery.finding import Detector, FoundFace, NoFaceError, find_face
from gallery.landmarks import read_file, read_rows, write_rows

WRITTEN_EVERY = 16  # images


@dataclass(frozen=True, slots=True)
class Looked:
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
    """

    known: int
    found: int
    several: Mapping[str, int]
    none: tuple[str, ...]
    problems: tuple[Problem, ...]
    left_out: tuple[Problem, ...] = ()


def locate(
    faces: FaceSet, detector: Detector, path: Path | None = None
) -> Generator[Looked, None, Outcome]:
    """Find the face in every image whose landmarks are not known, and write them to a file.

    What stands in the file stays as it is, by whomever it was written; images without a face are
    looked at again next time. The file appears whole, now and then and at the end, also when the
    generator is closed early.

    Args:
        faces: The images.
        detector: Looks for faces.
        path: The file; None for the one that the collection's reader reads.

    Raises:
        DatasetError: The collection takes no landmarks, or the file is not one of landmarks.
        OSError: The file cannot be written.
    """
    if faces.landmarks_file is None:
        raise DatasetError(f"The faces of {faces.spec} are aligned already; there is none to find")
    target = path or faces.landmarks_file
    rows = dict(read_rows(target))
    own = target == faces.landmarks_file  # where not, what the reader knows is not in the file
    wanted = [f for f in faces.faces if f.name not in rows and not (own and f.landmarks)]
    known = len(faces) - len(wanted)
    found: dict[str, FoundFace] = {}
    problems: dict[str, ImageError] = {}
    try:
        for number, face in enumerate(wanted, start=1):
            try:
                found[face.name] = one = find_face(faces.load(face), detector)
                rows[face.name] = one.points.row(face.name)
            except ImageError as error:
                problems[face.name] = error
            if found and number % WRITTEN_EVERY == 0:
                write_rows(target, list(rows.values()))
            yield Looked(known + number, len(faces))
    finally:
        if found:
            write_rows(target, list(rows.values()))
    return replace(_outcome(known, found, problems), left_out=faces.problems)


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
    known = read_file(path)
    found = (replace(f, landmarks=known[f.name]) for f in faces.faces if f.name in known)
    return replace(faces, faces=tuple(found))


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
    }


def _told(problems: Sequence[Problem]) -> list[dict[str, str]]:
    return [{"path": one.name, "reason": one.reason} for one in problems]
