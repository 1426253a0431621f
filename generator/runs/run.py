"""A training run: read, train, log, draw samples, save; go on from what a stopped run left."""

import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gallery import sheets
from gallery.align import Aligner, Pixels
from gallery.errors import ConfigError, WeightsError
from gallery.faces import Face, FaceSet, Problem
from gallery.joined import part_of
from gallery.json_files import spell
from gallery.pixels import Aligned, align_all, align_each
from generator.canonical import Rule
from generator.checkpoint import save_checkpoint, save_weights
from generator.engine import Engine
from generator.networks.estimator import labels_of
from generator.networks.family import Network
from generator.networks.registry import architecture
from generator.precision import Measure, measure_speeds
from generator.reconstruction_error import own_errors, usual_errors
from generator.runs.request import TrainRequest
from generator.runs.rule_choice import fit_rule
from generator.runs.run_folder import (
    CHECKPOINT_FILE,
    LOG_FILE,
    State,
    as_begun,
    begin_folder,
    open_folder,
    shorten_log,
)
from generator.runs.samples import measure, sample_sheet
from generator.runs.trainer import Trainer, TrainingStep
from generator.runs.warm_start import begin_with, begun_card, rule_before
from generator.training.contrastive import HardBatches
from generator.training.data import TrainingData
from generator.training.held_out import data_sha256, people_of, rests_of, split
from generator.training.pairs import make_pairs
from generator.weights_file import WEIGHTS_FILE

LOG_EVERY = 20
SAVE_EVERY_S = 30.0  # what a stopped run loses at most
HELDOUT_PEOPLE = 20  # enough for sample pictures and the errors on the card
Read = list[tuple[Face, Pixels | Problem]]


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """How far a run is.

    Attributes:
        phase: "reading", "stage 1" and so on, "measuring".
        done: Steps of this phase that are done.
        total: All steps of this phase.
        loss: The last one logged, or None.
        problem: A file that could not be used, or None.
        note: What a user should know, or None.
    """

    phase: str
    done: int
    total: int
    loss: float | None = None
    problem: Problem | None = None
    note: str | None = None


def train(
    request: TrainRequest, *, resume: bool = False, speeds_of: Measure = measure_speeds
) -> Iterator[TrainingProgress]:
    """Train in `request.out`, and leave weights and card there.

    Args:
        request: What to train.
        resume: Go on from the folder's checkpoint; without one, begin.
        speeds_of: Measures what "auto" is: a resumed run keeps the precision that it began with.

    Raises:
        ConfigError: The folder holds a run and `resume` was not said, or another run; or the loss
            ran away.
        DatasetError: No image, or no pair of images, to train on.
        WeightsError: The folder's checkpoint is damaged.
        OSError: The folder cannot be written.
    """
    asked, request = request, as_begun(request) if resume else request
    state = open_folder(request, resume=resume)
    if state is not None and state.finished:
        return
    if asked.recipe.train.precision == "auto":
        request, note = _settle(request, speeds_of)
        yield TrainingProgress("reading", 0, 1, note=note)
    everyone = request.faces.labelled(request.attributes)
    aligner, spec = request.aligner(), request.faces.spec
    known = yield from _read(everyone.of(request.train_identities), aligner)
    strangers = everyone.without(request.train_identities)
    strangers = strangers.of(strangers.identities[:HELDOUT_PEOPLE])
    others = yield from _read(strangers, aligner)
    usable = any(not isinstance(pixels, Problem) for _, pixels in others)
    whole = align_all(known, spec)
    fitted, validation = split(whole, request.recipe.train.validation, part_of(spec))
    run = TrainingRun(request, fitted, align_all(others, spec) if usable else None, validation)
    if state is None:
        begin_folder(request)
    else:
        run.restore(state)
    yield from run.steps()
    yield TrainingProgress("measuring", 0, 1)
    run.finish()
    yield TrainingProgress("measuring", 1, 1)


