"""Let one method answer all queries of a fold."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from gallery.arrays import Doubles
from generator.reconstruction_error import Usual
from retrieval.collection.domain_check import Strangers
from retrieval.evaluation.fold.fold_cache import SkippedMethodError, Workbench, blocks
from retrieval.evaluation.fold.ranking import join, rank
from retrieval.evaluation.fold.vector_store import Steps
from retrieval.evaluation.methods.base import Method, Prepared
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.records import BenchmarkProgress, Integers, MethodRecord
from retrieval.recognisers.third_party import MissingEmbedderError
from retrieval.scoring.confidence import measures_of


@dataclass(frozen=True, slots=True)
class Answered:
    """What a method answered, and what else was seen of it.

    Attributes:
        record: The answers, or why there are none.
        errors: Mean squared errors of its drawings, by stage, where it draws.
        seconds: Spent here, by phase; what an earlier method made is not counted again.
    """

    record: MethodRecord
    errors: Mapping[str, Doubles] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)


def answer(method: Method, seed: int, work: Workbench, protocol: Protocol) -> Steps[Answered]:
    """Prepare a method and rank the gallery for every query.

    Args:
        method: One of the registry.
        seed: Seed of its training.
        work: The fold.
        protocol: How deep, and with or without the source.
    """
    excluded = method.source_excluded or protocol.exclude_source
    record = MethodRecord(name=method.name, note=method.note, seed=seed, source_excluded=excluded)
    depth = max(protocol.cutoffs)
    asked = work.bench.asked
    if not len(asked):
        return Answered(replace(record, top=np.empty((0, depth), dtype=np.int64)))
    started = time.perf_counter()
    try:
        prepared: Prepared = yield from method.prepare(work, seed)
    except (SkippedMethodError, MissingEmbedderError) as reason:
        return Answered(replace(record, skipped=str(reason)))
    prepared_at = time.perf_counter()
    searched = prepared.searched(source_excluded=excluded)
    parts, done = [], 0
    for part in rank(searched, asked, depth, str(work.bench.device)):
        parts.append(part)
        done += len(part.top)
        yield BenchmarkProgress(f"ranking by {method.name}", done, len(asked))
    ranked = join(parts)
    ranked_at = time.perf_counter()
    sure = None if prepared.judge is None else first_confidences(prepared, ranked.top)
    usual, canonical = Usual.of(work.bench.engine.card), work.made("canonical")
    if sure is not None and usual is not None and canonical is not None:
        sure = undoubted(sure, asked.source, canonical.errors, usual)
    more = 0 if prepared.seconds is None else prepared.seconds.embeddings.size
    return Answered(
        replace(
            record,
            settings=prepared.settings,
            top=ranked.top,
            right_ranks=ranked.right_ranks,
            confidence=np.empty(0) if sure is None else sure,
            build_s=prepared.build_s,
            query_s=prepared.probe_s + ranked_at - prepared_at,
            index_bytes=4 * (prepared.gallery.size + more),
        ),
        prepared.errors,
        {"prepare": prepared_at - started, "rank": ranked_at - prepared_at},
    )


def first_confidences(prepared: Prepared, top: Integers) -> Doubles:
    """Say how sure the first answer to each query is, (Q,).

    Args:
        prepared: What a method prepared; it has a judge.
        top: Gallery positions, best first, (Q, K).
    """
    if prepared.judge is None:
        raise ValueError("nobody judges how sure these answers are")
    calibration, parts = prepared.judge.calibration, prepared.judge.layout.parts
    found = np.empty(len(top))
    for run in blocks(len(top)):
        rows = slice(run.start, run.stop)
        probes = np.asarray(prepared.probes[rows])
        first, second = top[rows, 0], top[rows, min(1, top.shape[1] - 1)]
        second = np.where(second < 0, first, second)  # alone in the gallery: no lead
        both = [prepared.better_rows(places, probes) for places in (first, second)]
        scored = {
            name: np.stack([(one[:, at] * probes[:, at]).sum(axis=1) for one in both], axis=1)
            for name, at in parts.items()
        }
        scores = np.sum(list(scored.values()), axis=0)
        measures = measures_of(scores, scored, calibration.names)
        found[rows] = calibration.first.probability(measures[:, 0])
    return found


def undoubted(
    sure: Doubles, sources: Integers, errors: NDArray[np.float32], usual: Usual
) -> Doubles:
    """Take confidence from answers to which a search would give none: NaN, (Q,).

    Args:
        sure: Confidences of first answers, (Q,).
        sources: Gallery positions of the queries' sources, (Q,).
        errors: Errors of the redrawing of every gallery image, (N,).
        usual: What errors are.
    """
    strange = errors > usual.limit
    whole = Strangers(int(strange.sum()), len(errors), usual.limit)
    doubted = strange[sources] if whole.fit else np.ones(len(sure), dtype=np.bool_)
    return np.where(doubted, np.nan, sure)
