"""Read anyone's own images.

With DIR/labels.csv: the images that it names (gallery/readers/labels.py). Without it: every picture
below DIR, whatever it is called (gallery/readers/pictures.py), nothing known about any.

Landmarks: `landmarks.csv` (gallery/landmarks.py).
"""

from dataclasses import replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from gallery.attributes import AttributeSpace
from gallery.errors import DatasetError
from gallery.faces import Face, FaceSet, Problem
from gallery.landmarks import FILE
from gallery.marks import HINTED, marked
from gallery.readers import labels
from gallery.readers.files import walk
from gallery.readers.labels import LabelFile, read_labels
from gallery.readers.pictures import look
from gallery.spelling import Names

LABELS = labels.FILE
NO_FILE = "named in labels.csv, but there is no such file"


def read(spec: str, path: Path) -> FaceSet:
    """Return the images of a folder.

    Raises:
        DatasetError: There is no such folder, it holds no image, or labels.csv cannot be read.
    """
    problems: list[Problem] = []
    said = read_labels(path / LABELS) if (path / LABELS).is_file() else None
    space = AttributeSpace(())
    if said is None:
        faces = _unlabelled(path, problems)
    else:
        faces = _labelled(path, said, problems)
        space = said.space_of(faces)
        faces = [replace(face, condition=space.check(face.condition)) for face in faces]
    if not faces and not problems:
        raise DatasetError(
            f"No image under {path}: looked for files named as images (.jpg, .png, .webp, …)"
            f"{'' if said is None else ' in ' + LABELS}. Check the folder"
        )
    return marked(
        FaceSet(
            spec=spec,
            root=path,
            faces=tuple(faces),
            space=space,
            problems=tuple(problems),
            landmarks_file=path / FILE,
            unmatched=() if said is None else said.nameless,
            notes=() if said is None else said.notes,
        )
    )


def _unlabelled(root: Path, problems: list[Problem]) -> list[Face]:
    faces = []
    for entry in walk(root):
        seen = look(root, entry)
        if seen.reason is not None:
            problems.append(Problem(entry.name, seen.reason))
        elif seen.is_picture:
            faces.append(Face(entry.name))
    return faces


def _labelled(root: Path, said: LabelFile, problems: list[Problem]) -> list[Face]:
    on_disk = _OnDisk(root, {face.name for face in said.faces})
    faces: dict[str, Face] = {}
    for face, line in zip(said.faces, said.lines, strict=True):
        name = on_disk.name(face.name)
        if name in faces:
            raise DatasetError(
                f"{root / LABELS}:{line}: {name!r} stands in an earlier line too; keep one of them"
            )
        reason = _refusal(root, name)
        if reason == NO_FILE:
            reason += on_disk.hint(name)
        if reason:
            problems.append(Problem(name, reason))
            continue
        faces[name] = replace(face, name=name)
    return list(faces.values())


class _OnDisk:
    """The files of a folder, to which lines refer in whatever spelling; looked up when needed."""

    def __init__(self, root: Path, named: set[str]) -> None:
        self._root = root
        self._named = named
        self._hinted = 0

    def name(self, given: str) -> str:
        """Return the name that a file has on disk, if it is there in another spelling only."""
        try:
            is_there = given.isascii() or (self._root / given).exists()
        except (OSError, ValueError):
            return given
        return given if is_there else self._names.find(given) or given

    def hint(self, name: str) -> str:
        """Return which file a name may mean that no line names; of the first few names alone."""
        self._hinted += 1
        near = self._unnamed.nearest(name) if self._hinted <= HINTED else None
        return "" if near is None else f"; did you mean {near!r}?"

    @cached_property
    def _names(self) -> Names:
        return Names(self._images)

    @cached_property
    def _unnamed(self) -> Names:
        return Names(name for name in self._images if name not in self._named)

    @cached_property
    def _images(self) -> list[str]:
        return [entry.name for entry in walk(self._root) if look(self._root, entry).is_picture]


def _refusal(root: Path, name: str) -> str | None:
    parts = PurePosixPath(name).parts
    if name in ("", ".") or PurePosixPath(name).is_absolute() or ".." in parts:
        return "the path in labels.csv does not stay inside the folder"
    path = root / name
    try:
        if not path.exists() and not path.is_symlink():
            return NO_FILE
        if path.is_symlink() or not path.is_file():
            return "not a regular file (a link, folder, pipe or device)"
        if any((root / parent).is_symlink() for parent in PurePosixPath(name).parents):
            return "lies behind a link to a folder; links are not followed"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return None
