"""Run a benchmark: read the images, draw the queries, let every method rank, note what it found.

Several weights of the same attributes, trained on folds of one collection, are pooled: each answers
queries about the people it has not seen, in the gallery of all images that do not show the others.

Memory does not grow with gallery x queries: pixels and embeddings are memory maps, rankings are
made in blocks (ranking.py), and one fold's vectors are deleted before the next is redrawn.

Shapes: N gallery images, Q queries, K ranks.
"""

import time
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gallery.arrays import Doubles
from gallery.faces import FaceSet
from generator.drawer import Drawer
from retrieval.collection.profile_choice import choose_profile
from retrieval.evaluation.editing.measuring import measure_editing
from retrieval.evaluation.fold.audit import find_twins
from retrieval.evaluation.fold.fold import (
    ReadFold,
    Training,
    check_together,
    read_part,
    read_training,
    tested_faces,
)
from retrieval.evaluation.fold.fold_cache import BaselineBudget, Bench, Workbench
from retrieval.evaluation.fold.fold_record import (
    describe_fold,
    keep_examples,
    note_drawings,
    note_estimates,
)
from retrieval.evaluation.fold.vector_store import Steps, Store, default_cache, open_store
from retrieval.evaluation.methods.base import Method
from retrieval.evaluation.methods.ranker import Answered, answer
from retrieval.evaluation.methods.registry import choose_methods
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.protocol.queries import Queries, draw_queries
from retrieval.evaluation.protocol.query_table import ask, describe_gallery, describe_people
from retrieval.evaluation.provenance import describe_run
from retrieval.evaluation.records import BenchmarkProgress, Provenance, Record
from retrieval.evaluation.statistics.pooling import pool


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkOptions:
    """What a benchmark may use, besides its protocol.

    Attributes:
        methods: Names or patterns; empty: the protocol's.
        budget: Budget of trained rivals.
        training: Collection that holds the images that the weights were trained on; None: the one
            that is searched.
        cache: Folder of embeddings and trained rivals.
        command: The command, as it can be typed.
        editing: Whether drawings are measured as edits, too.
        profile: Which profile of the cards, such as "photographs". None: the one that suits the
            images, as a new space takes it.
    """

    methods: tuple[str, ...] = ()
    budget: BaselineBudget = field(default_factory=BaselineBudget)
    training: FaceSet | None = None
    cache: Path = field(default_factory=default_cache)
    command: str = ""
    editing: bool = False
    profile: str | None = None


def run(
    faces: FaceSet, engines: Sequence[Drawer], protocol: Protocol, options: BenchmarkOptions
) -> Generator[BenchmarkProgress, None, Record]:
    """Run a benchmark; the generator's return value is what was measured.

    Args:
        faces: The collection; each engine is tested on the people that its weights have not seen.
        engines: Generators with the same attributes; their test people must not overlap.
        protocol: How.
        options: What it is measured with.

    Raises:
        ConfigError: The weights do not belong together or do not fit the protocol, or there is no
            such method.
        DatasetError: The collection lacks an attribute, nobody is left to test on, or there is
            nothing to ask.
        OSError: The cache's disk is full, or cannot be written.
    """
    faces = faces.renamed(protocol.names)
    taught = options.training or faces
    check_together(faces, [engine.card for engine in engines], protocol)
    methods = choose_methods(options.methods or protocol.methods)
    engines = [_under_profile(one, faces, protocol, options.profile) for one in engines]
    started = time.perf_counter()
    records: list[Record] = []
    with open_store(options.cache) as store:
        parts: list[ReadFold] = []
        for engine in engines:
            part = yield from read_part(faces, engine, protocol, store, len(parts))
            parts.append(part)
        chosen = draw_queries([part.everything for part in parts], protocol)
        provenance = describe_run(
            faces.spec,
            protocol,
            options.command,
            [(part.engine.card, part.aligned) for part in parts],
            {"read": time.perf_counter() - started},
        )
        for number, (part, queries) in enumerate(zip(parts, chosen, strict=True)):
            with store.inner() as own:
                training = yield from read_training(taught, part.engine.card, own, number)
                setting = _Setting(faces, part, queries, training, protocol, options, methods)
                first = provenance if not records else replace(provenance, seconds={})
                records.append((yield from _measure(setting, own, first)))
    return pool(records)


@dataclass(frozen=True, slots=True)
class _Setting:
    """One fold, its queries, and what is done with them."""

    faces: FaceSet
    part: ReadFold
    queries: Queries
    training: Training | None
    protocol: Protocol
    options: BenchmarkOptions
    methods: tuple[Method, ...]


def _under_profile(engine: Drawer, faces: FaceSet, protocol: Protocol, asked: str | None) -> Drawer:
    """Return an engine under the profile that is asked for, or that suits whom it is tested on."""
    if asked is None:
        asked = choose_profile(engine, tested_faces(faces, engine.card, protocol)).profile
    return engine.under(asked)


def runs_of(methods: Sequence[Method], seeds: int) -> list[tuple[Method, int]]:
    """List every method with the seeds it runs with: one, unless it is trained."""
    return [(one, seed) for one in methods for seed in range(seeds if one.trained else 1)]


def _measure(setting: _Setting, store: Store, provenance: Provenance) -> Steps[Record]:
    """Let every method answer the queries of one fold."""
    part, protocol = setting.part, setting.protocol
    bench = Bench(
        engine=part.engine,
        aligned=part.aligned,
        labels=part.labels,
        asked=ask(part.labels, setting.queries, protocol.subsets),
        training=setting.training,
        budget=setting.options.budget,
        store=store,
        portraits_of=setting.faces if protocol.portraits else None,
        faces=setting.faces,
    )
    work = Workbench(bench)
    training = setting.training
    twins = None
    if training is not None:
        twins = yield from find_twins(part.aligned.pixels, training.aligned.pixels)
    answered: list[Answered] = []
    for method, seed in runs_of(setting.methods, bench.budget.seeds):
        one = yield from answer(method, seed, work, protocol)
        answered.append(one)
    records = tuple(one.record for one in answered)
    seconds = Counter(provenance.seconds)
    errors: dict[str, Doubles] = {}
    for one in answered:
        seconds.update(one.seconds)
        errors = {**one.errors, **errors}  # of several seeds, the first one's
    spent: dict[str, float] = dict(seconds)
    editing = None
    if setting.options.editing:
        started = time.perf_counter()
        editing = yield from measure_editing(work)
        spent["editing"] = time.perf_counter() - started
    return Record(
        provenance=replace(provenance, seconds=spent),
        folds=(describe_fold(part, training, twins),),
        gallery=describe_gallery(part.aligned.faces, part.labels),
        people=describe_people(part.aligned.faces, part.labels, setting.faces),
        queries=bench.asked,
        methods=records,
        drawings=note_drawings(work, errors),
        estimates=note_estimates(work),
        examples=keep_examples(work, records, protocol.seed),
        editing=editing,
    )
