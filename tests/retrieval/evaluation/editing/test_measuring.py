"""Edits of a known geometry, judged by networks whose verdict is known."""

from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from gallery.align import Pixels
from gallery.arrays import Floats, normalise
from gallery.attributes import AttributeSpace
from gallery.readers.registry import open_faces
from generator.checkpoint import load_tensors
from generator.drawer import Drawer
from generator.engine import Engine
from retrieval.evaluation.benchmark import BenchmarkOptions, run
from retrieval.evaluation.edit_records import EDITORS, Editing, pool_editing
from retrieval.evaluation.editing import measuring
from retrieval.evaluation.editing.cost import count_parameters
from retrieval.evaluation.editing.judges import JUDGES, EditEmbedder
from retrieval.evaluation.fold import estimates
from retrieval.evaluation.fold.fold_cache import BaselineBudget
from retrieval.evaluation.fold.probes import targets_of
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.records import BenchmarkProgress, Integers, Record
from retrieval.evaluation.statistics.editing import MEASURES
from retrieval.recognisers.third_party import MissingEmbedderError
from tests.retrieval.evaluation.test_benchmark import (
    GRID,
    LIGHT,
    POSE,
    Copy,
    Noise,
    Oracle,
    card_of,
    face_of,
    of_grid,
)

CPU = torch.device("cpu")


def quarters(pixels: Pixels) -> Floats:
    """Mean level of each quarter of an image, (N, 4)."""
    half = pixels.shape[1] // 2
    parts = (
        part.mean(axis=(1, 2, 3))
        for rows in (pixels[:, :half], pixels[:, half:])
        for part in (rows[:, :, :half], rows[:, :, half:])
    )
    return np.stack(list(parts), axis=1).astype(np.float32)


def directions(pixels: Pixels) -> Floats:
    return normalise(quarters(pixels) - 100)


def judge_by(describe: Callable[[Pixels], Floats]) -> Callable[[torch.device], EditEmbedder]:
    return lambda _: EditEmbedder("fake", f"{describe.__name__} 1", {"numpy": "2"}, describe)


@pytest.fixture(autouse=True)
def fake_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(JUDGES, "acd", judge_by(quarters))
    monkeypatch.setitem(JUDGES, "verification", judge_by(directions))
    monkeypatch.setitem(JUDGES, "fid", judge_by(quarters))


def measured(faces: Any, cache: Path, *engines: Drawer, **protocol: Any) -> Record:
    settings = Protocol(**{"cutoffs": (1,), "methods": ("ours",), **protocol})
    options = BenchmarkOptions(cache=cache, budget=BaselineBudget(steps=3, trials=0), editing=True)
    steps = run(faces, engines, settings, options)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            record: Record = stop.value
            return record


def editing_of(record: Record) -> Editing:
    assert record.editing is not None
    return record.editing


def test_who_draws_the_exact_target_is_measured_like_the_target(tmp_path: Path) -> None:
    editing = editing_of(measured(GRID, tmp_path, Oracle(card_of("oracle", POSE, LIGHT))))
    assert set(editing.values["edited"]) == {
        *("mse", "mae", "psnr", "acd", "verification", "histogram")
    }
    for measure, found in editing.values["edited"].items():
        assert found.tolist() == editing.values["target"][measure].tolist(), measure
        assert len(found) == 48 * 3
    assert set(editing.values["edited"]["mse"].tolist()) == {0.0}
    assert set(editing.values["edited"]["psnr"].tolist()) == {np.inf}
    assert editing.values["edited"]["acd"].min() > 0
    assert editing.moments["edited"].count == 144
    assert editing.moments["edited"].scatter == pytest.approx(editing.moments["target"].scatter)


def test_who_draws_the_source_is_measured_like_the_source(tmp_path: Path) -> None:
    editing = editing_of(measured(GRID, tmp_path, Copy(card_of("copy", POSE))))
    for measure, found in editing.values["edited"].items():
        assert found.tolist() == editing.values["source"][measure].tolist(), measure
    assert set(editing.values["edited"]["acd"].tolist()) == {0.0}
    assert set(editing.values["edited"]["histogram"].tolist()) == {0.0}
    assert editing.values["edited"]["verification"] == pytest.approx(np.ones(96))
    assert editing.values["edited"]["mse"].min() > 0


