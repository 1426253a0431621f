"""Tables in CSV files, as spreadsheets and scripts leave them.

Understood: a byte-order mark; commas, semicolons or tabs between cells, and a first line "sep=;";
blanks around cells; lines and columns without anything in them; names of columns in capitals; and
what spreadsheets and data frames write where nothing is known, like "NaN" and "#N/A".
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gallery.errors import DatasetError

DELIMITERS = (",", ";", "\t")
# pandas' words for what is missing (pandas.read_csv, na_values), and Excel's errors; without
# "None", "NA", "Nan" and "Null", which are values and names of people.
UNKNOWN = frozenset(
    (
        *("nan", "NaN", "NAN", "-nan", "-NaN", "null", "NULL", "n/a", "N/A", "#N/A", "#n/a"),
        *("#NA", "<NA>", "<na>", "NaT", "#NULL!", "#VALUE!", "#REF!", "#DIV/0!", "#NAME?", "#NUM!"),
    )
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line that holds something.

    Attributes:
        number: From 1, in the file.
        cells: By column; "" where nothing is known.
    """

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spreadsheet:
    """A table.

    Attributes:
        path: Path of the file.
        columns: Their names, as they are meant.
        lines: In order.
        delimiter: Between cells.
        notes: What was read otherwise than it stands there, for the user.
    """

    path: Path
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    delimiter: str
    notes: tuple[str, ...] = ()


def read_spreadsheet(path: Path, known: Iterable[str]) -> Spreadsheet:
    """Read a table in a CSV file.

    Args:
        path: Path of the file.
        known: Names of columns that are recognised in any case; "path" is one of them, and tells
            which sign stands between cells. A table without it has no lines.

    Raises:
        DatasetError: It is not UTF-8 CSV, or a line has more cells than there are columns.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            text = file.read()
        return _read(path, text, {name.casefold(): name for name in known})
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise DatasetError(
            f"{path} cannot be read as UTF-8 CSV: {error}. Save it as CSV UTF-8"
        ) from error


def _read(path: Path, text: str, known: Mapping[str, str]) -> Spreadsheet:
    first, _, rest = text.partition("\n")
    told = first.strip().removeprefix("sep=") if first.startswith("sep=") else None
    skipped = 0 if told is None else 1
    text = text if told is None else rest
    delimiter = told or _delimiter(text)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = next(_filled(rows), [])
    written = [name.strip() for name in header]
    columns = [known.get(name.casefold(), name) for name in written]
    unknown: Counter[str] = Counter()
    lines: list[Line] = []
    for cells in _filled(rows) if "path" in columns else ():
        number = rows.line_num + skipped
        if any(cell.strip() for cell in cells[len(columns) :]):
            raise DatasetError(f"{path}:{number}: more cells than columns")
        padded = [*cells[: len(columns)], *[""] * (len(columns) - len(cells))]
        known_cells = [_known(cell.strip(), unknown) for cell in padded]
        lines.append(Line(number, dict(zip(columns, known_cells, strict=True))))
    named = _without_empty(columns, lines)
    notes = [
        f"{path.name}: the column {was!r} is read as {now!r}"
        for was, now in zip(written, columns, strict=True)
        if was != now
    ]
    notes += [
        f"{path.name}: {word!r} is read as not known, in {count} cell{'s' * (count > 1)}"
        for word, count in unknown.items()
    ]
    return Spreadsheet(
        path=path,
        columns=tuple(named),
        lines=tuple(lines),
        delimiter=delimiter,
        notes=tuple(notes),
    )


def _delimiter(text: str) -> str:
    """Return the sign that makes a column "path" of the first line; a comma if none does."""
    first = next((line for line in text.splitlines() if line.strip(" ,;\t")), "")
    for sign in DELIMITERS:
        names = next(csv.reader([first], delimiter=sign), [])
        if any(name.strip().casefold() == "path" for name in names):
            return sign
    return ","


def _filled(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    return (cells for cells in rows if any(cell.strip() for cell in cells))


def _known(cell: str, unknown: Counter[str]) -> str:
    if cell in UNKNOWN:
        unknown[cell] += 1
        return ""
    return cell


def _without_empty(columns: Sequence[str], lines: Sequence[Line]) -> list[str]:
    """Leave out columns without a name, unless something stands in them."""
    if any(line.cells.get("") for line in lines):
        return list(columns)
    return [name for name in columns if name]
