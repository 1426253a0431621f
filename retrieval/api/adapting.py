"""Weights go on with a user's own photographs, which need no labels.

Frontal photographs are lifted: each becomes a head that the studio turns and lights, so that every
drawing of it has exact values (gallery/studio/lift). Training goes on with these heads. What scores
weigh, and how sure answers are, is fitted on the heads of people left out, worn out as photographs
come (gallery/wear.py); where these are few, it stays what it was for the weights that it began
with. On the same heads both weights are asked the same: those that went on are kept only where they
find more. Else the run's folder gets the weights that it began with, and the others beside them.
"""

from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gallery.align import Aligner, Landmarks, Pixels
from gallery.errors import ConfigError, DatasetError, ImageError, WeightsError
from gallery.faces import FaceSet, Problem
from gallery.files import write_whole
from gallery.images import decode
from gallery.json_files import read, spell
from gallery.portraits import portrait_aligner
from gallery.readers.registry import open_faces
from gallery.studio.lift import writer
from gallery.studio.lift.photographs import Choice, FoundPoints
from gallery.studio.progress import StudioProgress
from gallery.wear import LARGE, write_worn
from generator.card import Card
from generator.student.seeing import student_path
from generator.weights_file import WEIGHTS_FILE, find_weights, load_card, save_card
from retrieval.api.additions import open_engine
from retrieval.api.faces import load_faces
from retrieval.api.fit import fit
from retrieval.api.progress import Callback, follow, follow_each
from retrieval.api.training import train
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.fitting.improvement import Improvement, measure_improvement
from retrieval.recognisers.registry import open_recogniser
from retrieval.recognisers.third_party import MissingEmbedderError

# In the folder of the run; TRIED: weights that went on, and were not kept.
LIFTS, SETTINGS, DONE, TRIED = "lifts", "adapt.toml", "adapted.json", "tried.safetensors"
LEFT_OUT, WORN = "lifts-left-out", "worn"  # people left out: lifted larger, and these worn out
PROFILE = "photographs"
QUERIES = 1_000  # that both weights are asked, at most
EYES, CHIN = [33, 133, 362, 263], 152  # of the 468 points: corners of the eyes, tip of the chin
LIGHTS = ("1", "4", "7", "10", "13", "17")  # of twenty: from all sides
FEWEST = 8  # people: a fifth of them is left out
TO_FIT = 10  # people left out, of whom a fit is better than what the weights began with says
SAME_PERSON = 0.5  # cosine of identities from which two photographs show one person
RECIPE = """# What `mindseye adapt` trained with; `mindseye train --config` takes it, too.
[train]
steps = {steps}
estimator_steps = {steps}
learning_rate = 7.5e-4
warmup_steps = 20
validation = 0.2

[train.jitter]
gray = {gray}
blur = 0.02
gamma = 0.1
"""


@dataclass(frozen=True, slots=True)
class Adapted:
    """What came of adapting weights.

    Attributes:
        weights: Their file.
        people: How many people were lifted.
        left_out: Photographs that were not, with reasons.
        fitted: What was fitted on people left out, in lines.
        measured: What both weights find on people left out. Where it is no improvement, `weights`
            are those that it began with.
    """

    weights: Path
    people: int
    left_out: tuple[Problem, ...]
    fitted: str
    measured: Improvement

    @property
    def kept(self) -> bool:
        """Whether `weights` are those that went on."""
        return self.measured.is_better

    def to_json(self) -> dict[str, object]:
        """Return what `mindseye adapt --json` prints."""
        return {
            "weights": str(self.weights),
            "people": self.people,
            "left_out": [{"path": one.name, "reason": one.reason} for one in self.left_out],
            "fitted": self.fitted,
            "kept": self.kept,
            "measured": self.measured.to_json(),
        }


