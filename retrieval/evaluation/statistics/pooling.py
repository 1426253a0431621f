"""Join the records of several folds into one; positions are moved on, nothing is averaged."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gallery.arrays import Doubles
from retrieval.evaluation.drawing_records import Drawings, ErrorMap, Estimate
from retrieval.evaluation.edit_records import pool_editing
from retrieval.evaluation.records import (
    GalleryTable,
    Integers,
    MethodRecord,
    People,
    QueryTable,
    Record,
)


def pool(records: Sequence[Record]) -> Record:
    """Join the records of folds that were tested on different people in one collection.

    People are joined by name: somebody who stands in two galleries is one cluster of the bootstrap.
    A method that one fold skipped is skipped altogether, with that fold's reason: its rates would
    be of other queries than those of the others. Provenance is the first record's, with everybody's
    hashes and the sum of the seconds.

    Args:
        records: Records, at least one; their collections share an attribute space.

    Raises:
        ValueError: There is none, or methods, seeds or attributes differ.
    """
    if not records:
        raise ValueError("there is no record to pool")
    if len(records) == 1:
        return records[0]
    _check_alike(records)
    people, places = _pool_people([record.people for record in records])
    starts = _starts([len(record.gallery) for record in records])
    asked = _starts([len(record.queries) for record in records])
    return Record(
        provenance=replace(
            records[0].provenance,
            hashes={k: v for record in records for k, v in record.provenance.hashes.items()},
            seconds=_summed_seconds(records),
        ),
        folds=tuple(fold for record in records for fold in record.folds),
        gallery=_pool_gallery(records, places),
        people=people,
        queries=_pool_queries(records, starts),
        methods=_pool_methods(records, starts),
        drawings=_pool_drawings(records),
        estimates=_pool_estimates(records),
        examples=tuple(
            replace(example, query=example.query + start)
            for record, start in zip(records, asked, strict=True)
            for example in record.examples
        ),
        editing=pool_editing([record.editing for record in records]),
    )


def _check_alike(records: Sequence[Record]) -> None:
    first = records[0]
    for record in records[1:]:
        if record.gallery.space != first.gallery.space:
            raise ValueError("records of different attributes cannot be pooled")
        if _names(record) != _names(first):
            raise ValueError("records of different methods cannot be pooled")


def _names(record: Record) -> list[str]:
    return list(dict.fromkeys(method.name for method in record.methods))


def _starts(sizes: Sequence[int]) -> list[int]:
    return [sum(sizes[:number]) for number in range(len(sizes))]


def _pool_people(groups: Sequence[People]) -> tuple[People, list[Integers]]:
    """Join people by name; also the new position of each group's people, -1 staying last."""
    found: dict[str, int] = {}
    for group in groups:
        for name in group.names:
            found.setdefault(name, len(found))
    traits = {trait: [None] * len(found) for group in groups for trait in group.traits}
    joined: dict[str, list[str | None]] = {trait: list(values) for trait, values in traits.items()}
    for group in groups:
        for trait, values in group.traits.items():
            for name, value in zip(group.names, values, strict=True):
                joined[trait][found[name]] = value
    people = People(tuple(found), {trait: tuple(values) for trait, values in joined.items()})
    places = [np.array([*(found[n] for n in g.names), -1], dtype=np.int64) for g in groups]
    return people, places


def _pool_gallery(records: Sequence[Record], places: Sequence[Integers]) -> GalleryTable:
    folds = _starts([len(record.folds) for record in records])
    galleries = [record.gallery for record in records]
    return GalleryTable(
        names=tuple(name for gallery in galleries for name in gallery.names),
        identity=_joined(p[g.identity] for p, g in zip(places, galleries, strict=True)),
        values=_joined(gallery.values for gallery in galleries),
        fold=_joined(g.fold + start for g, start in zip(galleries, folds, strict=True)),
        space=galleries[0].space,
    )


