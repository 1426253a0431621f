"""Measure the drawings of a fold's queries as edits, block by block.

Pixels and descriptions are memory maps: memory grows with the edits by a few numbers each.

Shapes: N images, Q edits, S side, C channels, D dimensions.
"""

from collections.abc import Iterator

import numpy as np

from gallery.align import Pixels
from gallery.arrays import Floats as Vectors
from retrieval.evaluation.baselines.classifier import Classifier, train_classifier
from retrieval.evaluation.edit_records import EDITED, EDITORS, SOURCE, TARGET, Editing
from retrieval.evaluation.editing import measures
from retrieval.evaluation.editing.cost import measure_cost
from retrieval.evaluation.editing.edits import Edits, Notes
from retrieval.evaluation.editing.judges import JUDGES, EditEmbedder, open_judge
from retrieval.evaluation.fold.estimates import estimated_values, learnt, translated
from retrieval.evaluation.fold.fold_cache import SkippedMethodError, Workbench, blocks
from retrieval.evaluation.fold.probes import QueryDrawings, draw_all
from retrieval.evaluation.fold.vector_store import Steps, Store, array_sha256
from retrieval.evaluation.frechet import Moments, add
from retrieval.evaluation.records import BenchmarkProgress, Integers
from retrieval.evaluation.statistics.metrics import mean_absolute_error, mean_squared_error
from retrieval.recognisers.third_party import MissingEmbedderError

BLOCK = 64
MOMENTS_BLOCK = 512


def measure_editing(work: Workbench) -> Steps[Editing | None]:
    """Measure the drawings of all queries as edits; None if nothing is asked.

    Args:
        work: The fold; its drawings are those of `ours`.
    """
    bench = work.bench
    if not len(bench.asked):
        return None
    drawn: QueryDrawings = (yield from draw_all(work)).value
    edits = Edits.of_queries(bench.asked, bench.aligned.pixels, drawn.images)
    notes = Notes(len(edits))
    yield from _compare_pixels(edits, notes)
    for measure in JUDGES:
        try:
            judge = open_judge(measure, bench.device)
        except MissingEmbedderError as reason:
            notes.skipped[measure] = str(reason)
            continue
        yield from _let_judge(judge, measure, edits, notes, bench.store)
    yield from _classify(work, edits, notes)
    yield BenchmarkProgress("timing drawings", 1, 1)
    return Editing(
        values=notes.values,
        moments=notes.moments,
        skipped=notes.skipped,
        judges=notes.judges,
        told=notes.told,
        costs=(measure_cost(bench.engine, edits.gallery),),
    )


def _compare_pixels(edits: Edits, notes: Notes) -> Steps[None]:
    """Note what follows from pixels alone."""
    side = edits.gallery.shape[1]
    large = side >= measures.WINDOW
    if not large:
        notes.skipped["ssim"] = (
            f"its window is {measures.WINDOW} pixels wide; these images have {side}"
        )
    for run in blocks(len(edits), BLOCK):
        rows = np.arange(run.start, run.stop)
        strict = edits.strict[rows]
        target = edits.made_by(TARGET, run)[strict]
        own = measures.colour_histograms(edits.made_by(SOURCE, run))
        for editor in EDITORS:
            made = edits.made_by(editor, run)
            errors = mean_squared_error(made[strict], target)
            notes.of(editor, "mse")[rows[strict]] = errors
            notes.of(editor, "mae")[rows[strict]] = mean_absolute_error(made[strict], target)
            notes.of(editor, "psnr")[rows[strict]] = measures.peak_signal_to_noise(errors)
            if large:
                alike = measures.structural_similarity(made[strict], target)
                notes.of(editor, "ssim")[rows[strict]] = alike
            colours = measures.colour_histograms(made)
            notes.of(editor, "histogram")[rows] = measures.hellinger(colours, own)
        yield BenchmarkProgress("comparing pixels", run.stop, len(edits))


def _let_judge(
    judge: EditEmbedder, measure: str, edits: Edits, notes: Notes, store: Store
) -> Steps[None]:
    """Describe every image once, and compare descriptions."""
    notes.judges[measure] = {
        "name": judge.name,
        "fingerprint": judge.fingerprint,
        **judge.versions,
    }
    both = np.concatenate([edits.source, edits.target])
    used, place = np.unique(both, return_inverse=True)
    sources, targets = place.reshape(2, len(edits))
    photographs = yield from _described(judge, measure, edits.gallery, used, store)
    everything = np.arange(len(edits))
    drawings = yield from _described(judge, measure, edits.edited, everything, store)
    made = {
        EDITED: (drawings, everything),
        SOURCE: (photographs, sources),
        TARGET: (photographs, targets),
    }
    if measure == "fid":
        for editor, (vectors, rows) in made.items():
            notes.moments[editor] = _moments(vectors, rows)
            yield BenchmarkProgress("adding up features", len(notes.moments), len(made))
        return
    compare = measures.euclidean if measure == "acd" else measures.cosine
    for editor, (vectors, rows) in made.items():
        noted = notes.of(editor, measure)
        for run in blocks(len(edits)):
            part = slice(run.start, run.stop)
            noted[part] = compare(photographs[sources[part]], vectors[rows[part]])


def _described(
    judge: EditEmbedder, measure: str, pixels: Pixels, used: Integers, store: Store
) -> Steps[Vectors]:
    """Describe some images, or return what was kept of them, (N, D)."""

    def parts() -> Iterator[Vectors]:
        return (
            judge.describe(pixels[used[run.start : run.stop]]) for run in blocks(len(used), BLOCK)
        )

    key = {
        "pixels": array_sha256(pixels),
        "images": array_sha256(used),
        "judge": judge.fingerprint,
    }
    return (yield from store.keep(f"judge-{measure}", key, len(used), parts)).value


def _moments(vectors: Vectors, rows: Integers) -> Moments:
    return add(
        Moments.of(vectors[rows[run.start : run.stop]]) for run in blocks(len(rows), MOMENTS_BLOCK)
    )


def _classify(work: Workbench, edits: Edits, notes: Notes) -> Steps[None]:
    """Ask a classifier that was trained on photographs for the wished attributes' values."""
    bench = work.bench
    asked, labels = bench.asked, bench.labels
    try:
        real = (yield from estimated_values(work, 0)).positions  # (N, attributes)
        classifier: Classifier = yield from learnt(work, train_classifier, 0)
    except SkippedMethodError as reason:
        notes.skipped["accuracy"] = str(reason)
        return
    drawn = [
        translated(classifier.estimates(edits.made_by(EDITED, run)), classifier.space, labels.space)
        for run in blocks(len(edits))
    ]
    told = {EDITED: np.concatenate(drawn), SOURCE: real[edits.source], TARGET: real[edits.target]}
    for editor, positions in told.items():
        right = (positions == asked.wished) | (asked.wished < 0)
        notes.of(editor, "accuracy")[:] = right.all(axis=1)
    for column, name in enumerate(labels.names):
        if name in classifier.space:
            known = labels.values[:, column] >= 0
            right = (real[:, column] == labels.values[:, column])[known]
            notes.told[name] = (int(right.sum()), int(known.sum()))
    notes.judges["accuracy"] = {"name": "classifier", "fingerprint": classifier.sha256}
