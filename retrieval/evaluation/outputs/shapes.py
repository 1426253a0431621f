"""The shapes of what the page shows: numbers on tracks, tables, cells.

A mark stands on a track from 0 to 100 %.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReportMark:
    """A number on a track.

    Attributes:
        label: Whose.
        note: Below the label.
        text: The number.
        interval: The interval, in words; empty if there is none.
        at: Place of the number, percent of the track.
        low: Place of the interval's lower end.
        high: Place of its upper end.
        papers: Places of published numbers.
        role: "ours", "bound" (oracles and chance), "rival"; or "group".
    """

    label: str
    note: str
    text: str
    interval: str
    at: float
    low: float
    high: float
    papers: tuple[float, ...] = ()
    role: str = "rival"


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: What stands in it.
        small: Below, smaller.
        heat: 0..1, how strongly it is coloured; None: not at all.
        tone: "best", "up", "down" or "".
        hint: Shown when pointed at.
    """

    text: str
    small: str = ""
    heat: float | None = None
    tone: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A row of a table.

    Attributes:
        head: Its name.
        note: Below the name.
        cells: One for each column, or none at all.
        role: The role, as of a `ReportMark`; or "paper", "skipped".
        empty: What stands in place of cells.
    """

    head: str
    note: str
    cells: tuple[Cell, ...]
    role: str = ""
    empty: str = ""


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A table: caption, the names of its columns, and its rows."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[ReportRow, ...]
