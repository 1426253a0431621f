"""Queries that wish for two attributes at once, from the protocol to the files."""

import gzip
import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gallery.arrays import Floats, normalise
from gallery.attributes import Attribute, AttributeSpace
from gallery.errors import ConfigError
from gallery.readers.registry import open_faces
from generator.canonical import Rule, canonicalise
from generator.engine import Engine
from retrieval.evaluation.benchmark import BenchmarkOptions, run
from retrieval.evaluation.drawing_records import Drawings
from retrieval.evaluation.embedders import registry as embedders
from retrieval.evaluation.fold.fold_cache import BaselineBudget
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.records import MethodRecord, Record
from retrieval.evaluation.report import write
from retrieval.evaluation.statistics.breakdowns import error_matrices, groupings
from retrieval.evaluation.statistics.comparison import compare
from retrieval.evaluation.statistics.outcomes import check_consistent, scores_of
from retrieval.evaluation.statistics.per_query import read_per_query
from retrieval.evaluation.statistics.pooling import pool
from retrieval.scoring.log_probability import CLIP
from retrieval.scoring.terms import wish_code
from tests.experiments.test_seeds import run as run_script
from tests.retrieval.evaluation import simulated
from tests.retrieval.evaluation.simulated import written
from tests.retrieval.evaluation.test_benchmark import (
    GRID,
    LIGHT,
    POSE,
    Copy,
    Noise,
    Oracle,
    card_of,
    measured,
    rates,
)
from tests.retrieval.evaluation.test_methods import Means
from tests.retrieval.recognising import FUSION

TWO: dict[str, Any] = {"wishes": 2}
METHODS = (
    *("ours", "fused/identity-off", "two-step/pixels", "two-step-true/pixels", "cpi"),
    *("shift/sface", "composed", "raw/pixels", "oracle-value", "oracle-target"),
)


@pytest.fixture(scope="module")
def weights(make_fitted_weights: Callable[..., Path]) -> Path:
    """Draw poses and lights, trained on p1 and p2."""
    return make_fitted_weights("both-32", ("pose", "light"), fusion=FUSION)


