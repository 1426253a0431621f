"""From what was measured of edits to what `results.json` holds: docs/editing.md describes it.

Shapes: Q edits.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gallery.arrays import Doubles
from retrieval.evaluation.edit_records import EDITORS, TARGET, Editing
from retrieval.evaluation.frechet import frechet_distance
from retrieval.evaluation.records import Integers
from retrieval.evaluation.statistics.estimation import Sample

LEAST_FID = 100  # edits
FULL_FID = 2_049  # below, the covariance of 2048 features has no full rank
_DIGITS = 6
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measure:
    """What a measure is.

    Attributes:
        label: What tables call it.
        better: "lower" or "higher".
        digits: That tables print.
        what: It says, in a line.
    """

    label: str
    better: str
    digits: int
    what: str


MEASURES = {
    "mse": Measure("MSE", "lower", 1, "mean squared error to the target, grey levels squared"),
    "mae": Measure("MAE", "lower", 2, "mean absolute error to the target, grey levels"),
    "psnr": Measure("PSNR, dB", "higher", 2, "peak signal-to-noise ratio to the target, decibels"),
    "ssim": Measure("SSIM", "higher", 3, "structural similarity to the target"),
    "acd": Measure("ACD", "lower", 3, "l2 distance of dlib's features to those of the source"),
    "verification": Measure(
        "verification", "higher", 3, "cosine of SFace's features with those of the source"
    ),
    "fid": Measure("FID", "lower", 1, "Fréchet inception distance to the targets"),
    "accuracy": Measure(
        "accuracy", "higher", 3, "share in which a classifier tells the wished value"
    ),
    "histogram": Measure(
        "histogram", "lower", 3, "Hellinger distance of colour histograms to the source"
    ),
}


def summarise_editing(editing: Editing, identity: Integers) -> Json:
    """Return all that was measured of edits, as JSON values.

    Args:
        editing: What was measured of the drawings of all folds.
        identity: Whom each edit shows, (Q,).
    """
    scored, refused = _frechet(editing)
    skipped = {**editing.skipped, **refused}
    editors: Json = {}
    for editor, values in editing.values.items():
        figures = {name: _figure(numbers, identity) for name, numbers in values.items()}
        if editor in scored:
            figures["fid"] = scored[editor]
        editors[editor] = {name: figures[name] for name in MEASURES if name in figures}
    return {
        "edits": len(identity),
        "measures": {
            name: {"label": one.label, "better": one.better, "what": one.what}
            for name, one in MEASURES.items()
        },
        "editors": editors,
        "described": dict(EDITORS),
        "skipped": {name: skipped[name] for name in MEASURES if name in skipped},
        "judges": {name: dict(judge) for name, judge in editing.judges.items()},
        "classifier": {
            name: {"right": right, "images": known, "accuracy": _share(right, known)}
            for name, (right, known) in editing.told.items()
        },
        "costs": [
            {
                "weights": cost.weights,
                "parameters": cost.parameters,
                "draw_ms": {str(count): round(ms, 3) for count, ms in cost.draw_ms.items()},
            }
            for cost in editing.costs
        ],
    }


def _figure(numbers: Doubles, identity: Integers) -> Json:
    """Return mean, interval over identities and standard deviation of the edits measured."""
    known = ~np.isnan(numbers)
    infinite = int(np.isinf(numbers).sum())
    count = int(known.sum())
    if infinite or not count:
        empty: Json = {"value": None, "interval": None, "deviation": None, "edits": count}
        return {**empty, "infinite": infinite} if infinite else empty
    figure = Sample(known, identity).figures(numbers[:, None])[0]
    ends = figure.interval
    return {
        "value": _number(figure.value),
        "interval": None if ends is None else [_number(end) for end in ends],
        "deviation": _number(float(numbers[known].std(ddof=1))) if count > 1 else None,
        "edits": count,
    }


def _frechet(editing: Editing) -> tuple[Json, Mapping[str, str]]:
    """Return the distance of each editor's images to the targets, or why there is none."""
    if not editing.moments:
        return {}, {}
    targets = editing.moments[TARGET]
    if targets.count < LEAST_FID:
        reason = f"it needs at least {LEAST_FID} edits, there are {targets.count:,}"
        return {}, {"fid": reason}
    few = (
        f"of {targets.count:,} images, too few for 2,048 features: it is too high, and can be"
        " compared with that of as many images alone"
    )
    scored: Json = {}
    for editor, moments in editing.moments.items():
        scored[editor] = {
            "value": _number(frechet_distance(targets, moments)),
            "interval": None,
            "deviation": None,
            "edits": moments.count,
            "note": few if moments.count < FULL_FID else "",
        }
    return scored, {}


def _share(right: int, known: int) -> float | None:
    return _number(right / known) if known else None


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, _DIGITS)
