"""Write docs/editors.md and its pictures from what experiments/editors/run.sh trained and measured.

What a person wrote between the marks `<!-- taught -->` and `<!-- /taught -->` stays as it is.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.editors.comparison import check_alike, editors_table
from experiments.editors.plan import FOLDER, Editor, Plan, read_plan
from experiments.editors.words import (
    ALIKE,
    GRAY,
    GRID_SAYS,
    HEAD,
    LEFT_OUT,
    PAIRED_SAYS,
    PROBES_SAY,
    SMALL,
    UNTAUGHT,
)
from gallery.errors import ConfigError, UserError
from gallery.files import write_whole
from retrieval.evaluation.outputs import editing, words
from retrieval.evaluation.outputs.tables import to_table
from retrieval.evaluation.statistics.comparison import Comparison, compare

Json = Mapping[str, Any]
OPENED, CLOSED = "<!-- taught -->\n", "<!-- /taught -->"
BASE = "sargan"  # the setting that the grid changes
RIVALS, TRIAL = "rivals", FOLDER / "trial.md"  # a group, and what is told until it is trained
MEASURED = ("mse", "ssim", "acd", "fid", "accuracy")
RATES = (("C1", "R@1"), ("C1", "R@5"), ("C2", "R@1"), ("C2", "R@5"))
PROBES = ("ours", "ours-pixels", "raw/pixels", "random")


def write_page(out: Path, docs: Path, plan: Plan) -> Path:
    """Write the page of all editors that have results.

    Args:
        out: Folder with editors/SET/NAME (trainings) and results/SET/NAME (benchmarks).
        docs: Folder of the page.
        plan: Sets and editors.

    Raises:
        ConfigError: Nothing has been measured, or editors of a set were measured on other edits.
    """
    measured = [one for one in plan.editors if (out / "results" / one.set / one.name).is_dir()]
    if not measured:
        raise ConfigError(
            f"{out / 'results'} holds no results; run experiments/editors/run.sh bench"
        )
    page = docs / "editors.md"
    parts = [HEAD, f"## What it teaches\n\n{OPENED}{_taught(page)}{CLOSED}\n\n"]
    parts.append(_trained(out, measured))
    parts += [
        _set(out, docs, name, [one for one in measured if one.set == name])
        for name in dict.fromkeys(one.set for one in measured)
    ]
    if not any(one.group == RIVALS for one in measured):
        parts.append(TRIAL.read_text("utf-8"))
    parts.append(LEFT_OUT)
    write_whole(page, "".join(parts).encode())
    return page


def _taught(page: Path) -> str:
    """Return what a person wrote on an earlier page."""
    if not page.is_file():
        return UNTAUGHT
    _, opened, rest = page.read_text("utf-8").partition(OPENED)
    taught, closed, _ = rest.partition(CLOSED)
    if not (opened and closed):
        raise ConfigError(
            f"{page} has no {OPENED.strip()} … {CLOSED} around what a person wrote; put them there,"
            " or delete the page"
        )
    return taught


def _trained(out: Path, editors: Sequence[Editor]) -> str:
    """Return what was trained on what, and how long."""
    rows, batches = [], set()
    for one in editors:
        folder = out / "editors" / one.set / one.name
        asked, card = _json(folder / "run.json"), _json(folder / "weights.json")
        recipe = asked["recipe"]
        batch, every = recipe["batch_size"], recipe.get("critic_steps", 1)
        batches.add(str(batch))
        seen = recipe["steps"] // every * batch
        alone = one.architecture.startswith(("two-stage", "mindseye"))
        critic = "none" if alone else f"{seen * every:,}"
        people = len(card["train_identities"])
        cost = _results(out, one)["editing"]["costs"][0]
        rows.append(
            f"| {one.set} | `{one.name}` | {one.architecture} | {_settings(asked['network'])} |"
            f" {people} | {card['data']['images']:,} | {seen:,} | {critic} |"
            f" {minutes(folder / 'log.jsonl', batch):.1f} | {editing.cost_texts(cost)[0]} |"
        )
    machine = _machine(_results(out, editors[0]))
    said = ALIKE.format(batch=" and ".join(sorted(batches)), machine=machine)
    head = (
        "| set | editor | family | settings | people | images | generator saw | critic saw |"
        " minutes | parameters |\n|---|---|---|---|---:|---:|---:|---:|---:|---:|\n"
    )
    return f"## What was trained\n\n{said}{head}" + "\n".join(rows) + "\n\n"


def minutes(log: Path, batch: int) -> float:
    """Return how long a training took, from its log.

    The rate that a line tells is that since the start or the last resumption; it is taken for all.
    """
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    ends = {line["stage"]: line["step"] for line in lines}
    return float(batch * sum(ends.values()) / lines[-1]["images_per_s"] / 60)


def _set(out: Path, docs: Path, name: str, editors: Sequence[Editor]) -> str:
    """Return the results of one set, and copy its picture."""
    results = {one.name: _results(out, one) for one in editors}
    check_alike(results)
    picture = f"editors-{name.removeprefix('studio-')}.png"
    if name == "studio-expressions":
        picture = "editors.png"
    shutil.copyfile(out / "results" / name / "editors.png", docs / picture)
    first = next(iter(results.values()))
    parts = [
        f"## {name}",
        f"![source, true target, and every editor on the same faces]({picture})",
        f"{first['editing']['edits']:,} edits, alike for all. {words.EDITING}",
        to_table(editors_table(results), "editor"),
        SMALL,
        GRAY if "two-stage-32" in results else "",
        _notes(results),
        "### As probes",
        f"{PROBES_SAY} {first['definition']}",
        _probes(results),
    ]
    if sum(one.architecture in {"sargan", "stargan"} for one in editors) > 2:
        parts += ["### SARGAN's claims", GRID_SAYS, _grid(out, editors, results)]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n\n"


def _notes(results: Mapping[str, Json]) -> str:
    """Return what has to be known of the figures; what holds for several editors, once."""
    said: dict[str, list[str]] = {}
    for name, one in results.items():
        for note in editing.notes(one["editing"]):
            said.setdefault(note, []).append(f"`{name}`")
    return "\n".join(
        f"- {note}" if len(names) == len(results) else f"- {', '.join(names)}: {note}"
        for note, names in said.items()
    )


def _probes(results: Mapping[str, Json]) -> str:
    """Return the hit rates of all methods and editors; what depends on no editor, once."""
    lines = [f"| editor | probe | {' | '.join(f'{c} {n}' for c, n in RATES)} |"]
    lines.append("|---|---|" + "---:|" * len(RATES))
    for editor, one in results.items():
        scores = {method["name"]: method.get("scores") for method in one["methods"]}
        lines += [
            f"| `{editor}` | `{method}` | {_rates(scores[method])} |"
            for method in PROBES[:2]
            if scores.get(method)
        ]
    lines += [
        f"| | `{method}` | {_rates(scores[method])} |"
        for method in PROBES[2:]
        if scores.get(method)
    ]
    return "\n".join(lines)


def _rates(scores: Json) -> str:
    said = []
    for criterion, name in RATES:
        figure = scores[criterion][name]
        ends = words.ends(figure["interval"])
        said.append(f"{words.percent(figure['value'])} {f'[{ends}]' if ends else ''}".strip())
    return " | ".join(said)


def _grid(out: Path, editors: Sequence[Editor], results: Mapping[str, Json]) -> str:
    """Return the networks that differ in block, number and skip alone; then their differences."""
    table = editors_table(results)
    rows = {row.head: dict(zip(table.columns, row.cells, strict=True)) for row in table.rows}
    headings = dict(zip(editing.MEASURES, editing.headings(), strict=True))
    columns = [headings[name] for name in MEASURED]
    lines = [f"| editor | block | blocks | input added | {' | '.join(columns)} |"]
    lines.append("|---|---|---:|---|" + "---:|" * len(columns))
    paired = []
    for one in editors:
        if one.architecture not in {"sargan", "stargan"}:
            continue
        shape = _json(out / "editors" / one.set / one.name / "weights.json")["network"]
        cells = [rows[one.name][column] for column in columns]
        said = [f"{cell.text} [{cell.small}]" if cell.small else cell.text for cell in cells]
        skip = "yes" if shape["skip"] else "no"
        lines.append(
            f"| `{one.name}` | {shape['block']} | {shape['blocks']} | {skip} | {' | '.join(said)} |"
        )
        if one.name != BASE:
            folder = out / "results" / one.set
            paired += _differences(one.name, compare(folder / BASE, folder / one.name))
    head = f"| editor | probe | {' | '.join(f'{c} {n}' for c, n in RATES)} |"
    under = "|---|---|" + "---:|" * len(RATES)
    said = PAIRED_SAYS.format(base=BASE)
    return "\n".join([*lines, "", said, "", head, under, *paired])


def _differences(name: str, found: Comparison) -> list[str]:
    """Return a line for each kind of probe: what changes against the first of two."""
    changes = {(one.method, one.criterion, one.measure): one.change for one in found.differences}
    lines = []
    for method in PROBES[:2]:
        cells = [changes.get((method, *rate)) for rate in RATES]
        said = [
            words.NONE
            if cell is None
            else f"{words.change(cell.value)} {words.changes(cell.interval)}".strip()
            for cell in cells
        ]
        lines.append(f"| `{name}` | `{method}` | {' | '.join(said)} |")
    return lines


def _settings(network: Json) -> str:
    said = [f"{name} {str(value).lower()}" for name, value in network.items() if name != "size"]
    return ", ".join(said) or "as they are"


def _results(out: Path, editor: Editor) -> Json:
    return _json(out / "results" / editor.set / editor.name / "results.json")


def _json(path: Path) -> Json:
    try:
        found: Json = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"Cannot read {path}: {error}; run experiments/editors/run.sh") from error
    return found


def _machine(results: Json) -> str:
    return str(results["machine"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder of experiments/editors/run.sh")
    parser.add_argument("docs", type=Path)
    given = parser.parse_args()
    try:
        write_page(given.out, given.docs, read_plan())
    except UserError as error:
        sys.exit(str(error))
