"""Every method on one small gallery: what it must find, and why it may be skipped."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gallery.align import Pixels
from gallery.arrays import Floats, normalise
from gallery.errors import ConfigError
from gallery.faces import Face
from gallery.pixels import Aligned
from gallery.readers.registry import open_faces
from generator.engine import Engine
from generator.weights_file import load_card
from retrieval.evaluation.benchmark import BenchmarkOptions, run
from retrieval.evaluation.embedders import registry as embedders
from retrieval.evaluation.fold.estimates import updates_of
from retrieval.evaluation.fold.fold_cache import BaselineBudget
from retrieval.evaluation.methods.registry import METHODS, choose_methods
from retrieval.evaluation.methods.shift import chosen
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.records import MethodRecord, Record
from retrieval.evaluation.report import write
from retrieval.evaluation.statistics.outcomes import check_consistent, scores_of
from retrieval.recognisers import registry as recognisers
from retrieval.recognisers.third_party import MissingEmbedderError
from tests.retrieval.recognising import FUSION

TRAINED = [name for name, method in METHODS.items() if method.trained]


class Means:
    """An embedder for tests: mean grey levels of the four quarters, and their contrast."""

    fingerprint = "means 1"
    asked = 0

    def embed(self, pixels: Pixels) -> Floats:
        Means.asked += len(pixels)
        half = pixels.shape[1] // 2
        quarters = [
            part.mean(axis=(1, 2, 3))
            for rows in (pixels[:, :half], pixels[:, half:])
            for part in (rows[:, :, :half], rows[:, :, half:])
        ]
        return normalise(np.stack(quarters, axis=1).astype(np.float32) - 100)


def missing(_: torch.device) -> Any:
    raise MissingEmbedderError("the package of dlib is not installed; install it")


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch)


def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sface", "sface5"):
        monkeypatch.setitem(recognisers.RECOGNISERS, name, Means)
    monkeypatch.setitem(embedders.EMBEDDERS, "vgg16", lambda _: Means())
    monkeypatch.setitem(embedders.EMBEDDERS, "dlib", missing)


def measure(
    faces_spec: str, weights: list[Path], cache: Path, *methods: str, **more: Any
) -> Record:
    protocol = Protocol(**more.pop("protocol", {}))
    options = BenchmarkOptions(
        methods=methods,
        cache=cache,
        budget=BaselineBudget(steps=2, trials=0, seeds=more.pop("seeds", 1)),
        **more,
    )
    engines = [Engine.open(path, torch.device("cpu")) for path in weights]
    steps = run(open_faces(faces_spec), engines, protocol, options)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            record: Record = stop.value
            check_consistent(record)
            return record


def by_name(record: Record) -> dict[str, MethodRecord]:
    return {f"{method.name} {method.seed}": method for method in record.methods}


@pytest.fixture(scope="module")
def everything(
    faces_spec: str, pose_weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> Record:
    """All methods, two seeds of each that is trained."""
    with pytest.MonkeyPatch.context() as patch:
        fake(patch)
        return measure(faces_spec, [pose_weights], tmp_path_factory.mktemp("kept"), "*", seeds=2)


def test_every_method_answers_the_same_queries(everything: Record) -> None:
    found = by_name(everything)
    assert [name for name in found if name.endswith(" 0")] == [f"{name} 0" for name in METHODS]
    assert {name[:-2] for name in found if name.endswith(" 1")} == set(TRAINED)
    for name, method in found.items():
        skipped = "dlib" in name or "fused" in name or name.startswith(("cpi", "student"))
        assert bool(method.skipped) == skipped, (name, method.skipped)
        if not skipped:
            assert method.top.shape == (len(everything.queries), 20)
            assert method.build_s is not None
            assert method.index_bytes is not None
            assert method.index_bytes > 0


def test_what_cannot_run_says_why(everything: Record) -> None:
    found = by_name(everything)
    assert "dlib is not installed" in found["raw/dlib 0"].skipped
    assert "no image says its illumination" in found["cpi 0"].skipped
    assert "nothing was fitted for pose-32: mindseye weights fit" in found["fused 0"].skipped


def test_the_target_itself_as_probe_finds_itself(everything: Record) -> None:
    (oracle,) = [one for one in everything.methods if one.name == "oracle-target"]
    scores = scores_of([oracle], everything)
    assert scores["C2"].by_seed[0, 0] == 1


def test_only_what_says_so_leaves_the_source_out(everything: Record) -> None:
    source = everything.queries.source[:, None]
    for method in everything.methods:
        if method.skipped:
            continue
        holds = (method.top == source).any(axis=1)
        if method.name.endswith("/no-source"):
            assert not holds.any(), method.name
        elif method.name in {"raw/pixels", "raw/features"}:
            assert (method.top[:, 0] == source[:, 0]).all(), method.name


def test_the_true_filter_keeps_the_wished_value_and_all_of_it(everything: Record) -> None:
    asked = everything.queries
    for method in everything.methods:
        if method.name.startswith("two-step-true") and not method.skipped:
            assert (method.right_ranks >= 0).all()
            top, wished = method.top, asked.wished[:, None]
            shown = (everything.gallery.values[top] == wished) | (wished < 0)
            assert shown.all(axis=2)[top >= 0].all()
            assert ((top >= 0).sum(axis=1) == 4).all()  # two people in two lights


def test_the_estimated_filter_keeps_what_the_classifier_says(everything: Record) -> None:
    estimate = next(one for one in everything.estimates if one.by == "two-step")
    assert estimate.confusion.sum() == len(everything.gallery)
    kept = estimate.confusion.sum(axis=0)  # images by estimated value
    method = by_name(everything)["two-step/pixels 0"]
    depths = (method.top >= 0).sum(axis=1)
    assert depths.tolist() == kept[everything.queries.wished.max(axis=1)].tolist()


@pytest.fixture
def lit(faces_dir: Path, tmp_path: Path) -> str:
    """The tiny gallery with illumination for light, the left one neutral."""
    folder = tmp_path / "lit"
    shutil.copytree(faces_dir, folder)
    labels = (folder / "labels.csv").read_text("utf-8").replace(",light", ",illumination")
    labels = labels.replace(",left", ",7").replace(",right", ",3")
    (folder / "labels.csv").write_text(labels, "utf-8")
    return f"folder:{folder}"


def test_cpi_rotates_where_illumination_is_known(
    lit: str, pose_weights: Path, tmp_path: Path
) -> None:
    record = measure(lit, [pose_weights], tmp_path / "kept", "cpi")
    _, cpi = record.methods
    assert (cpi.name, cpi.skipped) == ("cpi", "")
    assert cpi.settings["tuned"]["steps"] == 2
    assert np.isfinite(record.drawings.squared_errors["cpi"]).all()
    assert (cpi.right_ranks >= 0).all()


def test_embeddings_are_made_once_and_reused_by_content(
    faces_spec: str,
    pose_weights: Path,
    tmp_path: Path,
    fakes: None,  # noqa: ARG001
) -> None:
    Means.asked = 0
    first = measure(faces_spec, [pose_weights], tmp_path, "raw/sface")
    assert Means.asked == len(first.gallery)
    again = measure(faces_spec, [pose_weights], tmp_path, "raw/sface")
    assert Means.asked == len(first.gallery)
    kept = by_name(first)["raw/sface 0"], by_name(again)["raw/sface 0"]
    assert kept[0].top.tolist() == kept[1].top.tolist()
    assert kept[0].build_s == pytest.approx(kept[1].build_s, abs=2e-3)  # the time it took then
    (entry,) = tmp_path.glob("sface-*.npy")
    entry.write_bytes(entry.read_bytes()[:-4] + b"\0\0\0\0")
    measure(faces_spec, [pose_weights], tmp_path, "raw/sface")
    assert Means.asked == 2 * len(first.gallery)


def test_rivals_need_the_training_images(
    faces_spec: str, faces_dir: Path, make_weights: Any, tmp_path: Path
) -> None:
    elsewhere = make_weights("elsewhere", trained_on=("x1", "x2"))
    record = measure(faces_spec, [elsewhere], tmp_path, "composed", "shift/features", "cpi")
    for method in record.methods[1:]:
        assert "trained on are not at hand; name them with --train SPEC" in method.skipped
    assert record.folds[0].duplicates is None
    assert record.folds[0].duplicates_note.startswith("not checked")
    assert faces_dir.exists()


def test_test_images_among_the_training_images_are_counted(
    faces_spec: str, pose_weights: Path, tmp_path: Path
) -> None:
    record = measure(faces_spec, [pose_weights], tmp_path)
    fold = record.folds[0]
    assert fold.duplicates == 0
    assert "compared with 18 training images (not those on the card)" in fold.duplicates_note


def test_equal_images_with_different_labels_are_named(
    faces_dir: Path, pose_weights: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(faces_dir, tmp_path / "faces"))
    shutil.copy(folder / "p4-0-left.png", folder / "copy.png")
    with (folder / "labels.csv").open("a", encoding="utf-8") as file:
        file.write("copy.png,p5,45,left\n")
    fold = measure(f"folder:{folder}", [pose_weights], tmp_path / "cache").folds[0]
    said = "p4-0-left.png (p4 pose=0 light=left) = copy.png (p5 pose=45 light=left)"
    assert f". Equal images of the gallery with different labels: {said}" in fold.duplicates_note


def test_a_shift_moves_sources_by_the_difference_of_means(
    faces_spec: str,
    pose_weights: Path,
    tmp_path: Path,
    fakes: None,  # noqa: ARG001
) -> None:
    """Against the definition, image by image."""
    record = measure(faces_spec, [pose_weights], tmp_path, "shift/sface")
    faces = open_faces(faces_spec)
    aligner = Engine.open(pose_weights, torch.device("cpu")).card.aligner
    known = {}
    for face in faces.faces:
        known[face.name] = Means().embed(aligner.align(faces.load(face))[None])[0]
    values = record.gallery.space["pose"].values
    taught = faces.of(["p1", "p2", "p3"]).faces
    means = [
        np.mean([known[f.name] for f in taught if f.condition["pose"] == value], axis=0)
        for value in values
    ]
    gallery = np.stack([known[name] for name in record.gallery.names])
    for query in range(len(record.queries)):
        source = gallery[record.queries.source[query]]
        pose = record.gallery.space.names.index("pose")
        before = record.gallery.values[record.queries.source[query], pose]
        change = means[record.queries.wished[query, pose]] - means[before]
        scores = gallery @ normalise((source + change)[None])[0]
        best = by_name(record)["shift/sface 0"].top[query, 0]
        assert scores[best] == pytest.approx(scores.max(), abs=1e-5)


def test_means_are_taken_of_a_fixed_choice_where_there_are_too_many() -> None:
    pixels = np.arange(5_000, dtype=np.float32).reshape(-1, 1, 1, 1).astype(np.uint8)
    aligned = Aligned(tuple(Face(str(n)) for n in range(5_000)), pixels, ())
    few = chosen(aligned)
    assert len(few.faces) == len(few.pixels) == 4_000
    assert all(int(f.name) % 256 == p for f, p in zip(few.faces, few.pixels.ravel(), strict=True))
    assert chosen(few) is few


def test_patterns_choose_methods_in_the_order_of_the_tables() -> None:
    names = [method.name for method in choose_methods(["raw/*", "two-step/pixels", "random"])]
    assert names[:2] == ["ours", "two-step/pixels"]
    assert set(names[2:]) == {name for name in METHODS if name.startswith("raw/")}


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        (["raw/pixels*", "two-step-true/sface", "random"], True),
        (["raw/pixels", "raw/features"], False),
        (["raw/pixels", "ours"], False),
        (["composed*", "cpi", "two-step/pixels"], True),
        (["composed", "two-step/features"], False),
        (["two-step/fused"], False),
    ],
)
def test_nothing_is_drawn_where_nobody_asks_for_drawings(named: list[str], reason: bool) -> None:
    ours = choose_methods(named)[0]
    assert (ours.name, ours.prepare is not METHODS["ours"].prepare) == ("ours", reason)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines draw nothing."""
    draw_nothing(monkeypatch)


