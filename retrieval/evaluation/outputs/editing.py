"""Measures of editing as tables, in Markdown and on the page."""

from collections.abc import Mapping
from typing import Any

from retrieval.evaluation.outputs import words
from retrieval.evaluation.outputs.shapes import Cell, ReportRow, ReportTable
from retrieval.evaluation.statistics.editing import MEASURES

Json = Mapping[str, Any]
ARROWS = {"lower": "↓", "higher": "↑"}


def headings() -> list[str]:
    """Name the measures, with an arrow that says which way is better."""
    return [f"{one.label} {ARROWS[one.better]}" for one in MEASURES.values()]


def cells(figures: Json) -> list[Cell]:
    """Return one editor's figures, in the order of the measures; what was skipped is a dash."""
    return [_cell(name, figures.get(name)) for name in MEASURES]


def table(editing: Json) -> ReportTable:
    """Return the measures of the editors: the generator, the unedited source, the target."""
    rows = [
        ReportRow(editor, editing["described"][editor], tuple(cells(figures)))
        for editor, figures in editing["editors"].items()
    ]
    caption = f"{editing['edits']:,} edits of people that the weights have not seen"
    return ReportTable(caption, tuple(headings()), tuple(rows))


def costs(editing: Json) -> ReportTable:
    """Return size and speed of each generator."""
    rows = [
        ReportRow(one["weights"], "", tuple(map(Cell, cost_texts(one)))) for one in editing["costs"]
    ]
    columns = ("parameters", "ms an image, alone", "ms an image, of 64")
    return ReportTable("Size and speed of the generator", columns, tuple(rows))


def cost_texts(cost: Json) -> list[str]:
    """Return parameters, and milliseconds an image, alone and of 64."""
    count = cost["parameters"]
    times = [f"{cost['draw_ms'][at_once]:.3g}" for at_once in ("1", "64")]
    return [words.NONE if count is None else f"{count:,}", *times]


def notes(editing: Json) -> list[str]:
    """Say what was skipped, how far the classifier can be trusted, and what FID is worth."""
    said = [
        f"{MEASURES[name].label}: skipped: {reason}" for name, reason in editing["skipped"].items()
    ]
    for name, one in editing["classifier"].items():
        said.append(
            f"The classifier was trained on photographs, never on drawings; it tells {name} rightly"
            f" in {words.percent(one['accuracy'])} % of {one['images']:,} real test images."
        )
    fid = next((f["fid"]["note"] for f in editing["editors"].values() if "fid" in f), "")
    return [*said, f"FID is {fid}."] if fid else said


def judges(editing: Json) -> list[tuple[str, str]]:
    """Return, for each measure, what judged: name, hash and versions."""
    found = []
    for name, judge in editing["judges"].items():
        rest = [f"{key} {one}" for key, one in judge.items() if key not in {"name", "fingerprint"}]
        said = "; ".join([judge["name"], judge["fingerprint"], *rest])
        found.append((MEASURES[name].label, said))
    return found


def _cell(name: str, figure: Json | None) -> Cell:
    if figure is None:
        return Cell(words.NONE)
    if figure.get("infinite"):
        return Cell("∞")
    digits = MEASURES[name].digits
    if figure["value"] is None:
        return Cell(words.NONE)
    text = f"{figure['value']:,.{digits}f}"
    if name == "verification" and figure["deviation"] is not None:
        text += f" ± {figure['deviation']:.{digits}f}"
    ends = [f"{end:,.{digits}f}" for end in figure["interval"] or ()]
    return Cell(text, ", ".join(ends) if len(set(ends)) > 1 else "")
