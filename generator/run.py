"""A training run in a folder: prepare, train, save, resume.

The folder holds `run.json` (what was asked for), `log.jsonl` (losses), `samples/` (pictures),
`checkpoint.safetensors` while training, and `weights.safetensors` + `weights.json` at the end.
"""

import hashlib
import json
import time
from collections.abc import Generator, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gallery import sheets
from gallery.align import Aligner, Pixels
from gallery.attributes import AttributeSpace
from gallery.errors import ConfigError, WeightsError
from gallery.faces import Face, FaceSet, Problem
from gallery.files import write_whole
from gallery.pixels import Aligned, align_all, align_each
from generator.card import Card
from generator.checkpoint import (
    WEIGHTS_FILE,
    load_card,
    load_checkpoint,
    load_weights,
    save_checkpoint,
    save_weights,
)
from generator.contrast import HardBatches
from generator.engine import Engine
from generator.estimator import labels_of
from generator.family import Network
from generator.fitting import fit_rule
from generator.pairs import make_pairs
from generator.registry import architecture
from generator.request import TrainRequest
from generator.samples import measure, sample_sheet
from generator.trainer import Step, Trainer
from generator.training import TrainingData
from generator.usual import own_errors, usual_errors

CHECKPOINT_FILE = "checkpoint.safetensors"
RUN_FILE = "run.json"
LOG_FILE = "log.jsonl"
LOG_EVERY = 20
SAVE_EVERY_S = 30.0  # what a stopped run loses at most
HELDOUT_PEOPLE = 20  # enough for sample pictures and the errors on the card
Read = list[tuple[Face, Pixels | Problem]]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        phase: "reading", "stage 1" and so on, "measuring".
        done: Of this phase.
        total: Of this phase.
        loss: The last one logged, or None.
        problem: A file that could not be used, or None.
    """

    phase: str
    done: int
    total: int
    loss: float | None = None
    problem: Problem | None = None


def train(request: TrainRequest, *, resume: bool = False) -> Iterator[Progress]:
    """Train in `request.out`, and leave weights and card there.

    Args:
        request: What to train.
        resume: Go on from the folder's checkpoint; without one, begin.

    Raises:
        ConfigError: The folder holds a run and `resume` was not said, or another run; or the loss
            ran away.
        DatasetError: No image, or no pair of images, to train on.
        WeightsError: The folder's checkpoint is damaged.
        OSError: The folder cannot be written.
    """
    state = _open_folder(request, resume=resume)
    if state is not None and state.finished:
        return
    everyone = request.faces.labelled(request.attributes)
    aligner, spec = request.aligner(), request.faces.spec
    known = yield from _read(everyone.of(request.train_identities), aligner)
    strangers = everyone.without(request.train_identities)
    strangers = strangers.of(strangers.identities[:HELDOUT_PEOPLE])
    others = yield from _read(strangers, aligner)
    usable = any(not isinstance(pixels, Problem) for _, pixels in others)
    whole = align_all(known, spec)
    fitted, validation = _split(whole, request.recipe.train.validation)
    run = _Run(request, fitted, align_all(others, spec) if usable else None, validation)
    if state is None:
        run.begin()
    else:
        run.restore(state)
    yield from run.steps()
    yield Progress("measuring", 0, 1)
    run.finish()
    yield Progress("measuring", 1, 1)


@dataclass(frozen=True, slots=True)
class _State:
    """What a stopped run left: nothing but the end, or a checkpoint."""

    finished: bool
    tensors: dict[str, torch.Tensor]
    position: dict[str, Any]


def _open_folder(request: TrainRequest, *, resume: bool) -> _State | None:
    out = request.out
    weights, checkpoint = out / WEIGHTS_FILE, out / CHECKPOINT_FILE
    if any(path.is_file() for path in (out / RUN_FILE, weights, checkpoint)):
        if not resume:
            raise ConfigError(
                f"{out} already holds a training run; add --resume to go on with it, or name"
                " another folder with --out"
            )
        _require_same(_asked_before(out), request.to_json(), out)
    (out / "samples").mkdir(parents=True, exist_ok=True)
    if weights.is_file() and weights.with_suffix(".json").is_file():
        checkpoint.unlink(missing_ok=True)
        return _State(finished=True, tensors={}, position={})
    if not checkpoint.is_file():
        return None
    try:
        tensors, position = load_checkpoint(checkpoint)
    except WeightsError as error:
        raise WeightsError(f"{error}; delete it to begin this training anew") from error
    return _State(finished=False, tensors=tensors, position=position)


def _asked_before(out: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((out / RUN_FILE).read_text("utf-8")))
    except (FileNotFoundError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{out} holds a training run, but its {RUN_FILE} is missing or damaged: {error};"
            " name another folder with --out"
        ) from error


def _require_same(before: dict[str, Any], now: dict[str, Any], out: Path) -> None:
    """Refuse other settings; the message names the first that differs, like "recipe.steps"."""
    was, is_now = _flat(before), _flat(now)
    for name in {**is_now, **was}:  # a setting that is as usual may stand in one of them alone
        if was.get(name) != is_now.get(name):
            raise ConfigError(
                f"{out} was begun with {name} = {_said(was, name)}, now it is"
                f" {_said(is_now, name)}; say the same again, or name another folder with --out"
            )


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        table = isinstance(value, dict)
        flat |= {f"{name}.{key}": one for key, one in value.items()} if table else {name: value}
    return flat


def _said(settings: Mapping[str, Any], name: str) -> str:
    if name not in settings:
        return "as usual"
    text = json.dumps(settings[name])
    return text if len(text) <= 80 else f"{text[:77]}…"


def _read(faces: FaceSet, aligner: Aligner) -> Generator[Progress, None, Read]:
    """Align all faces; the generator's return value is what `align_each` yielded."""
    pairs: Read = []
    for pair in align_each(faces, aligner):
        pairs.append(pair)
        problem = pair[1] if isinstance(pair[1], Problem) else None
        yield Progress("reading", len(pairs), len(faces), problem=problem)
    return pairs


