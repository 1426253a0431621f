"""Which score a space gets: the one asked for, or the fullest that was fitted for its weights."""

from collections.abc import Iterable
from dataclasses import dataclass

from generator.card import Card
from generator.drawer import Drawer
from generator.hypotheses import AUTO, ONE, Hypotheses
from retrieval.scoring.profile import ScoreProfile
from retrieval.scoring.scorer import default_score, make_scoring, other_reader
from retrieval.scoring.terms import DRAWING, SCORES, VALUES


@dataclass(frozen=True, slots=True)
class ScoreChoice:
    """The score of a space.

    Attributes:
        score: The score, as `build` takes it. None: that of the space there is.
        why: What was chosen for the user, in a line; empty where nothing more than the drawing was.
    """

    score: str | None
    why: str = ""


def refuse_score(
    score: str | None, hypotheses: str | None, engines: Iterable[Drawer], *, is_new: bool
) -> None:
    """Refuse a score that cannot be had, before anything is made.

    Args:
        score: What is asked for; None for nothing.
        hypotheses: What is asked for, as `--hypotheses` spells it; None for nothing.
        engines: Engines of the weights, one for each space.
        is_new: Whether there is no space yet, so that one would be chosen.

    Raises:
        ConfigError: There is no such score, the weights cannot give it, there is no room in it for
            second hypotheses, or the extra `identity` is not installed.
        WeightsError: Nothing was fitted for it.
    """
    many = ONE if hypotheses is None or hypotheses == AUTO else Hypotheses.parse(hypotheses)
    for engine in engines:
        if score is not None or (is_new and not many.single):
            make_scoring(engine, score or default_score(engine), many)


def choose_score(
    score: str | None, hypotheses: str | None, engine: Drawer, *, is_new: bool
) -> ScoreChoice:
    """Choose the score of a space, unless one is asked for or the space has one.

    Args:
        score: What is asked for; None for nothing.
        hypotheses: What is asked for, as `--hypotheses` spells it; None for nothing.
        engine: Drawer of the space's weights.
        is_new: Whether the space is yet to be made.
    """
    if score is not None or not is_new:
        return ScoreChoice(score)
    chosen = default_score(engine)
    without = "" if "identity" in SCORES[chosen] else other_reader(engine)
    if chosen == DRAWING:
        return ScoreChoice(chosen, f"{chosen}. {without}" if without else "")
    profile = ScoreProfile.of(engine.card)
    many = profile.chosen(chosen)
    two = not many.single and hypotheses in (None, AUTO)
    told = f" with hypotheses {many}" if two else ""
    why = f"{chosen}{told}, as fitted for {engine.card.name}; --score {DRAWING} for less"
    if "identity" in SCORES[chosen] and not profile.recogniser:
        without = f"The card of {engine.card.name} does not say which recogniser that was with"
    return ScoreChoice(chosen, f"{why}. {without}" if without else why)


def own_score(card: Card) -> str:
    """Return the fullest score that was fitted and asks no recogniser of others: alike everywhere.

    Args:
        card: Card of weights. They have an attribute estimator, if such a score was fitted.
    """
    return VALUES if VALUES in ScoreProfile.of(card).scores else DRAWING
