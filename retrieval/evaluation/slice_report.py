"""What a benchmark leaves: results.json and table.md."""

import json
from pathlib import Path
from typing import Any

from gallery.files import write_whole
from retrieval.evaluation.baselines import METHODS
from retrieval.evaluation.protocols import CRITERIA
from retrieval.evaluation.results import Results

FORMAT = 1
DEFINITION = (
    "R@K, printed as recall@K in the papers, is the hit rate: the share of queries with a right"
    " image among the first K. C1: identity and wished value are right. C2: every other attribute"
    " is as in the source image, too."
)
_NOTES = {
    "ours": "drawing against canonical views, refiner features",
    "ours-pixels": "drawing against canonical views, pixels",
    "two-step-true/features": "true wished value, then the unedited source's features",
    "two-step-true/pixels": "true wished value, then the unedited source's pixels",
    "random": "chance, computed",
}


def to_json(results: Results) -> dict[str, Any]:
    """Return results as JSON; docs/protocol.md describes the fields."""
    protocol = results.protocol
    methods = {
        method: {
            criterion: {
                str(k): _rounded(results.hit_rate(method, criterion, k), 6)
                for k in protocol.cutoffs
            }
            for criterion in CRITERIA
        }
        for method in (*METHODS, "random")
    }
    right = sum(fold.estimates_right for fold in results.folds)
    total = sum(fold.estimates for fold in results.folds)
    return {
        "format": FORMAT,
        "spec": results.spec,
        "protocol": {
            "queries": protocol.queries,
            "seed": protocol.seed,
            "cutoffs": list(protocol.cutoffs),
            "exclude_source": protocol.exclude_source,
        },
        "queries": results.queries,
        "queries_dropped": results.dropped,
        "gallery": sum(fold.gallery for fold in results.folds),
        "identities": sum(fold.identities for fold in results.folds),
        "hit_rate": methods,
        "mse": {stage: _rounded(results.mse(stage), 3) for stage in results.squared_errors},
        "estimate_accuracy": _share(right, total),
        "seconds": results.seconds,
        "folds": [
            {
                "weights": fold.weights,
                "sha256": fold.sha256,
                "identities": fold.identities,
                "gallery": fold.gallery,
                "queries": dict(fold.queries),
                "queries_dropped": dict(fold.dropped),
                "estimate_accuracy": _share(fold.estimates_right, fold.estimates),
                "problems": [[problem.name, problem.reason] for problem in fold.problems],
            }
            for fold in results.folds
        ],
    }


def to_markdown(results: Results) -> str:
    """Return results as a table in Markdown, with its definitions."""
    data = to_json(results)
    cutoffs = results.protocol.cutoffs
    columns = [f"{criterion} R@{k}" for criterion in CRITERIA for k in cutoffs]
    lines = [
        f"| method | {' | '.join(columns)} |",
        f"|---|{'---:|' * len(columns)}",
    ]
    for method, rates in data["hit_rate"].items():
        cells = [_printed(rates[c][str(k)], 100) for c in CRITERIA for k in cutoffs]
        lines.append(f"| `{method}` {_NOTES[method]} | {' | '.join(cells)} |")
    source = "left out of" if results.protocol.exclude_source else "kept in"
    weights = ", ".join(fold.weights for fold in results.folds)
    mse = ", ".join(f"{stage} {_printed(value)}" for stage, value in data["mse"].items())
    asked = (
        f"In percent of {_asked(results)}; gallery: {data['gallery']:,} images, with"
        f" {data['identities']} known people{_pooled(results)}; the source image is {source} the"
        " gallery."
    )
    drawn = (
        f"Mean squared error to the target of the C2 queries, grey levels squared: {mse}. Known"
        " values of gallery images estimated rightly:"
        f" {_printed(data['estimate_accuracy'], 100)} %."
    )
    title = f"# {results.spec}: {weights}"
    return "\n".join([title, "", *lines, "", asked, "", drawn, "", DEFINITION, ""])


def write(results: Results, out: Path) -> None:
    """Write results.json and table.md.

    Raises:
        OSError: The folder cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "results.json", json.dumps(to_json(results), indent=1).encode())
    write_whole(out / "table.md", to_markdown(results).encode())


def _asked(results: Results) -> str:
    """Say in words how many queries there are, and how many there are not."""
    queries, dropped = results.queries, results.dropped
    return (
        f"{queries['C1']:,} queries under C1 and, under C2, {queries['C2']:,} of these (seed"
        f" {results.protocol.seed}; left out before the draw, because nothing in the gallery"
        f" answers them or their source cannot be read: {dropped['C1']:,} under C1,"
        f" {dropped['C2']:,} under C2)"
    )


def _pooled(results: Results) -> str:
    if len(results.folds) == 1:
        return ""
    sizes = ", ".join(f"{fold.gallery:,}" for fold in results.folds)
    return f" in {len(results.folds)} folds of {sizes}, each searched by itself"


def _share(right: int, total: int) -> float | None:
    return round(right / total, 6) if total else None


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _printed(value: float | None, factor: int = 1) -> str:
    return "-" if value is None else f"{factor * value:.1f}"
