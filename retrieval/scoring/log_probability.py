"""The term of estimated values: a log p(wished values | gallery image).

A probe asks for the wished values alone: what is not wished for asks nothing of the estimate. log p
is clipped from below, so that one blunder of the estimator cannot outweigh all else, and is divided
by the same number, so that all parts of a vector are of one size.

Shapes: N images, Q queries, A values of all attributes.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gallery.align import Pixels
from gallery.arrays import Floats
from retrieval.scoring.term import Part, Term, TermQuestion

if TYPE_CHECKING:
    from generator.drawer import Drawer

CLIP = 10.0  # log p below -CLIP counts as -CLIP
SPELT = f"log-probability from -{CLIP:g} over {CLIP:g}"


@dataclass(frozen=True, slots=True)
class ValueReader:
    """Reads log p(value | image), laid out as the one-hot code: the weights' own estimator."""

    engine: "Drawer"
    fingerprint: str = ""
    detail: str = ""
    needs_portraits: bool = False

    @property
    def width(self) -> int:
        """Values of all attributes, A."""
        return self.engine.card.space.size

    def read(self, pixels: Pixels, portraits: Pixels | None) -> Floats:
        """Estimate, (N, S, S, C) -> (N, A)."""
        del portraits
        return self.engine.log_probabilities(pixels)


class LogProbabilityTerm(Term):
    """How likely an image shows the wished values."""

    name = "log_p"
    key = "log_probability"
    letter = "a"
    what = "log-probabilities"
    grid = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

    def open(self, engine: "Drawer", wanted: str) -> ValueReader:
        """Take the estimator of the weights."""
        del wanted
        return ValueReader(engine)

    def spell(self, part: Part) -> str:
        """Name the clipping; how many values there are, contracts say elsewhere."""
        del part
        return SPELT

    def parse(self, spelt: str, values: int) -> Part | None:
        """Read what `spell` wrote."""
        return Part(self.name, values) if spelt == SPELT else None

    def longest(self, width: int) -> float:
        """Every value may be as unlikely as can be: A."""
        return float(width)

    def gallery(self, read: Floats) -> Floats:
        """Clip and scale, to -1..0."""
        scaled: Floats = (np.maximum(read, -CLIP) / CLIP).astype(np.float32)
        return scaled

    def ask(self, question: TermQuestion) -> Floats:
        """Ask for the wished values."""
        return question.wishes

    def probe(self, asked: Floats, weight: float) -> Floats:
        """Weigh what was scaled."""
        return CLIP * weight * asked

    def valid(self, rows: Floats) -> NDArray[np.bool_]:
        """Say which rows lie in -1..0."""
        return np.asarray(((rows >= -1) & (rows <= 0)).all(axis=1))