def _split(whole: Aligned, share: float) -> tuple[Aligned, Aligned | None]:
    """Set the last people of the training aside, for choices; at least one, if a share is asked."""
    if not share:
        return whole, None
    people = list(dict.fromkeys(face.identity for face in whole.faces))
    aside = set(people[-max(1, round(share * len(people))) :])
    if len(aside) == len(people):
        raise ConfigError(
            f"validation = {share} leaves nobody of {len(people)} people to train on; add people,"
            " or set validation = 0 in the [train] table of --config"
        )
    return tuple(  # type: ignore[return-value]
        Aligned(tuple(whole.faces[place] for place in places), whole.pixels[places], whole.problems)
        for places in (
            [n for n, face in enumerate(whole.faces) if face.identity not in aside],
            [n for n, face in enumerate(whole.faces) if face.identity in aside],
        )
    )


class _Run:
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
        statistics = None if request.start is None else _begin_with(request.start, network)
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
        return self.trainer.network

    def begin(self) -> None:
        """Start the folder's files; whatever a run left that saved no checkpoint goes."""
        (self.request.out / LOG_FILE).unlink(missing_ok=True)
        asked = json.dumps(self.request.to_json(), indent=1)
        write_whole(self.request.out / RUN_FILE, asked.encode())

    def restore(self, state: _State) -> None:
        position = state.position
        if position["data"] != self.data_sha256:
            raise ConfigError(
                f"The images of {self.request.faces.spec} are not those that"
                f" {self.request.out} was begun with; name another folder with --out"
            )
        self.trainer.restore(position["stage"], position["number"], state.tensors)
        self.loss = position["loss"]
        self._shorten_log(position["stage"], position["number"])

    def steps(self) -> Iterator[Progress]:
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
            yield Progress(f"stage {step.stage}", step.number, total, self.loss)

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
            chosen = _rule_before(self.request)
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
        errors = own_errors(engine, self.validation.pixels[np.array(shown)], chosen)
        return {} if errors is None else usual_errors(errors, self.request.faces.spec, strangers)

    def _log(self, log: Path, step: Step, images_per_s: float) -> None:
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
            file.write(json.dumps(line) + "\n")

    def _shorten_log(self, stage: int, number: int) -> None:
        """Drop what was logged after the checkpoint: it will be logged again."""
        log = self.request.out / LOG_FILE
        lines = log.read_text("utf-8").splitlines() if log.is_file() else []
        kept = [line for line in lines if _logged_before(line, stage, number)]
        write_whole(log, "".join(f"{line}\n" for line in kept).encode())

    def _checkpoint(self, step: Step, *, sampled: bool) -> None:
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

    def _sample(self, step: Step) -> None:
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
        return Engine(self.network, self._card(), self.request.device)

    def _card(self) -> Card:
        request = self.request
        faces = self.known.faces + (self.validation.faces if self.validation else ())
        shown = {face.identity for face in faces if face.identity is not None}
        return Card(
            name=request.out.resolve().name,
            architecture=request.architecture,
            network=self.network.config.settings(),
            space=self.space,
            aligner=request.aligner(),
            mean=tuple(self.data.mean.flatten().tolist()),
            deviation=tuple(self.data.deviation.flatten().tolist()),
            train_identities=_seen_before(request)
            + tuple(who for who in request.train_identities if who in shown),
            data={
                "spec": request.faces.spec,
                "images": len(self.known.faces),
                "pairs": len(self.data),
                "sha256": self.data_sha256,
                **_only_chosen_with(request, self.validation),
            },
            recipe={"name": request.recipe.name, **request.recipe.train.to_json()},
            seed=request.seed,
        )


