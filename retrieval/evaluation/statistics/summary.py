"""What `results.json` holds, from a record: plain JSON, described in docs/benchmark-files.md.

Tables, plots and the page are drawn from these values and from nothing else, but for pictures.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from generator.card import DEFAULT_PROFILE
from retrieval.evaluation.drawing_records import Estimate
from retrieval.evaluation.protocol.wishes import wished_together
from retrieval.evaluation.records import CRITERIA, REFERENCE, MethodRecord, Record
from retrieval.evaluation.statistics import bootstrap, metrics
from retrieval.evaluation.statistics.breakdowns import (
    Breakdown,
    break_down,
    count_kinds,
    error_matrices,
    groupings,
    hit_matrices,
)
from retrieval.evaluation.statistics.editing import summarise_editing
from retrieval.evaluation.statistics.estimation import Figure, Sample
from retrieval.evaluation.statistics.outcomes import (
    RANDOM,
    RANDOM_NOTE,
    Scores,
    measure_names,
    ran,
    random_scores,
    rank_all,
    score_ranked,
    scores_of,
)

FORMAT = 2
DEFINITION = (
    "R@K, printed as recall@K in the papers, is the hit rate: the share of queries with a right"
    " image among the first K. mAP is the mean over queries of the average precision of the whole"
    " ranking, MRR that of one over the rank of the first right image. C1: identity and wished"
    " value are right. C2: every other attribute is as in the source image, too."
)
SEVERAL = DEFINITION.replace("wished value are", "all wished values are")
BINS = 10  # of confidence
_DIGITS = 6
Json = dict[str, Any]


def score_all(record: Record) -> dict[str, dict[str, Scores]]:
    """Score every method that ran, and chance, by name and criterion."""
    scores = {name: scores_of(methods, record) for name, methods in ran(record)}
    return {**scores, RANDOM: random_scores(record)}


def summarise(record: Record, scores: Mapping[str, Mapping[str, Scores]]) -> Json:
    """Return all that was measured, as JSON values."""
    cutoffs = record.provenance.cutoffs
    wishes = [columns for columns, _ in wished_together(record.queries.wished)]
    return {
        "format": FORMAT,
        **_provenance(record),
        "definition": SEVERAL if any(len(one) > 1 for one in wishes) else DEFINITION,
        "measures": list(measure_names(cutoffs)),
        "criteria": list(record.provenance.protocol.get("criteria", CRITERIA)),
        "reference": REFERENCE,
        "bootstrap": {
            "level": bootstrap.LEVEL,
            "draws": bootstrap.DRAWS,
            "seed": bootstrap.SEED,
            "resampled": "identities",
            "people": len(np.unique(record.identity)),
        },
        "wishes": [" and ".join(record.gallery.space.names[n] for n in one) for one in wishes],
        **_counts(record),
        "methods": _methods(record, scores),
        "mse": _errors(record),
        "mse_matrix": _matrices(record),
        "hit_matrix": _hit_matrices(record, scores),
        "estimates": [_estimate(one) for one in record.estimates],
        "breakdowns": _breakdowns(record, scores),
        "editing": None
        if record.editing is None
        else summarise_editing(record.editing, record.identity),
    }


def breakdown_cutoff(cutoffs: Sequence[int]) -> int:
    """Return the cut-off that breakdowns are measured at: 5, as in the papers, or the nearest."""
    return min(cutoffs, key=lambda k: (abs(k - 5), k))


def _provenance(record: Record) -> Json:
    how = record.provenance
    return {
        "spec": how.spec,
        "command": how.command,
        "created": how.created,
        "protocol": dict(how.protocol),
        "hashes": dict(how.hashes),
        "versions": dict(how.versions),
        "machine": how.machine,
        "seconds": {phase: round(seconds, 3) for phase, seconds in how.seconds.items()},
    }


def _counts(record: Record) -> Json:
    measured = record.queries.measured
    return {
        "queries": {criterion: int(asked.sum()) for criterion, asked in measured.items()},
        "queries_dropped": {c: sum(fold.dropped[c] for fold in record.folds) for c in CRITERIA},
        "gallery": len(record.gallery) - len(record.queries.hidden),
        "identities": sum(fold.identities for fold in record.folds),
        "folds": [
            {
                "weights": fold.weights,
                "sha256": fold.sha256,
                "identities": fold.identities,
                "gallery": fold.gallery,
                "queries_dropped": dict(fold.dropped),
                "problems": [list(problem) for problem in fold.problems],
                "duplicates": fold.duplicates,
                "duplicates_note": fold.duplicates_note,
                **({"copies": fold.copies} if fold.copies else {}),
                **({} if fold.profile == DEFAULT_PROFILE else {"profile": fold.profile}),
                **({"poses_note": fold.poses_note} if fold.poses_note else {}),
            }
            for fold in record.folds
        ],
    }


def _methods(record: Record, scores: Mapping[str, Mapping[str, Scores]]) -> list[Json]:
    samples = {c: Sample(asked, record.identity) for c, asked in record.queries.measured.items()}
    alike = dict(ran(record))
    found = []
    for name in (*dict.fromkeys(method.name for method in record.methods), RANDOM):
        records = alike.get(name, [m for m in record.methods if m.name == name])
        one = _method(name, records)
        if name in scores:
            one["scores"] = {
                c: _scored(scores[name][c], scores.get(REFERENCE, {}).get(c), samples[c])
                for c in CRITERIA
            }
            _name_measures(one["scores"], measure_names(record.provenance.cutoffs))
        if name in alike:
            one |= _only_ran(record, records[0])
        found.append(one)
    return found


def _method(name: str, records: Sequence[MethodRecord]) -> Json:
    if not records:
        return {"name": name, "note": RANDOM_NOTE, "skipped": None}
    first = records[0]
    several = len(records) > 1
    return {
        "name": name,
        "note": first.note,
        "skipped": first.skipped or None,
        "settings": dict(first.settings),
        "seeds": [record.seed for record in records],
        "source_excluded": first.source_excluded,
        "build_s": _mean_of([record.build_s for record in records]) if several else first.build_s,
        "query_s": _mean_of([record.query_s for record in records]) if several else first.query_s,
        "index_bytes": first.index_bytes,
    }


def _only_ran(record: Record, method: MethodRecord) -> Json:
    """Return what is known of the first seed alone: curves, cut-off measures, kinds of answers."""
    depth = breakdown_cutoff(record.provenance.cutoffs)
    curves, at_depth = _cut_off(record, method)
    return {
        "curve": curves,
        "at_depth": at_depth,
        "confidence": _confidence(record, method),
        "answers": {
            "first": _rounded_all(count_kinds(record, method, 1)),
            "among": depth,
            "mean_of_among": _rounded_all(count_kinds(record, method, depth)),
        },
    }


def _confidence(record: Record, method: MethodRecord) -> Json | None:
    """Compare how sure first answers were with how often they were right under C1."""
    if not len(method.confidence):
        return None
    said = np.isfinite(method.confidence)
    sure = method.confidence[said]
    right = (rank_all(method, record.queries)["C1"].first == 0)[said]
    table = metrics.reliability(sure, right, BINS)
    return {
        "withheld": _number(1 - float(said.mean())),
        "mean": _number(float(sure.mean())) if len(sure) else None,
        "right": _number(float(right.mean())) if len(sure) else None,
        "expected_calibration_error": _number(metrics.calibration_error(sure, right, BINS)),
        "bins": [
            {
                "from": place / BINS,
                "to": (place + 1) / BINS,
                "answers": int(count),
                "confidence": _number(sure),
                "right": _number(share),
            }
            for place, (count, sure, share) in enumerate(table.tolist())
        ],
    }


def _cut_off(record: Record, method: MethodRecord) -> tuple[Json, Json]:
    """Return hit rates at every rank, and what the first K ranks alone tell: a run file's mAP."""
    depth = method.top.shape[1]
    cut = replace(method, right_ranks=np.where(method.right_ranks < depth, method.right_ranks, -1))
    measured, ranked = record.queries.measured, rank_all(cut, record.queries)
    curves, at_depth = {}, {}
    for criterion in CRITERIA:
        asked = measured[criterion]
        values = [math.nan] * (depth + 2)
        if asked.any():
            scores = score_ranked(ranked[criterion], asked, range(1, depth + 1))
            values = scores[asked].mean(axis=0).tolist()
        *rates, precision, reciprocal = values
        curves[criterion] = [_number(rate) for rate in rates]
        at_depth[criterion] = {"mAP": _number(precision), "MRR": _number(reciprocal)}
    return curves, {"depth": depth, **at_depth}


