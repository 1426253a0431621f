"""Poses by landmarks, end to end: spaces, queries, the benchmark, all by one estimate."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gallery.errors import IndexFileError, WeightsError
from gallery.images import load
from gallery.portraits import NARROW, WIDE, portrait_aligner
from gallery.readers.registry import open_faces
from gallery.third_party import MissingPackageError
from generator.canonical import Rule
from generator.card import Card
from generator.drawer import Drawer
from generator.engine import Engine
from generator.weights_file import load_card
from retrieval.api.generator import Generator
from retrieval.collection.build import build
from retrieval.collection.collection import Collection
from retrieval.collection.show import describe, to_text
from retrieval.estimation import landmark_pose
from retrieval.estimation.landmark_pose import estimate_of, for_card, why_not, yaws_of
from retrieval.estimation.pose_calibration import PoseCalibration, Yaws
from retrieval.evaluation.benchmark import BenchmarkOptions, run
from retrieval.evaluation.outputs.words import asked
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.records import Record
from retrieval.evaluation.statistics.summary import score_all, summarise
from retrieval.search.explain import explain
from retrieval.search.searcher import Searcher, open_searcher
from tests.retrieval.recognising import FUSION, tell_by_colours
from tests.retrieval.turning import Nobody, Turning, yaws_in

CPU = torch.device("cpu")
CALIBRATION = PoseCalibration(spread=6.0, network=0.3, mesh=Turning.fingerprint)
LANDMARKS: dict[str, Any] = {
    **CALIBRATION.to_json(),
    "measured": {"right": 0.9, "sure": 1.0},
    "fitted_on": {"people": ["p5"], "spec": "folder:faces", "images": 6},
}


@pytest.fixture(autouse=True)
def turning(monkeypatch: pytest.MonkeyPatch) -> None:
    tell_by_colours(monkeypatch)
    monkeypatch.setattr(landmark_pose, "opened_mesh", Turning)


@pytest.fixture
def weights(make_fitted_weights: Callable[..., Path]) -> Path:
    return make_fitted_weights("turned-32", ("pose", "light"), fusion=FUSION, landmarks=LANDMARKS)


@pytest.fixture
def built(weights: Path, faces_spec: str, tmp_path: Path) -> Iterator[Collection]:
    collection = Collection.open_or_create(tmp_path / "turned")
    index(collection, faces_spec, weights)
    yield collection
    collection.close()


def index(collection: Collection, spec: str, weights: Path, **options: Any) -> int:
    with collection.writing():
        engine = Engine.open(weights, CPU)
        return list(build(collection, open_faces(spec), engine, weights, **options))[-1].indexed


@pytest.fixture
def source(faces_dir: Path) -> Image.Image:
    return load(faces_dir / "p4-0-left.png")


def turning_yaws(portraits: Any) -> Yaws:
    return Yaws(yaws_in(portraits), np.ones(len(portraits)))


def expected(engine: Drawer, spec: str) -> Any:
    """Log p of all images of a set, by the definition."""
    faces, aligner = open_faces(spec), engine.card.aligner
    photos = [faces.load(face) for face in faces.faces]
    pixels = np.stack([aligner.align(photo) for photo in photos])
    portraits = np.stack([portrait_aligner(aligner).align(photo) for photo in photos])
    network = engine.log_probabilities(pixels)
    return estimate_of(CALIBRATION, turning_yaws(portraits), network, engine.card.space)


def test_a_space_estimates_by_landmarks_and_network_and_its_contract_says_so(
    built: Collection, faces_spec: str
) -> None:
    searcher = open_searcher(built, ["pose=45"], CPU)
    assert searcher.rule.landmarks == CALIBRATION.spell()
    assert searcher.scoring.name == "fused"
    log_p = expected(searcher.engine, faces_spec)
    space = searcher.card.space
    ids = {Path(row.path).name: row for row in rows_of(built, searcher)}
    for face, row in zip(open_faces(faces_spec).faces, log_p, strict=True):
        values = space["pose"].values
        assert ids[face.name].estimate["pose"] == values[int(row[: len(values)].argmax())]


def rows_of(collection: Collection, searcher: Searcher) -> Any:
    images = collection.catalogue.images
    every = searcher.query(Image.new("L", (40, 40)), ["pose=45"], 99).hits
    known = images.holding([hit.sha256 for hit in every]).values()
    return images.rows(searcher.space.id, list(known)).values()


def test_the_parts_of_an_answer_hold_the_landmarks(
    built: Collection, faces_spec: str, source: Image.Image
) -> None:
    searcher = open_searcher(built, ["pose=45"], CPU)
    answer = searcher.query(source, ["pose=45"], 99)
    faces = open_faces(faces_spec)
    log_p = dict(
        zip((face.name for face in faces.faces), expected(searcher.engine, faces_spec), strict=True)
    )
    place = searcher.card.space["pose"].index("45")
    weight = searcher.scoring.weights.of("log_p")
    for hit in answer.hits:
        worth = weight * max(-10.0, float(log_p[Path(hit.path).name][place]))
        assert hit.parts["log_p"] == pytest.approx(worth, abs=1e-4)


def test_what_is_not_wished_for_stays_as_the_landmarks_say(
    built: Collection, source: Image.Image
) -> None:
    searcher = open_searcher(built, ["light=left"], CPU)
    told = explain(searcher, source, ["light=left"], 2)
    aligner = searcher.card.aligner
    portrait = portrait_aligner(aligner).align(source)[None]
    network = searcher.engine.log_probabilities(aligner.align(source)[None])
    log_p = estimate_of(CALIBRATION, turning_yaws(portrait), network, searcher.card.space)[0]
    values = searcher.card.space["pose"].values
    assert told.estimate["pose"] == values[int(log_p[: len(values)].argmax())]
    assert told.probabilities is not None
    assert list(told.probabilities["pose"].values()) == pytest.approx(
        np.exp(log_p[: len(values)]), abs=1e-4
    )
    drawn = searcher.query(source, ["light=left"], 1).drawn
    code = searcher.card.space.one_hot({"pose": told.estimate["pose"], "light": "left"})
    again = searcher.engine.draw(aligner.align(source)[None], code[None]).refined[0]
    assert drawn == pytest.approx(again, abs=1e-3)
    own = Generator(searcher.engine).estimate(source)
    assert own["pose"] == told.estimate["pose"]


def measured(steps: Iterator[Any]) -> Record:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            record: Record = stop.value
            return record


def test_the_benchmark_estimates_as_a_search_does(
    weights: Path, faces_spec: str, tmp_path: Path
) -> None:
    engine = Engine.open(weights, CPU)
    options = BenchmarkOptions(methods=("ours",), cache=tmp_path / "cache")
    protocol = Protocol(queries=20, attributes=("pose",))
    record = measured(run(open_faces(faces_spec), [engine], protocol, options))
    (pose,) = (one for one in record.estimates if one.attribute == "pose")
    seen = set(engine.card.seen)
    kept = [n for n, one in enumerate(open_faces(faces_spec).faces) if one.identity not in seen]
    size = len(pose.values)
    guessed = expected(engine, faces_spec)[kept, :size].argmax(axis=1)
    assert pose.confusion.sum(axis=0).tolist() == np.bincount(guessed, minlength=size).tolist()


def test_who_was_fitted_on_is_not_tested(weights: Path) -> None:
    assert "p5" in load_card(weights).seen


def test_a_space_without_the_landmarks_is_refused_where_they_cannot_be_had(
    built: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise MissingPackageError("ai-edge-litert is not installed; pip install")

    monkeypatch.setattr(landmark_pose, "opened_mesh", missing)
    with pytest.raises(IndexFileError, match="poses by landmarks, and ai-edge-litert is not"):
        open_searcher(built, ["pose=45"], CPU)
    (space,) = describe(built)["spaces"]
    assert space["landmarks"] == CALIBRATION.spell()  # told without them
    assert "poses by landmarks" in to_text(describe(built))
    monkeypatch.setattr(landmark_pose, "opened_mesh", Nobody)
    with pytest.raises(WeightsError, match="landmarks of turning 1, and here nobody finds them"):
        open_searcher(built, ["pose=45"], CPU)


def test_other_landmarks_than_fitted_with_are_not_asked(
    weights: Path, faces_spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert why_not(load_card(weights)) == ""
    monkeypatch.setattr(landmark_pose, "opened_mesh", Nobody)
    assert for_card(load_card(weights)) is None
    assert "was fitted with other landmarks than are installed" in why_not(load_card(weights))
    collection = Collection.open_or_create(tmp_path / "plain")
    index(collection, faces_spec, weights)
    assert "landmarks" not in open_searcher(collection, ["pose=45"], CPU).rule.landmarks
    monkeypatch.setattr(landmark_pose, "opened_mesh", Turning)
    index(collection, faces_spec, weights)  # stays what it was
    assert open_searcher(collection, ["pose=45"], CPU).rule.landmarks == ""
    collection.close()


def test_weights_without_the_entry_are_asked_alone(
    make_fitted_weights: Callable[..., Path],
) -> None:
    card = load_card(make_fitted_weights())
    assert for_card(card) is None
    assert "landmarks" not in card.to_json()


def test_yaws_know_whether_there_is_a_face() -> None:
    assert not yaws_of(Nobody(), np.zeros((2, 8, 8, 3), np.uint8)).sure.any()
    found = yaws_of(Turning(), np.full((1, 8, 8, 3), 25, np.uint8))
    assert found.sure.all()
    assert found.degrees == pytest.approx([15])


def test_a_rule_with_landmarks_is_read_back() -> None:
    for rule in (Rule(), Rule("both", 30.0, 2), Rule("expected")):
        told = replace(rule, landmarks=CALIBRATION.spell())
        assert Rule.parse(str(told)) == told


def test_damaged_entries_of_cards_are_refused(weights: Path) -> None:
    card = load_card(weights)
    for broken in ({"slope": -1.0}, {"spread": 0.0}, {"network": -0.1}, {"mesh": ""}):
        told = json.dumps({**card.to_json(), "landmarks": {**LANDMARKS, **broken}})
        with pytest.raises(WeightsError, match="is not a card of weights"):
            Card.from_json(told, "card.json")
    half = json.dumps({**card.to_json(), "landmarks": {"mesh": "points", "slope": 1.0}})
    with pytest.raises(WeightsError, match="slope, offset, spread and the others must be there"):
        Card.from_json(half, "card.json")


def test_the_benchmark_takes_the_profile_that_is_named(
    make_fitted_weights: Callable[..., Path], faces_spec: str, tmp_path: Path
) -> None:
    other = {"fusion": {**FUSION, "identity": 3.0}, "landmarks": LANDMARKS}
    weights = make_fitted_weights("kinds-32", fusion=FUSION, profiles={"photographs": other})
    engine = Engine.open(weights, CPU)
    for profile, identity, people in ((None, 0.7, 2), ("photographs", 3.0, 2)):
        options = BenchmarkOptions(methods=("fused",), cache=tmp_path, profile=profile)
        steps = run(open_faces(faces_spec), [engine], Protocol(queries=9), options)
        record = measured(steps)
        (fused,) = (one for one in record.methods if one.name == "fused")
        assert fused.settings["identity"] == identity
        assert record.folds[0].profile == (profile or "default")
        assert record.folds[0].identities == people
        assert record.folds[0].poses_note == ""


def test_the_benchmark_says_where_landmarks_are_not_those_of_the_fit(
    weights: Path, faces_spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landmark_pose, "opened_mesh", Nobody)
    options = BenchmarkOptions(methods=("random",), cache=tmp_path)
    protocol = Protocol(queries=9, attributes=("pose",))
    record = measured(run(open_faces(faces_spec), [Engine.open(weights, CPU)], protocol, options))
    summary = summarise(record, score_all(record))
    assert "was fitted with other landmarks than are installed" in record.folds[0].poses_note
    assert f"Poses are estimated {record.folds[0].poses_note}." in asked(summary)


def test_a_calibration_says_in_what_portraits_landmarks_are_found() -> None:
    """So says every contract that it is part of."""
    wide = landmark_pose.formed(Turning(), WIDE)
    assert landmark_pose.formed(Turning(), NARROW).fingerprint == Turning.fingerprint
    calibration = PoseCalibration(mesh=wide.fingerprint)
    assert PoseCalibration.parse(calibration.spell()) == calibration
    rule = Rule.parse(str(Rule("both", landmarks=calibration.spell())))
    found = landmark_pose.for_contract(rule.landmarks, "pose-32")
    assert found is not None
    assert (found.form, found.mesh.fingerprint) == (WIDE, wide.fingerprint)
    narrow = landmark_pose.for_contract(PoseCalibration(mesh=Turning.fingerprint).spell(), "x")
    assert narrow is not None
    assert narrow.form == NARROW
