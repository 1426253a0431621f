"""Landmark files: where the eyes and the chin are.

Two forms, both in pixels of the upright image, x to the right and y down:

- `landmarks.csv` in the root of a collection, or `ARCHIVE.landmarks.csv` beside one that comes as
  an archive, with the columns `path`, `left_eye_x`, `left_eye_y`,
  `right_eye_x`, `right_eye_y`, `chin_x`, `chin_y`; paths are relative to the root. A profile, in
  which one eye is seen, leaves the other eye's cells empty.
- `NAME.pos` beside the image `NAME.png`: a line for each point, `reye X Y`, `leye X Y`, `chin X Y`;
  other points are ignored. The form in which Bob reads El Shafey's Multi-PIE annotations ("named"
  in bob.db.base).
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TextIO

from gallery.align import Landmarks
from gallery.attributes import as_number
from gallery.errors import DatasetError
from gallery.files import write_whole

FILE = "landmarks.csv"
COLUMNS = ("left_eye_x", "left_eye_y", "right_eye_x", "right_eye_y", "chin_x", "chin_y")
Row = Mapping[str, str]  # a line of landmarks.csv, cells by column


@dataclass(frozen=True, slots=True)
class Points:
    """A line of `landmarks.csv`: two eyes and a chin, (x, y) in pixels of the upright image.

    Attributes:
        left_eye: The person's own left.
        right_eye: The person's own right.
        chin: Its tip.
    """

    left_eye: tuple[float, float]
    right_eye: tuple[float, float]
    chin: tuple[float, float]

    @property
    def landmarks(self) -> Landmarks:
        """What an aligner cuts by."""
        (left_x, left_y), (right_x, right_y) = self.left_eye, self.right_eye
        return Landmarks(((left_x + right_x) / 2, (left_y + right_y) / 2), self.chin)

    def row(self, name: str) -> Row:
        """Return the line that holds them, to a tenth of a pixel."""
        numbers = (*self.left_eye, *self.right_eye, *self.chin)
        cells = (f"{number:.1f}" for number in numbers)
        return {"path": name, **dict(zip(COLUMNS, cells, strict=True))}


def read_landmarks(root: Path) -> dict[str, Landmarks]:
    """Read `landmarks.csv` of a folder; without that file there are none.

    Returns:
        Landmarks by path relative to the root, with forward slashes.

    Raises:
        DatasetError: It is not UTF-8 CSV, a column is missing, or a line does not hold numbers.
    """
    return read_file(root / FILE)


def beside(archive: Path) -> Path:
    """Return where the landmarks of a collection are that comes as one archive."""
    return archive.with_name(f"{archive.name}.{FILE}")


def read_file(path: Path) -> dict[str, Landmarks]:
    """Read a file like `landmarks.csv`; without it there are none.

    Returns and raises as `read_landmarks`.
    """
    return {name: landmarks for name, (landmarks, _) in _read(path).items()}


def read_rows(path: Path) -> dict[str, Row]:
    """Read the lines of a file like `landmarks.csv`, checked, by path; without it there are none.

    Raises:
        DatasetError: As `read_landmarks`.
    """
    return {name: row for name, (_, row) in _read(path).items()}


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write a file like `landmarks.csv` in one step, with all columns that any line has.

    Raises:
        OSError: The disk is full, or the folder cannot be written.
    """
    columns = dict.fromkeys(("path", *COLUMNS))
    for row in rows:
        columns.update(dict.fromkeys(row))
    text = io.StringIO()
    lines = csv.DictWriter(text, list(columns), restval="", lineterminator="\n")
    lines.writeheader()
    lines.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.getvalue().encode("utf-8"))


def _read(path: Path) -> dict[str, tuple[Landmarks, Row]]:
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            found: dict[str, tuple[Landmarks, Row]] = {}
            for where, name, row in _rows(path, file):
                if name in found:
                    raise DatasetError(f"{where}: {name!r} stands in an earlier line too")
                found[name] = (_from_row(row, where), row)
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


def _rows(path: Path, file: TextIO) -> Iterator[tuple[str, str, Row]]:
    rows = csv.DictReader(file)
    rows.fieldnames = [name.strip() for name in rows.fieldnames or ()]
    missing = [name for name in ("path", *COLUMNS) if name not in rows.fieldnames]
    if missing:
        raise DatasetError(f"{path}: no column {missing[0]!r}; needed: path,{','.join(COLUMNS)}")
    for row in rows:
        where = f"{path}:{rows.line_num}"
        cells = {name: (row[name] or "").strip() for name in rows.fieldnames}
        name = cells["path"].replace("\\", "/")
        if not name:
            raise DatasetError(f"{where}: the path is empty")
        name = PurePosixPath(name).as_posix()
        yield where, name, {**cells, "path": name}


def _from_row(row: Row, where: str) -> Landmarks:
    cells = [row[name] for name in COLUMNS]
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