def _begin_with(start: Path, network: Network) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Copy what two networks share, and return the normalisation of the first.

    The attribute branch may be a table in one of them alone; then it begins anew, which only
    stage 1 can put right.
    """
    trained, card = load_weights(start)
    theirs, ours = trained.state_dict(), network.state_dict()
    shared = {
        name: value
        for name, value in theirs.items()
        if name in ours and ours[name].shape == value.shape
    }
    heads = ("projection.", "estimator.")
    missing = {name for name in ours if not name.startswith(heads)} - set(shared)
    if missing:
        raise WeightsError(
            f"Training cannot start with {start}: its network has no {min(missing)} like this"
            " one's; use the same [network] settings in --config (packed weights have"
            ' code_branch = "table")'
        )
    network.load_state_dict({**ours, **shared})
    return card.mean, card.deviation


def _seen_before(request: TrainRequest) -> tuple[str, ...]:
    """People that the weights to begin with have seen, besides those of this training."""
    if request.start is None:
        return ()
    before = load_card(request.start).train_identities
    return tuple(who for who in before if who not in request.train_identities)


def _rule_before(request: TrainRequest) -> dict[str, Any]:
    """Return the rule of canonicalisation of the weights to begin with, for the card."""
    return {} if request.start is None else dict(load_card(request.start).canonicalisation)


def _only_chosen_with(request: TrainRequest, validation: Aligned | None) -> dict[str, list[str]]:
    """People set aside whom the weights to begin with were not trained on either, for the card."""
    if validation is None:
        return {}
    trained: set[str] = set()
    if request.start is not None:
        before = load_card(request.start)
        trained = set(before.train_identities) - set(before.data.get("validation", ()))
    people = dict.fromkeys(face.identity for face in validation.faces)
    aside = [who for who in people if who is not None and who not in trained]
    return {"validation": aside} if aside else {}


def _require_finite(step: Step, values: Iterable[torch.Tensor]) -> None:
    if not all(bool(value.isfinite().all()) for value in values):
        raise ConfigError(
            f"The training ran away: at step {step.number} of stage {step.stage} the loss is"
            f" {step.loss.item()}. Lower learning_rate in the [train] table of --config, and name"
            " another folder with --out"
        )


def _logged_before(line: str, stage: int, number: int) -> bool:
    try:
        entry = json.loads(line)
        return bool((entry["stage"], entry["step"]) <= (stage, number))
    except (ValueError, KeyError):  # the line that was being written when the run was stopped
        return False


def people_of(faces: Sequence[Face]) -> NDArray[np.int64]:
    """Number the people of images in order of their first one, (N,)."""
    return _numbered([face.identity for face in faces])


def rests_of(faces: Sequence[Face], space: AttributeSpace) -> NDArray[np.int64]:
    """Number what is known of images besides identity and attributes, likewise, (N,)."""
    return _numbered([face.condition.without(space.names) for face in faces])


def _numbered(labels: Sequence[Hashable]) -> NDArray[np.int64]:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in labels], dtype=np.int64)


def data_sha256(known: Aligned) -> str:
    """Return a hash of pixels and labels: what a model was trained on, whatever its path."""
    digest = hashlib.sha256(np.ascontiguousarray(known.pixels).data)
    for face in known.faces:
        digest.update(f"{face.name}\t{face.identity}\t{face.condition}\n".encode())
    return digest.hexdigest()
