"""Drawing, estimated values and identity together, weighted as the card says.

How they are put together: retrieval/scoring/terms.py. `fused` is the whole; `fused/identity-off`
and `fused/log-p-off` leave one part out, with the other weighed anew; a score of further terms is a
method of its own name. `two-step/fused` is the plain
alternative to log p: keep the gallery images that the classifier gives the wished value, and rank
them by drawing and identity.

Gallery images have as many hypotheses as the card chooses for the score
(retrieval/scoring/hypotheses.py); `…/one-hypothesis` and `…/two-hypotheses` say what the other
choice would bring: of all that were fitted with two, the best.

Shapes: N gallery images, M of them, Q queries, A values of all attributes, D dimensions of
drawings, w numbers of a term.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from gallery.arrays import Floats
from generator.hypotheses import ONE
from index.base import Vectors
from retrieval.evaluation.fold.estimates import estimated_values
from retrieval.evaluation.fold.fold_cache import (
    CanonicalGallery,
    SeenGallery,
    Workbench,
    blocks,
)
from retrieval.evaluation.fold.probes import draw_all
from retrieval.evaluation.fold.ranking import SecondRows
from retrieval.evaluation.fold.second_hypotheses import seconds_of
from retrieval.evaluation.fold.term_rows import read_term, require_reader
from retrieval.evaluation.fold.vector_store import Steps, Timed
from retrieval.evaluation.methods.base import ConfidenceJudge, Method, Prepared
from retrieval.evaluation.methods.score_spec import (
    CARDS,
    ONLY_ONE,
    WITH_TWO,
    ScoreSpec,
    asked_of,
    fitted_weights,
)
from retrieval.evaluation.records import Integers
from retrieval.scoring.hypotheses import Seconds
from retrieval.scoring.terms import (
    DRAWING,
    FUSED,
    SCORES,
    TERMS,
    VALUES,
    Coefficients,
    Layout,
    ask_sources,
    wish_code,
)


def fused(terms: Sequence[str], wanted: str, work: Workbench, _: int) -> Steps[Prepared]:
    """Search fused vectors, with the weights that the card says.

    Args:
        terms: Terms of the score, beside the drawing.
        wanted: Hypotheses: as on the card, one, or two.
        work: The fold.
    """
    asked = asked_of(work.bench.engine.card, terms, wanted)
    return (yield from _prepared(work, terms, asked))


def two_step(
    values: Callable[[Workbench, int], Steps[tuple[Integers, float, Mapping[str, Any]]]],
    work: Workbench,
    seed: int,
) -> Steps[Prepared]:
    """Filter by a value for each gallery image, then rank by drawing and identity."""
    whole = fitted_weights(work.bench.engine.card, FUSED)
    weights = Coefficients(identity=whole.of("identity"))
    positions, seconds, settings = yield from values(work, seed)
    found = yield from _prepared(work, ("identity",), ScoreSpec(weights))
    return Prepared(
        gallery=found.gallery,
        probes=found.probes,
        values=positions,
        build_s=found.build_s + seconds,
        probe_s=found.probe_s,
        settings={**found.settings, **settings},
    )


def wishes_of(work: Workbench) -> Floats:
    """Return the wish of every query, one-hot over the wished attribute alone, (Q, A)."""
    bench = work.bench
    codes = [wish_code(bench.space, bench.wish(query)) for query in range(len(bench.asked))]
    return np.stack(codes)


def by_student(terms: Sequence[str], work: Workbench, _: int) -> Steps[Prepared]:
    """Search fused vectors whose drawing's part, and log p, the student of the weights saw.

    Queries are drawn as ever; images have one hypothesis, and weights and calibration of the card
    are those of drawn views.

    Args:
        terms: Terms of the score, beside the drawing.
        work: The fold.
    """
    asked = asked_of(work.bench.engine.card, terms, CARDS) if terms else ScoreSpec(Coefficients())
    return (yield from _prepared(work, terms, replace(asked, hypotheses=ONE), sees=True))


def _prepared(
    work: Workbench, terms: Sequence[str], asked: ScoreSpec, *, sees: bool = False
) -> Steps[Prepared]:
    for name in terms:
        require_reader(work, name)
    seen: Timed[SeenGallery] | None = (yield from work.seen()) if sees else None
    canonical: Timed[CanonicalGallery] | Timed[SeenGallery]
    canonical = seen if seen is not None else (yield from work.canonical())
    read: dict[str, Timed[Vectors]] = {}
    for name in terms:
        if seen is not None and name == "log_p":
            read[name] = Timed(seen.value.log_p, 0.0)  # its time is that of the views
        else:
            read[name] = yield from read_term(work, name)
    more = None if asked.hypotheses.single else (yield from seconds_of(work, asked.hypotheses))
    drawn = yield from draw_all(work)
    widths = {name: one.value.shape[1] for name, one in read.items()}
    layout = Layout(canonical.value.embeddings.shape[1], widths)
    started = time.perf_counter()
    rows = {name: one.value for name, one in read.items()}
    images = _Images(work, layout, rows)
    gallery = images.joined("fused-gallery", canonical.value.embeddings)
    seconds = None if more is None else images.seconds(more.value)
    joined_s = time.perf_counter() - started
    probes = _probes(work, layout, drawn.value.embeddings, rows, asked.weights)
    made = [one.seconds for one in (canonical, *read.values(), more) if one is not None]
    return Prepared(
        gallery=gallery,
        probes=probes,
        build_s=sum(made) + joined_s,
        probe_s=drawn.seconds,
        settings={
            **{term.key: weight for term, weight in asked.weights.told()},
            "hypotheses": str(asked.hypotheses),
        },
        judge=None if asked.calibration is None else ConfidenceJudge(layout, asked.calibration),
        seconds=seconds,
    )


@dataclass(frozen=True, slots=True)
class _Images:
    """Makes the vectors of gallery images: of each, all but the drawing's part is always the same.

    Attributes:
        work: The fold.
        layout: Layout of the vectors.
        read: What was read for each term, by name, (N, w) each.
    """

    work: Workbench
    layout: Layout
    read: Mapping[str, Vectors]

    def joined(self, name: str, embeddings: Vectors, of: Integers | None = None) -> Vectors:
        """Write the vectors of images that were redrawn so, (M, layout.dimension).

        Args:
            name: Name of the file.
            embeddings: Embeddings of their redrawings, (M, D).
            of: Their positions, (M,); None for the whole gallery.
        """
        writer = self.work.bench.store.writer(name, len(embeddings))
        for run in blocks(len(embeddings)):
            part = slice(run.start, run.stop)
            rows = part if of is None else of[part]
            read = {name: np.asarray(one[rows]) for name, one in self.read.items()}
            writer.add(self.layout.gallery(np.asarray(embeddings[part]), read))
        return writer.close()

    def seconds(self, seconds: Seconds) -> SecondRows:
        """Make the second vectors."""
        if not len(seconds.of):
            return SecondRows(seconds.of, np.empty((0, self.layout.dimension), dtype=np.float32))
        joined = self.joined("fused-seconds", seconds.embeddings, seconds.of)
        return SecondRows(seconds.of, joined)


def _probes(
    work: Workbench,
    layout: Layout,
    drawn: Vectors,
    read: Mapping[str, Vectors],
    weights: Coefficients,
) -> Vectors:
    sources = work.bench.asked.source
    wishes = wishes_of(work)
    writer = work.bench.store.writer("fused-probes", len(drawn))
    for run in blocks(len(drawn)):
        rows = slice(run.start, run.stop)
        asked = {
            name: ask_sources(name, wishes[rows], part, sources[rows])
            for name, part in read.items()
        }
        writer.add(layout.probes(np.asarray(drawn[rows]), asked, weights))
    return writer.close()


def _estimated(work: Workbench, seed: int) -> Steps[tuple[Integers, float, Mapping[str, Any]]]:
    found = yield from estimated_values(work, seed)
    return found.positions, found.seconds, found.settings


def _true(work: Workbench, _: int) -> Steps[tuple[Integers, float, Mapping[str, Any]]]:
    yield from ()
    return work.bench.labels.values, 0.0, {}


def further_methods() -> tuple[Method, ...]:
    """Return a method for each score of more terms than the fused one, called as the score is."""
    return tuple(
        Method(
            name=name,
            note=f"ours, with {', '.join(TERMS[term].what for term in terms)}",
            prepare=partial(fused, terms, CARDS),
        )
        for name, terms in SCORES.items()
        if name not in (DRAWING, VALUES, FUSED)
    )


METHODS = (
    Method(
        name="student",
        note="drawing against canonical views as the student sees them",
        prepare=partial(by_student, ()),
    ),
    Method(
        name="student/fused",
        note="the same, with log p of the wish by the student, and identity (SFace)",
        prepare=partial(by_student, SCORES[FUSED]),
    ),
    Method(
        name="fused",
        note="ours, with log p of the wish and identity (SFace)",
        prepare=partial(fused, SCORES[FUSED], CARDS),
    ),
    Method(
        name="fused/identity-off",
        note="ours, with log p of the wish",
        prepare=partial(fused, SCORES[VALUES], CARDS),
    ),
    Method(
        name="fused/log-p-off",
        note="ours, with identity (SFace)",
        prepare=partial(fused, ("identity",), ONLY_ONE),
    ),
    *(
        Method(
            name=f"{name}/{wanted}-hypothes{'is' if wanted == ONLY_ONE else 'es'}",
            note=f"the same, gallery images in {wanted} of their likeliest values",
            prepare=partial(fused, SCORES[score], wanted),
        )
        for name, score in (("fused", FUSED), ("fused/identity-off", VALUES))
        for wanted in (ONLY_ONE, WITH_TWO)
    ),
    Method(
        name="two-step/fused",
        note="estimated wished value, then drawing and identity (SFace)",
        prepare=partial(two_step, _estimated),
        trained=True,
    ),
    Method(
        name="two-step-true/fused",
        note="true wished value, then drawing and identity (SFace)",
        prepare=partial(two_step, _true),
    ),
    *further_methods(),
)
