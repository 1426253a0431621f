"""A gallery whose canonical views a student sees: built, shown, added to, carried, checked."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import mindseye as front  # noqa: TID251  what users call
from gallery.attributes import Condition
from gallery.errors import ConfigError, IndexFileError, WeightsError
from gallery.portraits import portrait_aligner
from gallery.readers.registry import open_faces
from generator.canonical import Rule
from generator.engine import Engine
from generator.hypotheses import Hypotheses
from generator.student.distilling import DistillConfig
from generator.student.network import StudentConfig
from generator.student.run import DistillRequest, distil
from generator.student.seeing import student_path
from generator.weights_file import load_card, save_card
from index.loader import read_contract
from retrieval.collection.canonical_choice import choose_canonical
from retrieval.estimation import landmark_pose
from retrieval.estimation.pose_calibration import PoseCalibration, Yaws
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.fitting.agreement import agreement_text, measure_agreement
from retrieval.fitting.fit import FitOptions
from retrieval.scoring.canonical_views import gallery_views
from retrieval.scoring.hypotheses import rivals
from tests.retrieval.recognising import FUSION, tell_by_colours
from tests.retrieval.turning import Turning, yaws_in

CPU = torch.device("cpu")
SHAPE = StudentConfig(fine=4, middle=6, coarse=8, squeezed=4, hidden=12)
CONFIG = DistillConfig(steps=3, batch_size=6, each=3, precision="float32")
FITTED = {**FUSION, "recogniser": "colours 1"}
CLOSE = {"drawn": 0.9, "student": 0.9, "loss": 0.0, "upper": 0.009, "drawn_5": 1, "student_5": 1}
FAR = {**CLOSE, "student": 0.7, "loss": 0.2, "upper": 0.25}


@pytest.fixture(scope="module")
def weights(
    make_fitted_weights: Callable[..., Path],
    faces_spec: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Weights with a student that has learnt, a little, from p3; do not change."""
    path = make_fitted_weights("by-student-32", fusion=FITTED)
    engine = Engine.open(path, CPU, precision=torch.float32)
    request = DistillRequest(
        weights=path,
        sets=(open_faces(faces_spec).of(["p3"]),),
        out=tmp_path_factory.mktemp("run"),
        config=CONFIG,
        network=SHAPE,
    )
    list(distil(engine, request))
    return path


@pytest.fixture
def own(weights: Path, tmp_path: Path) -> Path:
    """A copy of them for a test's own."""
    folder = tmp_path / "own"
    shutil.copytree(weights.parent, folder)
    return folder / weights.name


def agreeing(path: Path, **found: dict[str, float]) -> Engine:
    """Write on a card what was measured of a score; open it."""
    told = {"bound": 0.01, "cosine": 0.9, "scores": found}
    card = load_card(path)
    student = {**card.student, "agreement": {"drawn people": told}}
    save_card(path, replace(card, student=student))
    return Engine.open(path, CPU, precision=torch.float32)


def built(out: Path, faces: str, weights: Path, **asked: Any) -> front.Gallery:
    gallery = front.open_gallery(out, create=True, device="cpu")
    gallery.add(faces, weights=weights, score="drawing", **asked)
    return gallery


def space_of(gallery: front.Gallery) -> Path:
    return gallery.path / "spaces" / "by-student-32"


def test_the_contract_names_the_student_and_so_does_the_gallery(
    weights: Path, faces_spec: str, tmp_path: Path
) -> None:
    with built(tmp_path / "seen", faces_spec, weights, canonical="student") as gallery:
        rule = Rule.parse(read_contract(space_of(gallery)).canonicalisation)
        assert load_card(weights).student["sha256"].startswith(rule.student)
        assert len(rule.student) == 16
        (space,) = gallery.show()["spaces"]
        assert space["canonical"] == f"student {rule.student}"
        assert f"canonical views by the student {rule.student}" in str(gallery.show())
        assert len(gallery.search(tmp_path_of(faces_spec), {"pose": 45}, k=3)) == 3


def tmp_path_of(spec: str) -> Path:
    return Path(spec.partition(":")[2]) / "p1-0-left.png"


