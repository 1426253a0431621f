"""What was fitted for weights, told to people."""

from collections.abc import Mapping

from generator.card import Card
from generator.reconstruction_error import usual_text
from retrieval.fitting.landmarks import landmarks_text
from retrieval.scoring.profile import (
    WITHOUT_IDENTITY,
    WITHOUT_LOG_P,
    FittingData,
    HypothesesChoice,
    ScoreProfile,
)
from retrieval.scoring.terms import DRAWING, FUSED, VALUES, Coefficients


def to_text(card: Card) -> str:
    """Say what a card holds of a fit, for people."""
    profile = ScoreProfile.of(card)
    on = profile.fitted_on or FittingData()
    lines = [
        (
            f"{card.name}: fitted on {len(on.people)} people of {on.spec},"
            f" {on.images} images, {on.queries} queries"
        ),
        "hit rate @1, percent              C1     C2",
    ]
    for name, rates in profile.hit_rate.items():
        lines.append(f"  {_spelt(name, profile):<28}{_cells(rates)}")
    for name, choice in profile.hypotheses.items():
        lines += _tried(name, choice)
    for name, one in profile.calibrations.items():
        off = 100 * (one.expected_error or 0)
        lines.append(f"confidence of {name}: off by {off:.1f} points in the mean")
    return "\n".join([*lines, *landmarks_text(card), usual_text(card)])


def summary(card: Card) -> list[str]:
    """Say in a line or two what a search was fitted to, if it was; a block for each profile."""
    if not card.profiles:
        return _summary(card)
    names = (card.profile, *card.profiles)
    return [line for name in names for line in (f"{name}:", *_summary(card.under(name)))]


def _summary(card: Card) -> list[str]:
    profile = ScoreProfile.of(card)
    if profile.fitted_on is None:
        return []
    fused = profile.scores.get(FUSED)
    said = "drawing"
    if fused is not None:
        said = ", ".join(f"{term.key} {weight:g}" for term, weight in fused.told())
    many = profile.hypotheses.items()
    two = "".join(f", hypotheses {h.chosen} ({n})" for n, h in many if not h.chosen.single)
    on = profile.fitted_on
    lines = [f"fused: {said}{two}, fitted on {len(on.people)} people of {on.spec}"]
    if fused is not None:
        lines.append(f"recogniser: {profile.recogniser or 'not said; an older card'}")
    return lines


def _tried(name: str, choice: HypothesesChoice) -> list[str]:
    """Say what second hypotheses reach with a score, and how many are taken."""
    lines = [f"{name}, gallery images with a second hypothesis where the margin is small:"]
    for many, one in choice.tried.items():
        shown = f"{many}, {_told(one.weights)}"
        rows = "" if one.rows is None else f"  {one.rows:.2f} vectors an image"
        lines.append(f"  {shown:<28}{_cells(one.hit_rate)}{rows}")
    return [*lines, f"  taken: {choice.chosen}"]


def _cells(rates: Mapping[str, float | None]) -> str:
    return "".join("      -" if r is None else f"  {100 * r:5.1f}" for r in rates.values())


def _spelt(name: str, profile: ScoreProfile) -> str:
    if name == DRAWING:
        return name
    parts = {
        WITHOUT_IDENTITY: profile.scores.get(VALUES),
        WITHOUT_LOG_P: profile.identity_alone,
    }
    weights = parts.get(name) or profile.scores.get(name) or Coefficients()
    return f"{DRAWING if name in parts else name}, {_told(weights)}"


def _told(weights: Coefficients) -> str:
    return ", ".join(f"{term.letter} {weight:g}" for term, weight in weights.told())