def _settle(request: TrainRequest, speeds_of: Measure) -> tuple[TrainRequest, str]:
    """Choose the precision "auto" of a run that begins; say so, or what another would gain."""
    speeds = speeds_of(request.device, True)  # noqa: FBT003  named by Measure
    begun = request.recipe.train.precision
    if begun == "auto":
        return request.computing_in(speeds.faster, speeds.to_json()), (
            f"Training in {speeds.faster}, which this machine is faster in: {speeds}"
        )
    slower = "" if begun == speeds.faster else f"; this machine is faster in {speeds.faster}"
    return request, f"Training in {begun}, as it was begun{slower}: {speeds}"


def _read(faces: FaceSet, aligner: Aligner) -> Generator[TrainingProgress, None, Read]:
    """Align all faces; the generator's return value is what `align_each` yielded."""
    pairs: Read = []
    for pair in align_each(faces, aligner):
        pairs.append(pair)
        problem = pair[1] if isinstance(pair[1], Problem) else None
        yield TrainingProgress("reading", len(pairs), len(faces), problem=problem)
    return pairs


class TrainingRun:
    """A run under way."""

    def __init__(
        self,
        request: TrainRequest,
        known: Aligned,
        others: Aligned | None,
        validation: Aligned | None,
    ) -> None:
        self.request = request
        self.known = known
        self.others = others
        self.validation = validation
        self.space = request.faces.space.only(request.attributes)
        config = request.recipe.train
        network = architecture(request.architecture).build(self.space.size, request.recipe.network)
        pairs = make_pairs(
            known.faces,
            self.space,
            same_pairs=config.same_pairs,
            needed=network.NEEDS_PAIRS or bool(config.tune_steps),
        )
        network.initialise(torch.Generator().manual_seed(request.seed))
        statistics = None
        if request.start is not None:
            statistics = begin_with(request.start, network, self.space)
        labels = labels_of(known.faces, self.space)
        contrast = None
        if config.tune_steps:
            contrast = HardBatches(known.faces, pairs, self.space, config.later[0])
        self.data = TrainingData(
            known.pixels,
            pairs,
            request.device,
            labels,
            statistics,
            people_of(known.faces),
            rests_of(known.faces, self.space),
        )
        self.trainer = Trainer(
            network.to(request.device),
            self.data,
            config,
            request.seed,
            contrast=contrast,
            space=self.space,
            faces=known.faces,
        )
        self.loss: float | None = None
        self.saved = time.monotonic()
        self.data_sha256 = data_sha256(known)

    @property
    def network(self) -> Network:
        """What is trained."""
        return self.trainer.network

    def restore(self, state: State) -> None:
        """Go on from a checkpoint."""
        position = _position(state, self.request.out)
        if position["data"] != self.data_sha256:
            raise ConfigError(
                f"The images of {self.request.faces.spec} are not those that"
                f" {self.request.out} was begun with; name another folder with --out"
            )
        self.trainer.restore(position["stage"], position["number"], state.tensors)
        self.loss = position["loss"]
        shorten_log(self.request.out / LOG_FILE, position["stage"], position["number"])

    def steps(self) -> Iterator[TrainingProgress]:
        """Train to the end, and save checkpoints and samples on the way."""
        batch_size = self.request.recipe.train.batch_size
        log = self.request.out / LOG_FILE
        started = time.monotonic()
        images = 0
        for step in self.trainer.steps():
            images += batch_size
            total = self.trainer.stages[step.stage].steps
            last = step.number == total
            if step.number % LOG_EVERY == 0 or last:
                self._log(log, step, images / (time.monotonic() - started))
            regular = step.number % self.request.checkpoint_every == 0 or last
            if regular or time.monotonic() - self.saved > SAVE_EVERY_S:
                self._checkpoint(step, sampled=regular)
            yield TrainingProgress(f"stage {step.stage}", step.number, total, self.loss)

    def finish(self) -> None:
        """Measure, write weights and card, and let go of the checkpoint."""
        engine = self._engine()
        metrics: dict[str, Any] = {"train_loss": self.loss}
        for name, part in (("train", self.known), ("heldout", self.others)):
            if part is not None:
                metrics[name] = measure(engine, part, self.request.seed)
        chosen = {}
        if engine.estimates and self.validation is not None:
            chosen = fit_rule(engine, self.validation)
        elif engine.estimates:
            chosen = rule_before(self.request)
        card = replace(
            engine.card,
            metrics=metrics,
            canonicalisation=chosen,
            redrawing=self._usual(engine, chosen),
        )
        save_weights(self.request.out / WEIGHTS_FILE, self.network, card)
        (self.request.out / CHECKPOINT_FILE).unlink(missing_ok=True)

    def _usual(self, engine: Engine, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Say how far redrawings of people that nothing was trained on are, for the card."""
        strangers = engine.card.data.get("validation", ())
        if self.validation is None or not strangers:
            return {}
        shown = [face.identity in strangers for face in self.validation.faces]
        errors = own_errors(engine, self.validation.pixels[np.array(shown)], Rule.chosen(chosen))
        return {} if errors is None else usual_errors(errors, self.request.faces.spec, strangers)

    def _log(self, log: Path, step: TrainingStep, images_per_s: float) -> None:
        self.loss = step.loss.item()
        _require_finite(step, [step.loss, *step.terms.values()])
        line: dict[str, Any] = {
            "stage": step.stage,
            "step": step.number,
            "loss": self.loss,
            "learning_rate": step.learning_rate,
            "images_per_s": round(images_per_s, 1),
        }
        if len(step.terms) > 1:
            line["terms"] = {name: term.item() for name, term in step.terms.items()}
        with log.open("a", encoding="utf-8") as file:
            file.write(spell(line) + "\n")

    def _checkpoint(self, step: TrainingStep, *, sampled: bool) -> None:
        """Save where the run is; pictures first: a run killed in between draws them again."""
        _require_finite(step, [step.loss, *self.trainer.parameters()])
        if sampled and self.trainer.stages[step.stage].draws:
            self._sample(step)
        position = {
            "stage": step.stage,
            "number": step.number,
            "loss": self.loss,
            "data": self.data_sha256,
        }
        save_checkpoint(self.request.out / CHECKPOINT_FILE, self.trainer.state(), position)
        self.saved = time.monotonic()

    def _sample(self, step: TrainingStep) -> None:
        """Save a picture of a few drawings; of people held out, if there are any."""
        part = self.others or self.known
        who = "held out" if self.others else "trained on"
        picture = sample_sheet(
            self._engine(),
            part,
            self.request.seed,
            refined=self.network.TWO_STAGES and self.trainer.stages[step.stage].refines,
            title=f"stage {step.stage}, step {step.number} ({who})",
        )
        self.network.train()
        path = self.request.out / "samples" / f"stage{step.stage}-{step.number:06d}.png"
        sheets.save(picture, path)

    def _engine(self) -> Engine:
        card = begun_card(
            self.request, self.network, self.data, self.known, self.validation, self.data_sha256
        )
        return Engine(self.network, card, self.request.device)


def _position(state: State, out: Path) -> dict[str, Any]:
    """Return where a checkpoint stands.

    Raises:
        WeightsError: It does not say so, or the stage is none.
    """
    types: dict[str, Any] = {"stage": int, "number": int, "data": str, "loss": float | int | None}
    found = {name: state.position.get(name) for name in types}
    for name, wanted in types.items():
        if not isinstance(found[name], wanted) or isinstance(found[name], bool):
            raise WeightsError(
                f"{out} holds a checkpoint whose {name} is {found[name]!r}; delete its"
                f" {CHECKPOINT_FILE} to begin this training anew"
            )
    return found


def _require_finite(step: TrainingStep, values: Iterable[torch.Tensor]) -> None:
    if not all(bool(value.isfinite().all()) for value in values):
        raise ConfigError(
            f"The training ran away: at step {step.number} of stage {step.stage} the loss is"
            f" {step.loss.item()}. Lower learning_rate in the [train] table of --config, and name"
            " another folder with --out"
        )
