"""What was measured of edits, before any statistics; a part of a benchmark's `Record`.

The edits are the benchmark's queries: a test image and a wished value that a target image of the
same person shows. Three editors are measured alike: the generator, and two that need none.

Shapes: Q edits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gallery.arrays import Doubles
from retrieval.evaluation.frechet import Moments, add

EDITED, SOURCE, TARGET = "edited", "source", "target"
EDITORS = {
    EDITED: "the generator's drawings",
    SOURCE: "the unedited source: what an editor that does nothing would get",
    TARGET: "the true target: what a perfect editor would get",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What drawing takes.

    Attributes:
        weights: Name.
        parameters: Numbers in the network, with its heads; None if its architecture has no name
            here.
        draw_ms: Milliseconds an image, by how many are drawn at once.
    """

    weights: str
    parameters: int | None
    draw_ms: Mapping[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Editing:
    """The measures of all edits.

    Attributes:
        values: By editor and measure, NaN where an edit was not measured, (Q,).
        moments: Moments of Inception features, by editor; empty if they were not taken.
        skipped: Measures that could not be taken, and why.
        judges: Networks that judged, by measure: fingerprint and versions of their packages.
        told: How many values of real test images the classifier tells rightly, and of how many, by
            attribute.
        costs: One for each set of weights.
    """

    values: Mapping[str, Mapping[str, Doubles]]
    moments: Mapping[str, Moments] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    judges: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    told: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    costs: tuple[Cost, ...] = ()


def pool_editing(parts: Sequence[Editing | None]) -> Editing | None:
    """Join what folds measured; a measure that one of them skipped is skipped altogether.

    Args:
        parts: One for each fold in order; None of a fold where nothing was asked, or in all folds
            if editing was not measured.
    """
    known = [part for part in parts if part is not None]
    if not known:
        return None
    skipped = {
        measure: reason for part in reversed(known) for measure, reason in part.skipped.items()
    }
    values = {
        editor: {
            measure: np.concatenate([part.values[editor][measure] for part in known])
            for measure in known[0].values[editor]
            if measure not in skipped
        }
        for editor in EDITORS
    }
    together = all(part.moments for part in known)
    return Editing(
        values=values,
        moments={e: add(part.moments[e] for part in known) for e in EDITORS} if together else {},
        skipped=skipped,
        judges={m: judge for part in known for m, judge in part.judges.items() if m not in skipped},
        told=_told_together(known) if "accuracy" not in skipped else {},
        costs=tuple(cost for part in known for cost in part.costs),
    )


def _told_together(parts: Sequence[Editing]) -> dict[str, tuple[int, int]]:
    names = dict.fromkeys(name for part in parts for name in part.told)
    counts = {name: [part.told.get(name, (0, 0)) for part in parts] for name in names}
    return {
        name: (sum(right for right, _ in pairs), sum(known for _, known in pairs))
        for name, pairs in counts.items()
    }
