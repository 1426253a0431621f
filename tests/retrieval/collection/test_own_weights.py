from dataclasses import replace
from pathlib import Path

import pytest

from gallery.errors import WeightsError
from generator.checkpoint import load_weights, save_weights
from generator.weights_file import load_card, save_card
from retrieval.collection.own_weights import copy_card, copy_weights


def test_weights_that_changed_since_they_were_loaded_are_refused(
    tmp_path: Path, pose_weights: Path
) -> None:
    network, card = load_weights(pose_weights)
    source = tmp_path / "weights.safetensors"
    first = save_weights(source, network, card).sha256
    next(network.parameters()).data += 1
    save_weights(source, network, card)
    target = tmp_path / "copy.safetensors"
    with pytest.raises(
        WeightsError, match=f"{source} has changed while it was in use; build again"
    ):
        copy_weights(source, target, first)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "weights.json",
        "weights.safetensors",
    ]


def test_a_card_is_copied_where_it_says_something_else(tmp_path: Path, pose_weights: Path) -> None:
    network, card = load_weights(pose_weights)
    source, target = tmp_path / "weights.safetensors", tmp_path / "copy.safetensors"
    copy_weights(source, target, save_weights(source, network, card).sha256)
    before = target.with_suffix(".json").stat()
    copy_card(source, target)
    assert target.with_suffix(".json").stat().st_ino == before.st_ino  # nothing was written
    save_card(source, replace(load_card(source), notes="fitted anew"))
    copy_card(source, target)
    assert load_card(target).notes == "fitted anew"
