"""Where weights come from: what a training takes from others, and what its card says of that."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gallery.attributes import Attribute, AttributeSpace, as_number
from gallery.errors import WeightsError
from gallery.pixels import Aligned
from gallery.spelling import composed
from generator.card import Card
from generator.checkpoint import load_weights
from generator.networks.family import Network
from generator.runs.request import TrainRequest
from generator.training.data import TrainingData
from generator.weights_file import load_card

NEW = -1  # the place of a value that the weights do not know


def begin_with(
    start: Path, network: Network, space: AttributeSpace
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Copy what two networks share, and return the normalisation of the first.

    The attribute branch may be a table in one of them alone; then it begins anew, which only
    stage 1 can put right. If the wishes are others, layers that read or tell codes keep what they
    know of the values that stay (`_retold`).

    Args:
        start: The .safetensors file of the weights to begin with.
        network: The network of this training; it is changed.
        space: What can be wished for in this training.

    Raises:
        WeightsError: They are missing or damaged, or their network lacks a part of this one.
    """
    trained, card = load_weights(start)
    theirs, ours = trained.state_dict(), network.state_dict()
    if card.space != space:
        theirs = _retold(theirs, network.CODE_SIDES, _places(card.space, space))
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


def _retold(
    layers: Mapping[str, Tensor], sides: Mapping[str, int], places: Tensor
) -> dict[str, Tensor]:
    """Return layers for another code.

    What belongs to a new value is 0: at first the network draws as if nobody had wished for it, and
    its estimator finds it as likely as any.

    Args:
        layers: By name.
        sides: Which side of a layer is the code, by its name.
        places: Place of each value of the new code in the old one, or NEW; (A,).
    """
    told = dict(layers)
    for name in sides.keys() & layers.keys():
        rows = layers[name].movedim(sides[name], 0)
        kept = rows[places.clamp(min=0)]
        kept[places == NEW] = 0
        told[name] = kept.movedim(0, sides[name]).contiguous()
    return told


def _places(known: AttributeSpace, space: AttributeSpace) -> Tensor:
    """Return where another space has each value, or NEW; see `_retold`."""
    first, starts = 0, {}
    for attribute in known:
        starts[attribute.name] = first
        first += len(attribute.values)
    places = []
    for attribute in space:
        start = starts.get(attribute.name)
        for value in attribute.values:
            at = NEW if start is None else _place(known[attribute.name], value)
            places.append(NEW if start is None or at == NEW else start + at)
    return torch.tensor(places)


def _place(known: Attribute, value: str) -> int:
    """Return the place of a value, of a number that is new that of the nearest; or NEW."""
    if known.knows(value):
        return known.index(value)
    number = as_number(value) if known.unit is not None else None
    return NEW if number is None else known.index(known.nearest(number)[0])


def begun_card(
    request: TrainRequest,
    network: Network,
    data: TrainingData,
    known: Aligned,
    validation: Aligned | None,
    sha256: str,
) -> Card:
    """Return the card of weights under way: all but what is measured at the end.

    Args:
        request: What is trained.
        network: The weights.
        data: What they learn from.
        known: The images of that.
        validation: Images of people set aside for choices.
        sha256: SHA-256 of `known` (generator/training/held_out.py).
    """
    faces = known.faces + (validation.faces if validation else ())
    shown = {face.identity for face in faces if face.identity is not None}
    return Card(
        name=request.out.resolve().name,
        architecture=request.architecture,
        network=network.config.settings(),
        space=request.faces.space.only(request.attributes),
        aligner=request.aligner(),
        mean=tuple(data.mean.flatten().tolist()),
        deviation=tuple(data.deviation.flatten().tolist()),
        train_identities=_seen_before(request)
        + tuple(who for who in request.train_identities if who in shown),
        data={
            "spec": request.faces.spec,
            "images": len(known.faces),
            "pairs": len(data),
            "sha256": sha256,
            **_only_chosen_with(request, validation),
        },
        recipe={
            "name": request.recipe.name,
            **request.recipe.train.to_json(),
            **({"measured": dict(request.measured)} if request.measured else {}),
        },
        seed=request.seed,
    )


def rule_before(request: TrainRequest) -> dict[str, Any]:
    """Return the rule of canonicalisation of the weights to begin with, for the card."""
    if request.start is None:
        return {}
    before = load_card(request.start).canonicalisation  # how often it was right is of other images
    return {name: before[name] for name in ("rule", "temperature") if name in before}


def _seen_before(request: TrainRequest) -> tuple[str, ...]:
    """People that the weights to begin with have seen, besides those of this training."""
    if request.start is None:
        return ()
    before = load_card(request.start).train_identities
    now = set(map(composed, request.train_identities))
    return tuple(who for who in before if composed(who) not in now)


def _only_chosen_with(request: TrainRequest, validation: Aligned | None) -> dict[str, list[str]]:
    """People set aside whom the weights to begin with were not trained on either, for the card."""
    if validation is None:
        return {}
    trained: set[str] = set()
    if request.start is not None:
        before = load_card(request.start)
        aside_before = set(map(composed, before.data.get("validation", ())))
        trained = set(map(composed, before.train_identities)) - aside_before
    people = dict.fromkeys(face.identity for face in validation.faces)
    aside = [who for who in people if who is not None and composed(who) not in trained]
    return {"validation": aside} if aside else {}