def _scored(scores: Scores, reference: Scores | None, sample: Sample) -> list[Json]:
    columns: list[Json] = [_figure(one) for one in sample.figures(scores.values)]
    if reference is not None and scores.name != reference.name:
        differences = sample.differences(scores.values, reference.values)
        for column, difference in zip(columns, differences, strict=True):
            column["difference"] = _figure(difference)
    if len(scores.seeds) > 1:
        for place, column in enumerate(columns):
            values = scores.by_seed[:, place]
            column["by_seed"] = [_number(value) for value in values.tolist()]
            column["seed_deviation"] = _number(float(values.std(ddof=1)))
    return columns


def _name_measures(scores: Json, names: Sequence[str]) -> None:
    for criterion, columns in scores.items():
        scores[criterion] = dict(zip(names, columns, strict=True))


def _errors(record: Record) -> Json:
    """Mean squared error of every stage, over all queries and over each subset."""
    asked = record.queries.measured["C2"]
    parts = {"all": asked, **{n: asked & flags for n, flags in record.queries.subsets.items()}}
    table: Json = {}
    for part, chosen in parts.items():
        table[part] = {}
        for stage, errors in record.drawings.squared_errors.items():
            sample = Sample(chosen & ~np.isnan(errors), record.identity)
            figure = sample.figures(errors[:, None])[0]
            table[part][stage] = {**_figure(figure), "queries": len(sample)}
    return table


