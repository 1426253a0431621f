"""Fitting how sure answers are, and measuring on other people how well that holds.

Shapes: Q queries, K answers to each, M measures of an answer.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from gallery.arrays import Doubles, Floats
from retrieval.evaluation.protocol.queries import Labels
from retrieval.evaluation.records import QueryTable
from retrieval.evaluation.statistics.grid_search import Answers
from retrieval.evaluation.statistics.metrics import calibration_error
from retrieval.scoring.confidence import (
    Calibration,
    LeastScore,
    fit_logistic,
    measure_names,
    measures_of,
)

STRANGERS = 0.1  # of questions about strangers that may bring something
KEPT = 10  # answers of each query that confidence is fitted on
FOLDS = 5  # of people, to measure how well confidence holds for others


def calibrated(answers: Answers, labels: Labels, asked: QueryTable) -> Calibration:
    """Fit how sure answers are, and measure on other people than it was fitted on how well.

    Args:
        answers: The answers to all queries.
        labels: Labels of the gallery.
        asked: The queries.

    Returns:
        The calibration, with the expected error of first answers: every person's by a fit without
        that person's fold.
    """
    names = measure_names(tuple(answers.parts))
    measures = measures_of(answers.scores, answers.parts, names)
    whole = _fitted(measures, answers.right, names)
    person = labels.identity[asked.source]
    folds = person % min(FOLDS, len(np.unique(person)))
    sure = np.empty(len(person))
    for fold in np.unique(folds):
        mine, others = folds == fold, folds != fold
        model = _fitted(measures[others], answers.right[others], names) if others.any() else whole
        sure[mine] = model.first.probability(measures[mine, 0])
    error = calibration_error(sure, answers.right[:, 0])
    return replace(whole, expected_error=round(error, 4))


def least_score(best: Floats, right: Floats) -> LeastScore | None:
    """Choose the score that first answers to questions about strangers seldom reach.

    Args:
        best: Of every question, the best score of an image of other people than its source: what a
            gallery would bring that holds nobody of its kind, (Q,).
        right: Scores of the first answers that are right, (n,).

    Returns:
        None where there is nobody else, or no answer is right.
    """
    found = best[np.isfinite(best)]
    if not len(found) or not len(right):
        return None
    score = round(float(np.quantile(found, 1 - STRANGERS)), 3)
    shares = (float((part >= score).mean()) for part in (found, right))
    return LeastScore(score, *(round(share, 4) for share in shares))


def _fitted(measures: Doubles, right: Any, names: tuple[str, ...]) -> Calibration:  # noqa: ANN401
    """Fit both regressions, of measures (Q, K, M) and of what is right, (Q, K)."""
    first = fit_logistic(measures[:, 0], right[:, 0])
    if measures.shape[1] == 1:
        return Calibration(names, first, first)
    rest = measures[:, 1:].reshape(-1, measures.shape[2])
    return Calibration(names, first, fit_logistic(rest, right[:, 1:].reshape(-1)))
