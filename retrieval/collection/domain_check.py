"""Why answers get no confidence: photographs that the weights do not know.

Confidence is fitted on faces like those of the training, and means nothing for others. Those are
told by their redrawings (generator/reconstruction_error.py): a source that is redrawn worse than 99
of 100 has no confidence, and a gallery of which more than a tenth is has none for any of its
answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gallery.catalogue.records import SpaceRow
from generator.reconstruction_error import Usual
from generator.weights_file import load_card
from retrieval.collection.collection import Collection

MOST = 0.1  # share of a gallery, where 0.01 is expected
TRAIN = "let the weights go on with your photographs: mindseye adapt (docs/transfer.md)"
FIND = "have the faces found (mindseye data find-faces) and index again, or "


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why there is no confidence.

    Attributes:
        reason: In one line, with the next step.
        brief: In a few short lines, for pictures.
    """

    reason: str
    brief: str


@dataclass(frozen=True, slots=True)
class Strangers:
    """How many images of a gallery are unlike those that the weights know.

    Attributes:
        count: Indexed images that are redrawn worse than 99 of 100.
        known: All whose error is known.
        limit: Mean squared error that 99 of 100 stay below.
        landmarks: Whether faces of the gallery are cut by eyes and chin.
    """

    count: int
    known: int
    limit: float
    landmarks: bool = False

    @property
    def share(self) -> float:
        """Of the images whose error is known."""
        return self.count / max(self.known, 1)

    @property
    def fit(self) -> bool:
        """Whether the weights fit the photographs, as far as this tells."""
        return self.share <= MOST

    def __str__(self) -> str:
        """Say it in figures."""
        return (
            f"{self.count:,} of {self.known:,} images ({100 * self.share:.0f} %) are redrawn worse"
            " than 99 of 100 faces of the kind that the weights know (mean squared error above"
            f" {spell(self.limit)})"
        )


def strangers_in(collection: Collection, space: SpaceRow) -> Strangers | None:
    """Count them in a space; None if nothing usual is on its card, or no error is known.

    Raises:
        WeightsError: The space's copy of its weights is missing or damaged.
    """
    usual = Usual.of(load_card(collection.weights_path(space.name)))
    return None if usual is None else counted(collection, space, usual)


def counted(collection: Collection, space: SpaceRow, usual: Usual) -> Strangers | None:
    """Count them in a space; None if no error is known."""
    count, known = collection.catalogue.spaces.errors_above(space.id, usual.limit)
    landmarks = collection.catalogue.images.has_landmarks()
    return Strangers(count, known, usual.limit, landmarks) if known else None


def misfit(name: str, strangers: Strangers) -> str:
    """Say in one line that weights do not fit a gallery, and what to do."""
    return (
        f"{name} does not fit these photographs: {strangers}. Answers get no confidence;"
        f" {'' if strangers.landmarks else FIND}{TRAIN}"
    )


def of_gallery(name: str, strangers: Strangers | None) -> Doubt | None:
    """Doubt every answer from a gallery that the weights do not fit."""
    if strangers is None or strangers.fit:
        return None
    share = f"{100 * strangers.share:.0f} %"
    brief = f"no confidence:\ngallery unlike\n({share} of it)"
    return Doubt(misfit(name, strangers), brief)


def of_wish(spelt: str) -> Doubt:
    """Doubt answers to a wish of another kind than those that confidence was fitted on.

    Args:
        spelt: A wish that excludes, has a weight, or is for a strength between those of the grid.
    """
    reason = (
        "Confidence was fitted on wishes without weight and not, for values that are drawn, and"
        f" means nothing for {spelt!r}"
    )
    return Doubt(reason, "no confidence:\nwish of a kind\nnot fitted")


def of_sources(usual: Usual, errors: Sequence[float], *, placed: bool = False) -> Doubt | None:
    """Doubt answers about a photograph that is redrawn worse than usual.

    Args:
        usual: Usual errors of the weights.
        errors: Mean squared error of the redrawing of each source.
        placed: Whether it was said, or found, where the face is.
    """
    worst = max(errors)
    if worst <= usual.limit:
        return None
    found, limit = spell(worst), spell(usual.limit)
    place = "have the face found: --crop face, or say where it is: --crop X,Y,W,H, or "
    reason = (
        "This photograph is unlike those the weights know: redrawn, its mean squared error is"
        f" {found}, that of 99 of 100 below {limit}; {'' if placed else place}{TRAIN}"
    )
    return Doubt(reason, f"no confidence:\nerror {found},\nusual < {limit}")


def spell(error: float) -> str:
    """Spell a mean squared error: 3,120, or 7.4."""
    return f"{error:.1f}" if error < 10 else f"{error:,.0f}"
