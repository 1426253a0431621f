"""No drawing: the source's embedding, moved by the mean difference between two values.

Of the training people's images the mean embedding of every value is taken. A probe is the source's
embedding, less the mean of its own value, plus that of the wished one, back at unit length. The
source's own value is taken from its label, which favours this rival.

Shapes: N images, Q queries, D dimensions, V values of an attribute.
"""

import time
from functools import partial

import numpy as np

from gallery.pixels import Aligned
from generator.engine import Floats
from index.base import Vectors
from retrieval.embedding import normalise
from retrieval.evaluation.methods.base import NO_SOURCE, Method, Prepared
from retrieval.evaluation.store import Made, Steps
from retrieval.evaluation.workbench import (
    FEATURES,
    SkippedMethodError,
    Workbench,
    as_positions,
    blocks,
)

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


def _taught_vectors(embedder: str, work: Workbench, taught: Aligned) -> Steps[Made[Vectors]]:
    if embedder == FEATURES:
        return (yield from work.once("taught features", work.taught_features(taught)))
    return (yield from work.embed(embedder, taught))


def shifted(vectors: Vectors, known: Vectors, taught: Aligned, work: Workbench) -> Vectors:
    """Return the probes of all queries, (Q, D).

    Raises:
        SkippedMethodError: No training image shows a value that is asked about.
    """
    asked, space = work.bench.asked, work.bench.labels.space
    positions = as_positions([face.condition for face in taught.faces], space)
    wanted = np.stack([asked.attribute, asked.value], axis=1)
    own = np.stack([asked.attribute, asked.own], axis=1)
    means: dict[tuple[int, int], Floats] = {}
    for column, value in np.unique(np.concatenate([wanted, own]), axis=0).tolist():
        rows = np.flatnonzero(positions[:, column] == value)
        if not len(rows):
            name = space.names[column]
            raise SkippedMethodError(
                f"no training image shows {name}={space.attributes[column].values[value]}"
            )
        mean: Floats = known[rows].mean(axis=0, dtype=np.float64).astype(np.float32)
        means[column, value] = mean
    writer = work.bench.store.writer("shifted-probes", len(asked))
    for queries in blocks(len(asked)):
        moved = np.stack([means[tuple(wanted[q])] - means[tuple(own[q])] for q in queries])
        sources = asked.source[queries.start : queries.stop]
        writer.add(normalise(np.asarray(vectors[sources]) + moved))
    return writer.close()


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