def _matrices(record: Record) -> list[Json]:
    found = []
    for stage in record.drawings.squared_errors:
        for matrix in error_matrices(record, stage):
            mean = [[_number(cell) for cell in row] for row in matrix.mean.tolist()]
            found.append(
                {
                    "attribute": matrix.attribute,
                    "stage": stage,
                    "values": list(matrix.values),
                    "mean": mean,
                    "queries": matrix.queries.tolist(),
                }
            )
    return found


def _hit_matrices(record: Record, scores: Mapping[str, Mapping[str, Scores]]) -> list[Json]:
    """Return hit rates at the least cut-off by source value and wished value."""
    least = record.provenance.cutoffs[0]
    return [
        {
            "attribute": matrix.attribute,
            "criterion": criterion,
            "measure": f"R@{least}",
            "values": list(matrix.values),
            "queries": matrix.queries.tolist(),
            "rates": {
                name: [[_number(cell) for cell in row] for row in rates.tolist()]
                for name, rates in matrix.rates.items()
            },
        }
        for criterion in CRITERIA
        for matrix in hit_matrices(record, [one[criterion] for one in scores.values()], 0)
    ]


def _estimate(estimate: Estimate) -> Json:
    images = int(estimate.confusion.sum()) + estimate.foreign
    return {
        "by": estimate.by,
        "attribute": estimate.attribute,
        "values": list(estimate.values),
        "confusion": estimate.confusion.tolist(),
        "foreign": estimate.foreign,
        "images": images,
        "accuracy": _number(np.trace(estimate.confusion) / images) if images else None,
    }


def _breakdowns(record: Record, scores: Mapping[str, Mapping[str, Scores]]) -> list[Json]:
    cutoff = breakdown_cutoff(record.provenance.cutoffs)
    measure = record.provenance.cutoffs.index(cutoff)
    made = []
    for by, groups in groupings(record):
        for criterion in CRITERIA:
            methods = [one[criterion] for one in scores.values()]
            found = break_down(by, groups, record, methods, measure)
            if found.groups:
                made.append(_breakdown(found, criterion, f"R@{cutoff}"))
    return made


def _breakdown(found: Breakdown, criterion: str, measure: str) -> Json:
    groups = [
        {
            "label": group.label,
            "queries": group.queries,
            "people": group.people,
            "scores": {name: _figure(figure) for name, figure in group.figures.items()},
        }
        for group in found.groups
    ]
    return {"by": found.by, "criterion": criterion, "measure": measure, "groups": groups}


def _figure(figure: Figure) -> Json:
    interval = None if figure.interval is None else [_number(end) for end in figure.interval]
    return {"value": _number(figure.value), "interval": interval}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), _DIGITS)


def _rounded_all(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, _DIGITS) for name, value in values.items()}


def _mean_of(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
