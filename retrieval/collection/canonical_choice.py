"""Who makes canonical views of a gallery: the weights, which draw them, or their student.

Drawn views are the published method. A student (generator/student/) is many times faster and finds
less; how much less was measured on people that it has not seen and stands on the card. Asked to
choose (`auto`), it is taken where that is within bounds on all of these people whose kind of faces
is the gallery's: of those that were measured under the profile that the gallery has.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gallery.errors import ConfigError, IndexFileError, WeightsError, did_you_mean
from generator.canonical import Rule
from generator.card import Card
from generator.drawer import Drawer
from index.contract import IndexContract

DRAWN, STUDENT, AUTO = "drawn", "student", "auto"
CANONICAL = (DRAWN, STUDENT, AUTO)
DIGITS = 16  # of a SHA-256, in contracts


@dataclass(frozen=True, slots=True)
class CanonicalChoice:
    """Who makes canonical views of a space.

    Attributes:
        student: The first digits of the SHA-256 of the student's file; empty where views are drawn.
        why: In a line, for the user; empty where there was nothing to choose.
    """

    student: str
    why: str = ""


def choose_canonical(
    asked: str | None, stored: IndexContract | None, engine: Drawer, score: str
) -> CanonicalChoice:
    """Say who makes the canonical views of a space.

    Args:
        asked: "drawn", "student" or "auto". None: as the space was built, and of a new one drawn.
        stored: Contract of the space; None of a new one.
        engine: Of the weights.
        score: The score of the space.

    Raises:
        ConfigError: It is none of these.
        WeightsError: A student is asked for, and there is none, or its file is damaged.
        IndexFileError: The space was built by another student than the weights have now.
    """
    if asked is not None and asked not in CANONICAL:
        raise ConfigError(f"--canonical cannot be {asked!r}; {did_you_mean(asked, CANONICAL)}")
    if stored is not None and asked in (None, AUTO):
        return CanonicalChoice(_kept(stored, engine))
    if asked == STUDENT:
        return CanonicalChoice(engine.student().sha256[:DIGITS])
    return CanonicalChoice("") if asked != AUTO else _automatic(engine, score)


def _automatic(engine: Drawer, score: str) -> CanonicalChoice:
    """Take the student where it was measured to lose little, and say why or why not."""
    card = engine.card
    against = list(objections(card, score))
    if not against:
        try:
            student = engine.student()
        except WeightsError as error:
            against.append(str(error))
    if against:
        more = f"; --canonical {STUDENT} takes it none the less" if card.student else ""
        return CanonicalChoice("", f"{DRAWN}, as {'; '.join(against)}{more}")
    losses = (_loss(one, score) for one in measured_alike(card).values())
    most = max(loss["upper"] for loss in losses if loss)
    return CanonicalChoice(
        student.sha256[:DIGITS],
        f"by the {STUDENT} of {card.name}, which loses {100 * most:.1f} points of C2 R@1 at most,"
        f" as measured; --canonical {DRAWN} draws them",
    )


def objections(card: Card, score: str) -> Iterator[str]:
    """Say why the student of some weights is not taken for a score; nothing where it may be."""
    if not card.student:
        yield f"{card.name} has no student"
    elif not card.student.get("agreement"):
        yield f"nobody measured how well the student of {card.name} agrees: mindseye weights agree"
    else:
        for kind, found in measured_alike(card).items():
            loss = _loss(found, score)
            if loss is None:
                yield f"on {kind} nobody measured the score {score}"
            elif loss["upper"] > found["bound"]:
                yield (
                    f"on {kind} the student loses {100 * loss['loss']:.1f} points of C2 R@1, up to"
                    f" {100 * loss['upper']:.1f}, and {100 * found['bound']:g} are allowed"
                )


def measured_alike(card: Card) -> dict[str, dict[str, Any]]:
    """Return how well the student of some weights agrees, on faces of the kind of their profile.

    Kinds that say no profile are of every kind; where nothing was measured under the card's first
    profile, all that was measured is returned.
    """
    every: dict[str, dict[str, Any]] = dict(card.student["agreement"])
    alike = {
        kind: found
        for kind, found in every.items()
        if found.get("profile", card.profile) == card.profile
    }
    return alike or every


def _loss(found: dict[str, Any], score: str) -> dict[str, float] | None:
    loss: dict[str, float] | None = found["scores"].get(score)
    return loss


def _kept(stored: IndexContract, engine: Drawer) -> str:
    """Return the student that a space was built by, if one was, which must be that of the weights.

    Raises:
        IndexFileError: They have another one.
    """
    told = Rule.parse(stored.canonicalisation).student
    if told and not str(engine.card.student.get("sha256", "")).startswith(told):
        raise IndexFileError(
            f"The space {engine.card.name} was built by the student {told}, and these weights have"
            " another one, or none; add images with the space's own (mindseye index add), or build"
            " another --collection"
        )
    return told
