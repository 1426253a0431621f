"""The rival without drawing: against its definition, on the tiny gallery."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gallery.detection.face_mesh import Meshes
from gallery.portraits import portrait_aligner
from gallery.readers.registry import open_faces
from gallery.third_party import MissingPackageError
from generator.engine import Engine
from retrieval.estimation.landmark_pose import estimate_of
from retrieval.estimation.pose_calibration import PoseCalibration, Yaws
from retrieval.evaluation.benchmark import BenchmarkOptions, run
from retrieval.evaluation.methods import landmarks
from retrieval.evaluation.methods.landmarks import LINE, A
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.records import MethodRecord, Record
from tests.retrieval.recognising import FUSION, Colours, tell_by_colours
from tests.retrieval.turning import Turning, yaws_in

CPU = torch.device("cpu")
FITTED = {
    **PoseCalibration(spread=6.0, network=0.3, exponent=0.5, mesh=Turning.fingerprint).to_json(),
    "without_drawing": {"log_probability": 0.5},
}


@pytest.fixture(autouse=True)
def turning(monkeypatch: pytest.MonkeyPatch) -> None:
    tell_by_colours(monkeypatch)
    monkeypatch.setattr(landmarks, "opened_mesh", Turning)


def asked(weights: Path, spec: str, cache: Path) -> tuple[Record, MethodRecord, Engine]:
    engine = Engine.open(weights, CPU)
    options = BenchmarkOptions(methods=("landmarks+sface",), cache=cache)
    steps = run(open_faces(spec), [engine], Protocol(queries=30, portraits=True), options)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            record: Record = stop.value
            (found,) = (one for one in record.methods if one.name == "landmarks+sface")
            return record, found, engine


@pytest.mark.parametrize("said", [{}, FITTED])
def test_it_ranks_by_identity_and_yaw_alone(
    make_fitted_weights: Callable[..., Path], faces_spec: str, tmp_path: Path, said: dict[str, Any]
) -> None:
    weights = make_fitted_weights("asked-32", fusion=FUSION, landmarks=said)
    record, found, engine = asked(weights, faces_spec, tmp_path)
    assert not found.skipped
    faces, portraits = open_faces(faces_spec), portrait_aligner(engine.card.aligner)
    by_name = {face.name: face for face in faces.faces}
    cut = np.stack([portraits.align(faces.load(by_name[n])) for n in record.gallery.names])
    who = Colours().embed(cut)
    line = PoseCalibration(spread=6.0, mesh="") if said else PoseCalibration(**LINE, mesh="")
    yaws = Yaws(yaws_in(cut), np.ones(len(cut)))
    log_p = np.maximum(estimate_of(line, yaws, None, engine.card.space), -10)
    pose = record.gallery.space["pose"]
    column = record.gallery.space.names.index("pose")
    for query, source in enumerate(record.queries.source.tolist()):
        wished = pose.values[record.queries.wished[query, column]]
        place = engine.card.space["pose"].index(wished)
        scores = who @ who[source] + (0.5 if said else A) * log_p[:, place]
        best = scores[found.top[query, 0]]
        assert best == pytest.approx(scores.max(), abs=1e-5)


def test_it_is_skipped_where_weights_draw_more_than_a_pose(
    make_fitted_weights: Callable[..., Path], faces_spec: str, tmp_path: Path
) -> None:
    weights = make_fitted_weights("two-32", ("pose", "light"), fusion=FUSION)
    _, found, _ = asked(weights, faces_spec, tmp_path)
    assert found.skipped == "landmarks tell poses in degrees, and nothing else"


def test_without_landmarks_it_says_how_to_install_them(
    make_fitted_weights: Callable[..., Path],
    faces_spec: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing() -> Meshes:
        raise MissingPackageError("ai-edge-litert is not installed; pip install it")

    monkeypatch.setattr(landmarks, "opened_mesh", missing)
    _, found, _ = asked(make_fitted_weights(), faces_spec, tmp_path)
    assert found.skipped == "ai-edge-litert is not installed; pip install it"
