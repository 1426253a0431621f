"""A student learns to say what its teacher draws, and goes on where it was stopped."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gallery.errors import ConfigError, WeightsError
from gallery.pixels import align_all, align_each
from gallery.readers.registry import open_faces
from generator.canonical import ESTIMATOR, EXPECTED, CanonicalViews, Rule, canonicalise
from generator.card import Card
from generator.engine import Engine
from generator.student.distilling import DistillConfig, Distiller
from generator.student.lessons import Lessons, teach
from generator.student.network import StudentConfig
from generator.student.run import CHECKPOINT, DistillRequest, distil
from generator.student.seeing import student_path
from generator.student.student import TorchStudent, build_network
from generator.student.views import SeenViews, seen_views
from generator.weights_file import load_card

CPU = torch.device("cpu")
SHAPE = StudentConfig(fine=8, middle=12, coarse=16, squeezed=8, hidden=24)
CONFIG = DistillConfig(steps=60, batch_size=15, each=5, precision="float32", noise=0.5)


def taught(weights: Path, spec: str, out: Path, config: DistillConfig = CONFIG) -> Card:
    engine = Engine.open(weights, CPU, precision=torch.float32)
    request = DistillRequest(
        weights=weights, sets=(open_faces(spec),), out=out, config=config, network=SHAPE
    )
    steps = distil(engine, request)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            card: Card = end.value
            return card


@pytest.fixture(scope="module")
def weights(
    make_fitted_weights: Callable[..., Path],
    faces_spec: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Weights whose student has learnt from all of the tiny gallery."""
    path = make_fitted_weights("taught-32")
    card = taught(path, faces_spec, tmp_path_factory.mktemp("run"))
    assert load_card(path) == card
    return path


def test_the_card_says_who_taught_what(weights: Path, faces_spec: str) -> None:
    told = load_card(weights).student
    assert told["learnt_from"]["people"] == ["p1", "p2", "p3", "p4", "p5"]
    assert told["learnt_from"]["spec"] == faces_spec
    assert told["size"]["bytes"] == student_path(weights).stat().st_size
    assert set(load_card(weights).seen) >= {"p3", "p4", "p5"}  # the weights have seen p1 and p2


@pytest.mark.parametrize("kind", [ESTIMATOR, EXPECTED])
def test_its_views_come_close_to_those_that_are_drawn(
    weights: Path, faces_spec: str, kind: str
) -> None:
    engine = Engine.open(weights, CPU, precision=torch.float32)
    faces = open_faces(faces_spec)
    pixels = align_all(list(align_each(faces, engine.card.aligner)), faces.spec).pixels
    rule = Rule(kind)  # type: ignore[arg-type]
    drawn = canonicalise(engine, pixels, rule)
    student = engine.student()
    seen = seen_views(student, student.look(pixels), rule, engine.card.space)
    untrained = build_network(engine.card, engine.dimension, SHAPE.to_json())
    nothing = TorchStudent(untrained, engine.card, "", torch.float32)
    before = seen_views(nothing, nothing.look(pixels), rule, engine.card.space)
    assert _cosine(seen, drawn) > 0.7
    assert _cosine(before, drawn) < 0.5
    assert _away(seen, drawn) < _away(before, drawn)


def _away(seen: SeenViews, drawn: CanonicalViews) -> float:
    return float(np.abs(np.log1p(seen.errors) - np.log1p(drawn.errors)).mean())


def _cosine(seen: SeenViews, drawn: CanonicalViews) -> float:
    return float((seen.embeddings * drawn.embeddings).sum(axis=1).mean())


def test_a_run_that_was_stopped_ends_as_one_that_was_not(
    make_fitted_weights: Callable[..., Path], faces_spec: str, tmp_path: Path
) -> None:
    path = make_fitted_weights("stopped-32")
    engine = Engine.open(path, CPU, precision=torch.float32)
    list(teach(engine, open_faces(faces_spec), tmp_path / "lessons"))
    lessons = Lessons.read([tmp_path / "lessons"])

    def fresh() -> Distiller:
        torch.manual_seed(0)
        network = build_network(engine.card, engine.dimension, SHAPE.to_json())
        return Distiller(network, lessons, engine.card, replace(CONFIG, steps=6))

    whole, stopped = fresh(), fresh()
    list(whole.steps())
    for step in stopped.steps():
        if step.number == 3:
            stopped.save(tmp_path / "checkpoint.safetensors")
            break
    resumed = fresh()
    resumed.restore(tmp_path / "checkpoint.safetensors")
    assert [step.number for step in resumed.steps()] == [4, 5, 6]
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


def test_other_settings_do_not_go_on_with_a_checkpoint(
    make_fitted_weights: Callable[..., Path], faces_spec: str, tmp_path: Path
) -> None:
    path = make_fitted_weights("other-32")
    taught(path, faces_spec, tmp_path, replace(CONFIG, steps=2))
    assert (tmp_path / CHECKPOINT).is_file()
    with pytest.raises(ConfigError, match="made with other settings"):
        taught(path, faces_spec, tmp_path, replace(CONFIG, steps=3))


def test_a_student_of_other_people_does_not_go_on_with_a_checkpoint(
    make_fitted_weights: Callable[..., Path], faces_spec: str, tmp_path: Path
) -> None:
    engine = Engine.open(make_fitted_weights("people-32"), CPU, precision=torch.float32)
    faces, kept = open_faces(faces_spec), tmp_path / CHECKPOINT

    def fresh(name: str, people: tuple[str, ...]) -> Distiller:
        list(teach(engine, faces.of(people), tmp_path / name))
        network = build_network(engine.card, engine.dimension, SHAPE.to_json())
        return Distiller(network, Lessons.read([tmp_path / name]), engine.card, CONFIG)

    fresh("all", ("p1", "p2", "p3")).save(kept)
    fresh("all", ("p1", "p2", "p3")).restore(kept)
    with pytest.raises(ConfigError, match="learnt from other images; name the same sets again"):
        fresh("some", ("p1", "p2")).restore(kept)  # its card would not say that it has seen p3


def test_packaged_people_are_not_learnt_from(
    make_fitted_weights: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="studio-mini is kept for testing"):
        taught(make_fitted_weights("kept-32"), "studio-mini", tmp_path)


def test_weights_without_a_student_say_how_to_make_one(
    make_fitted_weights: Callable[..., Path],
) -> None:
    engine = Engine.open(make_fitted_weights("alone-32"), CPU, precision=torch.float32)
    with pytest.raises(WeightsError, match="alone-32 has no student; make one"):
        engine.student()


def test_another_file_than_the_card_describes_is_refused(weights: Path, tmp_path: Path) -> None:
    for path in (weights, weights.with_suffix(".json"), student_path(weights)):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    copy = tmp_path / weights.name
    content = bytearray(student_path(copy).read_bytes())
    content[-1] ^= 1
    student_path(copy).write_bytes(content)
    with pytest.raises(WeightsError, match="is not the student that the card"):
        Engine.open(copy, CPU).student()
    student_path(copy).unlink()
    with pytest.raises(WeightsError, match="copy it beside the weights"):
        Engine.open(copy, CPU).student()
