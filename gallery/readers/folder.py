"""Read anyone's own images.

With DIR/labels.csv: the images that it names. Its columns are `path` (relative to DIR), `identity`,
and any further ones, each an attribute; an empty cell means "not known". Attributes named pose or
yaw are in degrees and age in years, where all their values are numbers.
Without it: every image below DIR, nothing known about any.

Landmarks: `landmarks.csv` (gallery/landmarks.py).
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from gallery.align import Landmarks
from gallery.attributes import AttributeSpace, Condition, as_number, space_of
from gallery.errors import DatasetError
from gallery.faces import Face, FaceSet, Problem
from gallery.images import is_image_name, is_unsupported_name
from gallery.landmarks import FILE, read_landmarks
from gallery.readers.files import walk

LABELS = "labels.csv"
UNITS = {"pose": "degree", "yaw": "degree", "age": "year"}


def read(spec: str, path: Path) -> FaceSet:
    """Return the images of a folder.

    Raises:
        DatasetError: There is no such folder, it holds no image, or labels.csv cannot be read.
    """
    labels = path / LABELS
    landmarks = read_landmarks(path)
    problems: list[Problem] = []
    if labels.is_file():
        faces = _labelled(path, labels, landmarks, problems)
        space = _space(faces, labels)
        faces = [replace(face, condition=space.check(face.condition)) for face in faces]
    else:
        faces = _unlabelled(path, landmarks, problems)
        space = AttributeSpace(())
    if not faces and not problems:
        raise DatasetError(
            f"No image under {path}: looked for files named as images (.jpg, .png, .webp, …)"
            f"{' in ' + LABELS if labels.is_file() else ''}. Check the folder"
        )
    return FaceSet(
        spec=spec,
        root=path,
        faces=tuple(faces),
        space=space,
        problems=tuple(problems),
        landmarks_file=path / FILE,
    )


def _unlabelled(
    root: Path, landmarks: Mapping[str, Landmarks], problems: list[Problem]
) -> list[Face]:
    faces = []
    for entry in walk(root):
        if is_unsupported_name(entry.name):
            problems.append(Problem(entry.name, "a format that is not read; convert it to JPEG"))
            continue
        if not is_image_name(entry.name) and not entry.name.endswith("/"):
            continue
        if entry.problem is None:
            faces.append(Face(entry.name, landmarks=landmarks.get(entry.name)))
        else:
            problems.append(entry.as_problem())
    return faces


def _labelled(
    root: Path, labels: Path, landmarks: Mapping[str, Landmarks], problems: list[Problem]
) -> list[Face]:
    faces: dict[str, Face] = {}
    for where, row in _rows(labels):
        name = PurePosixPath(row.pop("path", "").replace("\\", "/")).as_posix()
        if name in faces:
            raise DatasetError(f"{where}: {name!r} stands in an earlier line too; keep one of them")
        reason = _refusal(root, name)
        if reason:
            problems.append(Problem(name, reason))
            continue
        identity = row.pop("identity", "") or None
        condition = Condition({key: value for key, value in row.items() if value})
        faces[name] = Face(name, identity, condition, landmarks.get(name))
    return list(faces.values())


def _rows(labels: Path) -> Iterator[tuple[str, dict[str, str]]]:
    try:
        with labels.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            columns = [name.strip() for name in rows.fieldnames or ()]
            if "path" not in columns or "" in columns or len(set(columns)) != len(columns):
                raise DatasetError(
                    f"{labels}: the first line must name the columns, once each, like"
                    f" path,identity,pose; it reads {','.join(columns)!r}"
                )
            rows.fieldnames = columns
            for row in rows:
                if None in row:
                    raise DatasetError(f"{labels}:{rows.line_num}: more cells than columns")
                where = f"{labels}:{rows.line_num}"
                yield where, {key: (value or "").strip() for key, value in row.items()}
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise DatasetError(f"{labels} cannot be read as UTF-8 CSV: {error}") from error


def _refusal(root: Path, name: str) -> str | None:
    parts = PurePosixPath(name).parts
    if name in ("", ".") or PurePosixPath(name).is_absolute() or ".." in parts:
        return "the path in labels.csv does not stay inside the folder"
    path = root / name
    try:
        if not path.exists() and not path.is_symlink():
            return "named in labels.csv, but there is no such file"
        if path.is_symlink() or not path.is_file():
            return "not a regular file (a link, folder, pipe or device)"
        if any((root / parent).is_symlink() for parent in PurePosixPath(name).parents):
            return "lies behind a link to a folder; links are not followed"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return None


def _space(faces: list[Face], labels: Path) -> AttributeSpace:
    names: dict[str, None] = {}
    for face in faces:
        names.update(dict.fromkeys(face.condition))
    with labels.open(newline="", encoding="utf-8-sig") as file:
        columns = [name.strip() for name in next(csv.reader(file))]
    ordered = [name for name in columns if name in names]
    numeric = {
        name: unit
        for name, unit in UNITS.items()
        if all(
            as_number(face.condition[name]) is not None for face in faces if name in face.condition
        )
    }
    return space_of((face.condition for face in faces), ordered, numeric)
