"""The pictures of edits, and what is noted of them while they are measured.

Shapes: N gallery images, Q edits, n edits of a block, S side, C channels.
"""

from dataclasses import dataclass, field

import numpy as np

from gallery.align import Pixels
from gallery.arrays import Doubles
from retrieval.evaluation.edit_records import EDITED, EDITORS, SOURCE
from retrieval.evaluation.fold.probes import targets_of
from retrieval.evaluation.frechet import Moments
from retrieval.evaluation.records import Flags, Integers, QueryTable


@dataclass(frozen=True, slots=True)
class Edits:
    """The pictures of all edits.

    Attributes:
        gallery: Pixels of the gallery, (N, S, S, C).
        edited: The drawings, (Q, S, S, C).
        source: Gallery position of each edit's source, (Q,).
        target: Position of its target: an image of the same person with the wished value, if
            there is one with all else as in the source, (Q,).
        strict: Whether all else is as in the source, (Q,).
    """

    gallery: Pixels
    edited: Pixels
    source: Integers
    target: Integers
    strict: Flags

    @classmethod
    def of_queries(cls, asked: QueryTable, gallery: Pixels, drawn: Pixels) -> "Edits":
        """Take the drawings of queries for edits."""
        return cls(
            gallery=gallery,
            edited=drawn,
            source=asked.source,
            target=targets_of(asked, loose=True),
            strict=targets_of(asked) >= 0,
        )

    def __len__(self) -> int:
        return len(self.source)

    def made_by(self, editor: str, edits: range) -> Pixels:
        """Return what an editor makes of some edits, (n, S, S, C)."""
        rows = slice(edits.start, edits.stop)
        if editor == EDITED:
            return np.asarray(self.edited[rows])
        return self.gallery[(self.source if editor == SOURCE else self.target)[rows]]


@dataclass(slots=True)
class Notes:
    """What has been measured so far; the fields are those of `Editing`."""

    count: int
    values: dict[str, dict[str, Doubles]] = field(
        default_factory=lambda: {editor: {} for editor in EDITORS}
    )
    moments: dict[str, Moments] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    judges: dict[str, dict[str, str]] = field(default_factory=dict)
    told: dict[str, tuple[int, int]] = field(default_factory=dict)

    def of(self, editor: str, measure: str) -> Doubles:
        """Return the array that a measure of an editor goes to, NaN before, (Q,)."""
        empty = np.full(self.count, np.nan)
        return self.values[editor].setdefault(measure, empty)
