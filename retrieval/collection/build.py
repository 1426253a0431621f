"""Building and updating an embedding space: its builder runs, then what it made is published."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gallery.errors import IndexFileError
from gallery.faces import FaceSet
from generator.canonical import Rule
from generator.drawer import Drawer
from generator.hypotheses import AUTO, ONE, Hypotheses
from index import store
from index.contract import IndexContract
from retrieval.collection.build_progress import BuildProgress
from retrieval.collection.builder import Builder, How
from retrieval.collection.canonical_choice import choose_canonical
from retrieval.collection.collection import Collection
from retrieval.collection.leftovers import sweep
from retrieval.collection.publish import publish, publishing
from retrieval.collection.workers.opening import Workers
from retrieval.scoring.profile import ScoreProfile
from retrieval.scoring.scorer import default_score, make_scoring, scoring_of
from retrieval.scoring.terms import DRAWING, Score


def build(  # noqa: PLR0913  what a user says of a build
    collection: Collection,
    faces: FaceSet,
    engine: Drawer,
    weights: Path,
    request: store.Request | None = None,
    *,
    refine_best: int | None = None,
    restore: bool = False,
    score: str | None = None,
    hypotheses: str | None = None,
    keep_faceless: bool | None = None,
    workers: Workers | None = None,
    canonical: str | None = None,
) -> Iterator[BuildProgress]:
    """Bring a space up to date with a face set, and publish it.

    Closing the iterator ends the build with the batch in hand; nothing is published then.

    Args:
        collection: Where; it must be held for writing.
        faces: What is to be found.
        engine: Draws; its card names the space.
        weights: File that the engine was loaded from; the space keeps a copy.
        request: Kind of index, and what it may cost; None for that of the last generation.
        refine_best: See `Drawer.closest`; part of the space's contract. None for what the space was
            built with, and for a new one all.
        restore: Whether images that were removed by hand are taken in again.
        score: One of `terms.SCORES`; part of the space's contract. None for what the space was
            built with, and for a new one the fullest that was fitted and can be had here.
        hypotheses: "1", "2", or like "2 within 1.5" (retrieval/scoring/hypotheses.py), or "auto"
        for what
            was fitted for the weights; part of the space's contract. None for what the space was
            built with, and for a new one "auto".
        keep_faceless: Whether images in which no face was found are taken in all the same. None for
            what was last said of the space, and for a new one False.
        workers: Who embeds the images; None for this process.
        canonical: Who makes canonical views: "drawn", "student" or "auto" (canonical_choice.py);
            part of the space's contract. None for what the space was built with, and for a new one
            "drawn".

    Yields:
        Progress after each batch, then that of the publication; the last one counts the images.

    Raises:
        IndexFileError: The space was made under another contract, or a worker would make other
            vectors.
        ConfigError: The weights, or what is installed here, cannot give this score; or it has no
            room for second hypotheses.
        WeightsError: Nothing was fitted for this score, or for these hypotheses.
        OSError: The disk is full or cannot be written; what was finished is kept.
    """
    stored = contract_of_space(collection, engine.card.name)
    stored_score = None if stored is None else Score.of(stored).name
    name = score or stored_score or default_score(engine)
    many = _hypotheses(engine, name, stored, hypotheses)
    if stored is not None and name == stored_score and many == _stored_hypotheses(stored):
        scoring = scoring_of(engine, stored)
    else:
        scoring = make_scoring(engine, name, many)
    if refine_best is None and stored is not None:
        refine_best = Rule.parse(stored.canonicalisation).refine_best
    student = choose_canonical(canonical, stored, engine, name).student
    rule = scoring.rule(
        replace(Rule.of(engine.card, refine_best), hypotheses=many, student=student)
    )
    builder = Builder(
        collection,
        faces,
        engine,
        weights,
        How(
            rule=rule,
            scoring=scoring,
            restore=restore,
            keep_faceless=keep_faceless,
            workers=workers,
        ),
    )
    last = BuildProgress(0, 0, 0, 0, 0)
    for last in builder.batches():
        yield last
    noted = False
    for step in publishing(collection, engine.card.name, request):
        noted = True
        yield replace(last, phase=step.phase, done=step.done, total=step.total, note=step.note)
    _clear(builder)
    if noted:
        yield replace(last, note=None)
    for space in collection.catalogue.spaces.all():
        if space.name != engine.card.name and space.generation is not None:
            with contextlib.suppress(IndexFileError):  # damage there is for its own build to mend
                publish(collection, space.name)  # an image may have been removed from every space


def _clear(builder: Builder) -> None:
    """Remove the old files of shards that were written anew, as nothing published needs them."""
    if builder.has_dropped:
        sweep(builder.collection, builder.catalogue.spaces.get(builder.space.name))


def contract_of_space(collection: Collection, name: str) -> IndexContract | None:
    """Read the contract of a space, or None of one that is not made yet."""
    known = {space.name: space for space in collection.catalogue.spaces.all()}
    return collection.contract(known[name]) if name in known else None


def _hypotheses(
    engine: Drawer, score: str, stored: IndexContract | None, asked: str | None
) -> Hypotheses:
    """Return what is asked for, or what a space has, or what was fitted for the score."""
    if asked is None and stored is not None and score != DRAWING:
        return _stored_hypotheses(stored)
    if asked is None or asked == AUTO:
        return ONE if score == DRAWING else ScoreProfile.of(engine.card).chosen(score)
    return Hypotheses.parse(asked)


def _stored_hypotheses(stored: IndexContract) -> Hypotheses:
    return Rule.parse(stored.canonicalisation).hypotheses
