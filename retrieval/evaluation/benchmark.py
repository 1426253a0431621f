"""Run a benchmark: draw the queries, rank by every method, count the hits.

Several weights of the same attributes, trained on folds of one collection, are pooled: each answers
queries about the people it has not seen, in the gallery of all images that do not show the others.

All images are read before queries are drawn, since a file that cannot be read is in no gallery and
takes queries with it. Aligned pixels are small. Redrawings are not: one fold is redrawn, answered
and dropped at a time.

Shapes: N gallery images, Q queries, K ranks.
"""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from gallery.align import Pixels
from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.errors import ConfigError, DatasetError
from gallery.faces import Face, FaceSet, Problem
from gallery.pixels import Aligned, align_all, align_each
from generator.card import Card
from generator.engine import Engine, Floats
from retrieval.canonical import Rule, canonicalise
from retrieval.embedding import normalise
from retrieval.evaluation.baselines import (
    METHODS,
    Case,
    GalleryViews,
    Probes,
    flat_pixels,
    rank,
)
from retrieval.evaluation.protocols import (
    Labels,
    Protocol,
    Queries,
    all_queries,
    count_pairs,
    draw_queries,
)
from retrieval.evaluation.results import Fold, Progress, Results
from retrieval.evaluation.scoring import (
    count_chances,
    count_hits,
    measure_drawings,
    right_answers,
)

BATCH = 256
BLOCK = 512
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class _Part:
    """A fold once its images are read.

    Attributes:
        engine: Draws.
        aligned: The gallery.
        labels: Of the gallery.
        everything: All queries that the gallery answers under C1.
        dropped: Pairs that it does not answer, by criterion.
        problems: Files that could not be used.
    """

    engine: Engine
    aligned: Aligned
    labels: Labels
    everything: Queries
    dropped: dict[str, int]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Redrawn:
    """The gallery of a fold, redrawn: what its images seem to show, and what is searched."""

    estimates: list[Condition]
    views: GalleryViews


def run(
    faces: FaceSet, engines: Sequence[Engine], protocol: Protocol
) -> Generator[Progress, None, Results]:
    """Run a benchmark; the generator's return value is what was measured.

    Args:
        faces: The collection; each engine is tested on the people that its weights have not seen.
        engines: Generators with the same attributes; their test people must not overlap.
        protocol: How.

    Raises:
        ConfigError: The weights do not belong together.
        DatasetError: The collection lacks an attribute, nobody is left to test on, or there is
            nothing to ask.
    """
    check_together(faces, [engine.card for engine in engines])
    results = Results(faces.spec, protocol)
    parts = []
    for engine in engines:
        part = yield from _timed(_read(faces, engine), "build", results)
        parts.append(part)
    chosen = draw_queries([part.everything for part in parts], protocol)
    for queries in chosen:
        part = parts.pop(0)  # nothing else holds it: its pixels go before the next is redrawn
        yield from _measure(part, queries, results)
    return results


def check_together(faces: FaceSet, cards: Sequence[Card]) -> None:
    """Refuse weights that cannot be benchmarked on a collection, or not together.

    Raises:
        ConfigError: There are none, they know different attributes, or two would be tested on the
            same person.
        DatasetError: The collection lacks an attribute, or a set of weights has seen everybody.
    """
    if not cards:
        raise ConfigError("A benchmark needs weights; add --weights W")
    tested: dict[str, str] = {}
    for card in cards:
        if card.space != cards[0].space:
            raise ConfigError(
                f"The weights {cards[0].name} and {card.name} know different attributes"
                f" ({', '.join(cards[0].space.names)}; {', '.join(card.space.names)});"
                " benchmark them one by one"
            )
        for who in _tested(faces, card).identities:
            if who in tested:
                raise ConfigError(
                    f"Both {tested[who]} and {card.name} would be tested on {who}; weights can be"
                    " pooled if each left out other people (mindseye train --fold K/N)"
                )
            tested[who] = card.name


def _tested(faces: FaceSet, card: Card) -> FaceSet:
    """Return all images but those of people that the weights have seen.

    Images of unknown people or values stay: they can be found, wrongly.
    """
    missing = [name for name in card.space.names if name not in faces.space]
    if missing:
        raise DatasetError(
            f"{faces.spec} says nothing of {missing[0]!r}, which {card.name} draws;"
            f" it has: {', '.join(faces.space.names) or 'no labels'}"
        )
    if not faces.identities:
        raise DatasetError(
            f"{faces.spec} has no image with an identity; labels are needed:"
            " see `mindseye data show --help`"
        )
    tested = faces.without(card.train_identities)
    if not tested.identities:
        raise DatasetError(
            f"{card.name} was trained on everybody in {faces.spec}; a benchmark needs people it"
            " has not seen (mindseye train --train-identities 0.7)"
        )
    return tested


def _timed(
    steps: Generator[Progress, None, Outcome], phase: str, results: Results
) -> Generator[Progress, None, Outcome]:
    """Add the time that steps take to a phase."""
    started = time.perf_counter()
    outcome = yield from steps
    seconds = results.seconds.get(phase, 0) + time.perf_counter() - started
    results.seconds[phase] = round(seconds, 3)
    return outcome