def draw_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("something was drawn")

    monkeypatch.setattr(Engine, "draw", refuse)
    monkeypatch.setattr(Engine, "closest", refuse)


def test_another_benchmark_of_the_same_images_and_weights_draws_nothing(
    faces_spec: str, pose_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = measure(faces_spec, [pose_weights], tmp_path, "ours")
    with monkeypatch.context() as patch:
        draw_nothing(patch)
        again = measure(faces_spec, [pose_weights], tmp_path, "ours", "ours-pixels", "raw/pixels")
        with pytest.raises(AssertionError, match="something was drawn"):
            measure(faces_spec, [pose_weights], tmp_path, "ours", protocol={"queries": 20})
    ours = by_name(first)["ours 0"], by_name(again)["ours 0"]
    assert ours[0].top.tolist() == ours[1].top.tolist()
    assert ours[0].build_s is not None
    assert ours[1].build_s is not None
    (told,) = tmp_path.glob("canonical-*.json")
    assert ours[1].build_s >= json.loads(told.read_text("utf-8"))["seconds"] - 1e-3
    errors = first.drawings.squared_errors, again.drawings.squared_errors
    assert set(errors[0]) <= set(errors[1])
    for stage, noted in errors[0].items():
        assert np.array_equal(noted, errors[1][stage], equal_nan=True)
    (entry,) = tmp_path.glob("canonical-*.embeddings.npy")
    entry.write_bytes(entry.read_bytes()[:-4] + b"\0\0\0\0")
    mended = measure(faces_spec, [pose_weights], tmp_path, "ours")
    assert by_name(mended)["ours 0"].top.tolist() == ours[0].top.tolist()


@pytest.mark.usefixtures("undrawn")
def test_trained_rivals_need_no_drawings(
    lit: str, pose_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(monkeypatch)
    record = measure(lit, [pose_weights], tmp_path, "cpi", "composed", "two-step/sface")
    ours, *rivals = record.methods
    assert "needs drawings of pose-32; name ours to compare" in ours.skipped
    assert {one.name: one.skipped for one in rivals} == dict.fromkeys(
        ("two-step/sface", "cpi", "composed"), ""
    )
    assert list(record.drawings.squared_errors) == ["cpi"]
    for _ in write(record, tmp_path / "out"):
        pass
    assert "cpi" in json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))["mse"]["all"]


