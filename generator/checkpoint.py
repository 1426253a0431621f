"""Weights and checkpoints on disk: .safetensors with JSON, never a pickle.

A set of weights is two files, NAME.safetensors and NAME.json (its card). A checkpoint is one
.safetensors file whose metadata hold what is no tensor. Files appear whole or not at all.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import shorten
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from gallery.errors import ConfigError, WeightsError
from gallery.files import file_sha256, replacing
from gallery.json_files import Origin, parse, spell
from generator.card import Card
from generator.networks.family import Network
from generator.networks.registry import architecture
from generator.weights_file import load_card, require_own, save_card

NO_CHECKPOINT = "is no training checkpoint"


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors with metadata in one step.

    Raises:
        OSError: The disk is full, or the folder cannot be written; an older file is left as it was.
    """
    plain = {name: value.detach().contiguous().cpu() for name, value in tensors.items()}
    try:
        with replacing(path) as temporary:
            temporary.touch()  # else the file would be readable by its owner alone
            save_file(plain, temporary, metadata=dict(metadata))
    except SafetensorError as error:
        raise OSError(f"cannot write {path}: {error}") from error


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read what `save_tensors` wrote.

    Raises:
        WeightsError: The file is missing or damaged.
    """
    try:
        with _in_utf8(path) as named:
            with safe_open(named, framework="pt") as file:
                metadata = file.metadata() or {}
            return load_file(named), metadata
    except FileNotFoundError as error:
        raise WeightsError(f"There is no file {path}") from error
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is damaged or no .safetensors file: {error}") from error


@contextmanager
def _in_utf8(path: Path) -> Iterator[Path]:
    """Yield a path that safetensors opens: it writes names that are not UTF-8, and reads none."""
    if not any("\ud800" <= sign <= "\udfff" for sign in str(path)):
        yield path
        return
    with TemporaryDirectory(prefix="mindseye-") as folder:
        link = Path(folder) / "weights.safetensors"
        link.symlink_to(path.absolute())
        yield link


def save_weights(path: Path, network: Network, card: Card) -> Card:
    """Write weights and card, PATH.safetensors and PATH.json, and return the card with its hash."""
    save_tensors(path, network.state_dict(), {"format": "pt"})
    card = replace(card, sha256=file_sha256(path))
    save_card(path, card)
    return card


def load_weights(path: Path) -> tuple[Network, Card]:
    """Read a set of weights, and check them against their card.

    Args:
        path: The .safetensors file; its card lies beside it.

    Raises:
        WeightsError: A file is missing or damaged, or card and weights do not belong together.
    """
    card = load_card(path)
    require_own(path, card)
    try:
        with torch.device("meta"):  # no numbers: a card may claim a network to be enormous
            network = architecture(card.architecture).build(card.space.size, card.network)
        _require_faces_of(network, card)
        tensors, expected = load_tensors(path)[0], network.state_dict()
        _require_like(tensors, expected)
        # Copied, as a file may change while it is used.
        copies = {name: tensors[name].to(like.dtype, copy=True) for name, like in expected.items()}
        network.load_state_dict(copies, assign=True)
    except (ConfigError, RuntimeError) as error:
        message = shorten(str(error), 200, placeholder=" …")
        raise WeightsError(
            f"{path} does not fit the architecture on its card: {message}"
        ) from error
    return network.eval(), card


def _require_faces_of(network: Network, card: Card) -> None:
    size, channels = card.aligner.size, card.aligner.channels
    if (size, channels) != (network.config.size, network.config.channels):
        raise ConfigError(f"it draws no faces of {size} x {size} pixels and {channels} channels")


def _require_like(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Refuse other tensors than expected, and numbers that are none."""
    for name in dict.fromkeys((*expected, *tensors)):
        if name not in tensors or name not in expected:
            where = "in the file" if name in tensors else "on the card"
            raise ConfigError(f"{name} is {where} alone")
        found, wanted = tensors[name], expected[name]
        if found.shape != wanted.shape or found.is_floating_point() != wanted.is_floating_point():
            shapes = f"{tuple(found.shape)}, expected {tuple(wanted.shape)}"
            raise ConfigError(f"{name} is {found.dtype} {shapes}")
        if not is_finite(found):
            raise ConfigError(f"{name} holds numbers that are not finite")


def is_finite(tensor: Tensor) -> bool:
    """Say whether all numbers are finite; a finite sum, which is faster, says so, too."""
    return bool(tensor.sum().isfinite()) or bool(tensor.isfinite().all())


def fuses(card: Card) -> bool:
    """Say whether the weights of a card draw one person from several images.

    Raises:
        ConfigError: The card's architecture is unknown, or its settings are.
    """
    with torch.device("meta"):  # the network's shape, without its numbers
        return architecture(card.architecture).build(card.space.size, card.network).fuses


def save_checkpoint(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write a training checkpoint: tensors, and a JSON object in the metadata."""
    save_tensors(path, tensors, {"state": spell(state)})


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_checkpoint` wrote.

    Raises:
        WeightsError: The file is missing or damaged.
    """
    tensors, metadata = load_tensors(path)
    origin = Origin(str(path), WeightsError, "Delete it to begin this training anew", NO_CHECKPOINT)
    state = parse(metadata.get("state", ""), origin)
    if not isinstance(state, dict):
        origin.refuse(f"its state is {state!r:.60}, expected an object")
    return tensors, state
