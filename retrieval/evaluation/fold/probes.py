"""Drawing the wishes of all queries: probes for the methods that draw, and errors of the drawings.

The target of a query is the first image that is right under C2; queries without one have no error.

Shapes: Q queries, S side, C channels, D dimensions, b queries of a block.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.align import Pixels
from gallery.arrays import Doubles, normalise
from index.base import Vectors
from retrieval.evaluation.drawing_records import Drawings, ErrorMap
from retrieval.evaluation.fold.fold_cache import Workbench, blocks
from retrieval.evaluation.fold.vector_store import Array, Steps, Timed, array_sha256
from retrieval.evaluation.records import BenchmarkProgress, Integers, QueryTable
from retrieval.evaluation.statistics import metrics

STAGES = ("source", "stage 1", "stage 2")


@dataclass(frozen=True, slots=True)
class QueryDrawings:
    """The drawings of all queries.

    Attributes:
        embeddings: Refiner features, unit length, (Q, D).
        images: Grey levels rounded to whole ones, (Q, S, S, C).
        errors: How far they are from their targets.
    """

    embeddings: Vectors
    images: Pixels
    errors: Drawings


@dataclass(slots=True)
class ErrorNotes:
    """Errors of drawings, noted block by block.

    Attributes:
        asked: The queries.
        pixels: Pixels of the gallery, (N, S, S, C).
        targets: Gallery position of each query's target, -1 without one, (Q,).
        errors: Mean squared error by stage, NaN where none was noted, (Q,).
        maps: Sum and count by wished attribute and value.
    """

    asked: QueryTable
    pixels: Pixels
    targets: Integers
    errors: dict[str, Doubles] = field(default_factory=dict)
    maps: dict[tuple[int, int], tuple[Doubles, int]] = field(default_factory=dict)

    def note(self, stage: str, queries: range, images: NDArray[Any]) -> None:
        """Note the errors of images (b, S, S, C) that were made for some queries."""
        noted = self.errors.setdefault(stage, np.full(len(self.asked), np.nan))
        rows = np.arange(queries.start, queries.stop)
        has = self.targets[rows] >= 0
        target = self.pixels[self.targets[rows[has]]]
        noted[rows[has]] = metrics.mean_squared_error(images[has], target)

    def note_map(self, queries: range, images: NDArray[Any]) -> None:
        """Add the squared errors of each pixel to the map of every wished value."""
        for query, image in zip(queries, images, strict=True):
            if self.targets[query] < 0:
                continue
            target = self.pixels[self.targets[query]]
            square = np.square(image.astype(np.float64) - target).mean(axis=2)
            for column, value in enumerate(self.asked.wished[query].tolist()):
                if value >= 0:
                    total, count = self.maps.get((column, value), (np.zeros_like(square), 0))
                    self.maps[column, value] = (total + square, count + 1)

    def arrays(self) -> dict[str, Array]:
        """Return what was noted as arrays, by name, for `restore`."""
        wishes = sorted(self.maps)
        side = self.pixels.shape[1]
        return {
            **{stage.replace(" ", "-"): noted for stage, noted in self.errors.items()},
            "map-of": np.array(wishes, dtype=np.int64).reshape(-1, 2),
            "map-total": np.array([self.maps[one][0] for one in wishes]).reshape(-1, side, side),
            "map-count": np.array([self.maps[one][1] for one in wishes], dtype=np.int64),
        }

    def restore(self, arrays: Mapping[str, Array]) -> None:
        """Take what `arrays` returned."""
        stages = {stage: stage.replace(" ", "-") for stage in STAGES}
        self.errors = {
            stage: np.array(arrays[name]) for stage, name in stages.items() if name in arrays
        }
        wishes = [(int(column), int(value)) for column, value in arrays["map-of"]]
        totals, counts = np.array(arrays["map-total"]), arrays["map-count"].tolist()
        self.maps = dict(zip(wishes, zip(totals, counts, strict=True), strict=True))

    def to_record(self) -> Drawings:
        """Return what was noted."""
        maps = tuple(
            ErrorMap(attribute=wish[0], value=wish[1], total=total, count=count)
            for wish, (total, count) in sorted(self.maps.items())
        )
        return Drawings(self.errors, maps)


def targets_of(asked: QueryTable, *, loose: bool = False) -> Integers:
    """Return the first image that is right under C2, by query, (Q,).

    Args:
        asked: The queries.
        loose: Whether a query without one gets the first that is right under C1, instead of -1.
    """
    first = np.full(len(asked), -1, dtype=np.int64)
    query = np.repeat(np.arange(len(asked)), np.diff(asked.right_starts))
    strict, place = np.unique(query[asked.right_strict], return_index=True)
    first[strict] = asked.right[asked.right_strict][place]
    if loose:
        return np.where(first >= 0, first, asked.right[asked.right_starts[:-1]])
    return first


def draw_all(bench: Workbench) -> Steps[Timed[QueryDrawings]]:
    """Draw the wish of every query, once."""
    yield from bench.canonical()
    return (yield from bench.once("drawn", _draw_all(bench)))


def _draw_all(work: Workbench) -> Steps[QueryDrawings]:
    bench = work.bench
    asked, estimates = bench.asked, (yield from work.canonical()).value.estimates
    targets = targets_of(asked)
    decide = {
        "sources": asked.source,
        "wished": asked.wished,
        "targets": targets,
        "codes": bench.codes(range(len(asked)), estimates),
    }
    key = {name: array_sha256(np.asarray(array)) for name, array in decide.items()}
    arrays = (yield from work.kept("drawn", key, partial(_draw_all_anew, work, targets))).value
    notes = ErrorNotes(asked, bench.aligned.pixels, targets)
    notes.restore(arrays)
    return QueryDrawings(arrays["embeddings"], arrays["images"], notes.to_record())


def _draw_all_anew(work: Workbench, targets: Integers) -> Steps[dict[str, Array]]:
    bench = work.bench
    asked, pixels = bench.asked, bench.aligned.pixels
    notes = ErrorNotes(asked, pixels, targets)
    embeddings = bench.store.writer("drawn-embeddings", len(asked))
    images = bench.store.writer("drawn-images", len(asked))
    for queries in blocks(len(asked)):
        drawn = work.drawn(queries)
        embeddings.add(normalise(drawn.features))
        images.add(drawn.refined.round().astype(np.uint8))
        source = pixels[asked.source[queries.start : queries.stop]]
        stages: tuple[NDArray[Any], ...] = (source, drawn.first, drawn.refined)
        for stage, made in zip(STAGES, stages, strict=True):
            notes.note(stage, queries, made)
        notes.note_map(queries, drawn.refined)
        yield BenchmarkProgress(f"drawing with {bench.engine.card.name}", queries.stop, len(asked))
    return {"embeddings": embeddings.close(), "images": images.close(), **notes.arrays()}
