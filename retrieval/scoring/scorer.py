"""How a space scores: what embeds gallery images and probes alike, opened for a set of weights.

Shapes: N images, R vectors of theirs, S side, C channels, P side of a portrait, F numbers of a
vector, w numbers of a term.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gallery.align import Aligner, Pixels
from gallery.arrays import Floats, normalise
from gallery.attributes import Condition
from gallery.errors import IndexFileError, WeightsError
from gallery.portraits import portrait_aligner
from gallery.wishes import Wishes
from generator.canonical import Rule
from generator.card import Card
from generator.drawer import Drawer
from generator.hypotheses import ONE, Hypotheses
from index.base import Ids
from index.contract import IndexContract
from retrieval.embedding import contract_from_card
from retrieval.estimation.landmark_pose import LandmarkPose, for_card, for_contract, log_p_of
from retrieval.recognisers.registry import form_of
from retrieval.recognisers.third_party import MissingEmbedderError
from retrieval.scoring.canonical_views import gallery_views
from retrieval.scoring.hypotheses import rivals
from retrieval.scoring.profile import ScoreProfile
from retrieval.scoring.sound_vectors import are_finite
from retrieval.scoring.term import Part, Reader, TermQuestion
from retrieval.scoring.terms import (
    DRAWING,
    SCORES,
    TERMS,
    Coefficients,
    Layout,
    Score,
    wish_code,
)

Readers = Mapping[str, Reader]  # by term


@dataclass(frozen=True, slots=True)
class GalleryVectors:
    """What is stored of N images.

    Attributes:
        vectors: What is searched: of each image one or two, (R, F).
        of: Position of the image of each, rising, the first hypothesis first, (R,).
        estimates: Condition of each image's canonical view.
        seconds: That of its second one; None where there is none.
        errors: Mean squared pixel distance of each image's first view to it, (N,).
    """

    vectors: Floats
    of: Ids
    estimates: tuple[Condition, ...]
    seconds: tuple[Condition | None, ...]
    errors: Floats

    def finite(self) -> NDArray[np.bool_]:
        """Say which images have vectors, and an error, without NaN and infinity, (N,)."""
        finite: NDArray[np.bool_] = np.isfinite(self.errors)
        finite[self.of[~are_finite(self.vectors)]] = False
        return finite


@dataclass(frozen=True, slots=True)
class Scoring:
    """What a space's vectors are made of, and how its probes are weighted.

    Attributes:
        score: Terms of the score.
        layout: Where they stand.
        weights: Weights of the terms.
        readers: What reads them from images, by term.
        pose: Estimates poses by landmarks, too; None where the weights alone are asked.
    """

    score: Score
    layout: Layout
    weights: Coefficients
    readers: Readers = field(default_factory=dict)
    pose: LandmarkPose | None = None

    @property
    def name(self) -> str:
        """As in `--score`."""
        return self.score.name

    @property
    def recogniser(self) -> str:
        """Fingerprint of what tells identities; empty where nothing does."""
        reader = self.readers.get("identity")
        return "" if reader is None else reader.fingerprint

    def portraits(self, aligner: Aligner) -> Aligner | None:
        """Return what cuts out the faces that readers and landmarks need; None if none does."""
        needed = any(reader.needs_portraits for reader in self.readers.values())
        if needed:
            return portrait_aligner(aligner, form_of(self.recogniser))
        return None if self.pose is None else portrait_aligner(aligner, self.pose.form)

    def rule(self, rule: Rule) -> Rule:
        """Return a rule with the way in which this score estimates poses."""
        return replace(rule, landmarks="" if self.pose is None else self.pose.calibration.spell())

    def log_p(self, engine: Drawer, pixels: Pixels, portraits: Pixels | None) -> Floats | None:
        """Estimate what images show, as this space does; see `landmark_pose.log_p_of`."""
        return log_p_of(engine, self.pose, pixels, portraits)

    def contract(self, card: Card, rule: Rule) -> IndexContract:
        """Return the terms under which vectors of this score can be compared."""
        return contract_from_card(card, str(rule), self.layout.dimension, self.score.spell)

    def gallery(
        self, engine: Drawer, pixels: Pixels, portraits: Pixels | None, rule: Rule
    ) -> GalleryVectors:
        """Redraw gallery images, or let a student look, and make the vectors that are searched.

        Args:
            engine: Draws, or has the student.
            pixels: Aligned images, 0..255, (N, S, S, C).
            portraits: The same faces for the readers, (N, P, P, 3); None where nothing needs them.
            rule: How canonical views are chosen, and which images have two.
        """
        seen = gallery_views(
            engine, pixels, portraits, rule, self.pose, estimating=self.name != DRAWING
        )
        log_p = seen.log_p
        every = np.arange(len(pixels))
        none: tuple[Condition | None, ...] = (None,) * len(pixels)
        if self.name == DRAWING:
            return GalleryVectors(seen.embeddings, every, seen.estimates, none, seen.errors)
        read = {
            name: log_p if name == "log_p" and log_p is not None else one.read(pixels, portraits)
            for name, one in self.readers.items()
        }
        first = self.layout.gallery(seen.embeddings, read)
        if rule.hypotheses.single:
            return GalleryVectors(first, every, seen.estimates, none, seen.errors)
        found = rivals(read["log_p"], seen.estimates, engine.card.space)
        more = seen.seconds(found, rule.hypotheses)
        if not len(more.of):
            return GalleryVectors(first, every, seen.estimates, none, seen.errors)
        again = {name: part[more.of] for name, part in read.items()}
        second = self.layout.gallery(more.embeddings, again)
        of = np.concatenate([every, more.of])
        order = np.argsort(of, kind="stable")
        known = dict(zip(more.of.tolist(), more.conditions, strict=True))
        return GalleryVectors(
            np.concatenate([first, second])[order],
            of[order],
            seen.estimates,
            tuple(known.get(place) for place in range(len(pixels))),
            seen.errors,
        )

    def probe(
        self,
        engine: Drawer,
        features: Floats,
        wishes: Wishes,
        pixels: Pixels,
        portraits: Pixels | None,
        known: dict[str, Floats] | None = None,
    ) -> Floats:
        """Return the vector of one query, (1, F).

        Args:
            engine: Drew the wish.
            features: Features of the drawing, not normalised, (1, D).
            wishes: What is wished for; exclusions are no part of it (exclusions.py).
            pixels: The sources, aligned, all of one person, (n, S, S, C): the mean of what is read
                from them counts.
            portraits: The same faces for the readers, (n, P, P, 3); None where none needs them.
            known: What was read of these sources before, (1, w), by term; it is added to.
        """
        drawn = normalise(features)
        if self.name == DRAWING:
            return drawn
        code = wish_code(engine.card.space, wishes.values, wishes.weights)[None]
        kept = {} if known is None else known

        def read(name: str) -> Floats:
            if name not in kept:
                kept[name] = _read_together(self.readers[name], pixels, portraits)
            return kept[name]

        asked = {
            name: TERMS[name].ask(TermQuestion(code, partial(read, name))) for name in self.readers
        }
        return self.layout.probes(drawn, asked, self.weights)


def make_scoring(engine: Drawer, name: str, hypotheses: Hypotheses = ONE) -> Scoring:
    """Open a score by name, for a new space.

    Raises:
        ConfigError: There is no such score, the weights have no estimator, the score has no room
            for second hypotheses, or an extra that it needs is not installed.
        WeightsError: No weights were fitted for it, or with another recogniser than is installed.
    """
    profile = ScoreProfile.of(engine.card)
    profile.check(name, estimates=engine.estimates, hypotheses=hypotheses)
    readers = _opened(engine, profile, SCORES[name])
    made = _of(engine, profile.weights(name, hypotheses), readers, column=name != DRAWING)
    return replace(made, pose=for_card(engine.card))


def scoring_of(engine: Drawer, contract: IndexContract) -> Scoring:
    """Open the score that a space was built with.

    Raises:
        IndexFileError: This version does not know it, or what reads a term of it is not installed
            here; the message says how to install it.
        WeightsError: The card of the space's weights no longer holds what was fitted for it, or
            it was fitted with another recogniser than is installed.
    """
    score, profile = Score.of(contract), ScoreProfile.of(engine.card)
    rule = Rule.parse(contract.canonicalisation)
    pose, hypotheses = _pose_of(rule, engine.card), rule.hypotheses
    if score.parts:
        profile.require_kept(score.name, hypotheses)
    readers = {}
    for part in score.parts:
        try:
            readers[part.name] = TERMS[part.name].open(engine, part.detail)
        except MissingEmbedderError as error:
            raise IndexFileError(
                f"The space {engine.card.name} was built with {TERMS[part.name].what}, and {error};"
                " or build another --collection with --score drawing"
            ) from error
        profile.require_fitted_with(part.name, readers[part.name].fingerprint)
    weights = profile.weights(score.name, hypotheses) if score.parts else Coefficients()
    return replace(_of(engine, weights, readers, column=score.column), pose=pose)


def _pose_of(rule: Rule, card: Card) -> LandmarkPose | None:
    """Open what the poses of a space were estimated by.

    Raises:
        IndexFileError: It is not installed here, or this version does not know it.
        WeightsError: Something else finds the landmarks here.
    """
    try:
        return for_contract(rule.landmarks, card.name)
    except MissingEmbedderError as error:
        raise IndexFileError(
            f"The space {card.name} was built with poses by landmarks, and {error}; or build"
            " another --collection without them"
        ) from error


def default_score(engine: Drawer) -> str:
    """Choose the score of a new space: the fullest that was fitted and can be had here.

    It cannot where what reads a term is not installed, or another one is than it was fitted with.
    """
    profile = ScoreProfile.of(engine.card)
    for name in reversed(SCORES):
        if name in profile.scores and engine.estimates:
            try:
                _opened(engine, profile, SCORES[name])
            except (MissingEmbedderError, WeightsError):
                continue
            return name
    return DRAWING


def other_reader(engine: Drawer) -> str:
    """Say why a score that was fitted cannot be had: another reader of a term is installed."""
    profile = ScoreProfile.of(engine.card)
    for name in reversed(SCORES):
        if name in profile.scores:
            try:
                _opened(engine, profile, SCORES[name])
            except MissingEmbedderError:
                continue
            except WeightsError as error:
                return str(error)
    return ""


def _opened(engine: Drawer, profile: ScoreProfile, terms: tuple[str, ...]) -> dict[str, Reader]:
    """Open what reads some terms, as was fitted with."""
    readers = {}
    for name in terms:
        readers[name] = TERMS[name].open(engine, profile.readers.get(name, ""))
        profile.require_fitted_with(name, readers[name].fingerprint)
    return readers


def _of(engine: Drawer, weights: Coefficients, readers: Readers, *, column: bool) -> Scoring:
    parts = tuple(Part(name, reader.width, reader.detail) for name, reader in readers.items())
    score = Score(parts, column)
    return Scoring(score, score.layout(engine.dimension), weights, readers)


def _read_together(reader: Reader, pixels: Pixels, portraits: Pixels | None) -> Floats:
    """Read from several images of one person, (1, w): the mean, brought to unit length."""
    read = reader.read(pixels, portraits)
    return read if len(read) == 1 else normalise(read.mean(axis=0, keepdims=True))
