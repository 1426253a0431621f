"""Compare two benchmarks query by query: paired differences with intervals."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gallery.arrays import Doubles
from gallery.errors import ConfigError, DatasetError
from gallery.files import file_sha256
from gallery.json_files import Origin, check, read
from retrieval.evaluation.records import Flags, Integers
from retrieval.evaluation.statistics import per_query
from retrieval.evaluation.statistics.estimation import Figure, Sample
from retrieval.evaluation.statistics.per_query import PerQuery
from retrieval.evaluation.statistics.summary import FORMAT


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure of one method in two benchmarks, on the queries that both asked.

    Attributes:
        method: Its name.
        criterion: "C1" or "C2".
        measure: Like "R@5".
        queries: How many were compared.
        first: The value in the first benchmark.
        second: The value in the second benchmark.
        change: Second minus first, paired.
    """

    method: str
    criterion: str
    measure: str
    queries: int
    first: Figure
    second: Figure
    change: Figure


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two benchmarks.

    Attributes:
        queries: How many each asked, and how many both did.
        people: Whom the shared queries ask about.
        notes: What tells the two apart: other data, weights or protocol; methods of one alone.
        differences: By method, criterion, measure.
    """

    queries: tuple[int, int, int]
    people: int
    notes: tuple[str, ...]
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class _Summary:
    """What is read of a results.json."""

    files: Mapping[str, str]
    hashes: Mapping[str, str | None]


def compare(first: Path, second: Path) -> Comparison:
    """Compare two results.json, each with the queries.npz beside it.

    Args:
        first: File, or its folder.
        second: File or folder of the other benchmark.

    Raises:
        DatasetError: A file is missing, damaged, of another format, or does not belong to the one
            beside it.
        ConfigError: The two share no query, no method, or no measure.
    """
    (summary_a, table_a), (summary_b, table_b) = read_results(first), read_results(second)
    notes = (*_hash_notes(summary_a, summary_b), *_method_notes(table_a, table_b))
    return _compare(table_a, table_b, notes)


def to_markdown(comparison: Comparison) -> str:
    """Return a comparison as a table in Markdown."""
    asked = comparison.queries
    head = (
        f"{asked[2]:,} queries about {comparison.people} people, asked by both (A asked"
        f" {asked[0]:,}, B {asked[1]:,}). In percent; 95 % intervals by bootstrap over identities,"
        " paired."
    )
    lines = [
        head,
        "",
        *(f"- {note}" for note in comparison.notes),
        *([""] if comparison.notes else []),
        "| method | criterion | measure | A | B | B - A | 95 % |",
        "|---|---|---|---:|---:|---:|---:|",
    ]
    for one in comparison.differences:
        ends = one.change.interval
        spelt = f"{100 * ends[0]:+z.1f}, {100 * ends[1]:+z.1f}" if ends else "-"
        lines.append(
            f"| `{one.method}` | {one.criterion} | {one.measure} | {100 * one.first.value:.1f} |"
            f" {100 * one.second.value:.1f} | {100 * one.change.value:+z.1f} | {spelt} |"
        )
    return "\n".join([*lines, ""])


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON values."""

    def figure(one: Figure) -> dict[str, Any]:
        ends = None if one.interval is None else list(one.interval)
        return {"value": one.value, "interval": ends}

    return {
        "queries": dict(zip(("a", "b", "both"), comparison.queries, strict=True)),
        "people": comparison.people,
        "notes": list(comparison.notes),
        "differences": [
            {
                "method": one.method,
                "criterion": one.criterion,
                "measure": one.measure,
                "queries": one.queries,
                "a": figure(one.first),
                "b": figure(one.second),
                "b_minus_a": figure(one.change),
            }
            for one in comparison.differences
        ],
    }


def read_results(path: Path) -> tuple[Mapping[str, Any], PerQuery]:
    """Read a results.json, or that of a folder, and the queries.npz beside it.

    Raises:
        DatasetError: A file is missing, damaged, of another format, or does not belong to the one
            beside it.
    """
    path = path / "results.json" if path.is_dir() else path
    if not path.exists():
        raise DatasetError(f"There is no {path}; give a results.json or its folder")
    origin = Origin(str(path), DatasetError, "Run the benchmark again")
    summary = read(path, DatasetError, origin.advice)
    found = summary.get("format") if isinstance(summary, dict) else None
    if found != FORMAT:
        raise DatasetError(
            f"{path} has the format {found!r}, and this version reads {FORMAT}; run that benchmark"
            " again"
        )
    check(summary, _Summary, origin)
    side = path.parent / per_query.FILE
    table = per_query.read_per_query(side)
    if file_sha256(side) != summary["files"][per_query.FILE]:
        raise DatasetError(
            f"{side} is not the file that {path.name} was written with; run the benchmark again"
        )
    return summary, table


def _hash_notes(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """Say in words which data, weights and protocol differ."""
    notes = []
    for name in sorted({*first["hashes"], *second["hashes"]}):
        a, b = (summary["hashes"].get(name, "") for summary in (first, second))
        if not (a and b):
            notes.append(f"{name}: in {'A' if a else 'B'} alone")
        elif a != b:
            notes.append(f"{name}: {a[:12]} in A, {b[:12]} in B")
    return notes


def _method_notes(first: PerQuery, second: PerQuery) -> list[str]:
    """Name the methods that only one of them has."""
    alone = {
        "A": [name for name in first.methods if name not in second.methods],
        "B": [name for name in second.methods if name not in first.methods],
    }
    return [f"in {side} alone: {', '.join(names)}" for side, names in alone.items() if names]


def _compare(first: PerQuery, second: PerQuery, notes: tuple[str, ...]) -> Comparison:
    shared, rows_a, rows_b = np.intersect1d(first.key, second.key, return_indices=True)
    methods = [name for name in first.methods if name in second.methods]
    measures = [name for name in first.measures if name in second.measures]
    for what, there in (("query", len(shared)), ("method", methods), ("measure", measures)):
        if not there:
            raise ConfigError(
                f"The two results share no {what}; compare benchmarks of the same data and protocol"
            )
    identity = np.unique(first.identity[rows_a], return_inverse=True)[1].astype(np.int64)
    columns_a = [first.measures.index(name) for name in measures]
    columns_b = [second.measures.index(name) for name in measures]
    differences = []
    for criterion in first.criteria:
        for method in methods:
            a = scores_in(first, method, criterion)[rows_a][:, columns_a]
            b = scores_in(second, method, criterion)[rows_b][:, columns_b]
            differences += _paired(method, criterion, measures, (a, b), identity)
    sizes = len(first.key), len(second.key), len(shared)
    return Comparison(sizes, len(np.unique(identity)), notes, tuple(differences))


def scores_in(table: PerQuery, method: str, criterion: str) -> Doubles:
    """Return what a method's queries scored under a criterion, (Q, M)."""
    place = table.methods.index(method), table.criteria.index(criterion)
    scores: Doubles = table.scores[place].astype(np.float64)
    return scores


def _paired(
    method: str,
    criterion: str,
    measures: list[str],
    pair: tuple[Doubles, Doubles],
    identity: Integers,
) -> list[Difference]:
    first, second = pair
    measured: Flags = np.isfinite((first + second).sum(axis=1))
    sample = Sample(measured, identity)
    figures = zip(
        measures,
        sample.figures(first),
        sample.figures(second),
        sample.differences(second, first),
        strict=True,
    )
    return [
        Difference(method, criterion, name, len(sample), a, b, change)
        for name, a, b, change in figures
    ]
