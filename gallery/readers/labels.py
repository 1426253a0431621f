"""Labels in a CSV file: whose face an image shows, and under which condition.

Its columns are `path` (relative to the file's folder), `identity`, and any further ones, each an
attribute; an empty cell means "not known". Attributes named pose or yaw are in degrees and age in
years, where all their values are numbers, with a sign of the unit ("45°") or without one. Those
named `smile`, or like a facial unit of ARKit in small letters (`jaw-open`), are strengths where all
their values are numbers in [0, 1].
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gallery.attributes import (
    STRENGTH,
    AttributeSpace,
    Condition,
    as_number,
    bare_number,
    in_unit,
    space_of,
)
from gallery.errors import DatasetError
from gallery.faces import Face, Unmatched
from gallery.facial_units import STRENGTHS
from gallery.files import write_whole
from gallery.spelling import Spellings
from gallery.spreadsheets import Spreadsheet, read_spreadsheet

FILE = "labels.csv"
UNITS = {"pose": "degree", "yaw": "degree", "age": "year"} | dict.fromkeys(STRENGTHS, STRENGTH)
OWN = ("path", "identity")
KNOWN = (*OWN, *UNITS, "illumination", "expression", "accessory", "occlusion", "eyes")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFile:
    """What a file of labels says.

    Attributes:
        faces: One of each line, in order, by the path as it stands there.
        lines: Number of the line of each face.
        space: The attributes, and the values that occur.
        nameless: Lines that hold something, but no path.
        notes: What was read otherwise than it stands there, for the user.
    """

    faces: tuple[Face, ...]
    lines: tuple[int, ...]
    attributes: tuple[str, ...]
    nameless: tuple[Unmatched, ...]
    notes: tuple[str, ...]

    def space_of(self, faces: Iterable[Face]) -> AttributeSpace:
        """Return the attributes, in the order of their columns, and the values that some have."""
        conditions = [face.condition for face in faces]
        units = {name: unit for name, unit in UNITS.items() if _counts(conditions, name)}
        return space_of(conditions, self.attributes, units)


def read_labels(path: Path) -> LabelFile:
    """Read a file of labels.

    Raises:
        DatasetError: It is not UTF-8 CSV, its first line does not name the columns, or a line has
            more cells than there are columns.
    """
    table = read_spreadsheet(path, KNOWN)
    columns = table.columns
    if "path" not in columns or "" in columns or len(set(columns)) != len(columns):
        raise DatasetError(
            f"{path}: the first line must name the columns, once each, like"
            f" path,identity,pose; it reads {','.join(columns)!r}"
        )
    named = [line for line in table.lines if line.cells["path"]]
    conditions, notes = _conditions(table, [line.cells for line in named])
    people = Spellings()
    faces = tuple(
        Face(
            PurePosixPath(line.cells["path"].replace("\\", "/")).as_posix(),
            people.of(who) if (who := line.cells.get("identity", "")) else None,
            condition,
        )
        for line, condition in zip(named, conditions, strict=True)
    )
    return LabelFile(
        faces=faces,
        lines=tuple(line.number for line in named),
        attributes=tuple(name for name in columns if name not in OWN),
        nameless=tuple(
            Unmatched(path.name, f"line {line.number}", "it has no path")
            for line in table.lines
            if not line.cells["path"]
        ),
        notes=(*table.notes, *notes, *_told(path, "person", people)),
    )


def write_labels(path: Path, faces: Sequence[Face]) -> None:
    """Write a file of labels that `read_labels` reads: what is known of some images.

    Args:
        path: The file; one that is there is replaced.
        faces: Named relative to the folder of the file.

    Raises:
        DatasetError: It cannot be written.
    """
    names = list(dict.fromkeys(name for face in faces for name in face.condition))
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow((*OWN, *names))
    for face in faces:
        known = [face.condition.get(name, "") for name in names]
        rows.writerow((face.name, face.identity or "", *known))
    try:
        write_whole(path, text.getvalue().encode())
    except OSError as error:
        raise DatasetError(f"Cannot write {path}: {error.strerror}; say --out FILE") from error


def _conditions(
    table: Spreadsheet, rows: list[Mapping[str, str]]
) -> tuple[list[Condition], list[str]]:
    """Return what is known of every row, one spelling for each value; and notes for the user."""
    values: list[dict[str, str]] = [{} for _ in rows]
    notes: list[str] = []
    for name in table.columns:
        if name in OWN:
            continue
        column = [row[name] for row in rows]
        if name in UNITS:
            column, told = _numbers(table, name, column)
        else:
            spelt = Spellings()
            column = [spelt.of(value) for value in column]
            told = list(_told(table.path, f"value of {name}", spelt))
        notes += told
        for known, value in zip(values, column, strict=True):
            known.update({name: value} if value else {})
    return [Condition(known) for known in values], notes


def _numbers(table: Spreadsheet, name: str, column: list[str]) -> tuple[list[str], list[str]]:
    """Read the values of an attribute that has a unit, "45°" as 45; if one is no number, none."""
    given = dict.fromkeys(value for value in column if value)
    points = table.delimiter == ";"  # where it separates cells, a comma is a decimal point
    bare = {v: bare_number(v.replace(",", ".") if points else v, UNITS[name]) for v in given}
    odd = [value for value in given if bare[value] is None]
    label = f"{table.path.name}: {name}"
    if odd and len(odd) < len(given):
        return column, [
            f"{label} is read as names, not as numbers of {UNITS[name]}s: {odd[0]!r} is no number"
        ]
    changed = [value for value in given if not odd and bare[value] != value]
    if not changed:
        return column, []
    told = f"{label} {changed[0]!r} is read as {bare[changed[0]]}, a number of {UNITS[name]}s"
    return [bare.get(value) or "" for value in column], [f"{told}; write it without a sign"]


def _counts(conditions: list[Condition], name: str) -> bool:
    known = (condition[name] for condition in conditions if name in condition)
    numbers = [as_number(value) for value in known]
    found = [number for number in numbers if number is not None]
    return len(found) == len(numbers) and (UNITS[name] != STRENGTH or in_unit(found))


def _told(path: Path, what: str, spelt: Spellings) -> list[str]:
    return [
        f"{path.name}: {other!r} is one {what} in two spellings, with letters composed and not"
        for other in spelt.others
    ]
