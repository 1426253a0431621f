"""The images that weights were trained on, and whether they are those of the card."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gallery.pixels import align_all, align_each
from gallery.readers.registry import open_faces
from generator.training.held_out import data_sha256
from generator.weights_file import load_card
from retrieval.evaluation.fold import fold
from retrieval.evaluation.fold.fold import Training, read_training
from retrieval.evaluation.fold.vector_store import open_store
from retrieval.evaluation.protocol.files import find_protocol


def finished(steps: Iterator[Any]) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


@pytest.mark.parametrize(
    ("trained", "aside", "same"),
    [(("p1", "p2"), (), True), (("p1",), ("p2",), True), (("p1",), (), False)],
    ids=["everybody", "one set aside", "other images"],
)
def test_training_images_are_compared_without_people_set_aside(
    make_weights: Callable[..., Path],
    faces_spec: str,
    tmp_path: Path,
    trained: tuple[str, ...],
    aside: tuple[str, ...],
    same: bool,
) -> None:
    faces = open_faces(faces_spec)
    card = load_card(make_weights("two", trained_on=("p1", "p2")))
    aligned = align_all(list(align_each(faces.of(trained), card.aligner)), faces_spec)
    data: dict[str, Any] = {"sha256": data_sha256(aligned)}
    if aside:
        data["validation"] = list(aside)
    with open_store(tmp_path) as store:
        found: Training = finished(read_training(faces, replace(card, data=data), store, 0))
    assert found.is_same == same
    assert {face.identity for face in found.aligned.faces} == {"p1", "p2"}  # rivals learn from all


def test_images_of_values_that_the_weights_do_not_know_teach_rivals_nothing(
    make_weights: Callable[..., Path], faces_spec: str, tmp_path: Path
) -> None:
    faces = open_faces(faces_spec)
    card = load_card(make_weights("two", trained_on=("p1", "p2")))
    first = card.space["pose"].values[0]
    named = {value: "up" if value == first else value for value in faces.space["pose"].values}
    with open_store(tmp_path) as store:
        found: Training = finished(read_training(faces.renamed({"pose": named}), card, store, 0))
    shown = {face.condition["pose"] for face in found.aligned.faces}
    assert shown == set(card.space["pose"].values[1:])
    assert not found.is_same


def test_people_on_a_card_are_not_tested_on_in_another_spelling_of_their_names(
    make_weights: Callable[..., Path], faces_dir: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(faces_dir, tmp_path / "faces"))
    labels = (folder / "labels.csv").read_text("utf-8")
    (folder / "labels.csv").write_text(labels.replace(",p1,", ",Jose\u0301,"), "utf-8")
    faces = open_faces(f"folder:{folder}")
    assert "Jose\u0301" in faces.identities
    card = load_card(make_weights("spelt", trained_on=("Jos\u00e9", "p2")))
    protocol = replace(find_protocol(None, faces.spec), gallery={}, train_identities="")
    assert set(fold.tested_faces(faces, card, protocol).identities) == {"p3", "p4", "p5"}
    other = replace(card, name="other", train_identities=("p3", "p4", "p5"))
    fold.check_together(faces, [card, other], protocol)
