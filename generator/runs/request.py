"""What is to be trained, gathered from what stands on a command line."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import torch

from gallery.align import Aligner, Crop
from gallery.errors import ConfigError, WeightsError, did_you_mean
from gallery.faces import FaceSet, first_identities, fold_identities
from gallery.joined import refuse_reserved
from generator.card import NAME, Card
from generator.networks.family import Network
from generator.networks.registry import ARCHITECTURES, architecture
from generator.training.config import Precision, Recipe, TrainConfig
from generator.weights_file import find_weights, load_card

CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRequest:
    """What is to be trained.

    Attributes:
        faces: The whole set; it is split by identity.
        architecture: Registered name.
        attributes: What can be wished for, in order.
        recipe: How to train.
        train_identities: Whom to train on; the others are held out.
        out: Folder of the run.
        seed: Seed of initialisation and order.
        device: Where to train.
        crop: Overrides the reader's crop.
        start: Weights to begin with, instead of random ones; None for random ones.
        about: Which images of the set, and how their values are called, where that was said.
        measured: Milliseconds by precision, where the faster one was taken; else empty.
        checkpoint_every: Updates between checkpoints, and between sample pictures.
    """

    faces: FaceSet
    architecture: str
    attributes: tuple[str, ...]
    recipe: Recipe
    train_identities: tuple[str, ...]
    out: Path
    seed: int = 0
    device: torch.device = CPU
    crop: Crop | None = None
    start: Path | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    measured: Mapping[str, float] = field(default_factory=dict)
    checkpoint_every: int = 500

    def aligner(self) -> Aligner:
        """Return how the faces are cut out."""
        shape = architecture(self.architecture).configure(
            self.faces.space.only(self.attributes).size, self.recipe.network
        )
        crop = self.crop or self.faces.crop
        return Aligner(size=shape.size, channels=shape.channels, crop=crop)

    def computing_in(self, precision: Precision, measured: Mapping[str, float]) -> Self:
        """Return the same with the precision settled, by these measurements if there are any."""
        train = replace(self.recipe.train, precision=precision)
        return replace(self, recipe=replace(self.recipe, train=train), measured=measured)

    def to_json(self) -> dict[str, Any]:
        """Return what a resumed run must have in common with this one."""
        return {
            "spec": self.faces.spec,
            "architecture": self.architecture,
            "network": dict(self.recipe.network),
            "attributes": self.faces.space.only(self.attributes).to_json(),
            "aligner": self.aligner().to_json(),
            "train_identities": list(self.train_identities),
            "recipe": {"name": self.recipe.name, **self.recipe.train.to_json()},
            "seed": self.seed,
            "start": None if self.start is None else load_card(self.start).sha256,
            **({"about": dict(self.about)} if self.about else {}),
        }


def make_request(  # noqa: PLR0913  one argument for each option of the command line
    faces: FaceSet,
    *,
    architecture_name: str,
    attributes: tuple[str, ...],
    recipe_name: str,
    out: Path,
    device: torch.device,
    config: Path | None = None,
    steps: int | None = None,
    train_identities: str | None = None,
    fold: str | None = None,
    seed: int = 0,
    crop: Crop | None = None,
    start: str | None = None,
    new_wishes: bool = False,
    about: Mapping[str, Any] | None = None,
) -> TrainRequest:
    """Gather a request from what stands on a command line.

    Args:
        faces: What to train on.
        architecture_name: Registered name.
        attributes: What can be wished for.
        recipe_name: "paper" or "fast".
        out: Folder of the run.
        device: Where to train.
        config: TOML file that changes the recipe.
        steps: Updates of each stage; overrides recipe and file.
        train_identities: A number or share of people; see `first_identities`.
        fold: "K/N"; see `fold_identities`. Without either, everybody is trained on.
        seed: Seed of initialisation and order.
        crop: Overrides the reader's crop.
        start: Weights to begin with: a folder, file or packaged name.
        new_wishes: Whether attributes and values that they do not know begin anew.
        about: What was said of the images and names of values; a resumed run must say the same.

    Raises:
        WeightsError: There are no weights to begin with, or they are of another kind.
        ConfigError: An option is out of range, two contradict each other, or the set is kept for
            testing.
        WishError: An attribute is unknown.
        DatasetError: The set has no labelled image.
    """
    refuse_reserved(faces, "trained")
    if train_identities is not None and fold is not None:
        raise ConfigError("--train-identities and --fold both choose people; give one of them")
    _check_name(out)
    if len(set(attributes)) != len(attributes):
        raise ConfigError(f"--attribute names one twice: {', '.join(attributes)}; give it once")
    if not 0 <= seed < 2**63:
        raise ConfigError(f"--seed takes a whole number from 0 to 2^63 - 1, got {seed}")
    chosen = architecture(architecture_name).recipe(recipe_name)
    if config is not None:
        chosen = chosen.with_file(config)
    if steps is not None:
        chosen = replace(chosen, train=chosen.train_with({"steps": steps}, "--steps"))
    begun, faces = _begun(start, architecture_name, faces, attributes, new_wishes=new_wishes)
    space = faces.space.only(attributes)
    _check_steps(chosen.train, begun)
    architecture(architecture_name).network.require(space)
    with torch.device("meta"):  # says now, not after reading the images, what is wrong
        network = architecture(architecture_name).build(space.size, chosen.network)
    _check_weights(chosen.train, network, architecture_name)
    chosen = _without_idle_estimator(chosen, network, begun)
    return TrainRequest(
        faces=faces,
        architecture=architecture_name,
        attributes=attributes,
        recipe=chosen,
        train_identities=_people(faces.labelled(attributes), train_identities, fold),
        out=out,
        seed=seed,
        device=device,
        crop=crop,
        start=begun,
        about=about or {},
    )


def _check_steps(config: TrainConfig, start: Path | None) -> None:
    if not config.steps and start is None:
        raise ConfigError(
            "steps must be above 0, got 0; 0 is for going on with other weights: --start WEIGHTS"
        )
    if 0 < config.steps < config.critic_steps:
        raise ConfigError(
            f"steps = {config.steps} never reaches the generator, which is updated in every"
            f" critic_steps = {config.critic_steps}th step; say --steps {config.critic_steps} or"
            " more, or lower critic_steps in the [train] table of --config"
        )


def _without_idle_estimator(recipe: Recipe, network: Network, start: Path | None) -> Recipe:
    """Leave out an estimator that nothing trains or trained: it would estimate at random."""
    before = {} if start is None else load_card(start).network
    learns = recipe.train.estimator_steps > 0 or before.get("estimator", False)
    if network.estimator is None or learns:
        return recipe
    return replace(recipe, network={**recipe.network, "estimator": False})


def _check_weights(config: TrainConfig, network: Network, name: str) -> None:
    known = sorted(network.LOSSES)
    for term in config.weights:
        if term not in known:
            raise ConfigError(f"{name} has no loss {term!r} to weigh; {did_you_mean(term, known)}")


def _people(labelled: FaceSet, train_identities: str | None, fold: str | None) -> tuple[str, ...]:
    if fold is not None:
        return fold_identities(labelled, fold)
    if train_identities is not None:
        return first_identities(labelled, train_identities)
    return labelled.identities


def _begun(
    start: str | None,
    architecture_name: str,
    faces: FaceSet,
    attributes: tuple[str, ...],
    *,
    new_wishes: bool,
) -> tuple[Path | None, FaceSet]:
    """Find the weights to begin with, if any, and settle what the faces can be wished as."""
    if start is None:
        if new_wishes:
            raise ConfigError("--new-wishes says how other weights are gone on with; add --start")
        return None, faces
    path, card = _start(start, architecture_name)
    if not new_wishes:
        return path, _wishes_of(card, start, faces, attributes)
    _check_codes(architecture_name)
    return path, faces


def _start(given: str, architecture_name: str) -> tuple[Path, Card]:
    """Find the weights to begin with."""
    path = find_weights(given)
    card = load_card(path)
    if card.architecture != architecture_name:
        raise WeightsError(
            f"Training cannot start with {given}: it is {card.architecture}, not"
            f" {architecture_name}"
        )
    return path, card


def _wishes_of(card: Card, given: str, faces: FaceSet, attributes: tuple[str, ...]) -> FaceSet:
    """Give faces the wishes of the weights to begin with, of which they may show a part."""
    space = faces.space.only(attributes)
    if card.space.names != space.names:
        raise WeightsError(
            f"Training cannot start with {given}: it draws {', '.join(card.space.names)}, not"
            f" {', '.join(space.names)}; name the same with --attribute, in this order, or add"
            " --new-wishes: what the weights do not know begins anew"
        )
    for ours, theirs in zip(space.attributes, card.space.attributes, strict=True):
        for value in ours.values:
            if not theirs.knows(value):
                raise WeightsError(
                    f"Training cannot start with {given}: it knows no {ours.name} {value!r};"
                    f" {did_you_mean(value, theirs.values)}. A protocol with [names] gives values"
                    " other names: `mindseye train --protocol FILE`. Or add --new-wishes: what the"
                    " weights do not know begins anew"
                )
    return replace(faces, space=card.space)


def _check_codes(architecture_name: str) -> None:
    if not architecture(architecture_name).network.CODE_SIDES:
        can = [one for one in ARCHITECTURES if architecture(one).network.CODE_SIDES]
        raise ConfigError(
            f"{architecture_name} cannot go on with other wishes; {' and '.join(can)} can. Train it"
            " without --start"
        )


def _check_name(out: Path) -> None:
    if not NAME.fullmatch(out.resolve().name):
        raise ConfigError(
            f"--out {out} names the weights {out.resolve().name!r}; a name has only letters,"
            " digits, '.', '_' and '-', at most 64. Choose another folder"
        )
