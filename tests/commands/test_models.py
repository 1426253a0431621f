"""Packaged weights, where none are named."""

import pytest

from commands.models import packaged_for
from gallery.readers.registry import open_faces
from generator.weights_file import load_card


def test_packaged_weights_are_chosen_and_named_pose_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    faces = open_faces("studio-mini")
    chosen = [load_card(path) for path in packaged_for(faces, [])]
    assert {card.space.names for card in chosen} == {("pose",), ("illumination",), ("accessory",)}
    assert chosen[0].space.names == ("pose",)
    names = ", ".join(card.name for card in chosen)
    assert capsys.readouterr().err == f"Weights: {names} (packaged)\n"


def test_no_more_are_taken_than_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    faces = open_faces("studio-mini")
    (path,) = packaged_for(faces, [], most=1)
    assert load_card(path).space.names == ("pose",)
    assert capsys.readouterr().err == f"Weights: {load_card(path).name} (packaged)\n"
