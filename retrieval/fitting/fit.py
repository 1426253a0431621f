"""Fitting how the parts of a score are weighed, and how sure answers are, on people held out.

The people are those whom the weights have not seen; they are asked about as a benchmark would
(docs/benchmark.md), all coefficients of a grid are tried, and that with the highest hit rate @1
under C2 is taken; so it is chosen which gallery images have a second hypothesis. What is fitted
goes onto the card, with the names of the people: a benchmark does not test on them again.

Identity is read from portraits, as in a search, and not from the generator's small faces.

Shapes: N gallery images, Q queries, K answers kept.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from gallery.arrays import Floats
from gallery.duplicates import number_contents
from gallery.errors import ConfigError, DatasetError, did_you_mean
from gallery.faces import FaceSet, first_identities
from gallery.joined import refuse_reserved
from gallery.portraits import NARROW, PortraitForm
from gallery.spelling import composed
from generator.card import Card
from generator.drawer import Drawer
from generator.hypotheses import ONE, TWO, Hypotheses
from generator.reconstruction_error import usual_errors
from index.base import Vectors
from retrieval.evaluation.fold.fold import read_images, wishable
from retrieval.evaluation.fold.fold_cache import BaselineBudget, Bench, Workbench
from retrieval.evaluation.fold.probes import draw_all
from retrieval.evaluation.fold.second_hypotheses import (
    WITHIN,
    hypotheses_of,
    rivals_of,
    seconds_of,
)
from retrieval.evaluation.fold.term_rows import read_term
from retrieval.evaluation.fold.vector_store import Steps, Store, default_cache, open_store
from retrieval.evaluation.methods.fused import wishes_of
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.protocol.queries import Labels, all_queries, draw_queries
from retrieval.evaluation.protocol.query_table import ask, known_space, restrict
from retrieval.evaluation.records import BenchmarkProgress, Flags
from retrieval.evaluation.statistics.grid_search import (
    Answers,
    Block,
    Material,
    blocks_of,
    chosen_of,
    first_answers,
    grid,
    hit_rates,
    hits,
    joined,
)
from retrieval.fitting.calibration import KEPT, calibrated, least_score
from retrieval.fitting.landmarks import fit_landmarks, fit_rival
from retrieval.recognisers.registry import DEFAULT, RECOGNISERS, form_of
from retrieval.recognisers.third_party import MissingEmbedderError
from retrieval.scoring.confidence import spell_score
from retrieval.scoring.profile import FittingData, ScoreProfile
from retrieval.scoring.term import Reader
from retrieval.scoring.terms import DRAWING, SCORES, TERMS, Coefficients

VALIDATION, UNSEEN = "validation", "unseen"
PEOPLE = (VALIDATION, UNSEEN)
FEWEST = 2  # people: one alone is found whoever is asked about


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions:
    """What is fitted on.

    Attributes:
        people: "validation": those of the card that nothing but choices was made with; "unseen":
            everybody who is not on the card. None: the former where the card names some that are
            in the collection.
        identities: The first N of them, or a share; None for all.
        protocol: Which images are in the gallery, what is asked, how many queries.
        cache: Folder for scratch files.
        recogniser: Name of that which tells identities; the card keeps its fingerprint.
    """

    people: str | None = None
    identities: str | None = None
    protocol: Protocol = field(default_factory=Protocol)
    cache: Path = field(default_factory=default_cache)
    recogniser: str = DEFAULT

    def __post_init__(self) -> None:
        if self.recogniser not in RECOGNISERS:
            raise ConfigError(
                f"--recogniser cannot be {self.recogniser!r};"
                f" {did_you_mean(self.recogniser, RECOGNISERS)}"
            )


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was fitted.

    Attributes:
        card: The card with what was fitted: `fusion`, `calibration`, `redrawing`, `landmarks`.
        notes: What was left out, and why.
    """

    card: Card
    notes: tuple[str, ...]


