"""Second hypotheses in a benchmark: redrawn once for all methods; whether they pay, and which.

Shapes: N gallery images, M of them with a second hypothesis, A values of all attributes, D
dimensions.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from gallery.arrays import Floats
from generator.hypotheses import ONE, Hypotheses
from retrieval.evaluation.fold.fold_cache import Workbench, blocks
from retrieval.evaluation.fold.vector_store import Steps, Timed
from retrieval.evaluation.records import BenchmarkProgress
from retrieval.evaluation.statistics.grid_search import (
    GridPoint,
    best,
    known,
    points_of,
    rounded,
    were_weighed,
)
from retrieval.scoring.hypotheses import Rivals, Seconds, rivals, second_views
from retrieval.scoring.profile import FittedScore, HypothesesChoice
from retrieval.scoring.terms import SCORES

WITHIN = (1.0, 2.0, 4.0, np.inf)  # margins: the first value up to e, e^2, e^4 times as likely
WORTH = 0.002  # of the hit rate under C2: what more vectors must bring
CLEARLY = 2.0  # standard errors of the hit rate that they must bring, besides
ROUNDING = 1e-9


def hypotheses_of(
    weighed: Mapping[Hypotheses, Sequence[GridPoint]],
    rows: Mapping[Hypotheses, float],
    queries: int | None = None,
) -> dict[str, HypothesesChoice]:
    """Choose how many hypotheses gallery images have, for each score that holds log p.

    Beginning with one, more rows are taken where they bring at least WORTH of the hit rate under C2
    over what was taken before, and at least CLEARLY standard errors of it: on a few people a gain
    of a few queries is chance.

    Args:
        weighed: What each pair of weights reached, by hypotheses.
        rows: Vectors of an image in the mean, by hypotheses.
        queries: How many were asked; None where nobody knows, and WORTH alone decides.

    Returns:
        By score, what is chosen, and the best weights of what has second hypotheses. Empty where
        nothing was tried.
    """
    told: dict[str, HypothesesChoice] = {}
    for name in (score for score, terms in SCORES.items() if "log_p" in terms):
        found = {
            hypotheses: best(points_of(tried, SCORES[name]))
            for hypotheses, tried in sorted(weighed.items(), key=lambda item: item[0])
            if were_weighed(tried, SCORES[name])
        }
        if set(found) <= {ONE}:
            continue
        held = ONE
        for hypotheses, one in found.items():
            before = known(found[held].hit_rate["C2"])
            gained = known(one.hit_rate["C2"]) - before
            needed = max(WORTH, CLEARLY * _standard_error(before, queries))
            held = hypotheses if gained >= needed - ROUNDING else held
        tried = {
            hypotheses: FittedScore(one.weights, round(rows[hypotheses], 4), rounded(one))
            for hypotheses, one in found.items()
            if not hypotheses.single
        }
        told[name] = HypothesesChoice(held, tried)
    return told


def _standard_error(rate: float, queries: int | None) -> float:
    """Return the standard error of a hit rate, of the binomial distribution; 0 where unknown."""
    return math.sqrt(rate * (1 - rate) / queries) if queries else 0.0


def log_probabilities(work: Workbench) -> Steps[Timed[Floats]]:
    """Estimate what every gallery image shows, log p(value | image), (N, A).

    Raises:
        SkippedMethodError: The weights have no estimator.
    """
    return (yield from work.log_p())


def rivals_of(work: Workbench) -> Steps[Timed[Rivals]]:
    """Find the second hypothesis about every gallery image; its time is that of the estimates.

    Raises:
        SkippedMethodError: The weights have no estimator.
    """
    canonical = yield from work.canonical()
    log_p = yield from log_probabilities(work)
    found = rivals(log_p.value, canonical.value.estimates, work.bench.space)
    return Timed(found, log_p.seconds)


def seconds_of(work: Workbench, hypotheses: Hypotheses) -> Steps[Timed[Seconds]]:
    """Redraw those gallery images in their second hypotheses that have one; (M, D) on disk.

    Raises:
        SkippedMethodError: The weights have no estimator.
    """
    return (yield from work.once(f"hypotheses {hypotheses}", _seconds(work, hypotheses)))


def _seconds(work: Workbench, hypotheses: Hypotheses) -> Steps[Seconds]:
    found = (yield from rivals_of(work)).value
    engine, pixels = work.bench.engine, work.bench.aligned.pixels
    of = np.flatnonzero(hypotheses.chosen(found.margins))
    writer = work.bench.store.writer(f"hypotheses-{hypotheses}".replace(" ", "-"), len(of))
    conditions = tuple(found.conditions[place] for place in of.tolist())
    for run in blocks(len(of)):
        some = of[run.start : run.stop]
        part = Rivals(conditions[run.start : run.stop], found.margins[some])
        writer.add(second_views(engine, np.asarray(pixels[some]), part, hypotheses).embeddings)
        yield BenchmarkProgress("redrawing second hypotheses", run.stop, len(of))
    return Seconds(of, conditions, writer.close())