def test_what_is_stored_is_what_the_student_sees(
    weights: Path, faces_spec: str, tmp_path: Path
) -> None:
    engine = Engine.open(weights, CPU, precision=torch.float32)
    with built(tmp_path / "seen", faces_spec, weights, canonical="student") as gallery:
        stored = np.load(next((space_of(gallery) / "embeddings").glob("000001.npy")))
    assert stored.shape == (30, 20)
    student, faces = engine.student(), open_faces(faces_spec)
    first = engine.card.aligner.align(faces.load(faces.faces[0]))[None]
    glance = student.look(first)
    code = np.eye(3, dtype=np.float32)[glance.log_p.argmax(axis=1)]
    np.testing.assert_allclose(student.embed(glance, code[:, None])[:, 0], stored[:1], atol=2e-2)


def test_what_was_found_is_redrawn_when_asked(
    weights: Path, faces_spec: str, tmp_path: Path
) -> None:
    with built(tmp_path / "seen", faces_spec, weights, canonical="student") as gallery:
        answer = gallery.search(tmp_path_of(faces_spec), {"pose": 45}, k=2)
        answer.explain().write(tmp_path / "plain")
        answer.explain(redraw=True).write(tmp_path / "redrawn")
    again = [f"hit {rank} redrawn.png" for rank in (1, 2)]
    assert not any((tmp_path / "plain" / "drawings" / name).exists() for name in again)
    engine = Engine.open(weights, CPU, precision=torch.float32)
    hit = next(iter(answer))
    with Image.open(hit.path) as found:
        source = engine.card.aligner.align(found)[None]
    code = engine.card.space.one_hot(Condition(hit.estimate))[None]
    drawn = engine.draw(source, code).refined[0]
    with Image.open(tmp_path / "redrawn" / "drawings" / again[0]) as picture:
        shown = np.asarray(picture.convert("L"))
    assert np.abs(shown - drawn[..., 0]).mean() < 3
    heights = []
    for name in ("plain", "redrawn"):
        with Image.open(tmp_path / name / "sheet.png") as sheet:
            heights.append(sheet.height)
    assert heights[1] > heights[0]


def test_workers_see_with_the_same_student(weights: Path, faces_spec: str, tmp_path: Path) -> None:
    vectors = []
    for name, asked in (("one", {}), ("two", {"workers": 1})):
        with built(tmp_path / name, faces_spec, weights, canonical="student", **asked) as gallery:
            vectors.append(np.load(next((space_of(gallery) / "embeddings").glob("000001.npy"))))
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-5)


def test_drawn_is_the_default_and_its_contract_says_nothing_of_students(
    weights: Path, faces_spec: str, tmp_path: Path
) -> None:
    with built(tmp_path / "drawn", faces_spec, weights) as gallery:
        assert read_contract(space_of(gallery)).canonicalisation == "estimator"
        assert not student_path(space_of(gallery) / "weights.safetensors").exists()
        assert gallery.show()["spaces"][0]["canonical"] == "drawn"


