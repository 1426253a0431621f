"""One method trained several times: means over trainings, and how far trainings lie apart.

Every training is a benchmark of its own on the same queries. A query counts with its mean over the
trainings; people are resampled as everywhere, so intervals speak of other people, and the standard
deviation beside them of other trainings.

Shapes: Q queries, M measures, T trainings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gallery.errors import ConfigError
from retrieval.evaluation.statistics.comparison import read_results, scores_in
from retrieval.evaluation.statistics.estimation import Figure, Sample
from retrieval.evaluation.statistics.per_query import PerQuery


@dataclass(frozen=True, slots=True)
class RepeatedMeasure:
    """A measure of a method that was trained several times.

    Attributes:
        group: What was trained, by the name it was given.
        method: Of the benchmark, like "ours".
        criterion: "C1" or "C2".
        measure: Like "R@5".
        trainings: T.
        mean: Over queries and trainings.
        deviation: Standard deviation of the trainings' means (of T - 1); NaN of one.
        change: Mean minus that of the first group, paired; None in the first group, or where that
            lacks the method.
    """

    group: str
    method: str
    criterion: str
    measure: str
    trainings: int
    mean: Figure
    deviation: float
    change: Figure | None


def across_trainings(
    groups: Mapping[str, Sequence[Path]], methods: Sequence[str]
) -> tuple[RepeatedMeasure, ...]:
    """Take the means of several groups of benchmarks, one benchmark for each training.

    Args:
        groups: Name to results.json, or their folders; the first group is what others are
            compared with.
        methods: Which methods; one that a group lacks is left out there.

    Returns:
        By group, method, criterion, measure.

    Raises:
        ConfigError: A group is empty, its benchmarks asked other queries or measured other things,
            or none knows any of the methods.
        DatasetError: A file is missing or damaged.
    """
    tables = {name: _tables(name, paths) for name, paths in groups.items()}
    reference = next(iter(tables.values()))[0]
    found = []
    for name, of_group in tables.items():
        _same(reference, of_group[0], f"{name} and {next(iter(tables))}")
        for method in methods:
            if method in of_group[0].methods:
                first = next(iter(tables.values())) if name != next(iter(tables)) else ()
                found += _of_method(name, method, of_group, first)
    if not found:
        raise ConfigError(f"None of the results knows {', '.join(methods)}; look at table.md")
    return tuple(found)


def to_markdown(found: Sequence[RepeatedMeasure]) -> str:
    """Return the table in Markdown: a row for each group and method, percent."""
    columns = list(dict.fromkeys((one.criterion, one.measure) for one in found))
    rows: dict[tuple[str, str], dict[tuple[str, str], RepeatedMeasure]] = {}
    for one in found:
        rows.setdefault((one.group, one.method), {})[one.criterion, one.measure] = one
    names = " | ".join(f"{criterion} {measure}" for criterion, measure in columns)
    lines = [f"| trained | method | {names} |", "|---|---|" + "---:|" * len(columns)]
    for (group, method), cells in rows.items():
        spelt = " | ".join(_spelt(cells[column]) for column in columns)
        lines.append(f"| {group} | `{method}` | {spelt} |")
    first = found[0].group
    changes = [one for one in found if one.change is not None]
    if changes:
        lines += ["", f"Paired difference to {first}, points:", ""]
        lines += [f"| trained | method | {names} |", "|---|---|" + "---:|" * len(columns)]
        for (group, method), cells in rows.items():
            if group != first:
                spelt = " | ".join(_change(cells[column]) for column in columns)
                lines.append(f"| {group} | `{method}` | {spelt} |")
    return "\n".join([*lines, ""])


def _tables(name: str, paths: Sequence[Path]) -> list[PerQuery]:
    """Read a group's benchmarks, their queries in the same order."""
    if not paths:
        raise ConfigError(f"{name} has no results")
    tables = [read_results(path)[1] for path in paths]
    for path, table in zip(paths, tables, strict=True):
        _same(tables[0], table, f"{path} and {paths[0]}")
    return tables


def _same(first: PerQuery, second: PerQuery, what: str) -> None:
    if not np.array_equal(first.key, second.key):
        raise ConfigError(
            f"{what} did not ask the same queries; run both with the same protocol and seed"
        )
    if (first.criteria, first.measures) != (second.criteria, second.measures):
        raise ConfigError(f"{what} measured other things; run both with the same cut-offs")


def _of_method(
    name: str, method: str, tables: Sequence[PerQuery], first: Sequence[PerQuery]
) -> list[RepeatedMeasure]:
    """Return one row of the table; `first` is the group to compare with, empty for itself."""
    shown = tables[0]
    identity = np.unique(shown.identity, return_inverse=True)[1].astype(np.int64)
    reference = first if first and method in first[0].methods else ()
    rows = []
    for criterion in shown.criteria:
        each = np.stack([scores_in(table, method, criterion) for table in tables])  # (T, Q, M)
        mean = each.mean(axis=0)
        sample = Sample(np.isfinite(mean.sum(axis=1)), identity)
        means = each[:, sample.rows].mean(axis=1)  # (T, M)
        spread = means.std(axis=0, ddof=1) if len(tables) > 1 else np.full(len(means[0]), np.nan)
        changes: list[Figure | None] = [None] * len(shown.measures)
        if reference:
            other = [scores_in(table, method, criterion) for table in reference]
            changes = [*sample.differences(mean, np.stack(other).mean(axis=0))]
        columns = zip(shown.measures, sample.figures(mean), spread.tolist(), changes, strict=True)
        rows += [
            RepeatedMeasure(
                name, method, criterion, measure, len(tables), figure, deviation, change
            )
            for measure, figure, deviation, change in columns
        ]
    return rows


def _spelt(one: RepeatedMeasure) -> str:
    ends = one.mean.interval
    interval = f" [{100 * ends[0]:.1f}, {100 * ends[1]:.1f}]" if ends else ""
    apart = f" ± {100 * one.deviation:.1f}" if one.trainings > 1 else ""
    return f"{100 * one.mean.value:.1f}{apart}{interval}"


def _change(one: RepeatedMeasure) -> str:
    if one.change is None:
        return "-"
    ends = one.change.interval
    interval = f" [{100 * ends[0]:+z.1f}, {100 * ends[1]:+z.1f}]" if ends else ""
    return f"{100 * one.change.value:+z.1f}{interval}"
