"""report.html: one page that needs nothing else: no network, no script, pictures inside it.

The template (page/page.html.j2) escapes everything it is given: names of people, files and methods
come from the user's data.
"""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from retrieval.evaluation.outputs import chart, editing, examples, pictures, views, words
from retrieval.evaluation.outputs.shapes import Cell, ReportMark, ReportTable
from retrieval.evaluation.published import Published, published
from retrieval.evaluation.records import Record

Json = Mapping[str, Any]


def to_html(summary: Json, record: Record) -> str:
    """Return the page.

    Args:
        summary: What `summarise` returned.
        record: Record of the same benchmark, for its pictures.
    """
    environment = Environment(
        loader=PackageLoader("retrieval.evaluation.outputs", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = files("retrieval.evaluation.outputs").joinpath("page/style.css").read_text("utf-8")
    template = environment.get_template("page.html.j2")
    return template.render(style=Markup(style), **_context(summary, record))  # noqa: S704  our own file


def _context(summary: Json, record: Record) -> dict[str, Any]:
    papers = published(summary["wishes"])
    measure = next((n for n in summary["measures"] if n == "R@5"), summary["measures"][0])
    shown = views.shown_methods(summary, "C2", measure)
    good, bad = examples.choose(record)
    return {
        "summary": summary,
        "title": words.title(summary),
        "asked": words.asked(summary),
        "intervals": words.intervals(summary),
        "key_figures": _key_figures(summary),
        "measure": measure,
        "headlines": {c: views.headline(summary, c, measure, papers) for c in ("C2", "C1")},
        "rates": [views.rates(summary, criterion, papers) for criterion in ("C2", "C1")],
        "differences": [views.differences(summary, criterion) for criterion in ("C2", "C1")],
        "papers": _cited(papers),
        "skipped": [m for m in summary["methods"] if m["skipped"]],
        "errors": views.errors(summary, papers),
        "matrices": _matrices(summary, papers),
        "maps": _maps(record),
        "scale": pictures.scale(),
        "charts": _charts(summary, shown),
        "groups": _groups(summary),
        "breakdowns": _breakdowns(summary, shown),
        "kinds": words.KINDS,
        "answers": views.answers(summary),
        "answer_table": views.answer_table(summary),
        "estimates": _estimates(summary, papers),
        "editing": _editing(summary["editing"]),
        "galleries": (("Successes", "success", good), ("Failures", "failure", bad)),
        "confidence": views.confidence(summary),
        "costs": views.costs(summary),
        "seconds": {phase: words.duration(s) for phase, s in summary["seconds"].items()},
        "sides": {
            "width": chart.WIDTH,
            "height": chart.HEIGHT,
            "left": chart.LEFT,
            "right": chart.WIDTH - chart.RIGHT,
            "bottom": chart.HEIGHT - chart.BOTTOM,
        },
    }


def _key_figures(summary: Json) -> list[tuple[str, str, str]]:
    """Return the numbers that stand on top: number, name, and what it is of."""
    ours = next(m for m in summary["methods"] if m["name"] == summary["reference"])
    figures = []
    for criterion in ("C2", "C1"):
        for name in ("R@1", "R@5"):
            if name in ours.get("scores", {}).get(criterion, {}):
                figure = ours["scores"][criterion][name]
                ends = words.ends(figure["interval"])
                between = f"[{ends}]" if ends else ""
                figures.append(
                    (f"{words.percent(figure['value'])} %", f"{criterion} {name}", between)
                )
    error = summary["mse"].get("all", {}).get("stage 2")
    if error is not None:
        between = f"[{words.levels(error['interval'])}]" if error["interval"] else ""
        figures.append((words.level(error["value"]), "MSE, stage 2", between))
    figures.append((f"{summary['gallery']:,}", "gallery images", f"{summary['identities']} people"))
    return figures


def _matrices(summary: Json, papers: Published) -> list[ReportTable]:
    """Return the errors by pair of values: of the last stage, and as published."""
    stages = [one["stage"] for one in summary["mse_matrix"]]
    chosen = "stage 2" if "stage 2" in stages else (stages or [""])[0]
    tables = [
        views.heat_table(f"Ours, {chosen}: {one['attribute']}", one["values"], one["mean"])
        for one in summary["mse_matrix"]
        if one["stage"] == chosen
    ]
    for one in papers.matrices:
        caption = f"As published: {papers.sources[one.source].citation}, {one.where}"
        tables.append(views.heat_table(caption, one.values, one.cells))
    return tables


def _maps(record: Record) -> list[tuple[str, str, list[Cell]]]:
    """Return, by wished attribute, what yellow is and a picture of each value, on one scale."""
    drawn = [(one, one.total / one.count) for one in record.drawings.maps if one.count]
    most = max((float(np.quantile(mean, 0.995)) for _, mean in drawn), default=0.0)
    found: dict[str, list[Cell]] = {}
    for one, mean in drawn:
        attribute = record.gallery.space.attributes[one.attribute]
        uri = pictures.error_map(np.minimum(mean, most), most)
        said = f"{words.level(float(mean.mean()))}, {one.count:,} queries"
        cell = Cell(attribute.values[one.value], said, hint=uri)
        found.setdefault(attribute.name, []).append(cell)
    return [(name, words.level(most), cells) for name, cells in found.items()]


def _charts(summary: Json, shown: Sequence[str]) -> list[chart.Chart]:
    """Draw the breakdowns by size of a change; there, C2 comes first."""
    chosen = [one for one in summary["breakdowns"] if one["by"].startswith("change of ")]
    return [
        chart.line_chart(one, shown)
        for one in sorted(chosen, key=lambda b: -int(b["criterion"][1]))
    ]


def _groups(summary: Json) -> list[tuple[str, list[ReportMark]]]:
    """Return the reference's hit rates under C2 in the groups that no chart shows."""
    return [
        (
            f"{summary['reference']}, C2 {one['measure']} by {one['by']} (people)",
            views.group_marks(one, summary["reference"]),
        )
        for one in summary["breakdowns"]
        if one["criterion"] == "C2"
        and not one["by"].startswith("change of ")
        and all(summary["reference"] in group["scores"] for group in one["groups"])  # it was run
    ]


def _breakdowns(summary: Json, shown: Sequence[str]) -> list[tuple[str, list[ReportTable]]]:
    """Return the tables of each breakdown, C2 first."""
    found: dict[str, list[ReportTable]] = {}
    for one in summary["breakdowns"]:
        found.setdefault(one["by"], []).insert(0, views.breakdown_table(one, shown))
    return list(found.items())


def _estimates(summary: Json, papers: Published) -> list[tuple[str, ReportTable]]:
    found = []
    published_ones = "; ".join(
        f"as published, by {row.by}: {row.percent:.1f} % ({row.where})" for row in papers.estimates
    )
    for one in summary["estimates"]:
        said = (
            f"{one['attribute']} estimated by {one['by']}: right on"
            f" {words.percent(one['accuracy'])} % of {one['images']:,} images"
        )
        totals = [sum(row) or 1 for row in one["confusion"]]
        shares = [
            [100 * cell / total for cell in row]
            for row, total in zip(one["confusion"], totals, strict=True)
        ]
        note = (
            f" ({published_ones})" if published_ones and one["by"] != summary["reference"] else ""
        )
        table = views.heat_table(
            "true value (row), estimated value (column), percent", one["values"], shares
        )
        found.append((said + note, table))
    return found


def _editing(found: Json | None) -> Json | None:
    """Return tables and notes of the measures of editing, or None if they were not taken."""
    if found is None:
        return None
    return {
        "about": words.EDITING,
        "table": editing.table(found),
        "costs": editing.costs(found),
        "notes": editing.notes(found),
        "judges": editing.judges(found),
    }


def _cited(papers: Published) -> list[tuple[str, str]]:
    used = {row.source for row in papers.retrieval} | {row.source for row in papers.errors}
    return [(one.citation, one.data) for key, one in papers.sources.items() if key in used]
