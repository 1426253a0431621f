"""Drawing, estimated values and identity together, weighted as the card says.

How they are put together: retrieval/fusion.py. `fused` is the whole; `fused/identity-off` and
`fused/log-p-off` leave one part out, with the other weighed anew. `two-step/fused` is the plain
alternative to log p: keep the gallery images that the classifier gives the wished value, and rank
them by drawing and identity.

Gallery images have as many hypotheses as the card chooses for the score (retrieval/hypotheses.py);
`…/one-hypothesis` and `…/two-hypotheses` say what the other choice would bring: of all that were
fitted with two, the best.

Shapes: N gallery images, Q queries, A values of all attributes.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gallery.errors import ConfigError, WeightsError
from generator.card import Card
from generator.engine import Floats
from index.base import Vectors
from retrieval.confidence import Calibration
from retrieval.evaluation.drawing import draw_all
from retrieval.evaluation.hypotheses import log_probabilities, seconds_of
from retrieval.evaluation.methods.base import Judge, Method, Prepared
from retrieval.evaluation.methods.estimates import estimated_values
from retrieval.evaluation.ranking import SecondRows
from retrieval.evaluation.records import Integers
from retrieval.evaluation.store import Made, Steps
from retrieval.evaluation.workbench import SkippedMethodError, Workbench, blocks
from retrieval.fusion import (
    FUSED,
    VALUES,
    Layout,
    Weights,
    chosen_hypotheses,
    fitted_for,
    tried_hypotheses,
    wish_code,
)
from retrieval.hypotheses import ONE, Hypotheses, Seconds

RECOGNISER = "sface"


CARDS, ONLY_ONE, WITH_TWO = "as on the card", "one", "two"


@dataclass(frozen=True, slots=True)
class Parts:
    """What a score is made of here.

    Attributes:
        log_p: Whether of log-probabilities.
        identity: Whether of identities.
    """

    log_p: bool
    identity: bool

    @property
    def score(self) -> str:
        """Name of the score with log-probabilities."""
        return FUSED if self.identity else VALUES


@dataclass(frozen=True, slots=True)
class _Asked:
    """How a method scores.

    Attributes:
        weights: Of the parts.
        hypotheses: Of the gallery images.
        calibration: Of its answers; None if nothing was fitted.
    """

    weights: Weights
    hypotheses: Hypotheses = ONE
    calibration: Calibration | None = None


def fused(parts: Parts, wanted: str, work: Workbench, _: int) -> Steps[Prepared]:
    """Search fused vectors, with the weights that the card says.

    Args:
        parts: Of the score.
        wanted: Hypotheses: as on the card, one, or two.
        work: The fold.
    """
    card = work.bench.engine.card
    if not parts.log_p:
        return (yield from _prepared(work, parts, _Asked(weights_of(card, parts))))
    hypotheses = _hypotheses(card, parts.score, wanted)
    asked = _Asked(
        _of(card, parts.score, hypotheses),
        hypotheses,
        Calibration.of(card, parts.score, hypotheses),
    )
    return (yield from _prepared(work, parts, asked))


def two_step(
    values: Callable[[Workbench, int], Steps[tuple[Integers, float, Mapping[str, Any]]]],
    work: Workbench,
    seed: int,
) -> Steps[Prepared]:
    """Filter by a value for each gallery image, then rank by drawing and identity."""
    parts = Parts(log_p=False, identity=True)
    weights = Weights(0.0, _of(work.bench.engine.card, FUSED).identity)
    positions, seconds, settings = yield from values(work, seed)
    found = yield from _prepared(work, parts, _Asked(weights))
    return Prepared(
        gallery=found.gallery,
        probes=found.probes,
        values=positions,
        build_s=found.build_s + seconds,
        probe_s=found.probe_s,
        settings={**found.settings, **settings},
    )


def weights_of(card: Card, parts: Parts) -> Weights:
    """Return the weights that were fitted for some parts.

    Raises:
        SkippedMethodError: None were.
    """
    if parts.log_p:
        return _of(card, FUSED if parts.identity else VALUES)
    _of(card, FUSED)  # fitted at all
    alone = card.fusion.get("without_log_probability", {})
    if "identity" not in alone:
        raise SkippedMethodError(f"nothing was fitted for {card.name} without log p")
    return Weights(0.0, float(alone["identity"]))


def wishes_of(work: Workbench) -> Floats:
    """Return the wish of every query, one-hot over the wished attribute alone, (Q, A)."""
    bench = work.bench
    codes = [wish_code(bench.space, bench.wish(query)) for query in range(len(bench.asked))]
    return np.stack(codes)


def _hypotheses(card: Card, score: str, wanted: str) -> Hypotheses:
    """Return the hypotheses that a method asks for.

    Raises:
        SkippedMethodError: It would be the same as the method that follows the card, or nothing was
            fitted with two.
    """
    _of(card, score)  # fitted at all
    try:
        chosen = chosen_hypotheses(card, score)
    except WeightsError as error:
        raise SkippedMethodError(f"the card of {card.name} is damaged: {error}") from error
    if wanted == CARDS:
        return chosen
    if chosen.single == (wanted == ONLY_ONE):
        raise SkippedMethodError(
            f"the card of {card.name} chooses {chosen} for the score {score}: it is the same as the"
            " method without this ending"
        )
    if wanted == ONLY_ONE:
        return ONE
    tried = tried_hypotheses(card, score)
    if not tried:
        raise SkippedMethodError(
            f"nothing was fitted for {card.name} with two hypotheses: mindseye weights fit"
            " (docs/fusion.md)"
        )
    try:  # of equals the first: these have the fewest vectors
        return Hypotheses.parse(max(tried, key=lambda one: tried[one]["hit_rate"]["C2"] or 0))
    except (ConfigError, KeyError, TypeError) as error:
        raise SkippedMethodError(f"the card of {card.name} is damaged: {error!r}") from error


def _prepared(work: Workbench, parts: Parts, asked: _Asked) -> Steps[Prepared]:
    bench = work.bench
    canonical = yield from work.canonical()
    estimated = (yield from log_probabilities(work)) if parts.log_p else None
    known = (yield from work.vectors(RECOGNISER)) if parts.identity else None
    more = None if asked.hypotheses.single else (yield from seconds_of(work, asked.hypotheses))
    drawn = yield from draw_all(work)
    layout = Layout(
        canonical.value.embeddings.shape[1],
        bench.space.size if estimated is not None else 0,
        known.value.shape[1] if known is not None else 0,
    )
    started = time.perf_counter()
    gallery = _gallery(work, layout, canonical.value.embeddings, estimated, known)
    seconds = None if more is None else _seconds(work, layout, more.value, estimated, known)
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
        judge=None if asked.calibration is None else Judge(layout, asked.calibration),
        seconds=seconds,
    )


def _seconds(
    work: Workbench,
    layout: Layout,
    seconds: Seconds,
    estimated: Made[Floats] | None,
    known: Made[Vectors] | None,
) -> SecondRows:
    """Make the second vectors: log p and identity are those of the image."""
    writer = work.bench.store.writer("fused-seconds", len(seconds.of))
    for run in blocks(len(seconds.of)):
        rows = seconds.of[run.start : run.stop]
        log_p = None if estimated is None else estimated.value[rows]
        who = None if known is None else np.asarray(known.value[rows])
        embeddings = np.asarray(seconds.embeddings[run.start : run.stop])
        writer.add(layout.gallery(embeddings, log_p, who))
    if not len(seconds.of):
        return SecondRows(seconds.of, np.empty((0, layout.dimension), dtype=np.float32))
    return SecondRows(seconds.of, writer.close())


def _gallery(
    work: Workbench,
    layout: Layout,
    embeddings: Vectors,
    estimated: Made[Floats] | None,
    known: Made[Vectors] | None,
) -> Vectors:
    writer = work.bench.store.writer("fused-gallery", len(embeddings))
    for run in blocks(len(embeddings)):
        rows = slice(run.start, run.stop)
        log_p = None if estimated is None else estimated.value[rows]
        who = None if known is None else np.asarray(known.value[rows])
        writer.add(layout.gallery(np.asarray(embeddings[rows]), log_p, who))
    return writer.close()


def _probes(
    work: Workbench,
    layout: Layout,
    drawn: Vectors,
    known: Made[Vectors] | None,
    weights: Weights,
) -> Vectors:
    sources = work.bench.asked.source
    wishes = wishes_of(work)
    writer = work.bench.store.writer("fused-probes", len(drawn))
    for run in blocks(len(drawn)):
        rows = slice(run.start, run.stop)
        who = None if known is None else np.asarray(known.value[sources[rows]])
        writer.add(layout.probes(np.asarray(drawn[rows]), wishes[rows], who, weights))
    return writer.close()


def _of(card: Card, score: str, hypotheses: Hypotheses = ONE) -> Weights:
    if fitted_for(card, score, hypotheses) is None:
        raise SkippedMethodError(
            f"nothing was fitted for {card.name}: mindseye weights fit (docs/fusion.md)"
        )
    try:
        return Weights.of(card, score, hypotheses)
    except (TypeError, ValueError, WeightsError) as error:
        raise SkippedMethodError(f"the card of {card.name} is damaged: {error}") from error


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
        prepare=partial(fused, Parts(log_p=True, identity=True), CARDS),
    ),
    Method(
        name="fused/identity-off",
        note="ours, with log p of the wish",
        prepare=partial(fused, Parts(log_p=True, identity=False), CARDS),
    ),
    Method(
        name="fused/log-p-off",
        note="ours, with identity (SFace)",
        prepare=partial(fused, Parts(log_p=False, identity=True), ONLY_ONE),
    ),
    *(
        Method(
            name=f"{name}/{wanted}-hypothes{'is' if wanted == ONLY_ONE else 'es'}",
            note=f"the same, gallery images in {wanted} of their likeliest values",
            prepare=partial(fused, Parts(log_p=True, identity=identity), wanted),
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
