"""table.md: what was measured, in Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from retrieval.evaluation.outputs import editing, words
from retrieval.evaluation.outputs.shapes import ReportTable
from retrieval.evaluation.published import Published, published

Json = Mapping[str, Any]
# Besides the reference, the methods whose hit rates are told by source value and wished value.
BY_VALUES = ("fused", "landmarks+sface")


def to_markdown(summary: Json) -> str:
    """Return what `summarise` returned as Markdown."""
    papers = published(summary["wishes"])
    parts = [f"# {words.title(summary)}", words.asked(summary), summary["definition"]]
    for criterion in summary["criteria"]:
        parts += [f"## {criterion}", _rates(summary, criterion, papers)]
        differences = _differences(summary, criterion)
        if differences:
            parts += [f"Paired difference to `{summary['reference']}`:", differences]
    parts += ["## First answers", _first_answers(summary), *_by_values(summary)]
    parts += ["## Drawings", _errors(summary, papers), _estimates(summary, papers)]
    confidence = _confidence(summary)
    parts += ["## Confidence of first answers", confidence] if confidence else []
    if summary["editing"] is not None:
        parts += ["## Editing", _editing(summary["editing"])]
    parts += ["## Not run", _skipped(summary)]
    parts += [
        "## How",
        words.intervals(summary),
        f"```\n{summary['command']}\n```",
        _hashes(summary),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def headline(summary: Json) -> str:
    """Return the first thing to look at: hit rates of every method, and the errors of drawings."""
    names = [name for name in summary["measures"] if name.startswith("R@")]
    columns = [(criterion, name) for criterion in summary["criteria"] for name in names]
    rows = [
        [
            f"`{method['name']}`",
            *(words.percent(method["scores"][c][n]["value"]) for c, n in columns),
        ]
        for method in summary["methods"]
        if "scores" in method
    ]
    head = ["percent", *(f"{criterion} {name}" for criterion, name in columns)]
    return "\n\n".join([words.asked(summary), _table(head, rows)])


def _rates(summary: Json, criterion: str, papers: Published) -> str:
    names = summary["measures"]
    rows = [
        [_named(method), *(_cell(method["scores"][criterion][name]) for name in names)]
        for method in summary["methods"]
        if "scores" in method
    ]
    for row in papers.retrieval:
        if row.criterion == criterion:
            cells = [f"{row.rates[name]:.1f}" if name in row.rates else "" for name in names]
            rows.append([f"*{row.method}* as published: {row.source} {row.where}", *cells])
    table = _table([f"{criterion}, percent", *names], rows)
    return f"{table}\n\n{_cited(papers)}".strip()


def _differences(summary: Json, criterion: str) -> str:
    names = summary["measures"]
    rows = []
    for method in summary["methods"]:
        scores = method.get("scores", {}).get(criterion, {})
        found = [scores[name].get("difference") for name in names if name in scores]
        if found and all(found):
            cells = [f"{words.change(d['value'])} {_signed(d['interval'])}".strip() for d in found]
            rows.append([f"`{method['name']}`", *cells])
    return _table([f"{criterion}, points", *names], rows) if rows else ""


def _first_answers(summary: Json) -> str:
    """Return what stands first, in shares of the C2 queries: methods as rows, kinds as columns."""
    rows = [
        [f"`{m['name']}`", *(words.percent(m["answers"]["first"][kind]) for kind in words.KINDS)]
        for m in summary["methods"]
        if "answers" in m
    ]
    head = ["percent of the C2 queries", *words.KINDS.values()]
    return _table(head, rows) if rows else ""


def _by_values(summary: Json) -> list[str]:
    """Return hit rates by source value and wished value, of the methods that matter most."""
    parts = []
    for one in summary["hit_matrix"]:
        shown = [name for name in (summary["reference"], *BY_VALUES) if name in one["rates"]]
        for name in shown if one["criterion"] == "C1" else ():
            corner = f"`{name}`, C1 {one['measure']}: {one['attribute']} of the source"
            rows = [
                [value, *(words.percent(cell) for cell in row)]
                for value, row in zip(one["values"], one["rates"][name], strict=True)
            ]
            parts.append(_table([corner, *one["values"]], rows))
    if parts:
        parts.insert(0, "By the value of the source (row) and the wished one (column), percent:")
    return parts


def _errors(summary: Json, papers: Published) -> str:
    """Return the mean squared errors; a stage is a column."""
    stages = list(dict.fromkeys(stage for part in summary["mse"].values() for stage in part))
    rows = []
    for part, found in summary["mse"].items():
        cells = [_error(found.get(stage)) for stage in stages]
        rows.append([f"{part}, {max((f['queries'] for f in found.values()), default=0):,}", *cells])
    for row in papers.errors:
        cells = [words.level(row.stages[stage]) if stage in row.stages else "" for stage in stages]
        rows.append([f"*{row.part}* as published: {row.source} {row.where}", *cells])
    if not stages:
        return ""
    table = _table(["queries", *stages], rows)
    return (
        "Mean squared error to the target of the C2 queries, per pixel and channel, grey levels"
        f" squared; `source` is the unedited source.\n\n{table}"
    )


def _estimates(summary: Json, papers: Published) -> str:
    rows = [
        [f"`{one['by']}`", one["attribute"], words.percent(one["accuracy"]), f"{one['images']:,}"]
        for one in summary["estimates"]
    ]
    rows += [
        [f"*{row.by}* as published: {row.source} {row.where}", "", f"{row.percent:.1f}", ""]
        for row in papers.estimates
    ]
    head = ["values of gallery images estimated by", "attribute", "right, percent", "images"]
    return _table(head, rows) if summary["estimates"] else ""


def _confidence(summary: Json) -> str:
    rows = [
        [
            f"`{method['name']}`",
            words.percent(found["withheld"]),
            words.percent(found["mean"]),
            words.percent(found["right"]),
            words.percent(found["expected_calibration_error"]),
        ]
        for method in summary["methods"]
        if (found := method.get("confidence"))
    ]
    head = [
        *("percent", "withheld", "mean confidence", "right under C1"),
        "expected calibration error",
    ]
    return _table(head, rows) if rows else ""


def _editing(found: Json) -> str:
    """Return the measures of editing, what drawing takes, and who judged."""
    judges = [f"- {label}: {said}" for label, said in editing.judges(found)]
    notes = [f"- {note}" for note in editing.notes(found)]
    parts = [
        f"{found['edits']:,} edits. {words.EDITING}",
        to_table(editing.table(found), "editor"),
        "\n".join(notes),
        to_table(editing.costs(found), "generator"),
        "Judged by:\n\n" + "\n".join(judges) if judges else "",
    ]
    return "\n\n".join(part for part in parts if part)


def to_table(shape: ReportTable, corner: str) -> str:
    """Return a table of the page as Markdown."""
    rows = [
        [
            f"`{row.head}` {row.note}".strip(),
            *(f"{cell.text} [{cell.small}]" if cell.small else cell.text for cell in row.cells),
        ]
        for row in shape.rows
    ]
    return _table([corner, *shape.columns], rows)


def _skipped(summary: Json) -> str:
    rows = [f"- `{m['name']}`: {m['skipped']}" for m in summary["methods"] if m["skipped"]]
    return "\n".join(rows) or "Every method was run."


def _hashes(summary: Json) -> str:
    return _table(["SHA-256 of", ""], [[name, f"`{h}`"] for name, h in summary["hashes"].items()])


def _cited(papers: Published) -> str:
    keys = dict.fromkeys(row.source for row in papers.retrieval)
    cited = [f"{key}: {papers.sources[key].citation}; {papers.sources[key].data}" for key in keys]
    return f"As published, on other data. {'. '.join(cited)}." if cited else ""


def _named(method: Json) -> str:
    note = f" {method['note']}" if method["note"] else ""
    several = len(method.get("seeds", ())) > 1
    seeds = f", mean of {len(method['seeds'])} seeds" if several else ""
    return f"`{method['name']}`{note}{seeds}"


def _cell(figure: Json) -> str:
    ends = words.ends(figure["interval"])
    return words.percent(figure["value"]) + (f" [{ends}]" if ends else "")


def _signed(interval: Sequence[float] | None) -> str:
    return f"[{words.changes(interval)}]" if interval else ""


def _error(figure: Json | None) -> str:
    if figure is None or figure["value"] is None:
        return ""
    ends = figure["interval"]
    return words.level(figure["value"]) + (f" [{words.levels(ends)}]" if ends else "")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines
    )
