"""Parts of a benchmark: by size of the change, by who is shown, by wish; errors by pair of values.

Source: BMVC 2016, Table 1 and Figures 5 and 6; arXiv 1511.08446, Figure 6.

Shapes: Q queries, V values of an attribute, K depth, M measures.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gallery.arrays import Doubles
from gallery.attributes import Attribute, as_number, natural_key
from retrieval.evaluation.protocol.wishes import wished_together
from retrieval.evaluation.records import Flags, MethodRecord, Record
from retrieval.evaluation.statistics.estimation import Figure, Sample
from retrieval.evaluation.statistics.outcomes import Kind, Scores, kinds


@dataclass(frozen=True, slots=True)
class Group:
    """Some queries, and how often each method answers them.

    Attributes:
        label: What they share.
        queries: How many there are.
        people: Whom they ask about.
        figures: One for each method.
    """

    label: str
    queries: int
    people: int
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The queries in groups.

    Attributes:
        by: What tells the groups apart.
        groups: The groups in a natural order; a query may be in none.
    """

    by: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class ErrorMatrix:
    """Mean squared error by source value and wished value of an attribute.

    Attributes:
        attribute: Its name.
        values: Its values; rows are the source's, columns the wished ones.
        mean: Grey levels squared; NaN where nothing was asked, (V, V).
        queries: How many each mean is of, (V, V).
    """

    attribute: str
    values: tuple[str, ...]
    mean: Doubles
    queries: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class HitMatrix:
    """Hit rates by source value and wished value of an attribute.

    Attributes:
        attribute: Its name.
        values: Those that were asked about; rows are the source's, columns the wished ones.
        queries: How many each rate is of, (V, V).
        rates: Rates in [0, 1] by method; NaN where nothing was asked, (V, V) each.
    """

    attribute: str
    values: tuple[str, ...]
    queries: NDArray[np.int64]
    rates: Mapping[str, Doubles]


def groupings(record: Record) -> Iterator[tuple[str, dict[str, Flags]]]:
    """Yield the ways in which queries are told apart, and the queries of each group, (Q,)."""
    yield from _by_wish(record)
    for column, attribute in enumerate(record.gallery.space.attributes):
        changes = _changes(record, column, attribute)
        if len(changes) > 1:
            yield f"change of {attribute.name} ({attribute.unit}s)", changes
    for trait, values in record.people.traits.items():
        known = sorted({value for value in values if value is not None}, key=natural_key)
        of_person = np.array([known.index(v) if v is not None else -1 for v in values])
        of_query = of_person[record.identity]
        yield trait, {value: of_query == place for place, value in enumerate(known)}
    if record.queries.subsets:
        yield "subset", dict(record.queries.subsets)


def break_down(
    by: str, groups: Mapping[str, Flags], record: Record, scores: Sequence[Scores], measure: int
) -> Breakdown:
    """Measure every group by itself.

    Args:
        by: What tells the groups apart.
        groups: Queries of each, (Q,).
        record: All queries.
        scores: Scores of the methods, under one criterion.
        measure: Column of the scores.
    """
    made = []
    for label, chosen in groups.items():
        measured = chosen & ~np.isnan(scores[0].values[:, measure])
        sample = Sample(measured, record.identity)
        if len(sample):
            column = {s.name: s.values[:, measure : measure + 1] for s in scores}
            figures = {name: sample.figures(values)[0] for name, values in column.items()}
            made.append(Group(label, len(sample), sample.people, figures))
    return Breakdown(by, tuple(made))


def error_matrices(record: Record, stage: str) -> list[ErrorMatrix]:
    """Return a stage's errors by source value and wished value, for each wished attribute."""
    queries, space = record.queries, record.gallery.space
    errors = record.drawings.squared_errors[stage]
    matrices = []
    for column, attribute in enumerate(space.attributes):
        wished = queries.wished[:, column]
        asked = (wished >= 0) & ~np.isnan(errors)
        if asked.any():
            count = len(attribute.values)
            own = record.gallery.values[queries.source[asked], column]
            cell = own * count + wished[asked]
            number = np.bincount(cell, minlength=count**2)
            with np.errstate(invalid="ignore"):  # 0 / 0: nothing was asked
                mean = np.bincount(cell, errors[asked], minlength=count**2) / number
            shape = (count, count)
            matrices.append(
                ErrorMatrix(
                    attribute.name, attribute.values, mean.reshape(shape), number.reshape(shape)
                )
            )
    return matrices


def hit_matrices(record: Record, scores: Sequence[Scores], measure: int) -> list[HitMatrix]:
    """Return hit rates by source value and wished value, for each wished attribute.

    Args:
        record: All queries.
        scores: Scores of the methods, under one criterion, (Q, M) each.
        measure: Column of the scores.
    """
    queries, space = record.queries, record.gallery.space
    measured = ~np.isnan(scores[0].values[:, measure])
    found = []
    for column, attribute in enumerate(space.attributes):
        wished, own = queries.wished[:, column], record.gallery.values[queries.source, column]
        asked = measured & (wished >= 0) & (own >= 0)
        used = np.unique([own[asked], wished[asked]])
        if not len(used):
            continue
        count = len(used)
        cell = np.searchsorted(used, own[asked]) * count + np.searchsorted(used, wished[asked])
        number = np.bincount(cell, minlength=count**2)
        with np.errstate(invalid="ignore"):  # 0 / 0: nothing was asked
            rates = {
                one.name: np.bincount(cell, one.values[asked, measure], count**2) / number
                for one in scores
            }
        shape = (count, count)
        found.append(
            HitMatrix(
                attribute.name,
                tuple(attribute.values[place] for place in used.tolist()),
                number.reshape(shape),
                {name: rate.reshape(shape) for name, rate in rates.items()},
            )
        )
    return found


def count_kinds(record: Record, method: MethodRecord, depth: int) -> dict[str, float]:
    """Count what stands in the first ranks: mean number of images of each kind for a query.

    Only queries that C2 is measured on are counted; on the others nothing could be right.

    Args:
        record: Queries and gallery.
        method: Whose rankings.
        depth: Ranks that are counted; with 1, the numbers are shares of the queries.
    """
    first = kinds(record, method)[record.queries.measured["C2"], :depth]
    names = [kind.name.lower() for kind in Kind]
    counted = np.bincount(first.reshape(-1), minlength=len(names)) / max(len(first), 1)
    return dict(zip(names, counted.tolist(), strict=True))


def _by_wish(record: Record) -> Iterator[tuple[str, dict[str, Flags]]]:
    kinds_of_wishes = wished_together(record.queries.wished)
    if len(kinds_of_wishes) > 1:
        names = record.gallery.space.names
        several = any(len(columns) > 1 for columns, _ in kinds_of_wishes)
        yield (
            f"wished attribute{'s' if several else ''}",
            {" and ".join(names[n] for n in columns): asked for columns, asked in kinds_of_wishes},
        )


def _changes(record: Record, column: int, attribute: Attribute) -> dict[str, Flags]:
    """Group the wishes for an attribute that is a number by how far it shall change."""
    if attribute.unit is None:
        return {}
    queries = record.queries
    numbers = np.array([as_number(value) for value in attribute.values], dtype=np.float64)
    asked = queries.wished[:, column] >= 0
    own = record.gallery.values[queries.source[asked], column]
    change = np.full(len(queries), np.nan)
    change[asked] = np.abs(numbers[queries.wished[asked, column]] - numbers[own])
    sizes = np.unique(change[asked]).tolist()
    return {f"{size:g}": change == size for size in sizes}
