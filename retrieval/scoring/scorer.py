"""How a space scores: what embeds gallery images and probes alike, opened for a set of weights.

Shapes: N images, R vectors of theirs, S side, C channels, P side of a portrait, F numbers of a
vector.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gallery.align import Aligner, Pixels
from gallery.arrays import Floats, normalise
from gallery.attributes import Condition
from gallery.errors import IndexFileError, WeightsError
from generator.canonical import Rule, canonicalise
from generator.card import Card
from generator.engine import Engine
from generator.hypotheses import ONE, Hypotheses
from index.base import Ids
from index.contract import IndexContract
from retrieval.embedding import contract_from_card
from retrieval.recognisers.registry import name_in, open_recogniser
from retrieval.recognisers.sface import (
    PORTRAIT_SIDE,
    Recogniser,
    portrait_aligner,
)
from retrieval.recognisers.third_party import MissingEmbedderError
from retrieval.scoring.hypotheses import rivals, second_views
from retrieval.scoring.profile import ScoreProfile
from retrieval.scoring.sound_vectors import are_finite
from retrieval.scoring.terms import (
    DRAWING,
    FUSED,
    VALUES,
    Coefficients,
    Layout,
    Score,
    wish_code,
)


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
        score: Parts of the score.
        layout: Where they stand.
        weights: Of the parts.
        recogniser: Reads identities; None where none are asked for.
    """

    score: Score
    layout: Layout
    weights: Coefficients
    recogniser: Recogniser | None = None

    @property
    def name(self) -> str:
        """As in `--score`."""
        return self.score.name

    def portraits(self, aligner: Aligner) -> Aligner | None:
        """Return what cuts out the faces that identity is read from; None if it is not."""
        return None if self.recogniser is None else portrait_aligner(aligner)

    def contract(self, card: Card, rule: Rule) -> IndexContract:
        """Return the terms under which vectors of this score can be compared."""
        return contract_from_card(card, str(rule), self.layout.dimension, self.score.spell)

    def gallery(
        self, engine: Engine, pixels: Pixels, portraits: Pixels | None, rule: Rule
    ) -> GalleryVectors:
        """Redraw gallery images, and make the vectors that are searched.

        Args:
            engine: Draws.
            pixels: Aligned images, 0..255, (N, S, S, C).
            portraits: The same faces for the recogniser, (N, P, P, 3); None without one.
            rule: How canonical views are chosen, and which images have two.
        """
        seen = canonicalise(engine, pixels, rule)
        every = np.arange(len(pixels))
        none: tuple[Condition | None, ...] = (None,) * len(pixels)
        if self.name == DRAWING:
            return GalleryVectors(seen.embeddings, every, seen.estimates, none, seen.errors)
        log_p = engine.log_probabilities(pixels)
        who = self._identities(portraits)
        first = self.layout.gallery(seen.embeddings, log_p, who)
        if rule.hypotheses.single:
            return GalleryVectors(first, every, seen.estimates, none, seen.errors)
        found = rivals(log_p, seen.estimates, engine.card.space)
        more = second_views(engine, pixels, found, rule.hypotheses)
        if not len(more.of):
            return GalleryVectors(first, every, seen.estimates, none, seen.errors)
        who = None if who is None else who[more.of]
        second = self.layout.gallery(more.embeddings, log_p[more.of], who)
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
        self, engine: Engine, features: Floats, wish: Mapping[str, str], portraits: Pixels | None
    ) -> Floats:
        """Return the vector of one query, (1, F).

        Args:
            engine: Drew the wish.
            features: Of the drawing, not normalised, (1, D).
            wish: What is wished for.
            portraits: The sources for the recogniser, all of one person, (n, P, P, 3): the mean of
                their identities counts. None without one.
        """
        drawn = normalise(features)
        if self.name == DRAWING:
            return drawn
        code = wish_code(engine.card.space, wish)[None]
        who = self._identities(portraits)
        if who is not None and len(who) > 1:
            who = normalise(who.mean(axis=0, keepdims=True))
        return self.layout.probes(drawn, code, who, self.weights)

    def _identities(self, portraits: Pixels | None) -> Floats | None:
        if self.recogniser is None or portraits is None:
            return None
        return self.recogniser.embed(portraits)