def _read(faces: FaceSet, engine: Engine) -> Generator[Progress, None, _Part]:
    """Read the test images of one set of weights, and list the queries about them."""
    card = engine.card
    tested = _tested(faces, card)
    pairs: list[tuple[Face, Pixels | Problem]] = []
    for pair in align_each(tested, card.aligner):
        pairs.append(pair)
        yield Progress(f"reading for {card.name}", len(pairs), len(tested))
    aligned = align_all(pairs, faces.spec)
    labels = Labels.of(aligned.faces, faces.space)
    wishable = _wishable(card.space, faces.space)
    everything = all_queries(labels, wishable)
    wishes = count_pairs(Labels.of(tested.faces, faces.space), wishable)
    dropped = {c: wishes - count for c, count in everything.counted().items()}
    return _Part(engine, aligned, labels, everything, dropped, tested.problems + aligned.problems)


def _measure(part: _Part, queries: Queries, results: Results) -> Generator[Progress, None, None]:
    """Redraw the gallery of one fold, and answer its queries; both are dropped at the end."""
    redrawn = yield from _timed(_redraw(part), "build", results)
    yield from _timed(_answer(part, redrawn, queries, results), "answer", results)
    results.folds.append(_fold(part, redrawn, queries))


def _redraw(part: _Part) -> Generator[Progress, None, _Redrawn]:
    """Redraw the gallery, a batch at a time; of the redrawings only flat pixels are kept."""
    pixels = part.aligned.pixels
    total = len(pixels)
    estimates: list[Condition] = []
    rows: tuple[Floats, ...] = ()
    for start in range(0, total, BATCH):
        batch = pixels[start : start + BATCH]
        canonical = canonicalise(part.engine, batch, Rule.of(part.engine.card))
        found = (canonical.embeddings, flat_pixels(canonical.images), flat_pixels(batch))
        rows = rows or tuple(np.empty((total, one.shape[1]), np.float32) for one in found)
        for whole, one in zip(rows, found, strict=True):
            whole[start : start + len(batch)] = one
        estimates += canonical.estimates
        yield Progress(f"redrawing with {part.engine.card.name}", len(estimates), total)
    return _Redrawn(estimates, GalleryViews(*rows))


def _wishable(drawn: AttributeSpace, known: AttributeSpace) -> dict[str, list[int]]:
    """Positions, in the collection's space, of the values that the weights can draw."""
    wishable: dict[str, list[int]] = {}
    for attribute in drawn.attributes:
        values = enumerate(known[attribute.name].values)
        wishable[attribute.name] = [n for n, value in values if attribute.knows(value)]
    return wishable


def _answer(
    part: _Part, redrawn: _Redrawn, queries: Queries, results: Results
) -> Generator[Progress, None, None]:
    """Draw and rank, a block of queries at a time, so that memory does not grow with them."""
    for start in range(0, len(queries), BLOCK):
        block = queries.chosen(np.arange(start, min(start + BLOCK, len(queries))))
        _answer_block(part, redrawn, block, results)
        yield Progress(f"asking {part.engine.card.name}", start + len(block), len(queries))


def _answer_block(part: _Part, redrawn: _Redrawn, block: Queries, results: Results) -> None:
    protocol = results.protocol
    drawn = part.engine.draw(part.aligned.pixels[block.sources], _codes(part, redrawn, block))
    right = right_answers(part.labels, block)
    measure_drawings(part.aligned.pixels, block, drawn, right, results)
    probes = Probes(normalise(drawn.features), flat_pixels(drawn.refined))
    case = Case(redrawn.views, part.labels, block, probes)
    for method in METHODS:
        ranks = rank(method, case, max(protocol.cutoffs), exclude_source=protocol.exclude_source)
        count_hits(method, ranks, right, results)
    count_chances(right, len(part.aligned.faces) - protocol.exclude_source, results)


def _codes(part: _Part, redrawn: _Redrawn, block: Queries) -> Floats:
    """One-hot codes of the wishes; what is not wished for stays as it was estimated."""
    space, known = part.engine.card.space, part.labels.space
    codes = []
    for source, column, value in zip(block.sources, block.attributes, block.values, strict=True):
        attribute = known.attributes[column]
        wish = {attribute.name: attribute.values[value]}
        codes.append(space.one_hot(redrawn.estimates[source].replace(wish)))
    return np.stack(codes)


def _fold(part: _Part, redrawn: _Redrawn, queries: Queries) -> Fold:
    card, faces = part.engine.card, part.aligned.faces
    known = [
        _is_estimated(attribute, face.condition[attribute.name], estimate[attribute.name])
        for face, estimate in zip(faces, redrawn.estimates, strict=True)
        for attribute in card.space.attributes
        if attribute.name in face.condition
    ]
    return Fold(
        weights=card.name,
        sha256=card.sha256,
        identities=len({face.identity for face in faces} - {None}),
        gallery=len(faces),
        queries=queries.counted(),
        dropped=part.dropped,
        estimates_right=sum(known),
        estimates=len(known),
        problems=part.problems,
    )


def _is_estimated(attribute: Attribute, value: str, estimate: str) -> bool:
    """Say whether an estimate is right; a value that the weights do not draw never is."""
    return attribute.knows(value) and attribute.values[attribute.index(value)] == estimate