def _pool_queries(records: Sequence[Record], starts: Sequence[int]) -> QueryTable:
    tables = [record.queries for record in records]
    moved = list(zip(tables, starts, strict=True))
    rights = _starts([len(table.right) for table in tables])
    ends = [t.right_starts[1:] + start for t, start in zip(tables, rights, strict=True)]
    names = list(dict.fromkeys(name for table in tables for name in table.subsets))
    none = [np.zeros(len(table), dtype=np.bool_) for table in tables]
    return QueryTable(
        source=_joined(table.source + start for table, start in moved),
        wished=_joined(table.wished for table in tables),
        right=_joined(table.right + start for table, start in moved),
        right_starts=_joined([np.zeros(1, dtype=np.int64), *ends]),
        right_strict=np.concatenate([table.right_strict for table in tables]),
        subsets={
            name: np.concatenate(
                [t.subsets.get(name, empty) for t, empty in zip(tables, none, strict=True)]
            )
            for name in names
        },
        copies={s + start: c + start for t, start in moved for s, c in t.copies.items()},
        hidden=_joined(table.hidden + start for table, start in moved),
    )


def _pool_methods(records: Sequence[Record], starts: Sequence[int]) -> tuple[MethodRecord, ...]:
    pooled: list[MethodRecord] = []
    for name in _names(records[0]):
        alike = [[m for m in record.methods if m.name == name] for record in records]
        skipped = [method for methods in alike for method in methods if method.skipped]
        if skipped:
            pooled.append(skipped[0])
        elif len({tuple(method.seed for method in methods) for methods in alike}) > 1:
            raise ValueError(f"records of different seeds of {name} cannot be pooled")
        else:
            pooled += (_pool_method(parts, starts) for parts in zip(*alike, strict=True))
    return tuple(pooled)


def _pool_method(parts: Sequence[MethodRecord], starts: Sequence[int]) -> MethodRecord:
    depth = max(part.top.shape[1] for part in parts)
    tops = [
        np.pad(
            np.where(part.top >= 0, part.top + start, -1),
            ((0, 0), (0, depth - part.top.shape[1])),
            constant_values=-1,
        )
        for part, start in zip(parts, starts, strict=True)
    ]
    settings = [dict(part.settings) for part in parts]
    sizes = [part.index_bytes for part in parts if part.index_bytes is not None]
    alike = all(one == settings[0] for one in settings)
    return replace(
        parts[0],
        settings=settings[0] if alike else {f"fold {n}": s for n, s in enumerate(settings, 1)},
        top=np.concatenate(tops),
        right_ranks=_joined(part.right_ranks for part in parts),
        confidence=_joined_if_all([part.confidence for part in parts]),
        build_s=_summed([part.build_s for part in parts]),
        query_s=_summed([part.query_s for part in parts]),
        index_bytes=sum(sizes) if sizes else None,
    )


def _pool_drawings(records: Sequence[Record]) -> Drawings:
    stages = list(dict.fromkeys(s for record in records for s in record.drawings.squared_errors))
    errors: dict[str, Doubles] = {}
    for stage in stages:
        errors[stage] = np.concatenate(
            [
                record.drawings.squared_errors.get(stage, np.full(len(record.queries), np.nan))
                for record in records
            ]
        )
    maps: dict[tuple[int, int], ErrorMap] = {}
    for one in (one for record in records for one in record.drawings.maps):
        key = (one.attribute, one.value)
        old = maps.get(key)
        maps[key] = (
            one
            if old is None
            else replace(old, total=old.total + one.total, count=old.count + one.count)
        )
    return Drawings(errors, tuple(maps[key] for key in sorted(maps)))


def _pool_estimates(records: Sequence[Record]) -> tuple[Estimate, ...]:
    joined: dict[tuple[str, str, tuple[str, ...]], Estimate] = {}
    for one in (one for record in records for one in record.estimates):
        key = (one.by, one.attribute, one.values)
        old = joined.get(key)
        joined[key] = (
            one
            if old is None
            else replace(
                old, confusion=old.confusion + one.confusion, foreign=old.foreign + one.foreign
            )
        )
    return tuple(joined.values())


def _summed_seconds(records: Sequence[Record]) -> dict[str, float]:
    phases = dict.fromkeys(phase for record in records for phase in record.provenance.seconds)
    return {
        phase: sum(record.provenance.seconds.get(phase, 0.0) for record in records)
        for phase in phases
    }


def _joined_if_all(confidences: Sequence[Doubles]) -> Doubles:
    """Join what every fold knows; nothing where one was not calibrated."""
    known = all(len(one) for one in confidences)
    return np.concatenate(confidences) if known else np.empty(0)


def _summed(seconds: Sequence[float | None]) -> float | None:
    known = [one for one in seconds if one is not None]
    return sum(known) if known else None


def _joined(arrays: Iterable[NDArray[np.int64]]) -> Integers:
    return np.concatenate(list(arrays))
