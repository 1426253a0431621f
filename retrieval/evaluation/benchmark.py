"""Run a benchmark: draw the queries, rank by every method, count the hits.

Several weights of the same attributes, trained on folds of one collection, are pooled: each answers
queries about the people it has not seen, in the gallery of those people.

Shapes: N gallery images, Q queries, K ranks.
"""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gallery.align import Pixels
from gallery.attributes import AttributeSpace
from gallery.errors import ConfigError, DatasetError
from gallery.faces import Face, FaceSet, Problem
from gallery.pixels import Aligned, align_all, align_each
from generator.card import Card
from generator.engine import Drawn, Engine, Floats
from retrieval.canonical import Canonical, canonicalise, join
from retrieval.embedding import normalise
from retrieval.evaluation import metrics
from retrieval.evaluation.baselines import (
    METHODS,
    Case,
    GalleryViews,
    Probes,
    Ranking,
    flat_pixels,
    rank,
)
from retrieval.evaluation.protocols import (
    CRITERIA,
    Labels,
    Protocol,
    Queries,
    all_queries,
    draw_queries,
)
from retrieval.evaluation.results import Fold, Progress, Results

BATCH = 256
BLOCK = 512


@dataclass(frozen=True, slots=True)
class _Part:
    """A fold while it is being worked on."""

    engine: Engine
    aligned: Aligned
    canonical: Canonical
    views: GalleryViews
    labels: Labels
    everything: Queries
    dropped: int


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
    started = time.perf_counter()
    parts = []
    for engine in engines:
        part = yield from _prepare(faces, engine)
        parts.append(part)
    results.seconds["build"] = round(time.perf_counter() - started, 3)
    started = time.perf_counter()
    chosen = draw_queries([part.everything for part in parts], protocol)
    for part, queries in zip(parts, chosen, strict=True):
        yield from _answer(part, queries, results)
        results.folds.append(_fold(part, queries))
    results.seconds["answer"] = round(time.perf_counter() - started, 3)
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
    """Return the labelled images of people that the weights have not seen."""
    missing = [name for name in card.space.names if name not in faces.space]
    if missing:
        raise DatasetError(
            f"{faces.spec} says nothing of {missing[0]!r}, which {card.name} draws;"
            f" it has: {', '.join(faces.space.names) or 'no labels'}"
        )
    tested = faces.labelled(card.space.names).without(card.train_identities)
    if not tested.faces:
        raise DatasetError(
            f"{card.name} was trained on everybody in {faces.spec}; a benchmark needs people it"
            " has not seen (mindseye train --train-identities 0.7)"
        )
    return tested


def _prepare(faces: FaceSet, engine: Engine) -> Generator[Progress, None, _Part]:
    """Read and redraw the test images of one set of weights."""
    card = engine.card
    tested = _tested(faces, card)
    pairs: list[tuple[Face, Pixels | Problem]] = []
    for pair in align_each(tested, card.aligner):
        pairs.append(pair)
        yield Progress(f"reading for {card.name}", len(pairs), len(tested))
    aligned = align_all(pairs, faces.spec)
    views = []
    for start in range(0, len(aligned.faces), BATCH):
        views.append(canonicalise(engine, aligned.pixels[start : start + BATCH]))
        done = min(start + BATCH, len(aligned.faces))
        yield Progress(f"redrawing with {card.name}", done, len(aligned.faces))
    canonical = join(views)
    labels = Labels.of(aligned.faces, faces.space)
    everything, dropped = all_queries(labels, _wishable(card.space, faces.space))
    gallery = GalleryViews(
        canonical.embeddings, flat_pixels(canonical.images), flat_pixels(aligned.pixels)
    )
    return _Part(engine, aligned, canonical, gallery, labels, everything, dropped)


def _wishable(drawn: AttributeSpace, known: AttributeSpace) -> dict[str, list[int]]:
    """Positions, in the collection's space, of the values that the weights can draw."""
    wishable: dict[str, list[int]] = {}
    for attribute in drawn.attributes:
        values = enumerate(known[attribute.name].values)
        wishable[attribute.name] = [n for n, value in values if attribute.knows(value)]
    return wishable