def test_every_number_is_that_of_its_own_pictures(tmp_path: Path) -> None:
    """Holes leave edits without a strict target: those have no error, and all the rest."""
    holes = [face_of(2, 1, 0), face_of(5, 2, 1)]
    faces = of_grid(*(face for face in GRID.faces if face not in holes))
    record = measured(faces, tmp_path, Noise(card_of("noise", POSE), 3))
    editing, strict = editing_of(record), targets_of(record.queries) >= 0
    assert 0 < (~strict).sum() < 20
    assert len(record.examples) == len(record.queries)
    described: dict[str, list[Floats]] = {editor: [] for editor in EDITORS}
    for example in record.examples:
        query = example.query
        shown = {"edited": example.drawn, "source": example.source, "target": example.target}
        own = quarters(example.source[None])[0]
        for editor, image in shown.items():
            numbers = {name: found[query] for name, found in editing.values[editor].items()}
            error = np.square(image.astype(float) - example.target).mean()
            with np.errstate(divide="ignore"):
                clear = 10 * np.log10(255**2 / error)
            off = np.abs(image.astype(float) - example.target).mean()
            wanted = (error, off, clear) if strict[query] else (np.nan,) * 3
            told = tuple(numbers[name] for name in ("mse", "mae", "psnr"))
            assert told == pytest.approx(wanted, nan_ok=True)
            mine = quarters(image[None])[0]
            described[editor].append(mine)
            assert numbers["acd"] == pytest.approx(np.linalg.norm(mine - own), rel=1e-5)
            alike = directions(image[None])[0] @ directions(example.source[None])[0]
            assert numbers["verification"] == pytest.approx(alike, abs=1e-5)
            shares, before = (
                np.bincount(one.ravel() // 4, minlength=64) / 64 for one in (image, example.source)
            )
            apart = np.sqrt(1 - np.sqrt(shares * before).sum().clip(0, 1))
            assert numbers["histogram"] == pytest.approx(apart, abs=1e-6)
    for editor, vectors in described.items():
        moments = editing.moments[editor]
        assert moments.mean == pytest.approx(np.mean(vectors, axis=0), rel=1e-5)
        assert moments.covariance == pytest.approx(np.cov(vectors, rowvar=False), rel=1e-4)


def test_a_judge_that_is_missing_is_a_reason_and_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: torch.device) -> EditEmbedder:
        raise MissingEmbedderError("the package dlib is not installed; install it")

    monkeypatch.setitem(JUDGES, "acd", missing)
    monkeypatch.setitem(JUDGES, "fid", missing)
    editing = editing_of(measured(GRID, tmp_path, Copy(card_of("copy", POSE)), queries=7))
    assert editing.skipped["acd"] == "the package dlib is not installed; install it"
    assert editing.skipped["ssim"] == "its window is 11 pixels wide; these images have 8"
    assert "copy was trained on are not at hand" in editing.skipped["accuracy"]
    assert editing.moments == {}
    assert set(editing.judges) == {"verification"}
    assert editing.judges["verification"]["fingerprint"] == "directions 1"
    for values in editing.values.values():
        assert set(values) == {"mse", "mae", "psnr", "verification", "histogram"}
        assert {len(found) for found in values.values()} == {7}


def test_descriptions_are_kept_from_run_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = []

    def counting(pixels: Pixels) -> Floats:
        described.append(len(pixels))
        return quarters(pixels)

    monkeypatch.setitem(JUDGES, "acd", judge_by(counting))
    engine = Copy(card_of("copy", POSE))
    first = editing_of(measured(GRID, tmp_path, engine))
    assert sum(described) == 48 + 96  # every image of the gallery once, every drawing
    again = editing_of(measured(GRID, tmp_path, engine))
    assert sum(described) == 48 + 96
    assert first.values["target"]["acd"].tolist() == again.values["target"]["acd"].tolist()


def test_folds_are_pooled_edit_by_edit(tmp_path: Path) -> None:
    people = GRID.identities
    engines = [
        Copy(card_of(f"w{fold}", POSE, trained_on=people[4 * fold : 4 * fold + 4]))
        for fold in (0, 1)
    ]
    alone = [editing_of(measured(GRID, tmp_path, engine)) for engine in engines]
    editing = editing_of(measured(GRID, tmp_path, *engines))
    for editor in EDITORS:
        for measure, found in editing.values[editor].items():
            both = np.concatenate([part.values[editor][measure] for part in alone])
            assert found == pytest.approx(both), measure
        assert editing.moments[editor].count == 96
    assert editing.told["pose"][1] == 48
    assert editing.told["pose"][0] == sum(part.told["pose"][0] for part in alone)
    assert [cost.weights for cost in editing.costs] == ["w0", "w1"]
    lacking = replace(alone[1], skipped={**alone[1].skipped, "acd": "not installed"}, moments={})
    pooled = pool_editing([alone[0], None, lacking])
    assert pooled is not None
    assert pooled.skipped["acd"] == "not installed"
    assert "acd" not in pooled.values["edited"]
    assert "acd" not in pooled.judges
    assert pooled.moments == {}


