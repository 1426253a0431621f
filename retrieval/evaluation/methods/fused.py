"""Drawing, estimated values and identity together, weighted as the card says.

How they are put together: retrieval/fusion.py. `fused` is the whole; `fused/identity-off` and
`fused/log-p-off` leave one part out, with the other weighed anew. `two-step/fused` is the plain
alternative to log p: keep the gallery images that the classifier gives the wished value, and rank
them by drawing and identity.

Shapes: N gallery images, Q queries, A values of all attributes.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gallery.errors import WeightsError
from generator.card import Card
from generator.engine import Floats
from index.base import Vectors
from retrieval.confidence import Calibration
from retrieval.evaluation.drawing import draw_all
from retrieval.evaluation.methods.base import Judge, Method, Prepared
from retrieval.evaluation.methods.estimates import estimated_values
from retrieval.evaluation.records import Integers, Progress
from retrieval.evaluation.store import Made, Steps
from retrieval.evaluation.workbench import SkippedMethodError, Workbench, blocks
from retrieval.fusion import FUSED, VALUES, Layout, Weights, fitted_for, wish_code

RECOGNISER = "sface"


@dataclass(frozen=True, slots=True)
class Parts:
    """What a score is made of here.

    Attributes:
        log_p: Whether of log-probabilities.
        identity: Whether of identities.
    """

    log_p: bool
    identity: bool


def fused(parts: Parts, work: Workbench, _: int) -> Steps[Prepared]:
    """Search fused vectors, with the weights that the card says."""
    card = work.bench.engine.card
    weights = weights_of(card, parts)
    name = FUSED if parts.identity else VALUES
    judge = Calibration.of(card, name) if parts.log_p else None
    return (yield from _prepared(work, parts, weights, judge))


def two_step(
    values: Callable[[Workbench, int], Steps[tuple[Integers, float, Mapping[str, Any]]]],
    work: Workbench,
    seed: int,
) -> Steps[Prepared]:
    """Filter by a value for each gallery image, then rank by drawing and identity."""
    parts = Parts(log_p=False, identity=True)
    weights = Weights(0.0, _of(work.bench.engine.card, FUSED).identity)
    positions, seconds, settings = yield from values(work, seed)
    found = yield from _prepared(work, parts, weights, None)
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


def log_probabilities(work: Workbench) -> Steps[Made[Floats]]:
    """Estimate what every gallery image shows, log p(value | image), (N, A).

    Raises:
        SkippedMethodError: The weights have no estimator.
    """
    return (yield from work.once("log p", _log_probabilities(work)))


def wishes_of(work: Workbench) -> Floats:
    """Return the wish of every query, one-hot over the wished attribute alone, (Q, A)."""
    bench = work.bench
    codes = [wish_code(bench.space, bench.wish(query)) for query in range(len(bench.asked))]
    return np.stack(codes)


def _log_probabilities(work: Workbench) -> Steps[Floats]:
    bench = work.bench
    if not bench.engine.estimates:
        raise SkippedMethodError(
            f"{bench.engine.card.name} has no attribute estimator (mindseye train --recipe tuned)"
        )
    pixels = bench.aligned.pixels
    parts = []
    for run in blocks(len(pixels)):
        parts.append(bench.engine.log_probabilities(np.asarray(pixels[run.start : run.stop])))
        yield Progress("estimating values", run.stop, len(pixels))
    return np.concatenate(parts)


def _prepared(
    work: Workbench, parts: Parts, weights: Weights, calibration: Calibration | None
) -> Steps[Prepared]:
    bench = work.bench
    canonical = yield from work.canonical()
    estimated = (yield from log_probabilities(work)) if parts.log_p else None
    known = (yield from work.vectors(RECOGNISER)) if parts.identity else None
    drawn = yield from draw_all(work)
    layout = Layout(
        canonical.value.embeddings.shape[1],
        bench.space.size if estimated is not None else 0,
        known.value.shape[1] if known is not None else 0,
    )
    started = time.perf_counter()
    gallery = _gallery(work, layout, canonical.value.embeddings, estimated, known)
    joined_s = time.perf_counter() - started
    probes = _probes(work, layout, drawn.value.embeddings, known, weights)
    made = [one.seconds for one in (canonical, estimated, known) if one is not None]
    return Prepared(
        gallery=gallery,
        probes=probes,
        build_s=sum(made) + joined_s,
        probe_s=drawn.seconds,
        settings={"log_probability": weights.log_probability, "identity": weights.identity},
        judge=None if calibration is None else Judge(layout, calibration),
    )


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


def _of(card: Card, score: str) -> Weights:
    if fitted_for(card, score) is None:
        raise SkippedMethodError(
            f"nothing was fitted for {card.name}: mindseye weights fit (docs/fusion.md)"
        )
    try:
        return Weights.of(card, score)
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
        prepare=partial(fused, Parts(log_p=True, identity=True)),
    ),
    Method(
        name="fused/identity-off",
        note="ours, with log p of the wish",
        prepare=partial(fused, Parts(log_p=True, identity=False)),
    ),
    Method(
        name="fused/log-p-off",
        note="ours, with identity (SFace)",
        prepare=partial(fused, Parts(log_p=False, identity=True)),
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