def adapt(  # noqa: PLR0913  one argument for each option of the command line
    faces: str | FaceSet,
    weights: str | Path,
    out: str | Path,
    *,
    also: Sequence[str | FaceSet] = (),
    steps: int = 200,
    seed: int = 0,
    workers: int = 1,
    landmarks: str | Path | None = None,
    device: str = "auto",
    progress: Callback | None = None,
) -> Adapted:
    """Let weights go on with photographs that nobody labelled; see the module.

    A run that was stopped goes on when the same is said again.

    Args:
        faces: Photographs: a SPEC such as "folder:photos", or what `load_faces` returned. Labels
            are not needed; identities are used where there are any.
        weights: Packaged name, folder or file; they draw pose, illumination, or both.
        out: Folder of the run; its name becomes the weights'.
        also: Labelled sets that are trained on beside the photographs, such as drawn people.
        steps: Updates of drawing and of the estimator, each.
        seed: Seed of lifting and training.
        workers: Processes that lift.
        landmarks: File of landmarks, beside those of the SPEC.
        device: "auto", "cpu", "cuda" or "cuda:N".
        progress: Told how far it is. What it raises stops the run.

    Raises:
        UserError: Something that the caller can put right: too few frontal photographs, say.
    """
    begun, folder = find_weights(str(weights)), Path(out)
    card = load_card(begun)
    opened = load_faces(faces, landmarks)
    choice = follow(_choose(opened, card.aligner), progress, "looking at photographs")
    if len(choice.people) < FEWEST:
        first = "".join(f"; {one.name}: {one.reason}" for one in choice.left_out[:1])
        raise DatasetError(
            f"{opened.spec} has frontal photographs of {len(choice.people)} people, and {FEWEST}"
            f" are needed{first}. Add some, or train on labelled photographs: mindseye train"
            " --start (docs/transfer.md)"
        )
    lifting = _Lifting(choice, card, seed, workers, progress)
    lifts = lifting.to(folder / LIFTS)
    if not (folder / DONE).is_file():
        settings = folder / SETTINGS
        gray = 1.0 if _are_gray(opened) else 0.25
        write_whole(settings, RECIPE.format(steps=steps, gray=gray).encode())
        made = train(
            [lifts, *also],
            architecture=card.architecture,
            attributes=card.space.names,
            out=folder,
            recipe="tuned",
            config=settings,
            seed=seed,
            device=device,
            start=str(begun),
            resume=True,
            progress=progress,
        )
        told = _judged(begun, made, lifting, device)
        write_whole(folder / DONE, spell(told).encode())
    told = read(folder / DONE, WeightsError, "Delete it, and run the same command again")
    measured = Improvement(**told["measured"])
    if not measured.is_better:
        put_back(begun, folder)
    weights_file = folder / WEIGHTS_FILE
    return Adapted(weights_file, len(choice.people), choice.left_out, str(told["fitted"]), measured)


@dataclass(frozen=True, slots=True)
class _Lifting:
    """Lifts people, as weights draw them."""

    choice: Choice
    card: Card
    seed: int
    workers: int
    progress: Callback | None

    def to(self, folder: Path) -> str:
        """Lift everybody; return the SPEC of the set."""
        return self._lift(folder, self.choice, self.card.aligner.size)

    def worn(self, folder: Path, people: Sequence[str]) -> FaceSet:
        """Lift some people larger, and wear them out as photographs come."""
        some = tuple(one for one in self.choice.people if one.label in people)
        side = int(LARGE.side[1])
        large = self._lift(folder / LEFT_OUT, replace(self.choice, people=some), side)
        write_worn(open_faces(large), folder / WORN, each=21, seed=self.seed, wear=LARGE)
        return open_faces(f"folder:{folder / WORN}")

    def _lift(self, folder: Path, choice: Choice, side: int) -> str:
        request = writer.request_of(choice, replace(_options(self.card, self.seed), size=side))
        steps = writer.lift(folder, choice, request, workers=self.workers)
        follow_each(steps, self.progress, "lifting people")
        return f"studio:{folder}"


def _judged(begun: Path, made: Path, lifting: _Lifting, device: str) -> dict[str, Any]:
    """Fit what went on, and measure whether it finds more than what it began with."""
    before, card, progress = load_card(begun), load_card(made), lifting.progress
    people = {one.label for one in lifting.choice.people}
    aside = [who for who in card.data.get("validation", ()) if who in people]
    worn = lifting.worn(made.parent, aside)
    old = before.under(PROFILE) if PROFILE in (before.profile, *before.profiles) else before
    if old.profile != PROFILE or len(aside) >= TO_FIT:
        fitted = f"{len(aside)} people of {worn.spec} that nothing was trained on"
        if card.profile != PROFILE:
            fit(made, worn, people="validation", profile=PROFILE, device=device, progress=progress)
    else:
        fitted = f"what {before.name} was fitted on, as {len(aside)} people left out are too few"
        save_card(made, _carried_over(old, card))
    first = open_engine(begun, device, images=len(worn)).under(old.profile)
    second = open_engine(made, device, images=len(worn)).under(PROFILE)
    asked = Protocol(queries=QUERIES, seed=lifting.seed)
    steps = measure_improvement(first, second, worn, asked)
    return {"fitted": fitted, "measured": follow(steps, progress, "comparing").to_json()}


