"""What the terms of a score read from a fold's gallery, once for all methods.

Shapes: N gallery images, w numbers of a term.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from gallery.portraits import NARROW, as_portraits
from index.base import Vectors
from retrieval.evaluation.fold.fold import read_portraits
from retrieval.evaluation.fold.fold_cache import SkippedMethodError, Workbench, blocks
from retrieval.evaluation.fold.second_hypotheses import log_probabilities
from retrieval.evaluation.fold.vector_store import Steps, Timed
from retrieval.evaluation.records import BenchmarkProgress
from retrieval.recognisers.registry import form_of, name_in
from retrieval.scoring.profile import ScoreProfile
from retrieval.scoring.term import Reader
from retrieval.scoring.terms import TERMS


def read_term(work: Workbench, name: str, wanted: str = "") -> Steps[Timed[Vectors]]:
    """Read a term from every gallery image, (N, w).

    What other methods need, too, is shared with them: estimates and identities.

    Args:
        work: The fold.
        name: Name of the term.
        wanted: Name or fingerprint of what reads; empty for what the card was fitted with.

    Raises:
        SkippedMethodError: The weights lack what reads it, or were fitted with another reader.
        MissingEmbedderError: What it needs is not installed.
    """
    wanted = wanted or ScoreProfile.of(work.bench.engine.card).readers.get(name, "")
    shared: dict[str, Callable[[], Steps[Timed[Vectors]]]] = {
        "log_p": partial(log_probabilities, work),
        "identity": partial(work.vectors, name_in(wanted)),
    }
    if name in shared:
        return (yield from shared[name]())
    return (yield from work.once(f"term {name}", _read(work, name, wanted)))


def require_reader(work: Workbench, name: str) -> None:
    """Skip methods whose weights were fitted with another reader of a term than is installed.

    Raises:
        SkippedMethodError: It is another one.
        MissingEmbedderError: What it needs is not installed.
    """
    engine = work.bench.engine
    fitted = ScoreProfile.of(engine.card).readers.get(name, "")
    here = TERMS[name].open(engine, fitted).fingerprint if fitted else ""
    if here != fitted:
        what = "recogniser" if name == "identity" else f"reader of {TERMS[name].what}"
        raise SkippedMethodError(
            f"{engine.card.name} was fitted with the {what} {fitted}, not with {here}"
        )


def _read(work: Workbench, name: str, wanted: str) -> Steps[Vectors]:
    bench = work.bench
    reader: Reader = TERMS[name].open(bench.engine, wanted)
    pixels = portraits = bench.aligned.pixels
    form = form_of(reader.fingerprint)
    if reader.needs_portraits and bench.portraits_of is not None:
        of, aligner = bench.portraits_of, bench.engine.card.aligner
        shown = yield from read_portraits(of, bench.aligned, aligner, bench.store, form)
        portraits, form = shown.pixels, NARROW
    writer = bench.store.writer(f"term-{name}", len(pixels))
    for run in blocks(len(pixels)):
        rows = slice(run.start, run.stop)
        cut = as_portraits(portraits[rows], form) if reader.needs_portraits else None
        writer.add(reader.read(np.asarray(pixels[rows]), cut))
        yield BenchmarkProgress(f"reading {TERMS[name].what}", writer.done, len(pixels))
    return writer.close()
