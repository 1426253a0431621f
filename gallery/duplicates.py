"""Images of a set whose files are equal, byte for byte, whatever their names and labels."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from gallery.errors import ImageError
from gallery.faces import Face, FaceSet
from gallery.spelling import composed


def number_contents(faces: FaceSet) -> tuple[int, ...]:
    """Number the images of a set by the bytes of their files: equal numbers, equal files.

    A number is the place of the first image with these bytes. An image that cannot be read is equal
    to none. Of files on disk only those are read that have the size of another one.
    """
    sizes = [_size(faces, face) for face in faces.faces]
    often = Counter(sizes)
    first: dict[tuple[int, str], int] = {}
    numbers = []
    for place, (face, size) in enumerate(zip(faces.faces, sizes, strict=True)):
        number = place
        if size is None or often[size] > 1:
            digest = _sha256(faces, face)
            number = place if digest is None else first.setdefault((size or 0, digest), place)
        numbers.append(number)
    return tuple(numbers)


def equal_files(faces: FaceSet) -> tuple[tuple[Face, ...], ...]:
    """Return the images that have equal files, two or more in a group, in the set's order."""
    groups: dict[int, list[Face]] = defaultdict(list)
    for face, number in zip(faces.faces, number_contents(faces), strict=True):
        groups[number].append(face)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def contradictory(groups: Iterable[Sequence[Face]]) -> tuple[tuple[Face, ...], ...]:
    """Return those groups of equal files whose labels differ: of one person and condition each."""
    return tuple(
        tuple(group)
        for group in groups
        if len({(composed(face.identity or ""), face.condition) for face in group}) > 1
    )


def spell_group(group: Sequence[Face]) -> str:
    """Name equal files with their labels."""
    told = (f"{face.name} ({face.identity or 'nobody'} {face.condition}".rstrip() for face in group)
    return " = ".join(f"{one})" for one in told)


def _size(faces: FaceSet, face: Face) -> int | None:
    """Return a file's bytes; None where images lie in no file of their own, or cannot be read."""
    if faces.reader is not None:
        return None
    try:
        return faces.path(face).stat().st_size
    except OSError:
        return None


def _sha256(faces: FaceSet, face: Face) -> str | None:
    try:
        return hashlib.sha256(faces.read(face)).hexdigest()
    except ImageError:
        return None