def test_composed_takes_what_is_not_wished_for_from_the_redrawn_gallery(
    faces_spec: str, make_weights: Any, tmp_path: Path
) -> None:
    both = make_weights("both-32", ("pose", "light"))
    record = measure(faces_spec, [both], tmp_path, "composed")
    ours, composed = record.methods
    assert ("name ours to compare" in ours.skipped, composed.skipped) == (True, "")
    assert {one.attribute for one in record.estimates} == {"pose", "light"}


@pytest.mark.usefixtures("undrawn")
def test_weights_are_not_asked_to_draw_where_nobody_needs_it(
    faces_spec: str, pose_weights: Path, tmp_path: Path
) -> None:
    asked: dict[str, Any] = {"protocol": {"queries": 20}}
    record = measure(faces_spec, [pose_weights], tmp_path / "cache", "raw/pixels", **asked)
    found = by_name(record)
    assert "needs drawings of pose-32; name ours to compare" in found["ours 0"].skipped
    assert len(found["raw/pixels 0"].top) == 20
    for _ in write(record, tmp_path / "out"):
        pass
    table = (tmp_path / "out" / "table.md").read_text("utf-8")
    assert "- `ours`: nothing that was named needs drawings" in table
    assert (tmp_path / "out" / "report.html").is_file()
    summary = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    assert summary["mse"] == {"all": {}}


