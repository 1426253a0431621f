"""No drawing: a network trained to go from source and wish straight to the target's embedding."""

import time
from collections.abc import Sequence

import numpy as np

from gallery.attributes import Condition
from retrieval.evaluation.baselines.composed import Composed, train_composed
from retrieval.evaluation.fold.estimates import learnt
from retrieval.evaluation.fold.fold_cache import Workbench, blocks
from retrieval.evaluation.fold.vector_store import Steps, Timed
from retrieval.evaluation.methods.base import NO_SOURCE, Method, Prepared
from retrieval.evaluation.records import BenchmarkProgress


def composed(work: Workbench, seed: int) -> Steps[Prepared]:
    """Probe with the composition of source and wish."""
    made: Timed[Prepared] = yield from work.once(f"composed {seed}", _composed(work, seed))
    return made.value


def _composed(work: Workbench, seed: int) -> Steps[Prepared]:
    bench = work.bench
    network: Composed = yield from learnt(work, train_composed, seed)
    started = time.perf_counter()
    pixels, asked = bench.aligned.pixels, bench.asked
    gallery = bench.store.writer(f"composed-{seed}", len(pixels))
    for run in blocks(len(pixels)):
        gallery.add(network.embed(np.asarray(pixels[run.start : run.stop])))
        yield BenchmarkProgress("embedding with composed", run.stop, len(pixels))
    built_s = time.perf_counter() - started
    given = yield from _given(work)
    probes = bench.store.writer(f"composed-probes-{seed}", len(asked))
    started = time.perf_counter()
    for queries in blocks(len(asked)):
        sources = np.asarray(pixels[asked.source[queries.start : queries.stop]])
        probes.add(network.probe(sources, bench.codes(queries, given)))
        yield BenchmarkProgress("asking composed", queries.stop, len(asked))
    return Prepared(
        gallery=gallery.close(),
        probes=probes.close(),
        build_s=built_s,
        probe_s=time.perf_counter() - started,
        settings=network.settings,
    )


def _given(work: Workbench) -> Steps[Sequence[Condition]]:
    """Return the values of gallery images, for what is not wished for; one attribute needs none."""
    if len(work.bench.space.attributes) == 1:
        return [Condition()] * len(work.bench.aligned.faces)
    canonical = yield from work.canonical()
    return canonical.value.estimates


METHODS = tuple(
    Method(
        name=f"composed{NO_SOURCE if excluded else ''}",
        note="trained from source and wish to the target's embedding"
        + (", the source left out" if excluded else ""),
        prepare=composed,
        trained=True,
        source_excluded=excluded,
        draws=False,
    )
    for excluded in (False, True)
)