def fit(engine: Drawer, faces: FaceSet, options: FitOptions) -> Steps[Fitted]:
    """Fit the weights of a score, and calibrate its answers.

    Args:
        engine: Drawer of the weights.
        faces: Collection that shows people they have not seen.
        options: Which of them, and how they are asked about.

    Raises:
        ConfigError: There are too few such people.
        DatasetError: None of their images can be used, or there is nothing to ask.
        OSError: The scratch folder's disk is full.
    """
    part = fitting_people(faces.renamed(options.protocol.names), engine.card, options)
    wanted = {"identity": options.recogniser}
    readers, notes = _readers(engine, wanted)
    with open_store(options.cache) as store, store.inner() as own:
        scratch = replace(own, kept=own.scratch)  # nothing that is read from faces is kept
        form = form_of(options.recogniser) if "identity" in readers else NARROW
        work = yield from workbench(engine, part, options.protocol, scratch, form)
        landmarks, why = yield from fit_landmarks(work, part.spec)
        notes = (*notes, why) if why else notes
        if landmarks:
            engine = engine.with_card(replace(engine.card, landmarks=landmarks))
            work = work.under(engine)
        material = yield from _material(work, {name: wanted.get(name, "") for name in readers})
        alone = options.protocol.exclude_source
        profile, used = yield from _weighed(material, work.bench, source_excluded=alone)
        calibrations = {}
        for one in used:
            blocks = blocks_of(
                material.only(SCORES[one.score]), work.bench.asked, source_excluded=alone
            )
            answers, strangers = yield from _answers(blocks, work.bench, one)
            found = calibrated(answers, work.bench.labels, work.bench.asked)
            right = answers.scores[:, 0][answers.right[:, 0]]
            calibrations[one.name] = replace(found, least=least_score(strangers, right))
        profile = replace(
            profile,
            readers={name: one.fingerprint for name, one in readers.items() if one.fingerprint},
            fitted_on=_described(part, work, options.protocol),
            calibrations=calibrations,
        )
        if landmarks:
            rival = fit_rival(work, material, source_excluded=alone)
            landmarks = {**landmarks, **({"without_drawing": rival} if rival else {})}
            engine = engine.with_card(replace(engine.card, landmarks=landmarks))
        redrawn = yield from work.canonical()
        usual = usual_errors(redrawn.value.errors, part.spec, part.identities)
    return Fitted(profile.written_on(replace(engine.card, redrawing=usual)), notes)


def fitting_people(faces: FaceSet, card: Card, options: FitOptions) -> FaceSet:
    """Return the images of the people to fit on.

    Raises:
        ConfigError: There are fewer than two whom the weights have not seen, or the set is kept for
            testing.
    """
    refuse_reserved(faces, "fitted")
    there = set(map(composed, faces.identities))
    aside = [who for who in card.data.get("validation", ()) if composed(who) in there]
    kind = options.people or (VALIDATION if len(aside) >= FEWEST else UNSEEN)
    if kind not in PEOPLE:
        raise ConfigError(f"--people is validation or unseen, not {kind!r}")
    chosen = faces.of(aside) if kind == VALIDATION else faces.without(card.train_identities)
    chosen = replace(chosen, faces=restrict(chosen, options.protocol.gallery))
    if options.identities is not None and chosen.identities:
        chosen = chosen.of(first_identities(chosen, options.identities))
    people = chosen.of(chosen.identities)
    if len(people.identities) < FEWEST:
        found = "nobody" if not people.identities else people.identities[0]
        raise ConfigError(
            f"{card.name} can be fitted on people that it was not trained on, at least {FEWEST};"
            f" {faces.spec} has {found} ({kind}). Draw some: mindseye studio draw DIR --identities"
            " 20 --first-identity 10000, and name them as studio:DIR"
        )
    return people


def workbench(
    engine: Drawer, part: FaceSet, protocol: Protocol, store: Store, form: PortraitForm
) -> Steps[Workbench]:
    """Read the images, and draw by lot what is asked."""
    missing = [name for name in engine.card.space.names if name not in part.space]
    if missing:
        raise DatasetError(
            f"{part.spec} says nothing of {missing[0]!r}, which {engine.card.name} draws; see"
            " `mindseye data show`"
        )
    aligner = engine.card.aligner
    aligned = yield from read_images(part, aligner, store, "pixels", "reading")
    space = known_space(aligned.faces, part.space)
    content = number_contents(replace(part, faces=aligned.faces))
    labels = Labels.of(aligned.faces, space, content)
    wanted = wishable(engine.card.space, space, protocol.attributes, protocol.wishes)
    (queries,) = draw_queries([all_queries(labels, wanted, protocol.wishes)], protocol)
    asked = ask(labels, queries, {})
    budget = BaselineBudget()
    return Workbench(Bench(engine, aligned, labels, asked, None, budget, store, part, part, form))