@pytest.mark.parametrize(
    ("architecture", "recipe", "updates"),
    [
        ("two-stage-32", {"steps": 500}, 1000),
        ("two-stage-60", {"steps": 500, "tune_steps": 30, "estimator_steps": 7}, 1030),
        ("mindseye-60", {"steps": 500, "tune_steps": 0, "estimator_steps": 7}, 500),
        ("sargan", {"steps": 500}, 500),
        ("two-stage-60", {"steps": 0, "tune_steps": 30}, 30),
        ("two-stage-60", {"steps": 0}, 1),
    ],
)
def test_rivals_get_the_updates_that_the_card_says(
    pose_weights: Path, architecture: str, recipe: dict[str, int], updates: int
) -> None:
    card = replace(load_card(pose_weights), architecture=architecture, recipe=recipe)
    assert updates_of(card) == updates


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ConfigError, match="no method 'two-step/pixel'; did you mean 'two-step/pi"):
        choose_methods(["ours", "two-step/pixel"])


@pytest.mark.parametrize("portraits", [False, True])
def test_recognisers_of_all_methods_are_shown_portraits_where_the_protocol_says_so(
    faces_spec: str,
    pose_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    portraits: bool,
) -> None:
    """Of the gallery and of training images; other embedders never are."""
    shown: dict[str, set[tuple[int, ...]]] = {"sface": set(), "vgg16": set()}

    class Noted(Means):
        def __init__(self, name: str) -> None:
            self.name = name

        def embed(self, pixels: Pixels) -> Floats:
            shown[self.name].add(pixels.shape[1:])
            return super().embed(pixels)

    monkeypatch.setitem(embedders.EMBEDDERS, "sface", lambda _: Noted("sface"))
    monkeypatch.setitem(embedders.EMBEDDERS, "vgg16", lambda _: Noted("vgg16"))
    methods, asked = ("raw/sface", "shift/sface", "raw/vgg16"), {"portraits": portraits}
    record = measure(faces_spec, [pose_weights], tmp_path, *methods, protocol=asked)
    assert not any(one.skipped for one in record.methods if one.name in methods)
    assert record.provenance.protocol.get("portraits", False) == portraits
    aligner = load_card(pose_weights).aligner
    small = (aligner.size, aligner.size, aligner.channels)
    assert shown == {"sface": {(128, 128, 3) if portraits else small}, "vgg16": {small}}


@pytest.mark.usefixtures("fakes")
def test_identity_methods_are_skipped_where_another_recogniser_is_installed(
    faces_spec: str, make_fitted_weights: Callable[..., Path], tmp_path: Path
) -> None:
    methods = ("fused", "fused/identity-off")
    for told, skipped in (("another 1", True), (Means.fingerprint, False), ("", False)):
        weights = make_fitted_weights(fusion={"recogniser": told, **FUSION})
        found = by_name(measure(faces_spec, [weights], tmp_path / f"kept {told}", *methods))
        said = found["fused 0"].skipped or ""
        assert ("recogniser another 1, not with means 1" in said) == skipped
        assert bool(said) == skipped
        assert not found["fused/identity-off 0"].skipped
