"""How well a student agrees with its teacher, on people that neither has learnt from.

Both make canonical views of one gallery; the same drawings search it. What is lost is the
difference of hit rates @1 under C2, paired query by query, with a 95 % interval by bootstrap over
people (retrieval/evaluation/statistics/bootstrap.py). It goes onto the card, with the bound below
which the upper end must stay for `--canonical auto` to take the student.

Shapes: N gallery images, Q queries, D numbers of an embedding.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gallery.errors import ConfigError
from gallery.faces import FaceSet
from gallery.portraits import NARROW
from gallery.spelling import composed
from generator.card import Card
from generator.engine import Engine
from retrieval.collection.profile_choice import choose_profile
from retrieval.evaluation.fold.fold_cache import Workbench
from retrieval.evaluation.fold.vector_store import Steps, open_store
from retrieval.evaluation.methods.ranker import answer
from retrieval.evaluation.methods.registry import METHODS
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.records import MethodRecord
from retrieval.evaluation.statistics.estimation import Sample
from retrieval.fitting.fit import FEWEST, FitOptions, fitting_people, workbench
from retrieval.fitting.improvement import strict_hits
from retrieval.scoring.terms import DRAWING, FUSED

PAIRS = {DRAWING: ("ours", "student"), FUSED: ("fused", "student/fused")}  # by score
DIGITS = 5


@dataclass(frozen=True, slots=True)
class Agreed:
    """What was measured.

    Attributes:
        card: The card of the weights with it.
        told: What stands on the card of these faces.
        notes: What was left out, and why.
    """

    card: Card
    told: dict[str, Any]
    notes: tuple[str, ...]


def measure_agreement(
    engine: Engine,
    faces: FaceSet,
    options: FitOptions,
    *,
    kind: str,
    bound: float,
    profile: str | None = None,
) -> Steps[Agreed]:
    """Measure what a student loses on some faces.

    Args:
        engine: Of the weights.
        faces: Labelled images.
        options: Which people, and what is asked; see `retrieval.fitting.fit`.
        kind: What kind of faces they are, such as "drawn people"; the card keeps it by this name.
        bound: Up to which loss the student may be taken, of the hit rate, as a share.
        profile: Which profile of the card weighs the fused score. None: the one that suits them.

    Raises:
        ConfigError: The weights have no student, or there are too few such people.
        OSError: The scratch folder's disk is full.
    """
    card = engine.card
    if not card.student:
        raise ConfigError(f"{card.name} has no student; make one: mindseye weights distil")
    named = faces.renamed(options.protocol.names)
    part = _strangers(fitting_people(named, card, options), card)
    chosen = choose_profile(engine, part).profile if profile is None else profile
    with open_store(options.cache) as store, store.inner() as own:
        scratch = replace(own, kept=own.scratch)
        work = yield from workbench(engine.under(chosen), part, options.protocol, scratch, NARROW)
        work = Workbench(replace(work.bench, portraits_of=part))
        scores, notes = yield from _losses(work, options.protocol)
        seen, drawn = (yield from work.seen()).value, (yield from work.canonical()).value
        cosine = float((np.asarray(seen.embeddings) * drawn.embeddings).sum(axis=1).mean())
        told = {
            "bound": bound,
            "cosine": round(cosine, DIGITS),
            "scores": scores,
            "spec": part.spec,
            "profile": chosen,
            "people": len(part.identities),
            "images": len(work.bench.aligned.faces),
            "queries": len(work.bench.asked),
        }
    agreement = {**card.student.get("agreement", {}), kind: told}
    return Agreed(replace(card, student={**card.student, "agreement": agreement}), told, notes)


def _strangers(part: FaceSet, card: Card) -> FaceSet:
    """Return the people whom the student has not learnt from.

    Raises:
        ConfigError: They are fewer than two.
    """
    learnt = set(map(composed, card.student["learnt_from"]["people"]))
    there = part.of([who for who in part.identities if composed(who) not in learnt])
    if len(there.identities) < FEWEST:
        raise ConfigError(
            f"The student of {card.name} has learnt from the people of {part.spec}; name a set that"
            " shows others"
        )
    return there


def _losses(
    work: Workbench, protocol: Protocol
) -> Steps[tuple[dict[str, dict[str, float]], tuple[str, ...]]]:
    """Return what the student loses, by score, and which scores were left out."""
    scores, notes = {}, []
    for score, names in PAIRS.items():
        drawn = yield from answer(METHODS[names[0]], 0, work, protocol)
        seen = yield from answer(METHODS[names[1]], 0, work, protocol)
        records = [drawn.record, seen.record]
        why = [one.skipped for one in records if one.skipped]
        if why:
            notes.append(f"{score}: {why[0]}")
        else:
            scores[score] = _loss(work, records)
    return scores, tuple(notes)


def _loss(work: Workbench, records: list[MethodRecord]) -> dict[str, float]:
    """Compare two methods under C2, query by query."""
    bench = work.bench
    measured = bench.asked.measured["C2"]
    drawn, student = (strict_hits(one, bench.asked) for one in records)
    sample = Sample(measured, bench.labels.identity[bench.asked.source])
    change = sample.differences(drawn, student)[0]
    upper = change.value if change.interval is None else change.interval[1]
    rates = [[figure.value for figure in sample.figures(one)] for one in (drawn, student)]
    told = {
        "drawn": rates[0][0],
        "student": rates[1][0],
        "loss": change.value,
        "upper": upper,
        "drawn_5": rates[0][1],
        "student_5": rates[1][1],
    }
    return {name: round(value, DIGITS) for name, value in told.items()}


def agreement_text(card: Card) -> list[str]:
    """Say what a card holds of a student, for people; nothing where there is none."""
    if not card.student:
        return []
    size = card.student.get("size", {})
    on = card.student.get("learnt_from", {})
    small = f"{size.get('bytes', 0) / 1e6:.1f} MB, {size.get('gflop', 0):.3f} GFLOP an image"
    people = len(on.get("people", ()))
    lines = [f"student: {small}, has learnt from {people} people of {on.get('spec', '')}"]
    for kind, found in card.student.get("agreement", {}).items():
        lines += _lines(kind, found)
    return lines


def _lines(kind: str, found: dict[str, Any]) -> list[str]:
    head = (
        f"  {kind}: {found['people']} people, {found['queries']} queries, cosine"
        f" {found['cosine']:.3f}; auto takes it up to {100 * found['bound']:g} points"
    )
    lines = [head]
    for score, shares in found["scores"].items():
        loss = {name: f"{100 * share:.1f}" for name, share in shares.items()}
        lines.append(
            f"    {score}: C2 R@1 {loss['student']} of {loss['drawn']}, R@5 {loss['student_5']} of"
            f" {loss['drawn_5']}; loss {loss['loss']}, at most {loss['upper']}"
        )
    return lines
