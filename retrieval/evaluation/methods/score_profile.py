"""What a card says of fused scores, for the methods that follow it, and for those that do not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from generator.card import Card
from retrieval.evaluation.fold.fold_cache import SkippedMethodError
from retrieval.scoring.confidence import Calibration
from retrieval.scoring.hypotheses import ONE, Hypotheses
from retrieval.scoring.terms import (
    FUSED,
    VALUES,
    Coefficients,
    chosen_hypotheses,
    fitted_for,
    tried_hypotheses,
)

CARDS, ONLY_ONE, WITH_TWO = "as on the card", "one", "two"


@dataclass(frozen=True, slots=True)
class ScoreParts:
    """What a score is made of here.

    Attributes:
        log_p: Whether of log-probabilities.
        identity: Whether of identities.
    """

    log_p: bool
    identity: bool

    @property
    def score(self) -> str:
        """Name of the score with log-probabilities."""
        return FUSED if self.identity else VALUES


@dataclass(frozen=True, slots=True)
class ScoreSpec:
    """How a method scores.

    Attributes:
        weights: Of the parts.
        hypotheses: Of the gallery images.
        calibration: Of its answers; None if nothing was fitted.
    """

    weights: Coefficients
    hypotheses: Hypotheses = ONE
    calibration: Calibration | None = None


def asked_of(card: Card, parts: ScoreParts, wanted: str) -> ScoreSpec:
    """Return how a method scores, as was fitted for its parts.

    Args:
        card: Of the weights under test.
        parts: Of the score.
        wanted: Hypotheses: as on the card, one, or two. Without log p there is one.

    Raises:
        SkippedMethodError: Nothing was fitted for them.
    """
    if parts.log_p:
        hypotheses = _hypotheses(card, parts.score, wanted)
        weights = fitted_weights(card, parts.score, hypotheses)
        return ScoreSpec(weights, hypotheses, Calibration.of(card, parts.score, hypotheses))
    fitted_weights(card, FUSED)  # fitted at all
    alone = card.fusion.get("without_log_probability", {})
    if "identity" not in alone:
        raise SkippedMethodError(f"nothing was fitted for {card.name} without log p")
    return ScoreSpec(Coefficients(0.0, float(alone["identity"])))


def fitted_weights(card: Card, score: str, hypotheses: Hypotheses = ONE) -> Coefficients:
    """Return the weights that were fitted for a score.

    Raises:
        SkippedMethodError: None were.
    """
    if fitted_for(card, score, hypotheses) is None:
        raise SkippedMethodError(
            f"nothing was fitted for {card.name}: mindseye weights fit (docs/scoring.md)"
        )
    return Coefficients.of(card, score, hypotheses)


def _reached(tried: Mapping[str, Any]) -> float:
    return tried.get("hit_rate", {}).get("C2") or 0.0


def _hypotheses(card: Card, score: str, wanted: str) -> Hypotheses:
    """Return the hypotheses that a method asks for.

    Raises:
        SkippedMethodError: It would be the same as the method that follows the card, or nothing was
            fitted with two.
    """
    fitted_weights(card, score)  # fitted at all
    chosen = chosen_hypotheses(card, score)
    if wanted == CARDS:
        return chosen
    if chosen.single == (wanted == ONLY_ONE):
        raise SkippedMethodError(
            f"the card of {card.name} chooses {chosen} for the score {score}: it is the same as the"
            " method without this ending"
        )
    if wanted == ONLY_ONE:
        return ONE
    tried = tried_hypotheses(card, score)
    if not tried:
        raise SkippedMethodError(
            f"nothing was fitted for {card.name} with two hypotheses: mindseye weights fit"
            " (docs/scoring.md)"
        )
    # Of equals the first: these have the fewest vectors.
    return Hypotheses.parse(max(tried, key=lambda one: _reached(tried[one])))
