"""Fused scores: drawing, estimated values and identity, in one inner product.

    score = cos(probe, canonical view) + a log p(wished values | gallery image)
            + w cos(identity of the source, identity of the gallery image)

A gallery vector is [canonical, log p / 10, identity], a probe is [probe, 10 a wish, w identity of
the source], where the wish is one-hot over the wished attributes alone: what is not wished for
asks nothing of the estimate. log p is clipped from below, so that one blunder of the estimator
cannot outweigh all else, and is divided by the same number, so that all parts are of one size.
Zeros after the drawing's part fill a vector to a multiple of 8, which product quantisers divide
well.

Gallery vectors x have one more number before log p, sqrt(bound^2 - |x|^2), and probes have a 0
there: all rows are of one length, and every score stays what it was. Otherwise a row may have a
larger inner product with another one than with itself, and a graph of neighbours never leads to it.
The bound is what a vector can reach at most: 1 for the drawing, 1 for each value, 1 for an
identity. Spaces made before have no such column (docs/scoring.md).

Source of the column: Bachrach et al., "Speeding up the Xbox recommender system using a euclidean
transformation for inner-product spaces", RecSys 2014, section 3.

a and w belong to the query: they stand on the card of the weights (profile.py), fitted on people
that the weights have not seen, and are changed without building anything again. How many hypotheses
an image has (retrieval/scoring/hypotheses.py) was fitted with them; that is part of the index
contract.

Shapes: N images, D numbers of a drawing's embedding, A values of all attributes, I numbers of an
identity, F numbers of a fused vector.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gallery.arrays import Floats
from gallery.attributes import AttributeSpace
from gallery.errors import IndexFileError
from index.contract import IndexContract
from retrieval.scoring.term import CLIP, TERMS

MULTIPLE = 8
DRAWING, VALUES, FUSED = "drawing", "drawing+values", "fused"
SCORES = (DRAWING, VALUES, FUSED)
_VALUES_TERM = f"log-probability from -{CLIP:g} over {CLIP:g}"
_IDENTITY_TERM = "identity "
_COLUMN_TERM = "column to one length"


@dataclass(frozen=True, slots=True)
class Score:
    """What a score is made of, besides the drawing.

    Attributes:
        values: Whether gallery vectors hold the log-probabilities of their values.
        identity: Fingerprint of the recogniser whose vectors they hold; empty for none.
        identity_dimension: Length of these.
        column: Whether a column makes all gallery vectors as long as each other.
    """

    values: bool = False
    identity: str = ""
    identity_dimension: int = 0
    column: bool = False

    @property
    def name(self) -> str:
        """As in `--score`."""
        return FUSED if self.identity else VALUES if self.values else DRAWING

    def spell(self, projection: str) -> str:
        """Name the score, and the projection of its drawings, for the index contract."""
        terms = [projection]
        terms += [_VALUES_TERM] if self.values else []
        if self.identity:
            terms.append(f"{_IDENTITY_TERM}{self.identity_dimension}, {self.identity}")
        terms += [_COLUMN_TERM] if self.column else []
        return "; ".join(terms)

    @classmethod
    def parse(cls, projection: str) -> "Score":
        """Read the projection of an index contract; one without further terms is of a drawing.

        Raises:
            IndexFileError: It holds a term that this version does not know.
        """
        values, identity, length, column = False, "", "0", False
        for term in projection.split("; ")[1:]:
            if term == _VALUES_TERM:
                values = True
            elif term.startswith(_IDENTITY_TERM):
                length, _, identity = term.removeprefix(_IDENTITY_TERM).partition(", ")
            elif term == _COLUMN_TERM:
                column = True
            else:
                raise IndexFileError(
                    f"The space scores by {term!r}, which this version does not know. Update"
                    " mindseye, or build the space again: mindseye index build"
                )
        return cls(values, identity, int(length) if length.isdecimal() else 0, column=column)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a vector stand.

    Attributes:
        drawing: Numbers of a drawing's embedding, D.
        values: Values of all attributes, A; 0 without log-probabilities.
        identity: Numbers of an identity, I; 0 without.
        column: Whether a column before log p makes gallery vectors of one length.
    """

    drawing: int
    values: int = 0
    identity: int = 0
    column: bool = False

    @property
    def dimension(self) -> int:
        """Length of a vector, F."""
        more = self.values + self.identity + self.column
        return -(-(self.drawing + more) // MULTIPLE) * MULTIPLE if more else self.drawing

    @property
    def parts(self) -> dict[str, slice]:
        """Places of the parts that scores are the sum of, by name: drawing, log_p, identity."""
        end = self.dimension
        found = {"drawing": slice(0, self.drawing)}
        if self.values:
            found["log_p"] = slice(end - self.identity - self.values, end - self.identity)
        if self.identity:
            found["identity"] = slice(end - self.identity, end)
        return found

    @property
    def place(self) -> int:
        """Where the column stands."""
        return self.dimension - self.identity - self.values - 1

    @property
    def bound(self) -> float:
        """The squared length that no gallery vector exceeds; with a column, that of them all."""
        return 1.0 + self.values + bool(self.identity)

    @classmethod
    def of_contract(cls, contract: IndexContract) -> "Layout":
        """Return the layout of a space's vectors; zeros after a drawing count as its own.

        Raises:
            IndexFileError: This version does not know the space's score.
        """
        score = Score.parse(contract.projection)
        values = sum(len(known) for _, known in contract.attribute_space) if score.values else 0
        who = score.identity_dimension
        drawing = contract.dimension - values - who - score.column
        return cls(drawing, values, who, score.column)

    def gallery(
        self, drawings: Floats, log_p: Floats | None = None, identities: Floats | None = None
    ) -> Floats:
        """Return the vectors of gallery images, (N, F).

        Args:
            drawings: Embeddings of canonical views, (N, D).
            log_p: log p(value | image), laid out as the one-hot code, (N, A).
            identities: Unit length, (N, I).

        Raises:
            ValueError: A part is missing or of another shape.
        """
        given = (drawings, log_p, identities)
        stored = [
            None if part is None else term.gallery(part)
            for term, part in zip(TERMS, given, strict=True)
        ]
        joined = self._joined(*stored)
        if self.column:
            lacking = self.bound - np.square(joined, dtype=np.float64).sum(axis=1)
            joined[:, self.place] = np.sqrt(np.maximum(lacking, 0))
        return joined

    def probes(
        self, drawings: Floats, wishes: Floats, identities: Floats | None, weights: "Coefficients"
    ) -> Floats:
        """Return the vectors of queries, (N, F).

        Args:
            drawings: Embeddings of the drawings, (N, D).
            wishes: What `wish_code` returned for each, (N, A).
            identities: Of the sources, unit length, (N, I).
            weights: Of the parts.

        Raises:
            ValueError: A part is missing or of another shape.
        """
        given = (drawings, wishes if self.values else None, identities)
        asked = [
            None if part is None else term.probe(part, weights.of(term.name))
            for term, part in zip(TERMS, given, strict=True)
        ]
        return self._joined(*asked)

    def split(self, gallery: Floats, probe: Floats) -> dict[str, Floats]:
        """Return what each part adds to the scores of gallery vectors (N, F) for a probe (F,)."""
        return {name: gallery[:, where] @ probe[where] for name, where in self.parts.items()}

    def _joined(self, *given: Floats | None) -> Floats:
        found = {term.name: part for term, part in zip(TERMS, given, strict=True)}
        count = 0 if given[0] is None else len(given[0])
        joined = np.zeros((count, self.dimension), dtype=np.float32)
        for name, where in self.parts.items():
            part, place = found[name], joined[:, where]
            if part is None or part.shape != place.shape:
                shape = None if part is None else part.shape
                raise ValueError(f"{name} of a vector must be {place.shape}, got {shape}")
            place[:] = part
        return joined


@dataclass(frozen=True, slots=True)
class Coefficients:
    """How much the parts of a score weigh beside the drawing, whose weight is 1.

    Attributes:
        log_probability: Of log p of the wished values: a, at least 0.
        identity: Of the cosine of the identities: w, at least 0.
    """

    log_probability: float = 0.0
    identity: float = 0.0

    def of(self, term: str) -> float:
        """Return the coefficient of a term, by name."""
        return {"drawing": 1.0, "log_p": self.log_probability, "identity": self.identity}[term]


def wish_code(space: AttributeSpace, wish: Mapping[str, str]) -> Floats:
    """Encode a wish: a 1 for each wished value, nothing for the other attributes, (A,).

    Raises:
        WishError: An attribute or a value is unknown.
    """
    known = space.check(wish)
    codes = [
        [float(known.get(attribute.name) == value) for value in attribute.values]
        for attribute in space.attributes
    ]
    return np.array([one for part in codes for one in part], dtype=np.float32)