def test_the_classifier_learns_from_photographs_and_is_tested_on_others(tmp_path: Path) -> None:
    engine = Oracle(card_of("w", POSE, trained_on=GRID.identities[:4]))
    record = measured(GRID, tmp_path, engine)
    editing = editing_of(record)
    (estimate,) = (one for one in record.estimates if one.by == "two-step")
    right, known = editing.told["pose"]
    assert (right, known) == (int(np.trace(estimate.confusion)), 24)
    for editor, values in editing.values.items():
        assert set(values["accuracy"].tolist()) <= {0.0, 1.0}, editor
    # Every image is the target of two edits, and the source of two.
    assert values["accuracy"].mean() == pytest.approx(right / known)
    assert editing.values["edited"]["accuracy"].tolist() == values["accuracy"].tolist()
    assert len(editing.judges["accuracy"]["fingerprint"]) == 64


class ReadsPose:
    """Reads the pose from the row of pixels that shows it."""

    space = AttributeSpace((POSE,))
    settings: ClassVar[dict[str, Any]] = {}
    sha256 = "f" * 64

    def estimates(self, pixels: Pixels) -> Integers:
        return (pixels[:, 1, :1, 0].astype(np.int64) - 20) // 20


def trained_to_read(*_: Any, **__: Any) -> Generator[BenchmarkProgress, None, ReadsPose]:
    yield BenchmarkProgress("training", 1, 1)
    return ReadsPose()


@pytest.mark.parametrize(("editor", "share"), [(Copy, 0.0), (Oracle, 1.0)])
def test_a_classifier_without_fault_tells_who_draws_the_wish(
    editor: type[Oracle], share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "train_classifier", trained_to_read)
    monkeypatch.setattr(estimates, "train_classifier", trained_to_read)
    engine = editor(card_of("w", POSE, trained_on=GRID.identities[:4]))
    editing = editing_of(measured(GRID, tmp_path, engine))
    told = {name: set(values["accuracy"].tolist()) for name, values in editing.values.items()}
    assert told == {"edited": {share}, "source": {0.0}, "target": {1.0}}
    assert editing.told == {"pose": (24, 24)}


class ReadsBoth(ReadsPose):
    """Reads the light, too, from the first row."""

    space = AttributeSpace((POSE, LIGHT))

    def estimates(self, pixels: Pixels) -> Integers:
        light = (pixels[:, 0, :1, 0].astype(np.int64) - 20) // 60
        return np.concatenate([super().estimates(pixels), light], axis=1)


class TurnsAlone(Oracle):
    """Draws the wished pose, in the light of the source."""

    def target(self, image: Pixels, code: Floats) -> Pixels:
        before = self.known[image.tobytes()][2]
        code = np.concatenate([code[: len(POSE.values)], np.eye(len(LIGHT.values))[before]])
        return super().target(image, code)


@pytest.mark.parametrize(("editor", "share"), [(TurnsAlone, 0.0), (Oracle, 1.0)])
def test_of_two_wishes_at_once_both_must_be_told(
    editor: type[Oracle], share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained(*_: Any, **__: Any) -> Generator[BenchmarkProgress, None, ReadsBoth]:
        yield BenchmarkProgress("training", 1, 1)
        return ReadsBoth()

    monkeypatch.setattr(measuring, "train_classifier", trained)
    monkeypatch.setattr(estimates, "train_classifier", trained)
    engine = editor(card_of("w", POSE, LIGHT, trained_on=GRID.identities[:4]))
    editing = editing_of(measured(GRID, tmp_path, engine, wishes=2))
    told = {name: set(values["accuracy"].tolist()) for name, values in editing.values.items()}
    assert told == {"edited": {share}, "source": {0.0}, "target": {1.0}}


def test_weights_are_measured_from_end_to_end(
    faces_spec: str, pose_weights: Path, tmp_path: Path
) -> None:
    engine = Engine.open(pose_weights, CPU)
    record = measured(open_faces(faces_spec), tmp_path, engine)
    editing = editing_of(record)
    assert editing.skipped == {}
    assert {len(v) for values in editing.values.values() for v in values.values()} == {24}
    assert editing.values["target"]["ssim"] == pytest.approx(np.ones(24))
    assert editing.values["edited"]["ssim"].max() < 1
    errors = record.drawings.squared_errors
    assert editing.values["source"]["mse"] == pytest.approx(errors["source"])
    assert editing.values["edited"]["mse"] == pytest.approx(errors["stage 2"], rel=0.05)
    (cost,) = editing.costs
    assert cost.parameters == sum(one.numel() for one in load_tensors(pose_weights)[0].values())
    assert set(cost.draw_ms) == {1, 64}
    assert min(cost.draw_ms.values()) > 0


def test_parameters_of_an_unknown_architecture_are_not_made_up() -> None:
    assert count_parameters(card_of("w", POSE)) is None


def test_every_judge_is_of_a_measure_that_tables_know() -> None:
    assert set(JUDGES) <= set(MEASURES)
