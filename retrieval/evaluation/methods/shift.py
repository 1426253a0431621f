"""No drawing: the source's embedding, moved by the mean difference between two values.

Of the training people's images the mean embedding of every value is taken. A probe is the source's
embedding, less the mean of its own value, plus that of the wished one, back at unit length; of
several wishes the differences add up. The source's own values are taken from its labels, which
favours this rival.

Shapes: N images, A attributes, Q queries, D dimensions.
"""

import time
from collections.abc import Mapping
from functools import partial

import numpy as np

from gallery.arrays import Floats, normalise
from gallery.pixels import Aligned
from index.base import Vectors
from retrieval.evaluation.fold.fold_cache import (
    FEATURES,
    SkippedMethodError,
    Workbench,
    as_positions,
    blocks,
)
from retrieval.evaluation.fold.vector_store import Steps, Timed
from retrieval.evaluation.methods.base import NO_SOURCE, Method, Prepared
from retrieval.evaluation.records import Integers

MOST_TAUGHT = 4_000  # training images that means are taken of


def shift(embedder: str, work: Workbench, _: int) -> Steps[Prepared]:
    """Move the source's embedding by the mean difference of own and wished value."""
    taught = chosen(work.bench.taught())
    vectors = yield from work.vectors(embedder)
    known = yield from _taught_vectors(embedder, work, taught)
    started = time.perf_counter()
    probes = shifted(vectors.value, known.value, taught, work)
    return Prepared(
        gallery=vectors.value,
        probes=probes,
        build_s=vectors.seconds + known.seconds,
        probe_s=time.perf_counter() - started,
        settings={"training_images": len(taught.faces)},
    )


def chosen(taught: Aligned) -> Aligned:
    """Return the training images, or a fixed choice of them where there are too many."""
    if len(taught.faces) <= MOST_TAUGHT:
        return taught
    order = np.random.default_rng(0).permutation(len(taught.faces))[:MOST_TAUGHT]
    rows = np.sort(order)
    faces = tuple(taught.faces[row] for row in rows.tolist())
    return Aligned(faces, taught.pixels[rows], taught.problems)


def _taught_vectors(embedder: str, work: Workbench, taught: Aligned) -> Steps[Timed[Vectors]]:
    if embedder == FEATURES:
        return (yield from work.once("taught features", work.taught_features(taught)))
    return (yield from work.embed(embedder, taught))


def shifted(vectors: Vectors, known: Vectors, taught: Aligned, work: Workbench) -> Vectors:
    """Return the probes of all queries, (Q, D).

    Raises:
        SkippedMethodError: No training image shows a value that is asked about.
    """
    bench = work.bench
    asked, space = bench.asked, bench.labels.space
    positions = as_positions([face.condition for face in taught.faces], space)
    own = bench.labels.values[asked.source]
    means: dict[tuple[int, int], Floats] = {}
    for column in np.flatnonzero((asked.wished >= 0).any(axis=0)).tolist():
        asking = asked.wished[:, column] >= 0
        both = np.concatenate([asked.wished[asking, column], own[asking, column]])
        for value in np.unique(both).tolist():
            rows = np.flatnonzero(positions[:, column] == value)
            if not len(rows):
                name = space.names[column]
                raise SkippedMethodError(
                    f"no training image shows {name}={space.attributes[column].values[value]}"
                )
            mean: Floats = known[rows].mean(axis=0, dtype=np.float64).astype(np.float32)
            means[column, value] = mean
    writer = bench.store.writer("shifted-probes", len(asked))
    for queries in blocks(len(asked)):
        moved = np.stack([_change(means, own[q], asked.wished[q]) for q in queries])
        sources = asked.source[queries.start : queries.stop]
        writer.add(normalise(np.asarray(vectors[sources]) + moved))
    return writer.close()


def _change(means: Mapping[tuple[int, int], Floats], own: Integers, wished: Integers) -> Floats:
    """Return the mean change from own to wished values, all attributes together, (A,) -> (D,)."""
    columns = np.flatnonzero(wished >= 0).tolist()
    first, *more = [means[c, int(wished[c])] - means[c, int(own[c])] for c in columns]
    return sum(more, start=first)


METHODS = tuple(
    Method(
        name=f"shift/{embedder}{NO_SOURCE if excluded else ''}",
        note="source plus the mean change of the value"
        + (", the source left out" if excluded else ""),
        prepare=partial(shift, embedder),
        source_excluded=excluded,
        draws=embedder == FEATURES,
    )
    for embedder in ("sface", FEATURES)
    for excluded in (False, True)
)
