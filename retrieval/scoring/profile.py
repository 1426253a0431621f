"""What was fitted for the scores of a set of weights: coefficients, confidence, and on whom.

It stands on the card (`Card.fusion`, `Card.calibration`) and is read here alone. `weights fit`
makes a profile, and writes it as cards hold it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from gallery.errors import ConfigError, WeightsError, did_you_mean
from generator.card import Card
from generator.hypotheses import ONE, Hypotheses
from retrieval.scoring.confidence import Calibration, spell_score
from retrieval.scoring.log_probability import CLIP
from retrieval.scoring.terms import DRAWING, FUSED, SCORES, TERMS, VALUES, Coefficients

Rates = Mapping[str, float | None]  # hit rates of first answers by criterion, in [0, 1]
WITHOUT_IDENTITY, WITHOUT_LOG_P = "without_identity", "without_log_probability"
OTHERS = "others"  # coefficients of terms that the fused score lacks


@dataclass(frozen=True, slots=True)
class FittedScore:
    """What a score reaches where some images have a second hypothesis.

    Attributes:
        weights: Weights of its parts.
        rows: Vectors of an image in the mean; None where nobody said.
        hit_rate: Hit rates of first answers, by criterion.
    """

    weights: Coefficients
    rows: float | None = None
    hit_rate: Rates = field(default_factory=dict)

    def to_json(self, score: str) -> dict[str, Any]:
        """Return it as cards hold it."""
        weights = _spell(self.weights, score)
        rows = {} if self.rows is None else {"rows": self.rows}
        rates = {"hit_rate": dict(self.hit_rate)} if self.hit_rate else {}
        return {**weights, **rows, **rates}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(_weights(data), data.get("rows"), data.get("hit_rate", {}))


@dataclass(frozen=True, slots=True)
class HypothesesChoice:
    """How many hypotheses gallery images have for a score, and what was tried.

    Attributes:
        chosen: What was taken.
        tried: What was fitted with second hypotheses, the fewest vectors first.
    """

    chosen: Hypotheses = ONE
    tried: Mapping[Hypotheses, FittedScore] = field(default_factory=dict)

    def to_json(self, score: str) -> dict[str, Any]:
        """Return it as cards hold it."""
        tried = {str(many): one.to_json(score) for many, one in self.tried.items()}
        return {"chosen": str(self.chosen), "tried": tried}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        tried = data.get("tried", {}).items()
        known = {
            Hypotheses.parse(many): FittedScore.from_json(one)
            for many, one in tried
            if "log_probability" in one
        }
        return cls(Hypotheses.parse(data.get("chosen", "1")), known)


@dataclass(frozen=True, slots=True, kw_only=True)
class FittingData:
    """What something was fitted on.

    Attributes:
        spec: The collection.
        people: Whom it shows.
        images: How many.
        queries: How many were asked.
        seed: Seed of the choice of queries.
    """

    spec: str = "a set unnamed"
    people: tuple[str, ...] = ()
    images: int = 0
    queries: int = 0
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return it as cards hold it."""
        return {
            "spec": self.spec,
            "people": list(self.people),
            "images": self.images,
            "queries": self.queries,
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; older cards say less."""
        known = {name: data[name] for name in ("spec", "images", "queries", "seed") if name in data}
        return cls(**known, people=tuple(map(str, data["people"])))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreProfile:
    """What was fitted for the scores of a set of weights.

    Attributes:
        name: Name of the weights, for messages.
        scores: Weights of each score without second hypotheses that was fitted, by name.
        identity_alone: Weight of identity beside the drawing alone; None where not fitted.
        hypotheses: By score, whether gallery images have second hypotheses.
        hit_rate: What each choice of parts reaches, as cards name it.
        readers: Fingerprints of what read the terms, by term; the weights' own have none.
        fitted_on: Whom it was fitted on; None where nobody said.
        calibrations: How sure answers are, by `spell_score`.
    """

    name: str
    scores: Mapping[str, Coefficients] = field(default_factory=dict)
    identity_alone: Coefficients | None = None
    hypotheses: Mapping[str, HypothesesChoice] = field(default_factory=dict)
    hit_rate: Mapping[str, Rates] = field(default_factory=dict)
    readers: Mapping[str, str] = field(default_factory=dict)
    fitted_on: FittingData | None = None
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)

    @classmethod
    def of(cls, card: Card) -> Self:
        """Read what a card says.

        Raises:
            WeightsError: It calibrates a score by something that is no part of it.
        """
        said, scores = card.fusion, {}
        places = {VALUES: said.get(WITHOUT_IDENTITY, {}), FUSED: said, **said.get("scores", {})}
        for score, place in places.items():
            if score in SCORES and (score not in (VALUES, FUSED) or "log_probability" in place):
                scores[score] = _weights(place)
        readers = {"identity": str(said.get("recogniser", "")), **said.get("readers", {})}
        calibrations = {
            score: Calibration.from_json(one) for score, one in card.calibration.items()
        }
        for score, one in calibrations.items():
            _require_parts(card.name, score, one)
        alone = said.get(WITHOUT_LOG_P, {})
        on = said.get("fitted_on")
        return cls(
            name=card.name,
            scores=scores,
            identity_alone=_weights(alone) if "identity" in alone else None,
            hypotheses={
                score: HypothesesChoice.from_json(one)
                for score, one in said.get("hypotheses", {}).items()
            },
            hit_rate=said.get("hit_rate", {}),
            readers={term: one for term, one in readers.items() if one},
            fitted_on=FittingData.from_json(on) if on else None,
            calibrations=calibrations,
        )

    def written_on(self, card: Card) -> Card:
        """Return a card that says this."""
        calibration = {score: one.to_json() for score, one in self.calibrations.items()}
        return replace(card, fusion=self.to_json(), calibration=calibration)

    def to_json(self) -> dict[str, Any]:
        """Return `Card.fusion`; calibrations stand beside it."""
        said: dict[str, Any] = {"clip": -CLIP}
        if VALUES in self.scores:
            said[WITHOUT_IDENTITY] = _spell(self.scores[VALUES], VALUES)
        if FUSED in self.scores:
            said |= _spell(self.scores[FUSED], FUSED)
        if self.identity_alone is not None:
            said[WITHOUT_LOG_P] = {"identity": self.identity_alone.of("identity")}
        others = [score for score in self.scores if score not in (VALUES, FUSED)]
        if others:
            said["scores"] = {score: _spell(self.scores[score], score) for score in others}
        said["hit_rate"] = {name: dict(rates) for name, rates in self.hit_rate.items()}
        if self.hypotheses:
            said["hypotheses"] = {one: h.to_json(one) for one, h in self.hypotheses.items()}
        said |= self._readers_json()
        if self.fitted_on is not None:
            said["fitted_on"] = self.fitted_on.to_json()
        return said

    def _readers_json(self) -> dict[str, Any]:
        others = {term: one for term, one in self.readers.items() if term != "identity"}
        recogniser = {"recogniser": self.recogniser} if self.recogniser else {}
        return {**recogniser, **({"readers": others} if others else {})}

    @property
    def recogniser(self) -> str:
        """Fingerprint of the recogniser that told identities; empty if unknown."""
        return self.readers.get("identity", "")

    def chosen(self, score: str) -> Hypotheses:
        """Return how many hypotheses are taken for a score; one where nothing was fitted."""
        return self.hypotheses.get(score, HypothesesChoice()).chosen

    def tried(self, score: str) -> Mapping[Hypotheses, FittedScore]:
        """Return what was fitted for a score with second hypotheses."""
        return self.hypotheses.get(score, HypothesesChoice()).tried

    def fitted(self, score: str, hypotheses: Hypotheses = ONE) -> Coefficients | None:
        """Return the weights that were fitted for a score of more than the drawing, or None."""
        if hypotheses.single:
            return self.scores.get(score)
        found = self.tried(score).get(hypotheses)
        return None if found is None else found.weights

    def weights(self, score: str, hypotheses: Hypotheses = ONE) -> Coefficients:
        """Return the weights of a score.

        Args:
            score: Its name.
            hypotheses: Hypotheses of the gallery images.

        Raises:
            ConfigError: The score has no room for second hypotheses.
            WeightsError: None were fitted for it; the message names the command.
        """
        if score == DRAWING:
            _require_one(hypotheses)
            return Coefficients()
        found = self.fitted(score, hypotheses)
        if found is None:
            raise WeightsError(self._not_fitted(score, hypotheses))
        return found

    def calibration(self, score: str, hypotheses: Hypotheses = ONE) -> Calibration | None:
        """Return how sure answers of a score are, or None where nothing was fitted."""
        return self.calibrations.get(spell_score(score, hypotheses))

    def check(self, score: str, *, estimates: bool, hypotheses: Hypotheses = ONE) -> None:
        """Refuse a score that the weights cannot give.

        Raises:
            ConfigError: There is no such score, the weights have no estimator, or the score has no
                room for second hypotheses.
            WeightsError: Nothing was fitted for it.
        """
        if score not in SCORES:
            raise ConfigError(f"--score cannot be {score!r}; {did_you_mean(score, SCORES)}")
        if score != DRAWING and not estimates:
            raise ConfigError(
                f"--score {score} needs an attribute estimator, which the weights {self.name} lack;"
                " train with --recipe tuned, or say --score drawing"
            )
        self.weights(score, hypotheses)

    def require_kept(self, score: str, hypotheses: Hypotheses) -> None:
        """Refuse to go on without what second hypotheses of a space were built with.

        Raises:
            WeightsError: It is not here; the advice fits every command that opens a space.
        """
        if not hypotheses.single and self.fitted(score, hypotheses) is None:
            raise WeightsError(
                f"The space {self.name} was built with hypotheses {hypotheses}, which the card of"
                f" its weights no longer holds fitted weights of the score {score!r} for (fitted:"
                f" {_spell_tried(tuple(self.tried(score)))}). Put back the card that it was built"
                " with, or index the gallery again in another --collection: mindseye index build"
            )

    def require_fitted_with(self, term: str, fingerprint: str) -> None:
        """Refuse another reader of a term than the one that its coefficient was fitted with.

        Args:
            term: Its name.
            fingerprint: Fingerprint of what is installed. Older cards do not say what they were
                fitted with, and are taken at their word.

        Raises:
            WeightsError: It is another one, whose numbers weigh otherwise.
        """
        fitted = self.readers.get(term)
        if fitted and fitted != fingerprint:
            score = next(name for name, terms in SCORES.items() if term in terms)
            without = next(n for n in reversed(SCORES) if not {term} & set(SCORES[n]))
            what = "recogniser" if term == "identity" else f"reader of {TERMS[term].what}"
            raise WeightsError(
                f"The {score} score of {self.name} was fitted with the {what} {fitted},"
                f" and here {fingerprint} is installed, which its weights and confidence do not"
                " hold for. Install that one, fit again (mindseye weights fit), or say --score"
                f" {without}"
            )

    def _not_fitted(self, score: str, hypotheses: Hypotheses) -> str:
        fit = "on people that nothing was trained on: mindseye weights fit WEIGHTS SPEC"
        if hypotheses.single:
            return (
                f"The weights {self.name} have no fitted weights of the score {score!r}; fit them"
                f" {fit} (docs/scoring.md)"
            )
        known = _spell_tried(tuple(self.tried(score)))
        return (
            f"The weights {self.name} have no fitted weights of the score {score!r} with"
            f" {hypotheses} hypotheses (fitted: {known}); say --hypotheses 1, or fit them {fit}"
            " (docs/scoring.md)"
        )


def _weights(data: Mapping[str, Any]) -> Coefficients:
    """Read the coefficients of terms that this version knows."""
    said = {**data.get(OTHERS, {}), **data}
    known = {name: said[term.key] for name, term in TERMS.items() if term.key in said}
    return Coefficients(**{name: float(weight) for name, weight in known.items()})


def _spell(weights: Coefficients, score: str) -> dict[str, Any]:
    """Write the coefficients of a score; those of terms beyond the fused score stand apart."""
    said = {TERMS[name].key: weights.of(name) for name in SCORES[score] if name in SCORES[FUSED]}
    more = {
        TERMS[name].key: weights.of(name) for name in SCORES[score] if TERMS[name].key not in said
    }
    return {**said, OTHERS: more} if more else said


def _require_parts(name: str, score: str, calibration: Calibration) -> None:
    terms = SCORES.get(score.partition(",")[0])
    if terms is None:
        return
    strange = set(calibration.names) - {"drawing", *terms, "lead"}
    if strange:
        raise WeightsError(
            f"The card of {name} calibrates the score {score!r} by {min(strange)!r}, which is no"
            " part of it. Fit it again: mindseye weights fit"
        )


def _spell_tried(tried: Sequence[Hypotheses]) -> str:
    return ", ".join(repr(str(one)) for one in tried) or "none"


def _require_one(hypotheses: Hypotheses) -> None:
    if not hypotheses.single:
        raise ConfigError(
            f"--hypotheses {hypotheses} does harm with --score {DRAWING}: without log p an image"
            " answers to a wrong value as readily as to the right one. Add"
            f" --score {VALUES}, or say --hypotheses 1"
        )
