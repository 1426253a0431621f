"""CPI (Yim et al., CVPR 2015): the face in the wished pose and neutral light, compared as an image.

Gallery images are redrawn too, each in the pose that the classifier of `two-step` estimates: both
sides are then images of the same kind, and what is left of the light decides under C2, as it did in
arXiv 1511.08446, section 4.1.2.
"""

import time

import numpy as np

from gallery.arrays import Floats
from retrieval.evaluation.baselines.cpi import Cpi, train_cpi, why_skipped
from retrieval.evaluation.embedders.pixels import PixelEmbedder
from retrieval.evaluation.fold.estimates import estimated_values, learnt
from retrieval.evaluation.fold.fold_cache import SkippedMethodError, Workbench, blocks
from retrieval.evaluation.fold.probes import ErrorNotes, targets_of
from retrieval.evaluation.fold.vector_store import Steps
from retrieval.evaluation.methods.base import Method, Prepared
from retrieval.evaluation.records import BenchmarkProgress, Integers

STAGE = "cpi"


def cpi(work: Workbench, seed: int) -> Steps[Prepared]:
    """Search the gallery's CPIs with that of the wish, pixel by pixel."""
    bench = work.bench
    reason = why_skipped(bench.taught().faces, bench.space)
    if reason:
        raise SkippedMethodError(reason)
    values = yield from estimated_values(work, seed)
    network: Cpi = yield from learnt(work, train_cpi, seed)
    started = time.perf_counter()
    embedder = PixelEmbedder()
    pixels, asked = bench.aligned.pixels, bench.asked
    codes = one_hot(values.positions, work)
    gallery = bench.store.writer("cpi-gallery", len(pixels))
    for run in blocks(len(pixels)):
        rows = slice(run.start, run.stop)
        gallery.add(embedder.embed(network.draw(np.asarray(pixels[rows]), codes[rows])))
        yield BenchmarkProgress("redrawing with cpi", run.stop, len(pixels))
    built_s = values.seconds + time.perf_counter() - started
    started = time.perf_counter()
    notes = ErrorNotes(asked, pixels, targets_of(asked))
    probes = bench.store.writer("cpi-probes", len(asked))
    wishes = one_hot(asked.wished, work)
    for queries in blocks(len(asked)):
        rows = slice(queries.start, queries.stop)
        drawn = network.draw(np.asarray(pixels[asked.source[rows]]), wishes[rows])
        probes.add(embedder.embed(drawn))
        notes.note(STAGE, queries, drawn)
        yield BenchmarkProgress("drawing with cpi", queries.stop, len(asked))
    return Prepared(
        gallery=gallery.close(),
        probes=probes.close(),
        build_s=built_s,
        probe_s=time.perf_counter() - started,
        settings=network.settings,
        errors=notes.errors,
    )


def one_hot(positions: Integers, work: Workbench) -> Floats:
    """Return one-hot codes of the weights' only attribute: positions (n, A) -> (n, values)."""
    (attribute,) = work.bench.space.attributes
    known = work.bench.labels.space[attribute.name]
    column = positions[:, work.bench.labels.names.index(attribute.name)]
    places = np.array([attribute.index(v) if attribute.knows(v) else 0 for v in known.values])
    codes: Floats = np.eye(len(attribute.values), dtype=np.float32)[places[column]]
    return codes


METHODS = (
    Method(
        name="cpi",
        note="Yim et al., CVPR 2015: wished pose in neutral light, pixels",
        prepare=cpi,
        trained=True,
        draws=False,
    ),
)
