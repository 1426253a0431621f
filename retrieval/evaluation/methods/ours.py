"""Retrieval by generation: the drawing searches the canonical gallery; and its oracles."""

from gallery.align import Pixels
from index.base import Vectors
from retrieval.evaluation.embedders.pixels import PixelEmbedder
from retrieval.evaluation.fold.fold_cache import Workbench, blocks
from retrieval.evaluation.fold.probes import draw_all, targets_of
from retrieval.evaluation.fold.vector_store import Steps, Writer
from retrieval.evaluation.methods.base import ConfidenceJudge, Method, Prepared
from retrieval.scoring.profile import ScoreProfile
from retrieval.scoring.terms import DRAWING, Layout


def features(work: Workbench, _: int) -> Steps[Prepared]:
    """Refiner features of the drawing, against those of the canonical views."""
    canonical = yield from work.canonical()
    drawn = yield from draw_all(work)
    return Prepared(
        gallery=canonical.value.embeddings,
        probes=drawn.value.embeddings,
        build_s=canonical.seconds,
        probe_s=drawn.seconds,
        images=drawn.value.images,
        judge=_judge(work, canonical.value.embeddings.shape[1]),
    )


def _judge(work: Workbench, dimension: int) -> ConfidenceJudge | None:
    calibration = ScoreProfile.of(work.bench.engine.card).calibration(DRAWING)
    return None if calibration is None else ConfidenceJudge(Layout(dimension), calibration)


def pixels(work: Workbench, _: int) -> Steps[Prepared]:
    """Pixels of the drawing, against pixels of the canonical views."""
    canonical = yield from work.canonical()
    drawn = yield from draw_all(work)
    store = work.bench.store
    images = canonical.value.images
    return Prepared(
        gallery=flat(images, store.writer("canonical-flat", len(images))),
        probes=flat(drawn.value.images, store.writer("drawn-flat", len(drawn.value.images))),
        build_s=canonical.seconds,
        probe_s=drawn.seconds,
    )


def oracle_value(work: Workbench, _: int) -> Steps[Prepared]:
    """Ours, with gallery images redrawn in their true values."""
    truly = yield from work.redrawn_truly()
    drawn = yield from draw_all(work)
    return Prepared(
        gallery=truly.value,
        probes=drawn.value.embeddings,
        build_s=truly.seconds,
        probe_s=drawn.seconds,
    )


def oracle_target(work: Workbench, _: int) -> Steps[Prepared]:
    """Ours, with the target's own canonical view as the probe."""
    canonical = yield from work.canonical()
    targets = targets_of(work.bench.asked, loose=True)
    gallery = canonical.value.embeddings
    writer = work.bench.store.writer("target-probes", len(targets))
    for run in blocks(len(targets)):
        writer.add(gallery[targets[run.start : run.stop]])
    return Prepared(gallery=gallery, probes=writer.close(), build_s=canonical.seconds)


def flat(images: Pixels | Vectors, writer: Writer) -> Vectors:
    """Write the pixels of images as vectors of unit length, (N, S, S, C) -> (N, S * S * C)."""
    embedder = PixelEmbedder()
    for run in blocks(len(images)):
        writer.add(embedder.embed(images[run.start : run.stop]))
    return writer.close()


METHODS = (
    Method(name="ours", note="drawing against canonical views, refiner features", prepare=features),
    Method(name="ours-pixels", note="drawing against canonical views, pixels", prepare=pixels),
)
ORACLES = (
    Method(
        name="oracle-value",
        note="ours, the gallery redrawn in its true values",
        prepare=oracle_value,
    ),
    Method(
        name="oracle-target",
        note="the target's own canonical view as probe; a check: about 100 %",
        prepare=oracle_target,
    ),
)