def make_scoring(engine: Engine, name: str, hypotheses: Hypotheses = ONE) -> Scoring:
    """Open a score by name, for a new space.

    Raises:
        ConfigError: There is no such score, the weights have no estimator, the score has no room
            for second hypotheses, or the extra `identity` is not installed.
        WeightsError: No weights were fitted for it, or with another recogniser than is installed.
    """
    profile = ScoreProfile.of(engine.card)
    if name == DRAWING:
        return Scoring(Score(), Layout(engine.dimension), profile.weights(name, hypotheses))
    profile.check(name, estimates=engine.estimates, hypotheses=hypotheses)
    recogniser = open_recogniser(name_in(profile.recogniser)) if name == FUSED else None
    return _of(engine, name, recogniser, hypotheses, column=True)


def scoring_of(engine: Engine, contract: IndexContract) -> Scoring:
    """Open the score that a space was built with.

    Raises:
        IndexFileError: This version does not know it, or the space's recogniser is not installed
            here; the message says how to install it.
        WeightsError: The card of the space's weights no longer holds what was fitted for it, or
            it was fitted with another recogniser than is installed.
    """
    score = Score.parse(contract.projection)
    if score.name == DRAWING:
        return Scoring(score, Layout(engine.dimension), Coefficients())
    hypotheses = Rule.parse(contract.canonicalisation).hypotheses
    ScoreProfile.of(engine.card).require_kept(score.name, hypotheses)
    recogniser = None
    if score.identity:
        try:
            recogniser = open_recogniser(name_in(score.identity))
        except MissingEmbedderError as error:
            raise IndexFileError(
                f"The space {engine.card.name} was built with identities, and {error}; or build"
                " another --collection with --score drawing"
            ) from error
    return _of(engine, score.name, recogniser, hypotheses, column=score.column)


def default_score(engine: Engine) -> str:
    """Choose the score of a new space: the fullest that was fitted and can be had here.

    It cannot where the recogniser is not installed, or is another one than it was fitted with.
    """
    profile = ScoreProfile.of(engine.card)
    if FUSED in profile.scores and engine.estimates:
        try:
            installed = open_recogniser(name_in(profile.recogniser))
            profile.require_fitted_with(installed.fingerprint)
        except (MissingEmbedderError, WeightsError):
            pass
        else:
            return FUSED
    return VALUES if VALUES in profile.scores and engine.estimates else DRAWING


def other_recogniser(card: Card) -> str:
    """Say why a fused score that was fitted cannot be had: another recogniser is installed."""
    profile = ScoreProfile.of(card)
    if profile.recogniser and FUSED in profile.scores:
        try:
            installed = open_recogniser(name_in(profile.recogniser))
            profile.require_fitted_with(installed.fingerprint)
        except MissingEmbedderError:
            return ""
        except WeightsError as error:
            return str(error)
    return ""


def _of(
    engine: Engine,
    name: str,
    recogniser: Recogniser | None,
    hypotheses: Hypotheses,
    *,
    column: bool,
) -> Scoring:
    """Open a score of more than the drawing."""
    score = Score(values=True, column=column)
    profile = ScoreProfile.of(engine.card)
    if recogniser is not None:
        profile.require_fitted_with(recogniser.fingerprint)
        read = f"{recogniser.fingerprint} of {PORTRAIT_SIDE} px"
        score = replace(score, identity=read, identity_dimension=recogniser.dimension)
    layout = Layout(engine.dimension, engine.card.space.size, score.identity_dimension, column)
    return Scoring(score, layout, profile.weights(name, hypotheses), recogniser)