def test_adding_goes_on_with_the_spaces_own_student(
    weights: Path, faces_dir: Path, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    shutil.copy(faces_dir / "p1-0-left.png", photos)
    with built(tmp_path / "seen", f"folder:{photos}", weights, canonical="student") as gallery:
        shutil.copy(faces_dir / "p2-0-left.png", photos)
        (added,) = gallery.add(f"folder:{photos}", spaces=gallery.spaces)
        assert (added.indexed, added.known) == (1, 1)
        shutil.copy(faces_dir / "p3-0-left.png", photos)
        with pytest.raises(IndexFileError, match="made under another contract|differ"):
            gallery.add(f"folder:{photos}", weights=weights, canonical="drawn")


def test_another_student_does_not_go_on_with_a_space(
    own: Path, faces_spec: str, tmp_path: Path
) -> None:
    with built(tmp_path / "seen", faces_spec, own, canonical="student") as gallery:
        card = load_card(own)
        save_card(own, replace(card, student={**card.student, "sha256": "0" * 64}))
        with pytest.raises(IndexFileError, match="was built by the student"):
            gallery.add(faces_spec, weights=own)
        gallery.add(faces_spec, spaces=gallery.spaces)  # its own is still there


def test_a_gallery_carries_its_student_and_misses_it(
    weights: Path, faces_spec: str, tmp_path: Path
) -> None:
    with built(tmp_path / "seen", faces_spec, weights, canonical="student") as gallery:
        gallery.export(tmp_path / "carried.tar")
    with front.import_gallery(tmp_path / "carried.tar", tmp_path / "there") as carried:
        theirs = student_path(space_of(carried) / "weights.safetensors")
        assert theirs.read_bytes() == student_path(weights).read_bytes()
        assert carried.verify()["ok"]
        theirs.unlink()
        assert "is missing, or not the student" in str(carried.verify())
        carried.add(faces_spec, weights=weights)  # puts it back
        assert carried.verify()["ok"]


def test_second_hypotheses_are_seen_too(weights: Path, faces_spec: str) -> None:
    engine = Engine.open(weights, CPU, precision=torch.float32)
    faces = open_faces(faces_spec)
    pixels = np.stack([engine.card.aligner.align(faces.load(one)) for one in faces.faces[:4]])
    rule = Rule("estimator", student=load_card(weights).student["sha256"][:16])
    views = gallery_views(engine, pixels, None, rule, None, estimating=True)
    assert views.log_p is not None
    found = rivals(views.log_p, views.estimates, engine.card.space)
    second = views.seconds(found, Hypotheses(np.inf))
    codes = np.stack([engine.card.space.one_hot(one) for one in second.conditions])
    student = engine.student()
    expected = student.embed(student.look(pixels), codes[:, None])[:, 0]
    np.testing.assert_allclose(second.embeddings, expected, atol=1e-6)
    assert views.seconds(found, Hypotheses()).embeddings.shape == (0, 20)


@pytest.mark.parametrize(
    ("score", "found", "takes", "says"),
    [
        ("drawing", {"drawing": CLOSE}, True, "loses 0.9 points of C2 R@1 at most"),
        ("drawing", {"drawing": FAR}, False, "loses 20.0 points of C2 R@1, up to 25.0"),
        ("fused", {"drawing": CLOSE}, False, "on drawn people nobody measured the score fused"),
        ("fused", {"drawing": FAR, "fused": CLOSE}, True, "by the student of by-student-32"),
    ],
)
def test_auto_takes_the_student_where_it_loses_little(
    own: Path, score: str, found: dict[str, Any], takes: bool, says: str
) -> None:
    choice = choose_canonical("auto", None, agreeing(own, **found), score)
    assert bool(choice.student) == takes
    assert says in choice.why


def test_auto_asks_what_was_measured_on_faces_of_the_gallerys_kind(own: Path) -> None:
    engine = agreeing(own, fused=CLOSE)
    (told,) = engine.card.student["agreement"].values()
    kinds = {
        "drawn people": {**told, "profile": "drawn faces"},
        "lifted people": {**told, "profile": "photographs", "scores": {"fused": FAR}},
    }
    student = {**engine.card.student, "agreement": kinds}

    def chosen(profile: str) -> str:
        card = replace(engine.card, student=student, profile=profile)
        return choose_canonical("auto", None, engine.with_card(card), "fused").why

    assert chosen("drawn faces").startswith("by the student")
    assert chosen("photographs").startswith("drawn, as on lifted people the student loses 20.0")
    assert chosen("sketches").startswith("drawn, as on lifted people")  # of these nothing is known


def test_auto_draws_where_nobody_measured_or_there_is_none(
    weights: Path, pose_weights: Path
) -> None:
    engine = Engine.open(weights, CPU, precision=torch.float32)
    unmeasured = choose_canonical("auto", None, engine, "drawing")
    assert unmeasured.student == ""
    assert "nobody measured" in unmeasured.why
    alone = Engine.open(pose_weights, CPU, precision=torch.float32)
    assert "pose-32 has no student" in choose_canonical("auto", None, alone, "drawing").why
    with pytest.raises(WeightsError, match="pose-32 has no student"):
        choose_canonical("student", None, alone, "drawing")
    with pytest.raises(ConfigError, match="--canonical cannot be 'painted'"):
        choose_canonical("painted", None, alone, "drawing")


def test_poses_of_a_drawn_gallery_ask_the_student_too(
    own: Path, faces_spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell_by_colours(monkeypatch)
    monkeypatch.setattr(landmark_pose, "opened_mesh", Turning)
    card = load_card(own)
    seer = card.student["sha256"][:16]
    asking = PoseCalibration(spread=9.0, student=0.5, seer=seer, mesh=Turning.fingerprint)
    save_card(own, replace(card, landmarks=asking.to_json()))
    with front.open_gallery(tmp_path / "asked", create=True, device="cpu") as gallery:
        gallery.add(faces_spec, weights=own, score="drawing+values")
        rule = Rule.parse(read_contract(space_of(gallery)).canonicalisation)
        assert (rule.student, rule.asks_student) == ("", seer)
        assert student_path(space_of(gallery) / "weights.safetensors").is_file()
        assert gallery.verify()["ok"]
        assert len(gallery.search(tmp_path_of(faces_spec), {"pose": 45}, k=3)) == 3
    engine, faces = Engine.open(own, CPU, precision=torch.float32), open_faces(faces_spec)
    aligner = engine.card.aligner
    photos = [faces.load(face) for face in faces.faces[:4]]
    pixels = np.stack([aligner.align(photo) for photo in photos])
    portraits = np.stack([portrait_aligner(aligner).align(photo) for photo in photos])
    pose = landmark_pose.for_card(engine.card)
    assert pose is not None
    found = landmark_pose.log_p_of(engine, pose, pixels, portraits)
    assert found is not None
    said = engine.student().look(pixels).log_p
    turns = Yaws(yaws_in(portraits), np.ones(4))
    expected = asking.combined(turns, engine.log_probabilities(pixels), (-45, 0, 45), said)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    other = replace(engine.card, student={**engine.card.student, "sha256": "0" * 64})
    assert landmark_pose.for_card(other) is None
    assert "fitted with another student" in landmark_pose.why_not(other)


def test_a_rule_by_a_student_is_read_as_it_is_spelt() -> None:
    rule = Rule(
        "expected",
        hypotheses=Hypotheses(1.5),
        landmarks="pose by landmarks 1",
        student="0123456789abcdef",
    )
    spelt = "expected; hypotheses 2 within 1.5; by student 0123456789abcdef; pose by landmarks 1"
    assert str(rule) == spelt
    assert Rule.parse(spelt) == rule


def finished(steps: Iterator[Any]) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_agreement_compares_both_on_people_that_neither_knows(
    weights: Path, faces_spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell_by_colours(monkeypatch)
    engine = Engine.open(weights, CPU, precision=torch.float32)
    options = FitOptions(cache=tmp_path, protocol=Protocol(queries=24))
    steps = measure_agreement(engine, open_faces(faces_spec), options, kind="blobs", bound=0.02)
    found = finished(steps)
    told = found.card.student["agreement"]["blobs"]
    assert told == found.told
    assert told["people"] == 2  # p4 and p5: the weights have seen p1 and p2, the student p3
    assert told["bound"] == 0.02
    assert -1 <= told["cosine"] <= 1
    assert set(told["scores"]) == {"drawing", "fused"}
    for loss in told["scores"].values():
        assert loss["loss"] == pytest.approx(loss["drawn"] - loss["student"], abs=2e-5)
        assert loss["upper"] >= loss["loss"] - 1e-9
    text = "\n".join(agreement_text(found.card))
    assert "has learnt from 1 people" in text
    assert "blobs: 2 people, 24 queries" in text


def test_a_student_that_knows_all_people_cannot_be_measured(
    weights: Path, faces_spec: str, tmp_path: Path
) -> None:
    engine = Engine.open(weights, CPU, precision=torch.float32)
    faces = open_faces(faces_spec).of(["p3", "p4"])
    options = FitOptions(cache=tmp_path, protocol=Protocol(queries=10))
    with pytest.raises(ConfigError, match="has learnt from the people of"):
        finished(measure_agreement(engine, faces, options, kind="blobs", bound=0.01))
