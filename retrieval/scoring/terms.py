"""Fused scores: drawing, estimated values and identity, in one inner product.

    score = cos(probe, canonical view) + a log p(wished values | gallery image)
            + w cos(identity of the source, identity of the gallery image)

A gallery vector is [canonical, log p / 10, identity], a probe is [probe, 10 a wish, w identity of
the source]. What is stored and asked of each term say its module (log_probability.py, identity.py);
which terms there are, and which scores are made of them, say TERMS and SCORES below. Zeros after
the drawing's part fill a vector to a multiple of 8, which product quantisers divide well.

Gallery vectors x have one more number before the terms, sqrt(bound^2 - |x|^2), and probes have a 0
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

Shapes: N images, Q queries, D numbers of a drawing's embedding, A values of all attributes, w
numbers of a term, F numbers of a fused vector.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from gallery.arrays import Floats
from gallery.attributes import AttributeSpace
from gallery.errors import IndexFileError
from index.base import Ids, Vectors
from index.contract import IndexContract
from retrieval.scoring.identity import IdentityTerm
from retrieval.scoring.log_probability import LogProbabilityTerm
from retrieval.scoring.strengths import asked_of
from retrieval.scoring.term import Part, Term, TermQuestion

MULTIPLE = 8
DRAWING, VALUES, FUSED = "drawing", "drawing+values", "fused"
TERMS: dict[str, Term] = {term.name: term for term in (LogProbabilityTerm(), IdentityTerm())}
SCORES: dict[str, tuple[str, ...]] = {  # names of terms beside the drawing; the fullest stands last
    DRAWING: (),
    VALUES: ("log_p",),
    FUSED: ("log_p", "identity"),
}
COLUMN = "column to one length"


@dataclass(frozen=True, slots=True)
class Score:
    """What a score is made of, besides the drawing.

    Attributes:
        parts: Its terms, in the order of SCORES.
        column: Whether a column makes all gallery vectors as long as each other.
    """

    parts: tuple[Part, ...] = ()
    column: bool = False

    @property
    def name(self) -> str:
        """As in `--score`.

        Raises:
            IndexFileError: No score of this version is made of these terms.
        """
        mine = tuple(part.name for part in self.parts)
        for name, terms in SCORES.items():
            if terms == mine:
                return name
        raise _unknown(" and ".join(mine))

    def spell(self, projection: str) -> str:
        """Name the score, and the projection of its drawings, for the index contract."""
        terms = [TERMS[part.name].spell(part) for part in self.parts]
        return "; ".join([projection, *terms, *([COLUMN] if self.column else [])])

    @classmethod
    def of(cls, contract: IndexContract) -> "Score":
        """Read the score of a space; a projection without further terms is that of a drawing.

        Raises:
            IndexFileError: It holds a term that this version does not know.
        """
        values = sum(len(known) for _, known in contract.attribute_space)
        spelt = contract.projection.split("; ")[1:]
        parts = tuple(_parsed(one, values) for one in spelt if one != COLUMN)
        return cls(parts, COLUMN in spelt)

    def layout(self, drawing: int) -> "Layout":
        """Return where the parts of its vectors stand, with D numbers of a drawing."""
        return Layout(drawing, {part.name: part.width for part in self.parts}, self.column)


def _parsed(spelt: str, values: int) -> Part:
    for term in TERMS.values():
        part = term.parse(spelt, values)
        if part is not None:
            return part
    raise _unknown(repr(spelt))


def _unknown(terms: str) -> IndexFileError:
    return IndexFileError(
        f"The space scores by {terms}, which this version does not know. Update mindseye, or build"
        " the space again: mindseye index build"
    )


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a vector stand.

    Attributes:
        drawing: Numbers of a drawing's embedding, D.
        terms: Numbers of each term, by name, in order.
        column: Whether a column before the terms makes gallery vectors of one length.
    """

    drawing: int
    terms: Mapping[str, int] = field(default_factory=dict)
    column: bool = False

    @property
    def dimension(self) -> int:
        """Length of a vector, F."""
        more = sum(self.terms.values()) + self.column
        return -(-(self.drawing + more) // MULTIPLE) * MULTIPLE if more else self.drawing

    @property
    def parts(self) -> dict[str, slice]:
        """Places of the parts that scores are the sum of, by name: "drawing", then the terms."""
        found = {"drawing": slice(0, self.drawing)}
        start = self.dimension - sum(self.terms.values())
        for name, width in self.terms.items():
            found[name] = slice(start, start + width)
            start += width
        return found

    @property
    def place(self) -> int:
        """Where the column stands."""
        return self.dimension - sum(self.terms.values()) - 1

    @property
    def bound(self) -> float:
        """The squared length that no gallery vector exceeds; with a column, that of them all."""
        return 1.0 + sum(TERMS[name].longest(width) for name, width in self.terms.items())

    @classmethod
    def of_contract(cls, contract: IndexContract) -> "Layout":
        """Return the layout of a space's vectors; zeros after a drawing count as its own.

        Raises:
            IndexFileError: This version does not know the space's score.
        """
        score = Score.of(contract)
        taken = sum(part.width for part in score.parts) + score.column
        return score.layout(contract.dimension - taken)

    def gallery(self, drawings: Floats, read: Mapping[str, Floats] | None = None) -> Floats:
        """Return the vectors of gallery images, (N, F).

        Args:
            drawings: Embeddings of canonical views, (N, D).
            read: What was read for each term, by name, (N, w) each.

        Raises:
            ValueError: A part is missing or of another shape.
        """
        stored = {name: TERMS[name].gallery(part) for name, part in (read or {}).items()}
        joined = self._joined({"drawing": drawings, **stored})
        if self.column:
            lacking = self.bound - np.square(joined, dtype=np.float64).sum(axis=1)
            joined[:, self.place] = np.sqrt(np.maximum(lacking, 0))
        return joined

    def probes(
        self, drawings: Floats, asked: Mapping[str, Floats], weights: "Coefficients"
    ) -> Floats:
        """Return the vectors of queries, (N, F).

        Args:
            drawings: Embeddings of the drawings, (N, D).
            asked: What is asked of each term, by name, (N, w) each (`Term.ask`).
            weights: Weights of the terms.

        Raises:
            ValueError: A part is missing or of another shape.
        """
        weighed = {name: TERMS[name].probe(part, weights.of(name)) for name, part in asked.items()}
        return self._joined({"drawing": drawings, **weighed})

    def split(self, gallery: Floats, probe: Floats) -> dict[str, Floats]:
        """Return what each part adds to the scores of gallery vectors (N, F) for a probe (F,)."""
        return {name: gallery[:, where] @ probe[where] for name, where in self.parts.items()}

    def _joined(self, given: Mapping[str, Floats]) -> Floats:
        joined = np.zeros((len(given["drawing"]), self.dimension), dtype=np.float32)
        for name, where in self.parts.items():
            part, place = given.get(name), joined[:, where]
            if part is None or part.shape != place.shape:
                shape = None if part is None else part.shape
                raise ValueError(f"{name} of a vector must be {place.shape}, got {shape}")
            place[:] = part
        return joined


@dataclass(frozen=True, slots=True, init=False)
class Coefficients:
    """How much the terms of a score weigh beside the drawing, whose weight is 1.

    Attributes:
        heavy: Names of terms that weigh anything, with their weights; all others weigh nothing.
    """

    heavy: tuple[tuple[str, float], ...]

    def __init__(self, **weights: float) -> None:
        """Take weights by the names of terms, each at least 0.

        Raises:
            ValueError: There is no such term.
        """
        strange = [name for name in weights if name not in TERMS]
        if strange:
            raise ValueError(f"there is no term {strange[0]!r}; there are {', '.join(TERMS)}")
        heavy = tuple((name, float(weights[name])) for name in TERMS if weights.get(name))
        object.__setattr__(self, "heavy", heavy)

    def of(self, term: str) -> float:
        """Return the coefficient of a part, by name."""
        return 1.0 if term == "drawing" else dict(self.heavy).get(term, 0.0)

    def told(self) -> list[tuple[Term, float]]:
        """Return the coefficients that are told: those of the fused score, and all others but 0."""
        names = [name for name in TERMS if name in SCORES[FUSED] or self.of(name)]
        return [(TERMS[name], self.of(name)) for name in names]


def ask_sources(name: str, wishes: Floats, read: Vectors, sources: Ids) -> Floats:
    """Return what queries ask of a term whose sources are images of the gallery, (Q, w).

    Args:
        name: Name of the term.
        wishes: One-hot over the wished values, (Q, A).
        read: What was read from the gallery, (N, w).
        sources: Gallery positions of the sources, (Q,).
    """
    return TERMS[name].ask(TermQuestion(wishes, lambda: np.asarray(read[sources])))


def wish_code(
    space: AttributeSpace,
    wish: Mapping[str, str],
    weights: Mapping[str, float] = MappingProxyType({}),
) -> Floats:
    """Encode a wish: the weight of each wished value, nothing for the other attributes, (A,).

    A strength asks several values of its grid (strengths.py).

    Args:
        space: Its values are encoded.
        wish: Values by attribute.
        weights: Weights by attribute; 1 where nothing is said.

    Raises:
        WishError: An attribute or a value is unknown.
    """
    known = space.check(wish)
    codes = [
        weights.get(a.name, 1.0) * asked_of(a, known[a.name])
        if a.name in known
        else np.zeros(len(a.values))
        for a in space.attributes
    ]
    return np.concatenate(codes).astype(np.float32) if codes else np.empty(0, np.float32)
