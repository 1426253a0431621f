"""Benchmarks of a known geometry: generators whose right answer is known before they are run."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import product
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gallery.align import Aligner, Pixels
from gallery.arrays import Floats
from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.errors import ConfigError, DatasetError
from gallery.faces import Face, FaceSet, Problem
from generator.card import Card
from generator.drawer import Drawer, DrawnBatch
from retrieval.evaluation.benchmark import BenchmarkOptions, run
from retrieval.evaluation.fold import fold_cache as module
from retrieval.evaluation.fold.fold import check_together, read_training
from retrieval.evaluation.fold.fold_cache import BaselineBudget
from retrieval.evaluation.outputs.words import asked
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.records import CRITERIA, BenchmarkProgress, Record
from retrieval.evaluation.statistics.outcomes import check_consistent, random_scores, scores_of
from retrieval.evaluation.statistics.summary import score_all, summarise
from tests.drawing import FakeEngine

POSE = Attribute("pose", ("-45", "0", "45"), "degree")
LIGHT = Attribute("light", ("left", "right"))
SIDE = 8
PEOPLE = 8
CUTOFFS = (1, 5, 20)
QUICK_BUDGET = BaselineBudget(steps=3, trials=0)
QUICK = ("ours", "ours-pixels", "two-step-true/features", "two-step-true/pixels")


def pixels_of(person: int, pose: int, light: int) -> Pixels:
    """Look of an image: the person counts most, then the light, then the pose."""
    look = np.random.default_rng(person).integers(40, 200, (SIDE, SIDE, 1))
    look[0] = 20 + 60 * light
    look[1, :4] = 20 + 20 * pose
    return look.astype(np.uint8)


def content_of(face: Face) -> bytes:
    person, pose, light = map(int, face.name.split("-"))
    buffer = io.BytesIO()
    Image.fromarray(pixels_of(person, pose, light)[..., 0]).save(buffer, "PNG")
    return buffer.getvalue()


def face_of(person: int, pose: int, light: int) -> Face:
    condition = Condition(pose=POSE.values[pose], light=LIGHT.values[light])
    return Face(f"{person}-{pose}-{light}", f"s{person}", condition)


CELLS = list(product(range(PEOPLE), range(3), range(2)))
GRID = FaceSet(
    spec="known:geometry",
    root=Path(),
    faces=tuple(face_of(*cell) for cell in CELLS),
    space=AttributeSpace((POSE, LIGHT)),
    reader=content_of,
)


def card_of(
    name: str, *attributes: Attribute, trained_on: tuple[str, ...] = (), channels: int = 1
) -> Card:
    return Card(
        name=name,
        architecture="none",
        space=AttributeSpace(attributes),
        aligner=Aligner(size=SIDE, channels=channels),
        mean=(0.0,),
        deviation=(1.0,),
        train_identities=trained_on,
        sha256="0" * 64,
    )


class Oracle(FakeEngine):
    """Draws exactly the image that was wished for."""

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        self.known = {pixels_of(*cell).tobytes(): cell for cell in CELLS}

    def draw(self, pixels: Pixels, codes: Floats) -> DrawnBatch:
        drawn = [self.target(image, code) for image, code in zip(pixels, codes, strict=True)]
        refined = np.stack(drawn).astype(np.float32)
        first = np.clip(refined + 3, 0, 255)
        return DrawnBatch(first, refined, refined.reshape(len(codes), -1) - 100)

    def target(self, image: Pixels, code: Floats) -> Pixels:
        person, pose, light = self.known[image.tobytes()]
        chosen = {}
        start = 0
        for attribute in self.card.space.attributes:
            end = start + len(attribute.values)
            chosen[attribute.name] = attribute.values[int(code[start:end].argmax())]
            start = end
        pose = 1 + round(float(chosen["pose"])) // 45 if "pose" in chosen else pose  # 90 is 3
        light = LIGHT.index(chosen["light"]) if "light" in chosen else light
        return pixels_of(person, pose, light)


class Noise(Oracle):
    """Draws noise, another each time, and takes noise for features."""

    def __init__(self, card: Card, seed: int) -> None:
        super().__init__(card)
        self.random = np.random.default_rng(seed)

    def draw(self, pixels: Pixels, codes: Floats) -> DrawnBatch:
        drawn = self.random.uniform(0, 255, (2, *pixels.shape)).astype(np.float32)
        features = self.random.normal(size=(len(codes), 20)).astype(np.float32)
        return DrawnBatch(drawn[0], drawn[1], features)


class Copy(Oracle):
    """Draws the source, whatever is wished."""

    def target(self, image: Pixels, code: Floats) -> Pixels:  # noqa: ARG002
        return image


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep what is kept in this test's own folder."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return tmp_path / ".cache" / "mindseye" / "bench"


def measured(
    faces: FaceSet, *engines: Drawer, methods: tuple[str, ...] = (), **protocol: Any
) -> Record:
    settings = Protocol(**{"cutoffs": CUTOFFS, **protocol})
    steps = run(faces, engines, settings, BenchmarkOptions(methods=methods, budget=QUICK_BUDGET))
    while True:
        try:
            assert isinstance(next(steps), BenchmarkProgress)
        except StopIteration as stop:
            record: Record = stop.value
            check_consistent(record)
            return record


def to_json(record: Record) -> dict[str, Any]:
    """Say in short what was measured."""
    scores = {m.name: scores_of([m], record) for m in record.methods if not m.skipped}
    scores["random"] = random_scores(record)
    errors = record.drawings.squared_errors
    ours = [one for one in record.estimates if one.by == "ours"]
    right = sum(int(one.confusion.trace()) for one in ours)
    total = sum(int(one.confusion.sum()) + one.foreign for one in ours)
    fold = record.gallery.fold[record.queries.source]
    asked = record.queries.measured
    names = [*(str(k) for k in record.provenance.cutoffs), "mAP", "MRR"]
    return {
        "hit_rate": {
            name: {
                c: {
                    k: None if np.isnan(rate) else float(rate)
                    for k, rate in zip(names, by[c].by_seed[0], strict=True)
                }
                for c in CRITERIA
            }
            for name, by in scores.items()
        },
        "queries": {c: int(flags.sum()) for c, flags in asked.items()},
        "queries_dropped": {c: sum(one.dropped[c] for one in record.folds) for c in CRITERIA},
        "gallery": len(record.gallery),
        "identities": sum(one.identities for one in record.folds),
        "estimate_accuracy": right / total if total else None,
        "mse": {
            stage: None if np.isnan(values).all() else float(np.nanmean(values))
            for stage, values in errors.items()
        },
        "folds": [
            {
                "gallery": one.gallery,
                "identities": one.identities,
                "problems": [list(problem) for problem in one.problems],
                "queries": {c: int((flags & (fold == n)).sum()) for c, flags in asked.items()},
            }
            for n, one in enumerate(record.folds)
        ],
    }


def rates(record: Record, method: str) -> dict[str, float]:
    """Hit rates in percent, such as {"C1@1": 12.5}."""
    rates = to_json(record)["hit_rate"][method]
    return {
        f"{c}@{k}": round(100 * rates[c][k], 4)
        for c in CRITERIA
        for k in map(str, record.provenance.cutoffs)
    }


def both(count: int) -> dict[str, int]:
    return {"C1": count, "C2": count}


def of_grid(*faces: Face, **more: Any) -> FaceSet:
    return replace(GRID, faces=faces, **more)


# What must come out


def test_images_that_are_asked_about_are_in_no_gallery() -> None:
    """The dark ask, the bright answer, as with faces that something covers."""
    oracle = Oracle(card_of("oracle", LIGHT))
    record = measured(GRID, oracle, methods=("ours",), sources={"light": ("left",)})
    dark = [at for at, face in enumerate(GRID.faces) if face.condition["light"] == "left"]
    assert record.queries.hidden.tolist() == sorted(set(record.queries.source)) == dark
    assert not any(np.isin(method.top, dark).any() for method in record.methods)
    assert set(rates(record, "ours").values()) == {100.0}
    assert rates(record, "random")["C2@1"] == pytest.approx(100 / 24, abs=1e-3)
    summary = summarise(record, score_all(record))
    assert (summary["gallery"], summary["folds"][0]["gallery"]) == (24, 24)
    assert summary["queries_dropped"] == {"C1": 0, "C2": 0}
    told = asked(summary)
    assert "Images with light: left are asked about, and are not in the gallery" in told
    assert "the source image is left out of the gallery" in told


@pytest.mark.parametrize("attributes", [(POSE,), (LIGHT,), (POSE, LIGHT)])
def test_who_draws_the_exact_target_always_finds_it(attributes: tuple[Attribute, ...]) -> None:
    results = measured(GRID, Oracle(card_of("oracle", *attributes)))
    report = to_json(results)
    for method in ("ours", "ours-pixels"):
        assert set(rates(results, method).values()) == {100.0}
    assert report["estimate_accuracy"] == 1
    assert report["queries"] == both(sum(len(a.values) - 1 for a in attributes) * len(GRID))
    assert report["queries_dropped"] == both(0)
    assert (report["gallery"], report["identities"]) == (48, 8)
    assert report["mse"]["stage 2"] == 0
    assert report["mse"]["stage 1"] == pytest.approx(9)


def test_who_draws_noise_finds_no_more_than_chance() -> None:
    found: dict[str, list[float]] = {}
    for seed in range(6):
        results = measured(GRID, Noise(card_of("noise", POSE), seed))
        for method in ("ours", "ours-pixels", "random"):
            for name, rate in rates(results, method).items():
                found.setdefault(f"{method} {name}", []).append(rate)
    for method in ("ours", "ours-pixels"):
        for name in ("C1@1", "C1@5", "C2@1", "C2@5", "C2@20"):
            chance = found[f"random {name}"][0] / 100
            sigma = 100 * np.sqrt(chance * (1 - chance) / (6 * 96 / 4))  # queries hang together
            assert abs(np.mean(found[f"{method} {name}"]) - 100 * chance) < 4 * sigma, name


def test_chance_is_what_the_definition_says() -> None:
    report = to_json(measured(GRID, Oracle(card_of("oracle", POSE))))

    def chance(relevant: int, k: int, gallery: int = 48) -> float:
        return float(1 - Fraction(comb(gallery - relevant, k), comb(gallery, k)))

    for k in (1, 5, 20):
        assert report["hit_rate"]["random"]["C1"][str(k)] == pytest.approx(chance(2, k), abs=1e-6)
        assert report["hit_rate"]["random"]["C2"][str(k)] == pytest.approx(chance(1, k), abs=1e-6)


def test_who_copies_the_source_finds_the_source_unless_it_is_taken_out() -> None:
    engine = Copy(card_of("copy", POSE))
    kept = measured(GRID, engine)
    assert (rates(kept, "ours")["C1@1"], rates(kept, "ours")["C1@5"]) == (0, 100)
    out = measured(GRID, engine, exclude_source=True)
    # The nearest of the others has the light of the source and one of the two other poses.
    assert rates(out, "ours")["C2@1"] == 50
    assert rates(out, "ours-pixels")["C2@1"] == 50
    chance = to_json(out)["hit_rate"]["random"]["C2"]["1"]
    assert chance == pytest.approx(1 / 47, abs=1e-6)
    for method in QUICK[2:]:
        assert rates(out, method) == rates(kept, method)


def test_filtering_by_the_true_value_finds_what_the_source_resembles_most() -> None:
    results = measured(GRID, Noise(card_of("noise", POSE), 1))
    assert rates(results, "two-step-true/pixels")["C2@1"] == 100
    report = to_json(results)
    assert report["mse"]["source"] < report["mse"]["stage 2"]


def test_drawings_are_compared_with_the_image_that_was_wished_for() -> None:
    results = measured(GRID, Copy(card_of("copy", POSE)))
    steps = [(a, b) for a in range(3) for b in range(3) if a != b]
    expected = [
        np.mean((pixels_of(0, a, 0).astype(float) - pixels_of(0, b, 0)) ** 2) for a, b in steps
    ]
    errors = to_json(results)["mse"]
    assert errors["source"] == pytest.approx(np.mean(expected))
    assert errors["stage 2"] == errors["source"]
    assert len(results.drawings.maps) == 3
    wished = results.drawings.maps[0]
    assert wished.total.mean() / wished.count == pytest.approx(
        np.nanmean(results.drawings.squared_errors["stage 2"][results.queries.wished[:, 0] == 0])
    )


# Holes, gaps and bad files


def without(*holes: Face) -> FaceSet:
    return of_grid(*(face for face in GRID.faces if face not in holes))


def test_what_nothing_answers_is_left_out_and_counted() -> None:
    """Of s2 pose 0 is shown in one light only; in the other it is asked for under C1 alone."""
    report = to_json(measured(without(face_of(2, 1, 0)), Oracle(card_of("oracle", POSE))))
    assert report["queries"] == {"C1": 96 - 2, "C2": 96 - 4}
    assert report["queries_dropped"] == {"C1": 0, "C2": 2}
    assert report["hit_rate"]["ours"]["C2"]["1"] == 1
    gone = without(face_of(2, 1, 0), face_of(2, 1, 1))
    report = to_json(measured(gone, Oracle(card_of("oracle", POSE))))
    assert report["queries"] == both(96 - 8)
    assert report["queries_dropped"] == both(4)


def test_each_criterion_is_measured_on_the_queries_that_it_can_be_measured_on() -> None:
    """Nobody is shown at 45 in the right light: from there it is asked for under C1 alone."""
    holes = [face_of(person, 2, 1) for person in range(PEOPLE)]
    results = measured(without(*holes), Oracle(card_of("oracle", POSE)))
    report = to_json(results)
    # Each person: -45 and 0 in two lights, 45 in one: 10 pairs; of two, 45 in the right light.
    assert report["queries"] == {"C1": 80, "C2": 64}
    assert report["queries_dropped"] == {"C1": 0, "C2": 16}
    for errors in results.drawings.squared_errors.values():
        assert np.isfinite(errors).tolist() == results.queries.measured["C2"].tolist()
    assert report["mse"]["stage 2"] == 0  # a pair without a target would not be 0
    assert rates(results, "ours")["C2@1"] == 100
    random = report["hit_rate"]["random"]
    assert random["C2"]["1"] == pytest.approx(1 / 40, abs=1e-6)
    # Wished for -45 and 0 there are two right images (48 pairs), for 45 one (32 pairs).
    assert random["C1"]["1"] == pytest.approx((48 * 2 + 32) / 80 / 40, abs=1e-6)


def test_one_draw_serves_both_criteria() -> None:
    faces = without(*(face_of(person, 2, 1) for person in range(PEOPLE)))
    engine = Oracle(card_of("oracle", POSE))
    report = to_json(measured(faces, engine, queries=40, seed=1))
    assert report["queries"]["C1"] == 40
    assert 20 < report["queries"]["C2"] < 40
    assert report["queries_dropped"] == {"C1": 0, "C2": 16}


def test_where_c2_can_be_asked_of_nobody_c1_still_is() -> None:
    faces = of_grid(*(face_of(n, pose, pose % 2) for n in range(PEOPLE) for pose in (0, 1)))
    report = to_json(measured(faces, Oracle(card_of("oracle", POSE))))
    assert report["queries"] == {"C1": 16, "C2": 0}
    assert report["hit_rate"]["ours"]["C2"]["1"] is None
    assert report["mse"]["stage 2"] is None
    assert 0 <= report["hit_rate"]["ours"]["C1"]["1"] <= 1


def test_images_without_identity_or_value_are_found_but_not_asked_about() -> None:
    extra = (
        Face("0-0-0", None, Condition(pose="0", light="left")),
        Face("0-1-0", None, Condition(pose="-45", light="left")),
        Face("0-0-1", "s0", Condition(light="left")),
        Face("0-0-1", "s9", Condition()),
    )
    engine = Oracle(card_of("oracle", POSE))
    after = to_json(measured(of_grid(*GRID.faces, *extra), engine))
    assert (after["gallery"], after["identities"]) == (52, 9)
    assert (after["queries"], after["queries_dropped"]) == (both(96), both(0))
    # Labelled wrongly, the first two look right to labels only: 50 values are known, 48 rightly.
    assert after["estimate_accuracy"] == pytest.approx(48 / 50)
    assert after["hit_rate"]["ours"]["C2"]["1"] == 1
    first = to_json(measured(of_grid(*extra, *GRID.faces), engine))
    # As copies that stand before them in the gallery, they take the first rank from the right ones.
    assert 0 < first["hit_rate"]["ours"]["C2"]["1"] < 1
    chance = after["hit_rate"]["random"]["C2"]["1"]
    assert chance == pytest.approx(1 / 52, abs=1e-6)


def test_a_fold_of_unknown_values_has_no_estimates_to_count() -> None:
    faces = of_grid(*GRID.faces[:18], *(Face(f.name, f.identity) for f in GRID.faces[18:]))
    engines = fold("known", range(3)), fold("unknown", range(3, 8))
    report = to_json(measured(faces, *engines))
    assert [one["queries"]["C1"] for one in report["folds"]] == [36, 0]
    assert (report["estimate_accuracy"], report["gallery"]) == (1, 48)


def test_bad_files_are_reported_and_not_in_the_gallery() -> None:
    def read(face: Face) -> bytes:
        return b"no image" if face.name == "3-1-1" else content_of(face)

    unread = Problem("notes.txt", "not an image")
    faces = of_grid(*GRID.faces, reader=read, problems=(unread,))
    report = to_json(measured(faces, Oracle(card_of("oracle", POSE))))
    seen, (name, reason) = report["folds"][0]["problems"]
    assert seen == ["notes.txt", "not an image"]
    assert name == "3-1-1"
    assert reason.startswith("not an image of a known format")
    assert report["gallery"] == 47
    # Its own two pairs, and under C2 also the two that it alone would answer.
    assert report["queries"] == {"C1": 94, "C2": 92}
    assert report["queries_dropped"] == {"C1": 2, "C2": 4}


def test_the_problems_of_the_reader_stand_in_every_fold() -> None:
    faces = of_grid(*GRID.faces, problems=(Problem("notes.txt", "not an image"),))
    report = to_json(measured(faces, fold("a", range(3)), fold("b", range(3, 8))))
    assert [one["problems"] for one in report["folds"]] == [[["notes.txt", "not an image"]]] * 2


def test_weights_that_draw_other_values_are_asked_for_those_that_both_know() -> None:
    frontal = Attribute("pose", ("0.0", "45.0", "90.0"), "degree")
    report = to_json(measured(GRID, Oracle(card_of("oracle", frontal))))
    # 16 images each at -45 (two wishes), 0 and 45 (one wish).
    assert (report["gallery"], report["queries"]) == (48, both(64))
    assert report["hit_rate"]["ours-pixels"]["C2"]["1"] < 1  # -45 is redrawn as something else


def test_weights_of_another_collection_are_asked_by_their_own_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called = {"-45": "left", "0": "straight", "45": "right"}
    space = AttributeSpace((Attribute("pose", tuple(called.values())), LIGHT))
    faces = tuple(
        replace(face, condition=face.condition.replace(pose=called[face.condition["pose"]]))
        for face in GRID.faces
    )
    theirs = {"left": "-45", "right": "45"}
    taught: list[FaceSet] = []

    def read(faces: FaceSet, *given: Any) -> Iterator[Any]:
        taught.append(faces)
        return read_training(faces, *given)

    monkeypatch.setattr("retrieval.evaluation.benchmark.read_training", read)
    report = to_json(
        measured(
            replace(GRID, faces=faces, space=space),
            Oracle(card_of("oracle", POSE)),
            names={"pose": theirs},
        )
    )
    assert (report["gallery"], report["queries"]) == (32, both(32))
    assert report["hit_rate"]["ours"]["C2"]["1"] == 1
    (rivals,) = taught  # trained rivals learn the names that are asked for
    assert set(rivals.space["pose"].values) == {"-45", "45"}


# Folds


def fold(name: str, people: range, kind: Callable[[Card], Drawer] = Oracle) -> Drawer:
    """Make an engine that is tested on these people."""
    trained_on = tuple(f"s{n}" for n in range(PEOPLE) if n not in people)
    return kind(card_of(name, POSE, trained_on=trained_on))


def test_folds_are_pooled_each_in_its_own_gallery() -> None:
    right, wrong = fold("right", range(3)), fold("wrong", range(3, 8), Copy)
    pooled = measured(GRID, right, wrong)
    alone = [measured(GRID, engine) for engine in (right, wrong)]
    report = to_json(pooled)
    assert [one["gallery"] for one in report["folds"]] == [18, 30]
    assert [one["queries"] for one in report["folds"]] == [both(36), both(60)]
    assert (report["gallery"], report["identities"], report["queries"]) == (48, 8, both(96))
    for method in (*QUICK, "random"):
        for name, rate in rates(pooled, method).items():
            parts = [rates(one, method)[name] for one in alone]
            assert rate == pytest.approx((36 * parts[0] + 60 * parts[1]) / 96, abs=1e-3)
    assert rates(pooled, "ours")["C1@1"] == 37.5  # 36 of 96


def test_queries_are_drawn_from_all_folds_together() -> None:
    engines = fold("a", range(3)), fold("b", range(3, 8))
    report = to_json(measured(GRID, *engines, queries=40, seed=3))
    assert report["queries"]["C1"] == 40
    drawn = [one["queries"]["C1"] for one in report["folds"]]
    assert min(drawn) > 0
    assert to_json(measured(GRID, *engines, queries=40, seed=3))["folds"] == report["folds"]
    others = {
        tuple(
            one["queries"]["C1"]
            for one in to_json(measured(GRID, *engines, queries=40, seed=seed))["folds"]
        )
        for seed in range(5)
    }
    assert len(others) > 1


def test_folds_that_share_a_test_person_are_refused() -> None:
    with pytest.raises(ConfigError, match="Both a and b would be tested on s3; weights can be"):
        measured(GRID, fold("a", range(4)), fold("b", range(3, 8)))
    with pytest.raises(ConfigError, match="Both a and a would be tested on s0"):
        measured(GRID, fold("a", range(4)), fold("a", range(4)))


def test_folds_may_share_images_of_people_that_nobody_knows() -> None:
    unknown = Face("0-0-0", None, Condition(pose="-45", light="left"))
    engines = fold("a", range(3)), fold("b", range(3, 8))
    report = to_json(measured(of_grid(*GRID.faces, unknown), *engines))
    assert [one["gallery"] for one in report["folds"]] == [19, 31]
    assert [one["identities"] for one in report["folds"]] == [3, 5]


def test_the_vectors_of_one_fold_are_gone_before_the_next_is_redrawn(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[str]] = []

    class Watching(Oracle):
        def draw(self, pixels: Pixels, codes: Floats) -> DrawnBatch:
            seen.append({str(p.parent) for p in cache.rglob("canonical-embeddings.npy")})
            return super().draw(pixels, codes)

    monkeypatch.setattr(module, "BATCH", 9)
    measured(GRID, fold("a", range(3), Watching), fold("b", range(3, 8), Watching))
    assert max(map(len, seen)) == 1
    assert len(set().union(*seen)) == 2
    assert not list(cache.rglob("*.npy"))


def test_weights_of_different_attributes_are_refused() -> None:
    pose = card_of("pose", POSE, trained_on=("s0",))
    light = card_of("light", LIGHT)
    with pytest.raises(ConfigError, match=r"pose and light know different attributes \(pose; li"):
        check_together(GRID, [pose, light], Protocol())


def test_a_benchmark_without_weights_is_refused() -> None:
    with pytest.raises(ConfigError, match="A benchmark needs weights; add --weights W"):
        measured(GRID)


def test_a_collection_that_says_nothing_of_what_is_drawn_is_refused() -> None:
    eyes = Attribute("eyes", ("open", "sunglasses"))
    with pytest.raises(DatasetError, match="says nothing of 'eyes', which w draws; it has: pose,"):
        check_together(GRID, [card_of("w", eyes)], Protocol())


def test_weights_that_have_seen_everybody_are_refused() -> None:
    everybody = card_of("w", POSE, trained_on=tuple(f"s{n}" for n in range(PEOPLE)))
    with pytest.raises(DatasetError, match="w was trained on everybody in known:geometry"):
        check_together(GRID, [everybody], Protocol())


def test_a_collection_without_identities_is_refused() -> None:
    faces = of_grid(*(Face(face.name, None, face.condition) for face in GRID.faces))
    with pytest.raises(DatasetError, match="known:geometry has no image with an identity; labels"):
        check_together(faces, [card_of("w", POSE)], Protocol())


def test_where_nobody_has_a_twin_there_is_nothing_to_ask() -> None:
    faces = FaceSet(
        spec=GRID.spec,
        root=GRID.root,
        faces=tuple(face_of(n, n % 3, 0) for n in range(PEOPLE)),
        space=GRID.space,
        reader=content_of,
    )
    with pytest.raises(DatasetError, match="nobody is shown under two values of an attribute"):
        measured(faces, Oracle(card_of("oracle", POSE)))


# How it is run


@pytest.mark.parametrize("batch", [1, 7, 48])
def test_the_size_of_batches_changes_nothing(monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    engine = Copy(card_of("copy", POSE, LIGHT))
    whole = measured(GRID, engine, exclude_source=True)
    monkeypatch.setattr(module, "BATCH", batch)
    parts = measured(GRID, engine, exclude_source=True)
    assert to_json(parts) == to_json(whole)
    for one, other in zip(parts.methods, whole.methods, strict=True):
        assert one.top.tolist() == other.top.tolist()


def test_progress_is_told_phase_by_phase() -> None:
    steps = list(
        run(GRID, [Oracle(card_of("w", POSE))], Protocol(), BenchmarkOptions(methods=("ours",)))
    )
    phases = list(dict.fromkeys(step.phase for step in steps))
    assert phases == ["reading for w", "redrawing with w", "drawing with w", "ranking by ours"]
    for phase in phases:
        done = [step.done for step in steps if step.phase == phase]
        assert done == sorted(done)
        assert done[-1] == [step.total for step in steps if step.phase == phase][-1]


def test_cutoffs_beyond_the_gallery_find_everything() -> None:
    report = to_json(measured(GRID, Noise(card_of("noise", POSE), 1), cutoffs=(1, 48, 60)))
    for method in ("ours", "random"):
        for k in ("48", "60"):
            assert report["hit_rate"][method]["C2"][k] == 1


# What a protocol may ask for


def test_weights_that_have_seen_somebody_whom_the_protocol_tests_are_refused() -> None:
    seen = card_of("w", POSE, trained_on=("s0", "s1", "s5"))
    check_together(GRID, [seen], Protocol(train_identities="6"))
    with pytest.raises(ConfigError, match="w was trained or fitted on s5, who is not among these"):
        check_together(GRID, [seen], Protocol(train_identities="2"))


def test_a_protocol_fixes_who_is_tested() -> None:
    engine = Oracle(card_of("w", POSE, trained_on=("s0",)))
    report = to_json(measured(GRID, engine, train_identities="0.5"))
    assert (report["identities"], report["gallery"]) == (4, 24)


def test_a_protocol_says_what_is_wished_for_and_what_stands_in_the_gallery() -> None:
    engine = Oracle(card_of("w", POSE, LIGHT))
    record = measured(GRID, engine, attributes=("light",), gallery={"pose": ("0", "45")})
    assert len(record.gallery) == 32
    assert (record.queries.wished >= 0).tolist() == [[False, True]] * len(record.queries)
    with pytest.raises(ConfigError, match="wishes for 'eyes', which the weights do not draw; th"):
        measured(GRID, engine, attributes=("eyes",))
    with pytest.raises(ConfigError, match="restricts 'hat', which known:geometry says nothing of"):
        measured(GRID, engine, gallery={"hat": ("none",)})


def test_a_subset_is_noted_and_pictures_are_of_the_query_they_name() -> None:
    subset = {"lit from the left": Condition(light="left")}
    record = measured(GRID, Oracle(card_of("w", POSE)), subsets=subset)
    lit = record.gallery.values[record.queries.source, 1] == 0
    assert record.queries.subsets["lit from the left"].tolist() == lit.tolist()
    example = record.examples[0]
    source = record.gallery.names[record.queries.source[example.query]]
    assert example.source.tolist() == pixels_of(*map(int, source.split("-"))).tolist()
    assert example.drawn.tolist() == example.target.tolist() == example.found[0].tolist()


def test_the_record_says_how_it_was_made() -> None:
    record = measured(GRID, Oracle(card_of("w", POSE)))
    how = record.provenance
    assert set(how.hashes) == {"data", "protocol", "code", "weights w"}
    assert how.hashes["weights w"] == "0" * 64
    other = measured(GRID, Oracle(card_of("w", POSE)), seed=1).provenance
    assert other.hashes["data"] == how.hashes["data"]
    assert other.hashes["protocol"] != how.hashes["protocol"]
    assert set(how.seconds) == {"read", "prepare", "rank"}
