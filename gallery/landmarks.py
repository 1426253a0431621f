"""Landmark files: where the eyes and the chin are.

Two forms, both in pixels of the upright image, x to the right and y down:

- `landmarks.csv` in the root of a collection, with the columns `path`, `left_eye_x`, `left_eye_y`,
  `right_eye_x`, `right_eye_y`, `chin_x`, `chin_y`; paths are relative to the root. A profile, in
  which one eye is seen, leaves the other eye's cells empty.
- `NAME.pos` beside the image `NAME.png`: a line for each point, `reye X Y`, `leye X Y`, `chin X Y`;
  other points are ignored. The form in which Bob reads El Shafey's Multi-PIE annotations ("named"
  in bob.db.base).
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TextIO

from gallery.align import Landmarks
from gallery.attributes import as_number
from gallery.errors import DatasetError

FILE = "landmarks.csv"
COLUMNS = ("left_eye_x", "left_eye_y", "right_eye_x", "right_eye_y", "chin_x", "chin_y")


def read_landmarks(root: Path) -> dict[str, Landmarks]:
    """Read `landmarks.csv`; without that file there are none.

    Returns:
        Landmarks by path relative to the root, with forward slashes.

    Raises:
        DatasetError: It is not UTF-8 CSV, a column is missing, or a line does not hold numbers.
    """
    path = root / FILE
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            found: dict[str, Landmarks] = {}
            for where, name, landmarks in _rows(path, file):
                if name in found:
                    raise DatasetError(f"{where}: {name!r} stands in an earlier line too")
                found[name] = landmarks
            return found
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise DatasetError(f"{path} cannot be read as UTF-8 CSV: {error}") from error


def read_pos(path: Path) -> Landmarks | None:
    """Read a `.pos` file; None if there is no such file.

    Raises:
        DatasetError: The chin or both eyes are missing.
    """
    if not path.is_file():
        return None
    points: dict[str, tuple[float, float]] = {}
    for line in path.read_text("utf-8", errors="replace").splitlines():
        name, *numbers = line.split() or [""]
        values = [as_number(number) for number in numbers]
        if len(values) == 2 and values[0] is not None and values[1] is not None:
            points[name] = (values[0], values[1])
    eyes = [points[name] for name in ("leye", "reye") if name in points]
    return _landmarks(eyes, points.get("chin"), str(path))


def _rows(path: Path, file: TextIO) -> Iterator[tuple[str, str, Landmarks]]:
    rows = csv.DictReader(file)
    rows.fieldnames = [name.strip() for name in rows.fieldnames or ()]
    missing = [name for name in ("path", *COLUMNS) if name not in rows.fieldnames]
    if missing:
        raise DatasetError(f"{path}: no column {missing[0]!r}; needed: path,{','.join(COLUMNS)}")
    for row in rows:
        where = f"{path}:{rows.line_num}"
        name = (row["path"] or "").strip().replace("\\", "/")
        if not name:
            raise DatasetError(f"{where}: the path is empty")
        yield where, PurePosixPath(name).as_posix(), _from_row(row, where)


def _from_row(row: Mapping[str, str | None], where: str) -> Landmarks:
    cells = [(row[name] or "").strip() for name in COLUMNS]
    numbers = [as_number(cell) for cell in cells]
    for cell, number in zip(cells, numbers, strict=True):
        if cell and number is None:
            raise DatasetError(f"{where}: {cell!r} is not a number of pixels")
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    if any((x is None) != (y is None) for x, y in pairs):
        raise DatasetError(f"{where}: x and y of a point belong together")
    points = [(x, y) if x is not None and y is not None else None for x, y in pairs]
    return _landmarks([point for point in points[:2] if point], points[2], where)


def _landmarks(
    eyes: list[tuple[float, float]], chin: tuple[float, float] | None, where: str
) -> Landmarks:
    if not eyes or chin is None:
        raise DatasetError(f"{where}: the chin and at least one eye are needed")
    middle = (sum(x for x, _ in eyes) / len(eyes), sum(y for _, y in eyes) / len(eyes))
    try:
        return Landmarks(middle, chin)
    except ValueError as error:
        raise DatasetError(f"{where}: {error}") from error
