"""Several editors in one table: what their benchmarks measured, side by side, in Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from gallery.errors import ConfigError
from retrieval.evaluation.edit_records import EDITED, SOURCE, TARGET
from retrieval.evaluation.outputs import editing, words
from retrieval.evaluation.outputs.shapes import Cell, ReportRow, ReportTable
from retrieval.evaluation.outputs.tables import to_table

Json = Mapping[str, Any]
HIT_RATES = tuple((criterion, name) for criterion in ("C1", "C2") for name in ("R@1", "R@5"))
ALIKE = ("spec", "protocol", "queries", "wishes")  # of two results that can be compared


def compare_editors(results: Mapping[str, Json]) -> str:
    """Return the table of all editors, with what has to be known to read it, as Markdown.

    Args:
        results: What `results.json` of each editor's benchmark holds, by the editor's name.

    Raises:
        ConfigError: One was not measured with --editing, or two were measured on other edits.
    """
    check_alike(results)
    first = next(iter(results.values()))
    commands = "\n".join(one["command"] for one in results.values())
    notes = dict.fromkeys(
        f"`{name}`: {note}"
        for name, one in results.items()
        for note in editing.notes(one["editing"])
    )
    parts = [
        f"{first['editing']['edits']:,} edits of {first['spec']}, alike for all. {words.EDITING}",
        to_table(editors_table(results), "editor"),
        "\n".join(f"- {note}" for note in notes),
        f"Hit rates and accuracy of `{first['reference']}`. {first['definition']}",
        f"```\n{commands}\n```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def check_alike(results: Mapping[str, Json]) -> None:
    """Refuse results that do not tell of the same edits.

    Raises:
        ConfigError: One was not measured with --editing, or two were measured on other edits.
    """
    if not results:
        raise ConfigError("There is no editor to compare; name at least one set of weights")
    first_name, first = next(iter(results.items()))
    for name, one in results.items():
        if one.get("editing") is None:
            raise ConfigError(f"{name} was benchmarked without --editing; run it again with it")
        for part in ALIKE:
            if one[part] != first[part]:
                raise ConfigError(
                    f"{name} and {first_name} were measured on other edits: {part} is"
                    f" {one[part]} and {first[part]}; benchmark both alike"
                )


def editors_table(results: Mapping[str, Json]) -> ReportTable:
    """Return a row for the source, the target and each editor."""
    first = next(iter(results.values()))["editing"]
    nothing = tuple(Cell("") for _ in (*HIT_RATES, 0, 0, 0))
    rows = [
        ReportRow(name, note, (*editing.cells(first["editors"][name]), *nothing))
        for name, note in ((SOURCE, "unedited"), (TARGET, "true"))
    ]
    for name, one in results.items():
        found = one["editing"]
        cells = [*editing.cells(found["editors"][EDITED]), *_hit_rates(one), *_costs(found)]
        rows.append(ReportRow(name, "", tuple(cells)))
    columns = (
        *editing.headings(),
        *(f"{criterion} {name} ↑" for criterion, name in HIT_RATES),
        "parameters",
        "ms an image, alone",
        "of 64",
    )
    return ReportTable("Editors", columns, tuple(rows))


def _hit_rates(results: Json) -> list[Cell]:
    """Return hit rates of the drawings as probes, in percent."""
    ours: Json = next((m for m in results["methods"] if m["name"] == results["reference"]), {})
    cells = []
    for criterion, name in HIT_RATES:
        figure = ours.get("scores", {}).get(criterion, {}).get(name)
        if figure is None:
            cells.append(Cell(words.NONE))
        else:
            cells.append(Cell(words.percent(figure["value"]), words.ends(figure["interval"])))
    return cells


def _costs(found: Json) -> list[Cell]:
    """Return size and speed; of folds, those of the first."""
    costs: Sequence[Json] = found["costs"]
    return [Cell(text) for text in editing.cost_texts(costs[0])]
