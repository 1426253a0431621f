"""Lines for a landmark file that somebody may edit at the same time: those by hand win."""

import contextlib
from pathlib import Path

from gallery.errors import DatasetError
from gallery.landmarks import Row, read_rows, write_rows
from gallery.spelling import Names


class Journal:
    """Lines that are found one after the other, and saved now and then.

    Attributes:
        by_hand: Images of which somebody else wrote a line meanwhile; that one stays.
    """

    def __init__(self, path: Path) -> None:
        """Take a file as it is now.

        Raises:
            DatasetError: It is not one of landmarks.
        """
        self.by_hand: list[str] = []
        self._path = path
        self._before = read_rows(path)  # and what was saved since
        self._new: dict[str, Row] = {}

    def add(self, row: Row) -> None:
        """Keep a line until the file is saved."""
        self._new[row["path"]] = row

    def try_to_save(self) -> None:
        """Save, unless the file cannot be read while it is edited: then the next time."""
        with contextlib.suppress(DatasetError):
            self._save()

    def save(self) -> None:
        """Save what is new; beside the file, if that cannot be read any more.

        Raises:
            DatasetError: It cannot be; the message says where the lines are.
            OSError: The disk is full.
        """
        try:
            self._save()
        except DatasetError as error:
            beside = self._path.with_name(f"{self._path.stem}.found.csv")
            write_rows(beside, list(self._new.values()))
            raise DatasetError(
                f"{error}. The file was changed while faces were looked for; what was found since"
                f" is in {beside}: mend the first, and add the lines of the second to it"
            ) from error

    def _save(self) -> None:
        if not self._new:
            return
        there = read_rows(self._path)
        lines, before = Names(there), Names(self._before)
        written: dict[str, Row] = {}
        for name, row in self._new.items():
            line, was = lines.find(name), before.find(name)
            theirs, ours = there.get(line or ""), self._before.get(was or "")
            if theirs is not None and _filled(theirs) != _filled(ours or {}):
                self.by_hand.append(name)
                continue
            there[line or name] = {**(theirs or {}), **row, "path": line or name}
            written[line or name] = there[line or name]
        write_rows(self._path, list(there.values()))
        self._before |= written
        self._new = {}


def _filled(row: Row) -> Row:
    """Leave out empty cells: a file may have got more columns."""
    return {name: cell for name, cell in row.items() if cell}