@pytest.fixture(scope="module")
def everything(weights: Path, faces_spec: str, tmp_path_factory: pytest.TempPathFactory) -> Record:
    """Most methods, on images of three people."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(embedders.EMBEDDERS, "sface", lambda _: Means())
        cache = tmp_path_factory.mktemp("kept")
        options = BenchmarkOptions(
            methods=METHODS, cache=cache, budget=BaselineBudget(steps=2, trials=0)
        )
        engine = Engine.open(weights, torch.device("cpu"))
        steps = run(open_faces(faces_spec), [engine], Protocol(**TWO), options)
        while True:
            try:
                next(steps)
            except StopIteration as stop:
                record: Record = stop.value
                check_consistent(record)
                return record


def named(record: Record, name: str) -> MethodRecord:
    (found,) = [method for method in record.methods if method.name == name]
    return found


def seen(everything: Record, faces_spec: str, weights: Path) -> np.ndarray:
    """Pixels of the gallery, (N, S, S, C)."""
    faces = open_faces(faces_spec)
    aligner = Engine.open(weights, torch.device("cpu")).card.aligner
    by_name = {face.name: face for face in faces.faces}
    return np.stack([aligner.align(faces.load(by_name[n])) for n in everything.gallery.names])


def test_each_query_wishes_for_two_values_that_its_source_does_not_have() -> None:
    record = measured(GRID, Oracle(card_of("both", POSE, LIGHT)), **TWO)
    queries, gallery = record.queries, record.gallery
    assert len(queries) == len(GRID.faces) * 2  # two other poses, one other light
    assert (queries.wished >= 0).all()
    assert (queries.wished != gallery.values[queries.source]).all()
    assert len({(*row,) for row in np.column_stack([queries.source, queries.wished]).tolist()}) == (
        len(queries)
    )
    assert record.folds[0].dropped == {"C1": 0, "C2": 0}


def test_who_draws_both_wishes_finds_everything_and_who_copies_nothing() -> None:
    drawing = measured(GRID, Oracle(card_of("both", POSE, LIGHT)), methods=("ours",), **TWO)
    assert set(rates(drawing, "ours").values()) == {100}
    assert np.nanmax(drawing.drawings.squared_errors["stage 2"]) == 0
    counts = {(one.attribute, one.value): one.count for one in drawing.drawings.maps}
    asked = len(drawing.queries)  # each is in the map of its pose and in that of its light
    assert counts == {
        **{(0, n): asked // 3 for n in range(3)},
        (1, 0): asked // 2,
        (1, 1): asked // 2,
    }
    copying = measured(GRID, Copy(card_of("copy", POSE, LIGHT)), methods=("ours",), **TWO)
    assert (rates(copying, "ours")["C1@1"], rates(copying, "ours")["C2@1"]) == (0, 0)
    example = drawing.examples[0]
    assert example.drawn.tolist() == example.target.tolist() == example.found[0].tolist()


def test_noise_finds_what_chance_says() -> None:
    found = [
        rates(measured(GRID, Noise(card_of("n", POSE, LIGHT), s), methods=("ours",), **TWO), "ours")
        for s in range(8)
    ]
    chance = rates(measured(GRID, Noise(card_of("n", POSE, LIGHT), 0), **TWO), "random")
    assert chance["C1@1"] == pytest.approx(100 / len(GRID.faces), abs=1e-3)
    assert np.mean([one["C1@1"] for one in found]) == pytest.approx(chance["C1@1"], abs=3)


def test_queries_of_one_seed_are_the_same_and_those_of_another_are_not() -> None:
    engine = Oracle(card_of("both", POSE, LIGHT))
    first, again, other = (
        measured(GRID, engine, methods=("raw/pixels",), queries=20, seed=seed, **TWO).queries
        for seed in (1, 1, 2)
    )
    assert (len(first), first.source.tolist()) == (20, again.source.tolist())
    assert first.wished.tolist() == again.wished.tolist()
    assert np.column_stack([first.source, first.wished]).tolist() != (
        np.column_stack([other.source, other.wished]).tolist()
    )


def test_folds_are_pooled() -> None:
    half = [f"s{n}" for n in range(len(GRID.identities) // 2)]
    rest = tuple(who for who in GRID.identities if who not in half)
    engines = [
        Oracle(card_of("a", POSE, LIGHT, trained_on=tuple(half))),
        Oracle(card_of("b", POSE, LIGHT, trained_on=rest)),
    ]
    record = measured(GRID, *engines, methods=("ours",), **TWO)
    assert len(record.folds) == 2
    assert len(record.queries) == 2 * len(GRID.faces)
    assert set(rates(record, "ours").values()) == {100}
    simulated_ones = [simulated.record(3, columns=(0, 1), most=80, fold=fold) for fold in (0, 1)]
    pooled = pool(simulated_ones)
    check_consistent(pooled)
    assert pooled.queries.wished.tolist() == [
        *simulated_ones[0].queries.wished.tolist(),
        *simulated_ones[1].queries.wished.tolist(),
    ]


def test_weights_of_one_attribute_cannot_be_asked_for_two() -> None:
    with pytest.raises(ConfigError, match="wishes for 2 attributes at once, .* for pose alone"):
        measured(GRID, Oracle(card_of("w", POSE)), **TWO)
    engine = Oracle(card_of("w", POSE, LIGHT))
    with pytest.raises(ConfigError, match="cannot wish for 2 attributes at once where only light"):
        measured(GRID, engine, attributes=("light",), **TWO)


# The methods


def test_methods_answer_or_say_why_not(everything: Record) -> None:
    assert len(everything.queries) == 18 * 2
    skipped = {method.name: method.skipped for method in everything.methods if method.skipped}
    assert list(skipped) == ["cpi"]
    assert "rotates faces, and pose and light is not pose alone" in skipped["cpi"]
    scores = scores_of([named(everything, "oracle-target")], everything)
    assert scores["C2"].by_seed[0, 0] == 1


def test_two_steps_keep_the_images_that_have_both_values(everything: Record) -> None:
    values, wished = everything.gallery.values, everything.queries.wished
    true = named(everything, "two-step-true/pixels")
    for query, top in enumerate(true.top):
        kept = sorted(top[top >= 0].tolist())
        assert kept == np.flatnonzero((values == wished[query]).all(axis=1)).tolist()
        assert len(kept) == 3  # each person once
    assert (true.right_ranks >= 0).all()
    told = named(everything, "two-step/pixels").top
    lists = [tuple(sorted(top[top >= 0].tolist())) for top in told]
    of_wish: dict[tuple[int, ...], set[tuple[int, ...]]] = {}
    for wish, kept_ones in zip(wished.tolist(), lists, strict=True):
        of_wish.setdefault(tuple(wish), set()).add(kept_ones)
    assert all(len(one) == 1 for one in of_wish.values())  # the same images for the same wish
    assert len({image for one in of_wish.values() for kept in one for image in kept}) == sum(
        len(kept) for one in of_wish.values() for kept in one
    )  # and no image under two wishes


def test_a_shift_adds_the_differences_of_both_values(
    everything: Record, faces_spec: str, weights: Path
) -> None:
    faces = open_faces(faces_spec)
    aligner = Engine.open(weights, torch.device("cpu")).card.aligner

    taught = faces.of(["p1", "p2"]).faces
    known = Means().embed(np.stack([aligner.align(faces.load(face)) for face in taught]))
    gallery = Means().embed(seen(everything, faces_spec, weights))
    space, method = everything.gallery.space, named(everything, "shift/sface")

    def mean_of(name: str, value: str) -> Floats:
        mean: Floats = known[[face.condition[name] == value for face in taught]].mean(axis=0)
        return mean

    for query, wish in enumerate(wishes_of(everything)):
        source = everything.queries.source[query]
        probe = gallery[source].copy()
        for column, (name, after) in enumerate(wish.items()):
            before = space[name].values[everything.gallery.values[source, column]]
            probe += mean_of(name, after) - mean_of(name, before)
        scores = gallery @ normalise(probe[None])[0]
        assert scores[method.top[query, 0]] == pytest.approx(scores.max(), abs=1e-5)


def test_a_fused_score_adds_log_p_of_both_values(
    everything: Record, faces_spec: str, weights: Path
) -> None:
    engine = Engine.open(weights, torch.device("cpu"))
    pixels = seen(everything, faces_spec, weights)
    log_p = np.maximum(engine.log_probabilities(pixels), -CLIP)
    weight = FUSION["without_identity"]["log_probability"]  # type: ignore[index]
    fused = named(everything, "fused/identity-off")
    assert named(everything, "ours").top.tolist() != fused.top.tolist()
    codes = [
        sum(wish_code(engine.card.space, {name: value}) for name, value in wish.items())
        for wish in wishes_of(everything)
    ]
    added = weight * np.stack(codes) @ log_p.T  # (Q, N)
    embeddings, probes = drawn_by(engine, everything, pixels)
    scores = probes @ embeddings.T + added
    for query, top in enumerate(fused.top):
        ranked = scores[query, top[top >= 0]]
        assert (np.diff(ranked) <= 1e-4).all()


def drawn_by(engine: Engine, record: Record, pixels: np.ndarray) -> tuple[Floats, Floats]:
    """Return the canonical embeddings, and those of the drawings of all wishes."""
    canonical = canonicalise(engine, pixels, Rule.of(engine.card))
    sources = record.queries.source.tolist()
    codes = [
        engine.card.space.one_hot(canonical.estimates[source].replace(wish))
        for source, wish in zip(sources, wishes_of(record), strict=True)
    ]
    drawn = engine.draw(pixels[sources], np.stack(codes))
    return canonical.embeddings, normalise(drawn.features)


def wishes_of(record: Record) -> list[dict[str, str]]:
    """Return the wishes of all queries by name."""
    space = record.gallery.space.attributes
    return [
        {one.name: one.values[value] for one, value in zip(space, row, strict=True)}
        for row in record.queries.wished.tolist()
    ]


# What is written


def test_files_say_both_wishes(everything: Record, tmp_path: Path) -> None:
    for _ in write(everything, tmp_path):
        pass
    first = wishes_of(everything)[0]
    source = everything.gallery.names[everything.queries.source[0]]
    keys = read_per_query(tmp_path / "queries.npz").key.tolist()
    assert keys[0] == "\t".join([source, *(f"{n}={v}" for n, v in first.items())])
    assert len(set(keys)) == len(keys)
    with gzip.open(tmp_path / "trec" / "queries.tsv.gz", "rt", encoding="utf-8") as file:
        row = file.read().splitlines()[1].split("\t")
    assert row[-1] == " ".join(f"{n}={v}" for n, v in first.items())
    summary = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert (summary["format"], summary["protocol"]["wishes"]) == (2, 2)
    assert summary["wishes"] == ["pose and light"]
    assert "identity and all wished values are right" in summary["definition"]
    table = (tmp_path / "table.md").read_text("utf-8")
    assert "36 queries, each for 2 attributes at once, under C1" in table
    assert "as published" not in table
    page = (tmp_path / "report.html").read_text("utf-8")
    assert re.search(r"p\d: pose -?\d+ → -?\d+, light \w+ → \w+", page)
    assert compare(tmp_path, tmp_path).queries == (36, 36, 36)


def test_a_query_stands_in_the_parts_of_both_wishes() -> None:
    record = simulated.record(4, columns=(0, 1), most=200)
    names = [name for name, _ in groupings(record)]
    assert "change of pose (degrees)" in names
    assert "wished attribute" not in names  # all wish for the same two
    changes = dict(groupings(record))["change of pose (degrees)"]
    assert sum(int(flags.sum()) for flags in changes.values()) == len(record.queries)
    of_pose, of_light = error_matrices(record, "stage 2")
    assert (of_pose.attribute, of_light.attribute) == ("pose", "illumination")
    assert of_pose.queries.sum() == of_light.queries.sum() == len(record.queries)
    assert np.trace(of_pose.queries) == np.trace(of_light.queries) == 0


@pytest.mark.parametrize("columns", [(1,), (0, 1)])
def test_a_change_is_that_of_its_own_attribute(columns: tuple[int, ...]) -> None:
    ages = Attribute("age", ("20", "30", "60"), unit="year")
    made = simulated.record(3, names=())
    gallery = simulated.grid(3, AttributeSpace((simulated.SPACE["pose"], ages)))
    queries = simulated.all_asked(gallery, columns)
    record = replace(made, gallery=gallery, queries=queries, methods=(), drawings=Drawings())
    found = dict(groupings(record))
    assert ("change of pose (degrees)" in found) == (0 in columns)
    years = np.array([20, 30, 60])
    change = years[queries.wished[:, 1]] - years[gallery.values[queries.source, 1]]
    assert list(found["change of age (years)"]) == ["10", "30", "40"]
    for size, flags in found["change of age (years)"].items():
        assert flags.tolist() == (abs(change) == int(size)).tolist()


def test_wishes_of_one_and_of_two_attributes_are_different_queries(tmp_path: Path) -> None:
    one, two = (
        written(simulated.record(4, columns=columns, most=100), tmp_path / str(len(columns)))
        for columns in ((0,), (0, 1))
    )
    with pytest.raises(ConfigError, match="The two results share no query"):
        compare(one, two)


def test_the_table_by_wish_takes_one_of_two_wishes(tmp_path: Path) -> None:
    results = written(simulated.record(4, columns=(0, 1), most=300), tmp_path / "two")
    script = [sys.executable, "-m", "experiments.wishes.table", str(results)]
    table = read_per_query(results / "queries.npz")
    for attribute, values in (
        ("illumination", ["0", "7", "17"]),
        ("pose", ["0", "15", "30", "45"]),
    ):
        ran = run_script(*script, "--attribute", attribute)
        assert ran.returncode == 0, ran.stderr
        lines = ran.stdout.splitlines()[2:]
        assert [line.split("|")[1].strip() for line in lines] == values
        counts = [int(line.split("|")[2].replace(",", "")) for line in lines]
        assert sum(counts) == 300
        last = {f"{attribute}={values[-1]}", f"{attribute}=-{values[-1]}"}
        at = [n for n, key in enumerate(table.key.tolist()) if last & set(key.split("\t"))]
        expected = 100 * np.nanmean(table.scores[0, 0, at, table.measures.index("R@1")])
        assert f"| `ours` | {expected:.1f} [" in lines[-1]
    ran = run_script(*script, "--attribute", "pose", "--criteria", "C2")
    assert ran.stdout.startswith(
        "| wish | queries | method | C2 R@1 | C2 R@5 |\n|---|---:|---|---:|---:|\n"
    )
    expected = 100 * np.nanmean(table.scores[0, 1, at, table.measures.index("R@1")])
    assert f"| `ours` | {expected:.1f} [" in ran.stdout.splitlines()[-1]
    wrong = run_script(*script, "--attribute", "pose", "--criteria", "C3")
    assert wrong.stderr == "Error: There is no criterion 'C3' there; it has C1, C2\n"
