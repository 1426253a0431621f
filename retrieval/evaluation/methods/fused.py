"""Drawing, estimated values and identity together, weighted as the card says.

How they are put together: retrieval/scoring/terms.py. `fused` is the whole; `fused/identity-off`
and `fused/log-p-off` leave one part out, with the other weighed anew. `two-step/fused` is the plain
alternative to log p: keep the gallery images that the classifier gives the wished value, and rank
them by drawing and identity.

Gallery images have as many hypotheses as the card chooses for the score
(retrieval/scoring/hypotheses.py); `…/one-hypothesis` and `…/two-hypotheses` say what the other
choice would bring: of all that were fitted with two, the best.

Shapes: N gallery images, M of them, Q queries, A values of all attributes, D dimensions of
drawings, I of identities.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gallery.arrays import Floats
from index.base import Vectors
from retrieval.evaluation.embedders.registry import open_embedder
from retrieval.evaluation.fold.estimates import estimated_values
from retrieval.evaluation.fold.fold_cache import SkippedMethodError, Workbench, blocks
from retrieval.evaluation.fold.probes import draw_all
from retrieval.evaluation.fold.ranking import SecondRows
from retrieval.evaluation.fold.second_hypotheses import log_probabilities, seconds_of
from retrieval.evaluation.fold.vector_store import Steps, Timed
from retrieval.evaluation.methods.base import ConfidenceJudge, Method, Prepared
from retrieval.evaluation.methods.score_spec import (
    CARDS,
    ONLY_ONE,
    WITH_TWO,
    ScoreParts,
    ScoreSpec,
    asked_of,
    fitted_weights,
)
from retrieval.evaluation.records import Integers
from retrieval.recognisers.registry import name_in
from retrieval.scoring.hypotheses import Seconds
from retrieval.scoring.profile import ScoreProfile
from retrieval.scoring.terms import FUSED, Coefficients, Layout, wish_code


def fused(parts: ScoreParts, wanted: str, work: Workbench, _: int) -> Steps[Prepared]:
    """Search fused vectors, with the weights that the card says.

    Args:
        parts: Of the score.
        wanted: Hypotheses: as on the card, one, or two.
        work: The fold.
    """
    asked = asked_of(work.bench.engine.card, parts, wanted)
    return (yield from _prepared(work, parts, asked))


def two_step(
    values: Callable[[Workbench, int], Steps[tuple[Integers, float, Mapping[str, Any]]]],
    work: Workbench,
    seed: int,
) -> Steps[Prepared]:
    """Filter by a value for each gallery image, then rank by drawing and identity."""
    parts = ScoreParts(log_p=False, identity=True)
    weights = Coefficients(0.0, fitted_weights(work.bench.engine.card, FUSED).identity)
    positions, seconds, settings = yield from values(work, seed)
    found = yield from _prepared(work, parts, ScoreSpec(weights))
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


def _prepared(work: Workbench, parts: ScoreParts, asked: ScoreSpec) -> Steps[Prepared]:
    bench = work.bench
    if parts.identity:
        _require_recogniser(work)
    canonical = yield from work.canonical()
    estimated = (yield from log_probabilities(work)) if parts.log_p else None
    known = (yield from work.vectors(_recogniser(work))) if parts.identity else None
    more = None if asked.hypotheses.single else (yield from seconds_of(work, asked.hypotheses))
    drawn = yield from draw_all(work)
    layout = Layout(
        canonical.value.embeddings.shape[1],
        bench.space.size if estimated is not None else 0,
        known.value.shape[1] if known is not None else 0,
    )
    started = time.perf_counter()
    images = _Images(work, layout, estimated, known)
    gallery = images.joined("fused-gallery", canonical.value.embeddings)
    seconds = None if more is None else images.seconds(more.value)
    joined_s = time.perf_counter() - started
    probes = _probes(work, layout, drawn.value.embeddings, known, asked.weights)
    made = [one.seconds for one in (canonical, estimated, known, more) if one is not None]
    return Prepared(
        gallery=gallery,
        probes=probes,
        build_s=sum(made) + joined_s,
        probe_s=drawn.seconds,
        settings={
            "log_probability": asked.weights.log_probability,
            "identity": asked.weights.identity,
            "hypotheses": str(asked.hypotheses),
        },
        judge=None if asked.calibration is None else ConfidenceJudge(layout, asked.calibration),
        seconds=seconds,
    )


def _recogniser(work: Workbench) -> str:
    """Name the recogniser that the card was fitted with."""
    return name_in(ScoreProfile.of(work.bench.engine.card).recogniser)


def _require_recogniser(work: Workbench) -> None:
    """Skip methods whose weights were fitted with another recogniser than is installed.

    Raises:
        SkippedMethodError: It is another one.
    """
    profile = ScoreProfile.of(work.bench.engine.card)
    if not profile.recogniser:
        return
    here = open_embedder(_recogniser(work), work.bench.device).fingerprint
    if here != profile.recogniser:
        raise SkippedMethodError(
            f"{profile.name} was fitted with the recogniser {profile.recogniser}, not with {here}"
        )


@dataclass(frozen=True, slots=True)
class _Images:
    """Makes the vectors of gallery images: of each, log p and identity are always the same.

    Attributes:
        work: The fold.
        layout: Of the vectors.
        estimated: Log-probabilities, (N, A), if they count.
        known: Identities, (N, I), if they count.
    """

    work: Workbench
    layout: Layout
    estimated: Timed[Floats] | None
    known: Timed[Vectors] | None

    def joined(self, name: str, embeddings: Vectors, of: Integers | None = None) -> Vectors:
        """Write the vectors of images that were redrawn so, (M, layout.dimension).

        Args:
            name: Of the file.
            embeddings: Of their redrawings, (M, D).
            of: Their positions, (M,); None for the whole gallery.
        """
        writer = self.work.bench.store.writer(name, len(embeddings))
        for run in blocks(len(embeddings)):
            part = slice(run.start, run.stop)
            rows = part if of is None else of[part]
            log_p = None if self.estimated is None else self.estimated.value[rows]
            who = None if self.known is None else np.asarray(self.known.value[rows])
            writer.add(self.layout.gallery(np.asarray(embeddings[part]), log_p, who))
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
    known: Timed[Vectors] | None,
    weights: Coefficients,
) -> Vectors:
    sources = work.bench.asked.source
    wishes = wishes_of(work)
    writer = work.bench.store.writer("fused-probes", len(drawn))
    for run in blocks(len(drawn)):
        rows = slice(run.start, run.stop)
        who = None if known is None else np.asarray(known.value[sources[rows]])
        writer.add(layout.probes(np.asarray(drawn[rows]), wishes[rows], who, weights))
    return writer.close()


def _estimated(work: Workbench, seed: int) -> Steps[tuple[Integers, float, Mapping[str, Any]]]:
    found = yield from estimated_values(work, seed)
    return found.positions, found.seconds, found.settings


def _true(work: Workbench, _: int) -> Steps[tuple[Integers, float, Mapping[str, Any]]]:
    yield from ()
    return work.bench.labels.values, 0.0, {}


METHODS = (
    Method(
        name="fused",
        note="ours, with log p of the wish and identity (SFace)",
        prepare=partial(fused, ScoreParts(log_p=True, identity=True), CARDS),
    ),
    Method(
        name="fused/identity-off",
        note="ours, with log p of the wish",
        prepare=partial(fused, ScoreParts(log_p=True, identity=False), CARDS),
    ),
    Method(
        name="fused/log-p-off",
        note="ours, with identity (SFace)",
        prepare=partial(fused, ScoreParts(log_p=False, identity=True), ONLY_ONE),
    ),
    *(
        Method(
            name=f"{name}/{wanted}-hypothes{'is' if wanted == ONLY_ONE else 'es'}",
            note=f"the same, gallery images in {wanted} of their likeliest values",
            prepare=partial(fused, ScoreParts(log_p=True, identity=identity), wanted),
        )
        for name, identity in (("fused", True), ("fused/identity-off", False))
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
)
