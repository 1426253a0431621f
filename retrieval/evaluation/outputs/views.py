"""What the page shows, made ready for its template: text, and shares of a width or a colour.

Everything comes from the summary (`results.json`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from retrieval.evaluation.outputs import words
from retrieval.evaluation.outputs.shapes import Cell, ReportMark, ReportRow, ReportTable
from retrieval.evaluation.published import Published

Json = Mapping[str, Any]
RIVALS = 3  # shown beside `ours` and chance in breakdowns


def role(name: str) -> str:
    """Tell what a method is to the reader: ours, a bound that nobody can use, or a rival."""
    if name == "ours":
        return "ours"
    return "bound" if name == "random" or "oracle" in name or "true" in name else "rival"


def headline(summary: Json, criterion: str, measure: str, papers: Published) -> list[ReportMark]:
    """Return one mark for each method that ran, the best first."""
    published: dict[str, list[float]] = {}
    for row in papers.retrieval:
        if row.criterion == criterion and row.like and measure in row.rates:
            published.setdefault(row.like, []).append(row.rates[measure])
    marks = []
    for method in _ran(summary):
        figure = method["scores"][criterion][measure]
        marks.append(
            _mark(method["name"], method["note"], figure, published.get(method["name"], ()))
        )
    return sorted(marks, key=lambda mark: -mark.at)


def rates(summary: Json, criterion: str, papers: Published) -> ReportTable:
    """Return all measures of all methods, the skipped ones too, and the papers' rows."""
    names = summary["measures"]
    best = {name: _best(summary, criterion, name) for name in names}
    rows = []
    for method in summary["methods"]:
        if method["skipped"]:
            said = f"skipped: {method['skipped']}"
            rows.append(ReportRow(method["name"], _note(method), (), "skipped", said))
            continue
        cells = []
        for name in names:
            figure = method["scores"][criterion][name]
            first = figure["value"] is not None and figure["value"] == best[name]
            tone = "best" if first and role(method["name"]) != "bound" else ""
            spread = figure.get("seed_deviation")
            hint = f"deviation over seeds {words.percent(spread)}" if spread is not None else ""
            cells.append(
                Cell(
                    words.percent(figure["value"]), words.ends(figure["interval"]), None, tone, hint
                )
            )
        rows.append(ReportRow(method["name"], _note(method), tuple(cells), role(method["name"])))
    for row in papers.retrieval:
        if row.criterion == criterion:
            cells = [Cell(f"{row.rates[n]:.1f}") if n in row.rates else Cell("") for n in names]
            where = f"as published: {_short(row.source)}, {row.where}"
            rows.append(ReportRow(row.method, where, tuple(cells), "paper"))
    return ReportTable(f"{criterion}: percent, and 95 % intervals", tuple(names), tuple(rows))


def differences(summary: Json, criterion: str) -> ReportTable:
    """Return the paired differences to the reference; those whose interval leaves 0 have a tone."""
    names = summary["measures"]
    rows = []
    for method in _ran(summary):
        figures = [method["scores"][criterion][name].get("difference") for name in names]
        if all(figures):
            cells = tuple(_difference(figure) for figure in figures)
            rows.append(ReportRow(method["name"], "", cells, role(method["name"])))
    caption = f"{criterion}: difference to {summary['reference']}, percentage points"
    return ReportTable(caption, tuple(names), tuple(rows))


def shown_methods(summary: Json, criterion: str, measure: str) -> list[str]:
    """Choose whom breakdowns show: the reference, its best rivals, chance."""
    reference = summary["reference"]
    rivals = [m for m in _ran(summary) if role(m["name"]) == "rival"]
    rivals.sort(key=lambda method: -(method["scores"][criterion][measure]["value"] or 0))
    there = [method["name"] for method in _ran(summary)]
    names = [reference, *(method["name"] for method in rivals[:RIVALS]), "random"]
    return [name for name in names if name in there]


def breakdown_table(breakdown: Json, methods: Sequence[str]) -> ReportTable:
    """Return the groups of a breakdown as rows, some methods as columns."""
    rows = []
    for group in breakdown["groups"]:
        cells = []
        for name in methods:
            figure = group["scores"][name]
            cells.append(
                Cell(
                    words.percent(figure["value"]), words.ends(figure["interval"]), figure["value"]
                )
            )
        note = f"{group['queries']:,} queries, {group['people']} people"
        rows.append(ReportRow(group["label"], note, tuple(cells)))
    caption = f"{breakdown['criterion']} {breakdown['measure']} by {breakdown['by']}, percent"
    return ReportTable(caption, tuple(methods), tuple(rows))


def group_marks(breakdown: Json, method: str) -> list[ReportMark]:
    """Return a method's mark in every group of a breakdown."""
    marks = []
    for group in breakdown["groups"]:
        note = f"{group['queries']:,} queries, {group['people']} people"
        label = f"{group['label']} ({group['people']})"
        marks.append(
            replace(_mark(method, note, group["scores"][method], ()), label=label, role="group")
        )
    return marks