def _readers(
    engine: Drawer, wanted: Mapping[str, str]
) -> tuple[dict[str, Reader], tuple[str, ...]]:
    """Open what reads terms, as far as it can be had; say of the others why not."""
    if not engine.estimates:
        return {}, (f"the drawing alone: {engine.card.name} has no attribute estimator",)
    readers, notes = {}, []
    for name, term in TERMS.items():
        try:
            readers[name] = term.open(engine, wanted.get(name, ""))
        except MissingEmbedderError as error:
            notes.append(f"no {term.what}: {error}")
    return readers, tuple(notes)


@dataclass(frozen=True, slots=True)
class _Used:
    """A score as it will be used.

    Attributes:
        score: Its name.
        weights: Weights of its parts.
        hypotheses: Hypotheses of the gallery images.
    """

    score: str
    weights: Coefficients
    hypotheses: Hypotheses = ONE

    @property
    def name(self) -> str:
        """As calibrations are listed on cards."""
        return spell_score(self.score, self.hypotheses)


def _material(work: Workbench, wanted: Mapping[str, str]) -> Steps[Material]:
    """Make what scores are made of, for these terms, read by what is named."""
    canonical = yield from work.canonical()
    drawn = yield from draw_all(work)
    seconds = margins = None
    if work.bench.engine.estimates:
        margins = (yield from rivals_of(work)).value.margins
        seconds = yield from _whole(work, margins)
    read = {}
    for name, reader in wanted.items():
        read[name] = (yield from read_term(work, name, reader)).value
    return Material(
        canonical.value.embeddings,
        drawn.value.embeddings,
        wishes_of(work),
        read,
        seconds,
        margins,
    )


def _whole(work: Workbench, margins: Floats) -> Steps[Vectors | None]:
    """Redraw all images in their second hypotheses, (N, D); None where some can have none."""
    if not np.isfinite(margins).all():
        return None
    return (yield from seconds_of(work, TWO)).value.embeddings


def _weighed(
    material: Material, bench: Bench, *, source_excluded: bool
) -> Steps[tuple[ScoreProfile, tuple[_Used, ...]]]:
    """Try the grid; return what was fitted, and the scores that there are."""
    asked = bench.asked
    tried = grid(tuple(material.read))
    settings = (ONE, *(map(Hypotheses, WITHIN) if material.seconds is not None else ()))
    found: dict[Hypotheses, list[dict[str, Flags]]] = {one: [] for one in settings}
    for block in blocks_of(material, asked, source_excluded=source_excluded):
        for one in settings:
            found[one].append(hits(block.under(one), tried))
        yield BenchmarkProgress("weighing", block.queries.stop, len(asked))
    weighed = {
        one: hit_rates(
            {name: np.concatenate([part[name] for part in parts]) for name in ("C1", "C2")},
            asked,
            tried,
        )
        for one, parts in found.items()
    }
    profile = chosen_of(weighed[ONE], bench.engine.card.name)
    used = [_Used(DRAWING, Coefficients())]
    used += [_Used(name, weights) for name, weights in profile.scores.items()]
    margins = np.empty(0) if material.margins is None else material.margins
    rows = {one: 1 + float(one.chosen(margins).mean()) for one in settings if len(margins)}
    told = hypotheses_of(weighed, rows, len(asked))
    for name, choice in told.items():
        if not choice.chosen.single:
            used.append(_Used(name, choice.tried[choice.chosen].weights, choice.chosen))
    return replace(profile, hypotheses=told), tuple(used)


def _answers(blocks: Iterable[Block], bench: Bench, used: _Used) -> Steps[tuple[Answers, Floats]]:
    """Return the first answers to all queries, and the best score of other people, (Q,)."""
    parts, strangers = [], []
    who, sources = bench.labels.identity, bench.asked.source
    for block in blocks:
        one = block.under(used.hypotheses)
        parts.append(first_answers(one, used.weights, KEPT))
        mine = sources[block.queries.start : block.queries.stop]
        others = np.where(who == who[mine][:, None], -np.inf, one.scores(used.weights))
        strangers.append(others.max(axis=1))
        yield BenchmarkProgress(f"calibrating {used.name}", block.queries.stop, len(sources))
    return joined(parts), np.concatenate(strangers)


def _described(part: FaceSet, work: Workbench, protocol: Protocol) -> FittingData:
    return FittingData(
        spec=part.spec,
        people=part.identities,
        images=len(work.bench.aligned.faces),
        queries=len(work.bench.asked),
        seed=protocol.seed,
    )
