"""Several benchmarks, one for each wish, on one page of Markdown: all methods with their intervals.

Example: python -m experiments.folds.page runs/folds/pose --head intro.md > docs/cmu-faces.md
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gallery.errors import UserError
from retrieval.evaluation.outputs import words
from retrieval.evaluation.statistics.comparison import read_results

COLUMNS = tuple(
    (criterion, name)
    for criterion, names in (("C1", ("R@1", "R@5")), ("C2", ("R@1", "R@5", "R@20", "mAP")))
    for name in names
)
STAGES = {"source": "unedited source", "stage 1": "first drawing", "stage 2": "refined"}

Results = Mapping[str, Any]


def section(results: Results) -> str:
    """Return what one benchmark found, as Markdown."""
    wishes = ", ".join(f"`{name}`" for name in results["wishes"])
    asked, folds = results["queries"], results["folds"]
    galleries = ", ".join(f"{fold['gallery']:,}" for fold in folds)
    head = (
        f"{asked['C1']:,} queries under C1, {asked['C2']:,} of them under C2, about"
        f" {results['identities']} people; galleries of {galleries} images."
    )
    lines = [
        *(f"## {wishes}", "", head, ""),
        "| method | " + " | ".join(f"{criterion} {name}" for criterion, name in COLUMNS) + " |",
        "|---|" + "---:|" * len(COLUMNS),
    ]
    ran = [method for method in results["methods"] if not method["skipped"]]
    lines += [row(method) for method in ran]
    lines += ["", *estimates(results), *errors(results)]
    lines += skipped(results)
    return "\n".join([*lines, ""])


def row(method: Mapping[str, Any]) -> str:
    """Return a method's row; the first columns of each criterion have intervals."""
    cells = []
    for criterion, name in COLUMNS:
        found = method["scores"][criterion][name]
        cells.append(words.figure(found["value"], found["interval"] if name == "R@1" else None))
    return f"| `{method['name']}` | " + " | ".join(cells) + " |"


def estimates(results: Results) -> list[str]:
    """Say how often values of the gallery were estimated rightly."""
    return [
        f"- `{one['attribute']}` of gallery images estimated by `{one['by']}`:"
        f" {100 * one['accuracy']:.1f} % right."
        for one in results["estimates"]
    ]


def errors(results: Results) -> list[str]:
    """Say how far drawings are from their targets."""
    found = results["mse"]["all"]
    spelt = ", ".join(f"{STAGES[name]} {found[name]['value']:,.0f}" for name in STAGES)
    return [f"- Mean squared error to the target: {spelt}."]


def skipped(results: Results) -> list[str]:
    """Name what did not run, once for each reason."""
    reasons: dict[str, list[str]] = {}
    for method in results["methods"]:
        if method["skipped"]:
            reasons.setdefault(method["skipped"], []).append(f"`{method['name']}`")
    return [f"- Not run: {', '.join(names)}: {reason}." for reason, names in reasons.items()]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="+", type=Path)
    parser.add_argument("--head", type=Path, help="Markdown that stands above")
    given = parser.parse_args()
    try:
        sections = [section(read_results(path)[0]) for path in given.results]
    except UserError as error:
        sys.exit(f"Error: {error}")
    head = [given.head.read_text("utf-8")] if given.head else []
    sys.stdout.write("\n".join([*head, *sections]))