def errors(summary: Json, papers: Published) -> ReportTable:
    """Return the mean squared errors: parts of the queries as rows, stages as columns."""
    stages = list(dict.fromkeys(stage for part in summary["mse"].values() for stage in part))
    rows = []
    for part, found in summary["mse"].items():
        figures = [found.get(stage, {"value": None, "interval": None}) for stage in stages]
        cells = [Cell(words.level(f["value"]), words.levels(f["interval"])) for f in figures]
        asked = max((figure["queries"] for figure in found.values()), default=0)
        rows.append(ReportRow(part, f"{asked:,} queries", tuple(cells)))
    for row in papers.errors:
        cells = [Cell(words.level(row.stages[s])) if s in row.stages else Cell("") for s in stages]
        where = f"as published: {_short(row.source)}, {row.where}"
        rows.append(ReportRow(row.part, where, tuple(cells), "paper"))
    return ReportTable(
        "Mean squared error to the target, grey levels squared", tuple(stages), tuple(rows)
    )


def heat_table(
    caption: str, values: Sequence[str], cells: Sequence[Sequence[float | None]]
) -> ReportTable:
    """Return a matrix whose cells are coloured from its least number to its greatest."""
    known = [cell for row in cells for cell in row if cell is not None]
    least, most = min(known, default=0.0), max(known, default=0.0)
    width = (most - least) or 1.0
    rows = []
    for value, row in zip(values, cells, strict=True):
        shown = [
            Cell("") if cell is None else Cell(f"{cell:,.0f}", heat=(cell - least) / width)
            for cell in row
        ]
        rows.append(ReportRow(value, "", tuple(shown)))
    return ReportTable(caption, tuple(values), tuple(rows))


def answers(summary: Json) -> list[tuple[str, str, list[tuple[str, float, str]]]]:
    """Return, for each method, its role and the shares of what stands first: kind, share, text."""
    found = []
    for method in summary["methods"]:
        if "answers" in method:
            first = method["answers"]["first"]
            parts = [(kind, 100 * first[kind], words.percent(first[kind])) for kind in words.KINDS]
            found.append((method["name"], role(method["name"]), parts))
    return found


def answer_table(summary: Json) -> ReportTable:
    """Return how many images of each kind stand in the first ranks."""
    kinds = list(words.KINDS)
    rows, depth = [], 0
    for method in summary["methods"]:
        if "answers" in method:
            depth = method["answers"]["among"]
            counts = method["answers"]["mean_of_among"]
            cells = tuple(Cell(f"{counts[kind]:.2f}", heat=counts[kind] / depth) for kind in kinds)
            rows.append(ReportRow(method["name"], "", cells, role(method["name"])))
    caption = f"Images of each kind among the first {depth}, mean over the C2 queries"
    return ReportTable(caption, tuple(words.KINDS.values()), tuple(rows))


def confidence(summary: Json) -> ReportTable:
    """Return how often first answers were right, by how sure they were: methods as rows."""
    rows = []
    columns: tuple[str, ...] = ()
    for method in _ran(summary):
        found = method.get("confidence")
        if not found:
            continue
        bins = found["bins"]
        columns = tuple(f"{100 * one['from']:.0f}-{100 * one['to']:.0f} %" for one in bins)
        cells = [
            Cell(words.percent(one["right"]), f"of {one['answers']:,}", one["right"])
            if one["answers"]
            else Cell("")
            for one in bins
        ]
        error = words.percent(found["expected_calibration_error"])
        note = f"off by {error} points in the mean"
        if found["withheld"]:
            note += f"; withheld for {words.percent(found['withheld'])} %"
        rows.append(ReportRow(method["name"], note, tuple(cells), role(method["name"])))
    caption = "Right under C1, percent of the first answers, by their confidence"
    return ReportTable(caption, columns, tuple(rows))


def costs(summary: Json) -> ReportTable:
    """Return times and sizes."""
    rows = []
    asked = summary["queries"]["C1"]
    for method in summary["methods"]:
        if "curve" in method:
            seconds = method["query_s"]
            each = None if seconds is None or not asked else seconds / asked
            texts = (
                words.duration(method["build_s"]),
                words.duration(seconds),
                words.duration(each),
                words.size(method["index_bytes"]),
            )
            rows.append(
                ReportRow(method["name"], "", tuple(map(Cell, texts)), role(method["name"]))
            )
    columns = ("preparing", "all queries", "one query", "index")
    return ReportTable("Time and memory", columns, tuple(rows))


def _ran(summary: Json) -> list[Json]:
    return [method for method in summary["methods"] if "scores" in method]


def _mark(name: str, note: str, figure: Json, papers: Sequence[float]) -> ReportMark:
    at = 100 * (figure["value"] or 0.0)
    low, high = (100 * end for end in figure["interval"] or (figure["value"] or 0.0,) * 2)
    text, interval = words.percent(figure["value"]), words.ends(figure["interval"])
    return ReportMark(name, note, text, interval, at, low, high, tuple(papers), role(name))


def _best(summary: Json, criterion: str, measure: str) -> float | None:
    """Return the best value of those that could be used: no oracles."""
    values = [
        method["scores"][criterion][measure]["value"]
        for method in _ran(summary)
        if role(method["name"]) != "bound"
    ]
    return max((value for value in values if value is not None), default=None)


def _difference(figure: Json) -> Cell:
    ends = figure["interval"]
    tone = "" if ends is None else "up" if ends[0] > 0 else "down" if ends[1] < 0 else ""
    return Cell(words.change(figure["value"]), words.changes(ends), None, tone)


def _note(method: Json) -> str:
    seeds = len(method.get("seeds", ()))
    several = f"; mean of {seeds} seeds" if seeds > 1 else ""
    return f"{method['note']}{several}"


def _short(source: str) -> str:
    return {"arxiv": "arXiv 1511.08446", "bmvc": "BMVC 2016"}.get(source, source)