def put_back(begun: Path, folder: Path) -> None:
    """Give the run's folder the weights that it began with; keep the others beside them."""
    weights, tried = folder / WEIGHTS_FILE, folder / TRIED
    made, card = load_card(weights), load_card(begun)
    if made.sha256 == card.sha256:
        return  # as it was before it was stopped
    if not tried.is_file():
        save_card(tried, made)
        write_whole(tried, weights.read_bytes())
    if card.student:
        write_whole(student_path(weights), student_path(begun).read_bytes())
    write_whole(weights, begun.read_bytes())  # before its card, which says that all is done
    save_card(weights, replace(card, name=made.name))


def _people(choice: Choice) -> frozenset[str]:
    return frozenset(one.label for one in choice.people)


def _carried_over(begun: Card, made: Card) -> Card:
    """Return a card with what scores weigh, and poses by landmarks, as they were before."""
    return replace(
        made,
        fusion=begun.fusion,
        calibration=begun.calibration,
        landmarks=begun.landmarks,
        redrawing=made.redrawing or begun.redrawing,
        profile=PROFILE,
    )


def _options(card: Card, seed: int) -> writer.LiftOptions:
    """Return what is drawn of everybody: every value that the weights draw.

    Raises:
        ConfigError: The weights draw what photographs cannot be lifted to.
    """
    for name in card.space.names:
        if name not in ("pose", "illumination"):
            raise ConfigError(
                f"{card.name} draws {name}, and photographs are lifted to pose and illumination"
                " alone; train on labelled photographs: mindseye train --start (docs/transfer.md)"
            )
    values = {attribute.name: attribute.values for attribute in card.space.attributes}
    values.setdefault("illumination", LIGHTS)
    return writer.LiftOptions(
        attributes=("pose", "illumination"), values=values, size=card.aligner.size, seed=seed
    )


def _choose(faces: FaceSet, aligner: Aligner) -> Generator[StudioProgress, None, Choice]:
    """Find the photographs that can be lifted, one of each person."""
    choice = yield from writer.look_at(faces)
    if all(one.face.identity is not None for one in choice.people):
        return choice
    try:
        return _one_of_each(choice, aligner)
    except MissingEmbedderError:  # then each photograph without a name is a person
        return choice


def _one_of_each(choice: Choice, aligner: Aligner) -> Choice:
    """Leave out photographs without a name that show somebody who was chosen before."""
    recogniser = open_recogniser()
    cut = portrait_aligner(aligner)
    portraits = np.stack([_portrait(one, cut) for one in choice.people])
    vectors = np.concatenate(
        [recogniser.embed(portraits[at : at + 32]) for at in range(0, len(portraits), 32)]
    )
    kept: list[int] = []
    again: list[Problem] = []
    for number, one in enumerate(choice.people):
        like = vectors[kept] @ vectors[number] if kept else np.zeros(0)
        if one.face.identity is None and len(like) and like.max() >= SAME_PERSON:
            other = choice.people[kept[int(like.argmax())]].face.name
            again.append(Problem(one.face.name, f"shows the person of {other}"))
        else:
            kept.append(number)
    people = tuple(choice.people[number] for number in kept)
    return replace(choice, people=people, left_out=(*choice.left_out, *again))


def _portrait(one: FoundPoints, cut: Aligner) -> Pixels:
    x, y = one.points[EYES, :2].mean(axis=0).tolist()
    chin = (float(one.points[CHIN, 0]), float(one.points[CHIN, 1]))
    return cut.align(decode(one.faces.read(one.face)), Landmarks((x, y), chin))


def _are_gray(faces: FaceSet) -> bool:
    """Say whether most of a few photographs have no colour."""
    step = max(1, len(faces) // 8)
    gray = []
    for face in faces.faces[::step]:
        with suppress(ImageError):
            pixels = np.asarray(faces.load(face).convert("RGB").resize((16, 16)), np.int16)
            gray.append(int(np.ptp(pixels, axis=2).max()) <= 2)
    return 2 * sum(gray) > len(gray)
