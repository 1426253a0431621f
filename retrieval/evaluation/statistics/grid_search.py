"""How the parts of a score are weighed: hit rates over a grid of weights, block by block.

A second hypothesis (retrieval/scoring/hypotheses.py) has the log p and the identity of the first:
of a score it can only raise the drawing's part.

Shapes: Q queries, b of them in a block, N gallery images, K answers kept, W sets of coefficients, w
numbers of a term.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from gallery.arrays import Floats
from generator.hypotheses import Hypotheses
from index.base import BLOCK_BYTES, BLOCK_ROWS, Vectors
from retrieval.evaluation.records import Flags, Integers, QueryTable
from retrieval.scoring.profile import WITHOUT_IDENTITY, WITHOUT_LOG_P, ScoreProfile
from retrieval.scoring.terms import (
    DRAWING,
    FUSED,
    SCORES,
    TERMS,
    VALUES,
    Coefficients,
    ask_sources,
)

TABLE = 2**22  # scores of one part in work: 16 MB


@dataclass(frozen=True, slots=True)
class Material:
    """What scores are made of.

    Attributes:
        gallery: Embeddings of canonical views, (N, D).
        probes: Embeddings of the drawings, (Q, D).
        wishes: One-hot over the wished attributes, (Q, A).
        read: What was read from the gallery for each term, by name, (N, w) each.
        seconds: Embeddings of the canonical views in second hypotheses, (N, D); None without.
        margins: log p(first) - log p(second), (N,); None without.
    """

    gallery: Vectors
    probes: Vectors
    wishes: Floats
    read: Mapping[str, Vectors] = field(default_factory=dict)
    seconds: Vectors | None = None
    margins: Floats | None = None

    def only(self, terms: Sequence[str]) -> "Material":
        """Return what a score of some terms is made of."""
        return replace(self, read={name: self.read[name] for name in terms if name in self.read})


@dataclass(frozen=True, slots=True)
class Block:
    """Some queries against the whole gallery.

    Attributes:
        queries: Which.
        parts: Scores of each part, unweighted, by name: "drawing", then the terms; (b, N) each.
        right: Images that are right, by criterion, (b, N).
        second: Like the part "drawing", of second hypotheses, (b, N); None without.
        margins: Margins of the images, (N,); None without.
    """

    queries: range
    parts: dict[str, Floats]
    right: dict[str, Flags]
    second: Floats | None = None
    margins: Floats | None = None

    def under(self, hypotheses: Hypotheses) -> "Block":
        """Return the block where images have so many hypotheses, the better one of which counts."""
        if hypotheses.single or self.second is None or self.margins is None:
            return self
        chosen = hypotheses.chosen(self.margins)
        better = self.parts["drawing"].copy()
        better[:, chosen] = np.maximum(better[:, chosen], self.second[:, chosen])
        return replace(self, parts={**self.parts, "drawing": better})

    def scores(self, weights: Coefficients) -> Floats:
        """Return weighted sums, (b, N)."""
        total = self.parts["drawing"]
        for name, weight in weights.heavy:
            if name in self.parts:
                total = total + np.float32(weight) * self.parts[name]
        return total


@dataclass(frozen=True, slots=True)
class GridPoint:
    """What coefficients reach.

    Attributes:
        weights: The coefficients.
        hit_rate: Hit rates of first answers, by criterion, in [0, 1]; NaN where none is measured.
    """

    weights: Coefficients
    hit_rate: dict[str, float]


@dataclass(frozen=True, slots=True)
class Answers:
    """The first answers to every query, best first.

    Attributes:
        scores: (Q, K).
        parts: What they are the sum of, as weighted, by name, (Q, K) each.
        right: Whether identity and wished value are right (C1), (Q, K).
    """

    scores: Floats
    parts: dict[str, Floats]
    right: NDArray[np.bool_]


def blocks_of(
    material: Material, asked: QueryTable, *, source_excluded: bool = False
) -> Iterator[Block]:
    """Compare all queries with the gallery, part by part.

    Args:
        material: What scores are made of.
        asked: The queries.
        source_excluded: Whether each query's own source answers nothing: it scores -inf.
    """
    count = len(material.gallery)
    step = max(1, TABLE // max(1, count))
    stored = {name: TERMS[name].gallery(np.asarray(read)) for name, read in material.read.items()}
    for start in range(0, len(asked), step):
        queries = range(start, min(start + step, len(asked)))
        rows = slice(queries.start, queries.stop)
        out = [asked.and_copies(query) for query in queries] if source_excluded else ()
        asking = np.asarray(material.probes[rows])
        parts = {"drawing": _products(asking, material.gallery, out)}
        second = None
        if material.seconds is not None:
            second = _products(asking, material.seconds, out)
        for name, read in stored.items():
            wishes, sources = material.wishes[rows], asked.source[rows]
            asks = ask_sources(name, wishes, material.read[name], sources)
            parts[name] = TERMS[name].probe(asks, 1.0) @ read.T
        yield Block(queries, parts, _right(asked, queries, count), second, material.margins)


def grid(terms: Sequence[str]) -> tuple[Coefficients, ...]:
    """Return the coefficients of some terms that are tried, the smaller ones first.

    They are all combinations of what each term tries: 110 for the two terms of the fused score.
    """
    combined = product(*(TERMS[name].grid for name in terms))
    tried = [Coefficients(**dict(zip(terms, weights, strict=True))) for weights in combined]
    return tuple(sorted(tried, key=lambda one: sum(weight for _, weight in one.heavy)))


def points_of(weighed: Sequence[GridPoint], terms: Sequence[str]) -> list[GridPoint]:
    """Return the points at which no other terms weigh anything."""
    return [one for one in weighed if {name for name, _ in one.weights.heavy} <= set(terms)]


def were_weighed(weighed: Sequence[GridPoint], terms: Sequence[str]) -> bool:
    """Say whether coefficients of all these terms were tried."""
    return all(any(one.weights.of(name) for one in weighed) for name in terms)


def hits(block: Block, tried: Sequence[Coefficients]) -> dict[str, Flags]:
    """Say whether the first answer is right, by criterion, (b, W)."""
    first = np.stack([block.scores(weights).argmax(axis=1) for weights in tried], axis=1)
    return {name: np.take_along_axis(right, first, axis=1) for name, right in block.right.items()}


def hit_rates(
    found: dict[str, Flags], asked: QueryTable, tried: Sequence[Coefficients]
) -> tuple[GridPoint, ...]:
    """Return what each choice of coefficients reaches, of hits (Q, W)."""
    measured = asked.measured
    rates = {
        name: right[measured[name]].mean(axis=0)
        if measured[name].any()
        else np.full(len(tried), np.nan)
        for name, right in found.items()
    }
    return tuple(
        GridPoint(weights, {name: float(rate[place]) for name, rate in rates.items()})
        for place, weights in enumerate(tried)
    )


def best(weighed: Sequence[GridPoint]) -> GridPoint:
    """Return the point with the highest hit rate under C2; of equals under C1, then the first."""
    return max(
        weighed, key=lambda one: (known(one.hit_rate["C2"]), known(one.hit_rate["C1"]))
    )  # of equals max returns the first


def first_answers(block: Block, weights: Coefficients, count: int) -> Answers:
    """Return the best answers of a block that may answer; equal scores in gallery order."""
    scores = block.scores(weights)
    count = min(count, int(np.isfinite(scores).sum(axis=1).min()))
    top = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    return Answers(
        np.take_along_axis(scores, top, axis=1),
        {
            name: np.float32(weights.of(name)) * np.take_along_axis(part, top, axis=1)
            for name, part in block.parts.items()
        },
        np.take_along_axis(block.right["C1"], top, axis=1),
    )


def joined(parts: Sequence[Answers]) -> Answers:
    """Join the answers of successive blocks."""
    return Answers(
        np.concatenate([part.scores for part in parts]),
        {name: np.concatenate([part.parts[name] for part in parts]) for name in parts[0].parts},
        np.concatenate([part.right for part in parts]),
    )


def chosen_of(weighed: Sequence[GridPoint], name: str = "") -> ScoreProfile:
    """Choose coefficients from what each point reached, for each score that can be had.

    Args:
        weighed: What the points reached.
        name: Name of the weights that draw.
    """
    rates, scores, alone = {}, {}, None
    for score, terms in SCORES.items():
        if not were_weighed(weighed, terms):
            continue
        found = best(points_of(weighed, terms))
        rates[WITHOUT_IDENTITY if score == VALUES else score] = rounded(found)
        if score != DRAWING:
            scores[score] = found.weights
        if score == FUSED:
            other = best(points_of(weighed, ("identity",)))
            rates[WITHOUT_LOG_P], alone = rounded(other), other.weights
    return ScoreProfile(name=name, scores=scores, identity_alone=alone, hit_rate=rates)


def rounded(weighed: GridPoint) -> dict[str, float | None]:
    """Return hit rates for a card: rounded, None where no query is measured."""
    return {
        name: None if np.isnan(rate) else round(rate, 4) for name, rate in weighed.hit_rate.items()
    }


def _products(probes: Floats, gallery: Vectors, out: Sequence[Integers]) -> Floats:
    """Return inner products, (b, N); of a gallery that may be a memory map, chunk by chunk.

    Args:
        probes: (b, D).
        gallery: (N, D).
        out: The images that score -inf for each probe, b of them; empty for none at all.
    """
    found = np.empty((len(probes), len(gallery)), dtype=np.float32)
    size = min(BLOCK_ROWS, max(1, BLOCK_BYTES // (4 * max(1, gallery.shape[1]))))
    for start in range(0, len(gallery), size):
        chunk = np.asarray(gallery[start : start + size])
        found[:, start : start + size] = probes @ chunk.T
    for row, images in enumerate(out):
        found[row, images] = -np.inf
    return found


def known(rate: float) -> float:
    """Return a rate; one that is not known counts as the lowest."""
    return -1.0 if np.isnan(rate) else rate


def _right(asked: QueryTable, queries: range, count: int) -> dict[str, Flags]:
    found = {name: np.zeros((len(queries), count), dtype=np.bool_) for name in ("C1", "C2")}
    for row, query in enumerate(queries):
        place = slice(asked.right_starts[query], asked.right_starts[query + 1])
        images, strict = asked.right[place], asked.right_strict[place]
        found["C1"][row, images] = True
        found["C2"][row, images[strict]] = True
    return found
