"""The students that ship: small, of people that nothing is tested on, and near their teachers."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gallery.pixels import cut
from gallery.readers.registry import open_faces
from generator.canonical import Rule, canonicalise
from generator.engine import Engine
from generator.student.network import count_flop
from generator.student.seeing import student_path
from generator.student.student import build_network
from generator.student.views import seen_views
from generator.weights_file import load_card, packaged_weights

TAUGHT = [name for name, path in packaged_weights().items() if load_card(path).student]
HELD_OUT = Path(__file__).parents[3] / "experiments" / "photographs" / "held_out.txt"


def test_the_best_weights_have_a_student() -> None:
    assert "pose-mindseye-60" in TAUGHT
    assert not any(name.endswith(".student") for name in packaged_weights())


@pytest.mark.parametrize("name", TAUGHT)
def test_it_is_small_and_cheap_as_its_card_says(name: str) -> None:
    path = packaged_weights()[name]
    card = load_card(path)
    size, told = student_path(path).stat().st_size, card.student
    assert size == told["size"]["bytes"] <= 4_000_000
    network = build_network(card, told["dimension"], told["network"])
    flop = count_flop(network, card.aligner.size, card.aligner.channels)
    assert flop / 1e9 == pytest.approx(told["size"]["gflop"], abs=1e-4)
    assert flop <= 0.15e9


@pytest.mark.parametrize("name", TAUGHT)
def test_it_has_learnt_from_nobody_that_is_tested_on(name: str) -> None:
    people = set(load_card(packaged_weights()[name]).student["learnt_from"]["people"])
    assert not people & set(open_faces("studio-mini").identities)
    assert not people & set(open_faces("photographs-mini").identities)
    assert not people & set(load_card(packaged_weights()[name]).data["validation"])
    if HELD_OUT.is_file():
        assert not people & set(HELD_OUT.read_text("utf-8").split())
    assert not any(who.startswith("london") for who in people)


@pytest.mark.parametrize("name", TAUGHT)
def test_it_sees_strangers_nearly_as_its_teacher_draws_them(name: str) -> None:
    engine = Engine.open(packaged_weights()[name], torch.device("cpu"), precision=torch.float32)
    faces = open_faces("studio-mini")
    some = [cut(faces, face, engine.card.aligner) for face in faces.faces[::166]]
    pixels = np.stack(some)
    rule = Rule.of(engine.card)
    drawn = canonicalise(engine, pixels, rule)
    student = engine.student()
    seen = seen_views(student, student.look(pixels), rule, engine.card.space)
    assert (seen.embeddings * drawn.embeddings).sum(axis=1).mean() > 0.85
    alike = [a == b for a, b in zip(seen.estimates, drawn.estimates, strict=True)]
    assert np.mean(alike) > 0.9
