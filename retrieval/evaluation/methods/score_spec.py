"""What a card says of fused scores, for the methods that follow it, and for those that do not."""

from collections.abc import Sequence
from dataclasses import dataclass

from generator.card import Card
from generator.hypotheses import ONE, Hypotheses
from retrieval.evaluation.fold.fold_cache import SkippedMethodError
from retrieval.scoring.confidence import Calibration
from retrieval.scoring.profile import FittedScore, ScoreProfile
from retrieval.scoring.terms import FUSED, SCORES, Coefficients

CARDS, ONLY_ONE, WITH_TWO = "as on the card", "one", "two"


@dataclass(frozen=True, slots=True)
class ScoreSpec:
    """How a method scores.

    Attributes:
        weights: Weights of the parts.
        hypotheses: Hypotheses of the gallery images.
        calibration: Calibration of its answers; None if nothing was fitted.
    """

    weights: Coefficients
    hypotheses: Hypotheses = ONE
    calibration: Calibration | None = None


def asked_of(card: Card, terms: Sequence[str], wanted: str) -> ScoreSpec:
    """Return how a method scores, as was fitted for its terms.

    Args:
        card: Card of the weights under test.
        terms: Terms of the score, beside the drawing.
        wanted: Hypotheses: as on the card, one, or two. Without log p there is one.

    Raises:
        SkippedMethodError: Nothing was fitted for them.
    """
    profile = ScoreProfile.of(card)
    score = next((name for name, parts in SCORES.items() if parts == tuple(terms)), None)
    if score is not None:
        hypotheses = _hypotheses(card, score, wanted)
        weights = fitted_weights(card, score, hypotheses)
        return ScoreSpec(weights, hypotheses, profile.calibration(score, hypotheses))
    fitted_weights(card, FUSED)  # fitted at all
    if profile.identity_alone is None:
        raise SkippedMethodError(f"nothing was fitted for {card.name} without log p")
    return ScoreSpec(profile.identity_alone)


def fitted_weights(card: Card, score: str, hypotheses: Hypotheses = ONE) -> Coefficients:
    """Return the weights that were fitted for a score.

    Raises:
        SkippedMethodError: None were.
    """
    found = ScoreProfile.of(card).fitted(score, hypotheses)
    if found is None:
        raise SkippedMethodError(
            f"nothing was fitted for {card.name}: mindseye weights fit (docs/scoring.md)"
        )
    return found


def _reached(tried: FittedScore) -> float:
    return tried.hit_rate.get("C2") or 0.0


def _hypotheses(card: Card, score: str, wanted: str) -> Hypotheses:
    """Return the hypotheses that a method asks for.

    Raises:
        SkippedMethodError: It would be the same as the method that follows the card, or nothing was
            fitted with two.
    """
    fitted_weights(card, score)  # fitted at all
    profile = ScoreProfile.of(card)
    chosen = profile.chosen(score)
    if wanted == CARDS:
        return chosen
    if chosen.single == (wanted == ONLY_ONE):
        raise SkippedMethodError(
            f"the card of {card.name} chooses {chosen} for the score {score}: it is the same as the"
            " method without this ending"
        )
    if wanted == ONLY_ONE:
        return ONE
    tried = profile.tried(score)
    if not tried:
        raise SkippedMethodError(
            f"nothing was fitted for {card.name} with two hypotheses: mindseye weights fit"
            " (docs/scoring.md)"
        )
    # Of equals the first: these have the fewest vectors.
    return max(tried, key=lambda one: _reached(tried[one]))
