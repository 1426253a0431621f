"""Fitting what a score is the sum of, from Python and from the command line."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gallery.errors import ConfigError, did_you_mean
from gallery.faces import FaceSet
from generator.card import Card
from generator.drawer import Drawer
from generator.reconstruction_error import usual_text
from generator.weights_file import find_weights, save_card
from retrieval.api.additions import open_engine
from retrieval.api.faces import load_faces
from retrieval.api.progress import Callback, follow
from retrieval.evaluation.fold.vector_store import Steps
from retrieval.evaluation.protocol.files import find_protocol
from retrieval.fitting import errors, told
from retrieval.fitting import fit as fitting
from retrieval.recognisers.registry import usual_recogniser


@dataclass(frozen=True, slots=True)
class FitResult:
    """What was fitted for weights; it stands on their card.

    Attributes:
        weights: Their file.
        notes: What was left out, and why.
        redrawing_only: Whether only usual errors of redrawings were measured.
    """

    weights: Path
    notes: tuple[str, ...]
    redrawing_only: bool
    _card: Card

    def to_json(self) -> dict[str, Any]:
        """Return what `mindseye weights fit --json` prints."""
        card = self._card
        return {
            "fusion": card.fusion,
            "calibration": card.calibration,
            "redrawing": card.redrawing,
        }

    def __str__(self) -> str:
        return usual_text(self._card) if self.redrawing_only else told.to_text(self._card)


def fit(  # noqa: PLR0913  one argument for each option of the command line
    weights: str | Path,
    faces: str | FaceSet,
    *,
    people: str | None = None,
    identities: str | None = None,
    queries: int = 2_000,
    seed: int = 0,
    protocol: str | None = None,
    redrawing_only: bool = False,
    profile: str | None = None,
    recogniser: str | None = None,
    landmarks: str | Path | None = None,
    device: str = "auto",
    progress: Callback | None = None,
) -> FitResult:
    """Fit what each term of the score weighs in a search, and how sure answers are.

    What was fitted is written to the card of the weights, with the names of the people. Galleries
    take it over when images are next added with these weights.

    Args:
        weights: Packaged name, folder of a run, or file.
        faces: People that the weights were not trained on: a SPEC, or what `load_faces` returned.
        people: "validation" (those of the card that only choices were made with) or "unseen" (who
            is not on the card). None: the former, where the faces show some.
        identities: The first N of these people, or a share.
        queries: How many are drawn.
        seed: Seed of the choice of queries.
        protocol: Name or file: which images, and what is asked.
        redrawing_only: Only measure how far redrawings usually are; keep all else.
        profile: Name of the kind of faces, such as "photographs": what was fitted stands on the
            card under it, beside what was fitted for others. None: the card's first profile.
        recogniser: "sface5", "sface" or "dlib": tells whose face it is, here and in searches from
            now on. None: "sface5" where what finds landmarks is installed, else "sface".
        landmarks: File of landmarks, beside those of the SPEC.
        device: "auto", "cpu", "cuda" or "cuda:N".
        progress: Told how far it is. What it raises ends the fit; nothing is changed then.

    Raises:
        UserError: Something that the caller can put right: there are too few such people.
    """
    if people is not None and people not in fitting.PEOPLE:
        raise ConfigError(f"--people cannot be {people!r}; {did_you_mean(people, fitting.PEOPLE)}")
    opened, path = load_faces(faces, landmarks), find_weights(str(weights))
    chosen = replace(find_protocol(protocol, opened.spec), queries=queries, seed=seed)
    options = fitting.FitOptions(
        people=people,
        identities=identities,
        protocol=chosen,
        recogniser=recogniser or usual_recogniser(),
    )
    engine = open_engine(path, device, images=len(opened))
    measure: Callable[[Drawer, FaceSet, fitting.FitOptions], Steps[fitting.Fitted]]
    measure = errors.measure_redrawing if redrawing_only else fitting.fit
    fitted = follow(measure(engine, opened, options), progress, "fitting")
    save_card(path, engine.card.with_profile(profile, fitted.card))
    return FitResult(path, fitted.notes, redrawing_only, fitted.card)
