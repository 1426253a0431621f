"""The source's embedding, unedited: what is found without a wish."""

from functools import partial

import numpy as np

from index.base import Vectors
from retrieval.evaluation.embedders.registry import EMBEDDERS
from retrieval.evaluation.fold.fold_cache import FEATURES, Workbench
from retrieval.evaluation.fold.vector_store import Steps
from retrieval.evaluation.methods.base import NO_SOURCE, Method, Prepared


def raw(embedder: str, work: Workbench, _: int) -> Steps[Prepared]:
    """Rank the gallery by the unedited source."""
    vectors = yield from work.vectors(embedder)
    return Prepared(
        gallery=vectors.value, probes=of_sources(vectors.value, work), build_s=vectors.seconds
    )


def of_sources(vectors: Vectors, work: Workbench) -> Vectors:
    """Return the sources' rows of the gallery, (N, D) -> (Q, D), on disk."""
    sources = work.bench.asked.source
    writer = work.bench.store.writer("source-probes", len(sources))
    for start in range(0, len(sources), 1024):
        writer.add(np.asarray(vectors[sources[start : start + 1024]]))
    return writer.close()


METHODS = tuple(
    Method(
        name=f"raw/{embedder}{NO_SOURCE if excluded else ''}",
        note=f"the unedited source{', itself left out' if excluded else ''}",
        prepare=partial(raw, embedder),
        source_excluded=excluded,
        draws=embedder == FEATURES,
    )
    for embedder in (*EMBEDDERS, FEATURES)
    for excluded in (False, True)
)
