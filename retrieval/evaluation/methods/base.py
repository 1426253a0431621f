"""What a method is.

Shapes: N gallery images, A attributes, Q queries, b of them in work, D dimensions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gallery.align import Pixels
from gallery.arrays import Doubles
from index.base import Vectors
from retrieval.evaluation.fold.fold_cache import Workbench
from retrieval.evaluation.fold.ranking import Searched, SecondRows
from retrieval.evaluation.fold.vector_store import Steps
from retrieval.evaluation.records import Integers
from retrieval.scoring.confidence import Calibration
from retrieval.scoring.terms import Layout

NO_SOURCE = "/no-source"


@dataclass(frozen=True, slots=True)
class ConfidenceJudge:
    """What tells how sure first answers are.

    Attributes:
        layout: Where the parts of the vectors stand.
        calibration: Calibration of the weights under test.
    """

    layout: Layout
    calibration: Calibration


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a method searches, and what with.

    Attributes:
        gallery: Embeddings, unit length or fused, (N, D).
        probes: Embeddings of the queries, like those of the gallery, (Q, D).
        values: Values that gallery images are taken to have: the first of two steps, (N, A).
        build_s: Seconds to prepare the gallery, without any training.
        probe_s: Seconds to make the probes.
        settings: Settings of its training, JSON.
        errors: Mean squared error of each query's drawing, by stage, where the method draws.
        images: Its drawings, (Q, S, S, C), or nothing.
        judge: Tells how sure its first answers are; None if nobody does.
        seconds: Second vectors of some gallery images, of which the better one counts.
    """

    gallery: Vectors
    probes: Vectors
    values: Integers | None = None
    build_s: float = 0.0
    probe_s: float = 0.0
    settings: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, Doubles] = field(default_factory=dict)
    images: Pixels | None = None
    judge: ConfidenceJudge | None = None
    seconds: SecondRows | None = None

    def searched(self, *, source_excluded: bool) -> Searched:
        """Return what is ranked."""
        return Searched(self.gallery, self.probes, self.values, source_excluded, self.seconds)

    def better_rows(self, places: Integers, probes: Vectors) -> Vectors:
        """Return the vector of one image for each probe, of two the better one, (b, D).

        Args:
            places: Gallery positions, (b,).
            probes: (b, D).
        """
        found = np.array(self.gallery[places])
        if self.seconds is None or not len(self.seconds.of):
            return found
        of = self.seconds.of
        at = np.minimum(np.searchsorted(of, places), len(of) - 1)
        has = np.flatnonzero(of[at] == places)
        others = np.asarray(self.seconds.embeddings[at[has]])
        closer = ((others - found[has]) * probes[has]).sum(axis=1) > 0
        found[has[closer]] = others[closer]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A way to answer queries.

    Attributes:
        name: Like "two-step/pixels".
        note: What it does, in a few words, for tables.
        prepare: Makes what it searches; takes the seed of its training. Raises SkippedMethodError
            or MissingEmbedderError if it cannot run here.
        trained: Whether the seed changes anything.
        source_excluded: Whether a query's own source is taken out of its ranking in any case.
        draws: Whether it needs drawings of the generator under test.
    """

    name: str
    note: str
    prepare: Callable[[Workbench, int], Steps[Prepared]]
    trained: bool = False
    source_excluded: bool = False
    draws: bool = True
