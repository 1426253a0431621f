"""Students of weights, from Python and from the command line: taught, and measured."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gallery.errors import ConfigError
from gallery.faces import FaceSet
from generator.card import Card
from generator.student.distilling import DistillConfig
from generator.student.run import DistillRequest
from generator.student.run import distil as distilling
from generator.weights_file import find_weights, save_card
from retrieval.api.additions import open_engine
from retrieval.api.faces import load_faces
from retrieval.api.progress import Callback, follow
from retrieval.evaluation.protocol.files import find_protocol
from retrieval.fitting.agreement import agreement_text, measure_agreement
from retrieval.fitting.fit import FitOptions

MOST_STEPS = 1_000_000


@dataclass(frozen=True, slots=True)
class StudentReport:
    """A student of weights, as their card tells of it.

    Attributes:
        weights: File of the weights.
        notes: What was left out, and why.
    """

    weights: Path
    notes: tuple[str, ...]
    _card: Card

    def to_json(self) -> dict[str, Any]:
        """Return what stands on the card, with the number of people it learnt from, not names."""
        told = dict(self._card.student)
        on = dict(told.get("learnt_from", {}))
        return {**told, "learnt_from": {**on, "people": len(on.get("people", ()))}}

    def __str__(self) -> str:
        return "\n".join(agreement_text(self._card))


def distil(
    weights: str | Path,
    faces: Sequence[str | FaceSet],
    out: str | Path,
    *,
    steps: int | None = None,
    seed: int = 0,
    progress: Callback | None = None,
) -> StudentReport:
    """Teach a student, which sees canonical views that weights would draw.

    Args:
        weights: Packaged name, folder of a run, or file: the teacher. The student is written beside
            them, and their card tells of it.
        faces: SPECs, or what `load_faces` returned. Labels say who is shown twice.
        out: Folder of lessons and checkpoint; what was done in it is not done again.
        steps: Updates; None: 4,000.
        seed: Seed of lessons, first weights and order.
        progress: Told how far it is. What it raises stops the run; the same call goes on.

    Raises:
        UserError: Something that the caller can put right.
    """
    if steps is not None and not 1 <= steps <= MOST_STEPS:
        raise ConfigError(f"--steps must lie in 1..{MOST_STEPS}, got {steps}")
    path = find_weights(str(weights))
    sets = tuple(load_faces(one) for one in faces)
    config = DistillConfig(seed=seed)
    request = DistillRequest(
        weights=path,
        sets=sets,
        out=Path(out),
        config=config if steps is None else replace(config, steps=steps),
        seed=seed,
    )
    engine = open_engine(path, "cpu", images=sum(map(len, sets)))
    return StudentReport(path, (), follow(distilling(engine, request), progress, "teaching"))


def measure_student(  # noqa: PLR0913  one argument for each option of the command line
    weights: str | Path,
    faces: str | FaceSet,
    *,
    kind: str,
    bound: float,
    people: str | None = None,
    queries: int = 2_000,
    seed: int = 0,
    protocol: str | None = None,
    profile: str | None = None,
    landmarks: str | Path | None = None,
    device: str = "auto",
    progress: Callback | None = None,
) -> StudentReport:
    """Measure what a search loses where a student sees canonical views, and put it on the card.

    Args:
        weights: Packaged name, folder of a run, or file.
        faces: Labelled people whom neither weights nor student have learnt from.
        kind: What they are, such as "drawn people": the card keeps what was measured by this name.
        bound: Points of the hit rate @1 under C2 that `canonical="auto"` may lose.
        people: As in `fit`.
        queries: How many are drawn.
        seed: Seed of the choice of queries.
        protocol: Name or file: which images, and what is asked.
        profile: Profile of the card that weighs the fused score. None: what suits the images.
        landmarks: File of landmarks, beside those of the SPEC.
        device: "auto", "cpu", "cuda" or "cuda:N".
        progress: Told how far it is.

    Raises:
        UserError: Something that the caller can put right: there is no student, or there are too
            few such people.
    """
    if not kind or len(kind) > 64 or not kind.isprintable():
        raise ConfigError(f"--kind names faces in at most 64 letters, not {kind[:80]!r}")
    if not 0 <= bound <= 100:
        raise ConfigError(f"--bound is a number of points, 0..100, got {bound:g}")
    path, opened = find_weights(str(weights)), load_faces(faces, landmarks)
    chosen = replace(find_protocol(protocol, opened.spec), queries=queries, seed=seed)
    options = FitOptions(people=people, protocol=chosen)
    engine = open_engine(path, device, images=len(opened))
    steps = measure_agreement(
        engine, opened, options, kind=kind, bound=bound / 100, profile=profile
    )
    found = follow(steps, progress, "comparing")
    save_card(path, found.card)
    return StudentReport(path, found.notes, found.card)
