"""Landmark files: where the eyes and the chin are.

Two forms, both in pixels of the upright image, x to the right and y down:

- `landmarks.csv` in the root of a collection, or `ARCHIVE.landmarks.csv` beside one that comes as
  an archive, with the columns `path`, `left_eye_x`, `left_eye_y`,
  `right_eye_x`, `right_eye_y`, `chin_x`, `chin_y`; paths are relative to the root. A profile, in
  which one eye is seen, leaves the other eye's cells empty. Lines of faces that were found have a
  `sha256`, too: of the bytes of the image, for which alone they hold. With it and without any
  point, a line says that these bytes were looked at and hold no face. A line written by hand has
  none, and holds for the file that it names.
- `NAME.pos` beside the image `NAME.png`: a line for each point, `reye X Y`, `leye X Y`, `chin X Y`;
  other points are ignored. The form in which Bob reads El Shafey's Multi-PIE annotations ("named"
  in bob.db.base).
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gallery.align import Landmarks
from gallery.attributes import as_number
from gallery.errors import DatasetError
from gallery.files import write_whole
from gallery.spreadsheets import Line, Spreadsheet, read_spreadsheet

FILE = "landmarks.csv"
COLUMNS = ("left_eye_x", "left_eye_y", "right_eye_x", "right_eye_y", "chin_x", "chin_y")
SHA256 = "sha256"
Row = Mapping[str, str]  # a line of landmarks.csv, cells by column


@dataclass(frozen=True, slots=True)
class Mark:
    """What a line of `landmarks.csv` says of an image.

    Attributes:
        landmarks: Where the face is; None where there is none, or where nothing is said.
        sha256: SHA-256 of the bytes that were looked at; None of a line that was written by hand.
    """

    landmarks: Landmarks | None
    sha256: str | None = None

    @property
    def is_faceless(self) -> bool:
        """Whether the bytes were looked at, and hold no face."""
        return self.landmarks is None and self.sha256 is not None


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

    def row(self, name: str, sha256: str = "") -> Row:
        """Return the line that holds them, to a tenth of a pixel; for these bytes alone, if any."""
        numbers = (*self.left_eye, *self.right_eye, *self.chin)
        cells = (f"{number:.1f}" for number in numbers)
        known = {SHA256: sha256} if sha256 else {}
        return {"path": name, **dict(zip(COLUMNS, cells, strict=True)), **known}


def faceless_row(name: str, sha256: str) -> Row:
    """Return the line that says that an image was looked at and holds no face."""
    return {"path": name, **dict.fromkeys(COLUMNS, ""), SHA256: sha256}


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
    marks = read_marks(path).items()
    return {name: mark.landmarks for name, mark in marks if mark.landmarks is not None}


def read_marks(path: Path) -> dict[str, Mark]:
    """Read what every line of a file like `landmarks.csv` says, by path; without it nothing.

    Raises:
        DatasetError: As `read_landmarks`.
    """
    return {name: mark for name, (mark, _) in _read(path).items()}


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


def _read(path: Path) -> dict[str, tuple[Mark, Row]]:
    if not path.is_file():
        return {}
    table = read_spreadsheet(path, ("path", *COLUMNS, SHA256))
    missing = [name for name in ("path", *COLUMNS) if name not in table.columns]
    if missing:
        raise DatasetError(f"{path}: no column {missing[0]!r}; needed: path,{','.join(COLUMNS)}")
    found: dict[str, tuple[Mark, Row]] = {}
    for line in table.lines:
        where = f"{path}:{line.number}"
        row = _row(table, line, where)
        name = row["path"]
        if name in found:
            raise DatasetError(f"{where}: {name!r} stands in an earlier line too")
        found[name] = (_mark(row, where), row)
    return found


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


def _row(table: Spreadsheet, line: Line, where: str) -> Row:
    cells = {name: line.cells[name] for name in table.columns}
    if table.delimiter == ";":  # where it separates cells, a comma is a decimal point
        cells |= {name: cells[name].replace(",", ".") for name in COLUMNS}
    name = cells["path"].replace("\\", "/")
    if not name:
        raise DatasetError(f"{where}: the path is empty")
    return {**cells, "path": PurePosixPath(name).as_posix()}


def _mark(row: Row, where: str) -> Mark:
    sha256 = row.get(SHA256, "").lower() or None
    cells = [row[name] for name in COLUMNS]
    if not any(cells):
        return Mark(None, sha256)
    numbers = [as_number(cell) for cell in cells]
    for cell, number in zip(cells, numbers, strict=True):
        if cell and number is None:
            raise DatasetError(f"{where}: {cell!r} is not a number of pixels")
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    if any((x is None) != (y is None) for x, y in pairs):
        raise DatasetError(f"{where}: x and y of a point belong together")
    points = [(x, y) if x is not None and y is not None else None for x, y in pairs]
    return Mark(_landmarks([point for point in points[:2] if point], points[2], where), sha256)


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