def _answer(part: _Part, queries: Queries, results: Results) -> Iterator[Progress]:
    """Draw and rank, a block of queries at a time, so that memory does not grow with them."""
    protocol = results.protocol
    for start in range(0, len(queries), BLOCK):
        block = queries.chosen(np.arange(start, min(start + BLOCK, len(queries))))
        drawn = part.engine.draw(part.aligned.pixels[block.sources], _codes(part, block))
        right = [
            part.labels.right(int(source), int(attribute), int(value))
            for source, attribute, value in zip(
                block.sources, block.attributes, block.values, strict=True
            )
        ]
        stacked = {name: np.stack([one[name] for one in right]) for name in CRITERIA}
        _measure_drawings(part, block, drawn, stacked["C2"], results)
        probes = Probes(normalise(drawn.features), flat_pixels(drawn.refined))
        case = Case(part.views, part.labels, block, probes)
        for method in METHODS:
            ranks = rank(
                method, case, max(protocol.cutoffs), exclude_source=protocol.exclude_source
            )
            _count_hits(method, ranks, stacked, results)
        _count_chances(stacked, len(part.aligned.faces) - protocol.exclude_source, results)
        done = min(start + BLOCK, len(queries))
        yield Progress(f"asking {part.engine.card.name}", done, len(queries))


def _codes(part: _Part, block: Queries) -> Floats:
    """One-hot codes of the wishes; what is not wished for stays as it was estimated."""
    space, known = part.engine.card.space, part.labels.space
    codes = []
    for source, column, value in zip(block.sources, block.attributes, block.values, strict=True):
        attribute = known.attributes[column]
        wish = {attribute.name: attribute.values[value]}
        codes.append(space.one_hot(part.canonical.estimates[source].replace(wish)))
    return np.stack(codes)


def _measure_drawings(
    part: _Part, block: Queries, drawn: Drawn, right: NDArray[np.bool_], results: Results
) -> None:
    """Compare drawings with the first image that is right under C2; also the unedited source."""
    pixels = part.aligned.pixels
    target = pixels[right.argmax(axis=1)]
    for stage, images in (
        ("source", pixels[block.sources]),
        ("stage 1", drawn.first),
        ("stage 2", drawn.refined),
    ):
        errors = metrics.mean_squared_error(images, target)
        results.squared_errors.setdefault(stage, []).append(errors)


def _count_hits(
    method: str, ranks: Ranking, right: dict[str, NDArray[np.bool_]], results: Results
) -> None:
    rows = np.arange(len(ranks))[:, None]
    for criterion in CRITERIA:
        hits = right[criterion][rows, ranks] & (ranks >= 0)
        for k in results.protocol.cutoffs:
            found = metrics.hit_rate_at_k(hits, k)
            results.hits.setdefault((method, criterion, k), []).append(found)


def _count_chances(right: dict[str, NDArray[np.bool_]], gallery: int, results: Results) -> None:
    for criterion in CRITERIA:
        relevant = right[criterion].sum(axis=1)
        for k in results.protocol.cutoffs:
            chance = metrics.expected_hit_rate_at_random(relevant, gallery, min(k, gallery))
            results.hits.setdefault(("random", criterion, k), []).append(chance)


def _fold(part: _Part, queries: Queries) -> Fold:
    card = part.engine.card
    pairs = list(zip(part.aligned.faces, part.canonical.estimates, strict=True))
    right = sum(
        attribute.knows(face.condition[attribute.name])
        and attribute.values[attribute.index(face.condition[attribute.name])]
        == estimate[attribute.name]
        for face, estimate in pairs
        for attribute in card.space.attributes
    )
    return Fold(
        weights=card.name,
        sha256=card.sha256,
        identities=len({face.identity for face in part.aligned.faces}),
        gallery=len(part.aligned.faces),
        queries=len(queries),
        dropped=part.dropped,
        estimates_right=right,
        estimates=len(pairs) * len(card.space.attributes),
        problems=part.aligned.problems,
    )
