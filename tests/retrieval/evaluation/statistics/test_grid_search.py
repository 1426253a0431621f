"""The grid of weights against its definition. Shapes: Q queries, N gallery images."""

from dataclasses import replace

import numpy as np
import pytest

from gallery.arrays import normalise
from generator.hypotheses import ONE, TWO, Hypotheses
from retrieval.evaluation.records import QueryTable
from retrieval.evaluation.statistics import grid_search
from retrieval.evaluation.statistics.grid_search import (
    GridPoint,
    Material,
    best,
    blocks_of,
    chosen_of,
    first_answers,
    grid,
    hit_rates,
    hits,
    joined,
)
from retrieval.scoring.terms import Coefficients

N, Q = 40, 25


def weigh(a: float, w: float) -> Coefficients:
    return Coefficients(log_p=a, identity=w)


@pytest.fixture
def material() -> Material:
    random = np.random.default_rng(0)
    gallery, probes, who = (
        normalise(random.normal(size=(count, 5)).astype(np.float32)) for count in (N, Q, N)
    )
    log_p = -random.uniform(0, 10, size=(N, 3)).astype(np.float32)
    wishes = np.eye(3, dtype=np.float32)[random.integers(0, 3, Q)]
    return Material(gallery, probes, wishes, {"log_p": log_p, "identity": who})


@pytest.fixture
def asked() -> QueryTable:
    """Two right images for each query; of every other query one is right under C2."""
    random = np.random.default_rng(1)
    right = np.sort(np.stack([random.permutation(N)[:2] for _ in range(Q)]), axis=1)
    strict = np.zeros((Q, 2), dtype=np.bool_)
    strict[::2, 1] = True
    return QueryTable(
        source=random.integers(0, N, Q),
        wished=np.zeros((Q, 1), dtype=np.int64),
        right=right.ravel(),
        right_starts=np.arange(0, 2 * Q + 1, 2),
        right_strict=strict.ravel(),
    )


def scores(material: Material, asked: QueryTable, weights: Coefficients) -> np.ndarray:
    log_p, identities = (np.asarray(material.read[name]) for name in ("log_p", "identity"))
    found: np.ndarray = (
        np.asarray(material.probes) @ np.asarray(material.gallery).T
        + weights.of("log_p") * (material.wishes @ log_p.T)
        + weights.of("identity") * (identities[asked.source] @ identities.T)
    )
    return found


@pytest.mark.parametrize("table", [2**22, 3 * N])
def test_hit_rates_are_those_of_the_weighted_sums(
    material: Material, asked: QueryTable, table: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grid_search, "TABLE", table)  # one block, or many
    tried = (Coefficients(), weigh(0.1, 0.5), weigh(1.0, 5.0))
    blocks = list(blocks_of(material, asked))
    assert len(blocks) == (1 if table > N * Q else 9)
    found = [hits(block, tried) for block in blocks]
    whole = {name: np.concatenate([one[name] for one in found]) for name in ("C1", "C2")}
    for one in hit_rates(whole, asked, tried):
        first = scores(material, asked, one.weights).argmax(axis=1)
        right = asked.right.reshape(Q, 2)
        assert one.hit_rate["C1"] == pytest.approx((right == first[:, None]).any(axis=1).mean())
        strict = asked.right_strict.reshape(Q, 2)
        share = ((right == first[:, None]) & strict).any(axis=1)[::2].mean()
        assert one.hit_rate["C2"] == pytest.approx(share)


def test_first_answers_stand_in_order_with_the_parts_of_their_scores(
    material: Material, asked: QueryTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grid_search, "TABLE", 4 * N)
    weights = weigh(0.1, 0.5)
    answers = joined([first_answers(b, weights, 6) for b in blocks_of(material, asked)])
    whole = scores(material, asked, weights)
    order = np.argsort(-whole, axis=1, kind="stable")[:, :6]
    assert answers.scores == pytest.approx(np.take_along_axis(whole, order, axis=1), abs=1e-5)
    assert sum(answers.parts.values()) == pytest.approx(answers.scores, abs=1e-5)
    right = [np.isin(row, asked.right.reshape(Q, 2)[q]) for q, row in enumerate(order)]
    assert answers.right.tolist() == np.stack(right).tolist()


def test_a_source_that_is_excluded_answers_nothing(material: Material, asked: QueryTable) -> None:
    """Not even where identity alone decides, and every image that may answer is asked for."""
    weights = weigh(0.0, 1e4)
    (block,) = blocks_of(material, asked, source_excluded=True)
    whole = scores(material, asked, weights)
    whole[np.arange(Q), asked.source] = -np.inf
    first = whole.argmax(axis=1)
    right = (asked.right.reshape(Q, 2) == first[:, None]).any(axis=1)
    assert hits(block, [weights])["C1"][:, 0].tolist() == right.tolist()
    answers = first_answers(block, weights, N)
    assert answers.scores.shape == (Q, N - 1)
    assert all(np.isfinite(part).all() for part in answers.parts.values())


@pytest.mark.parametrize("excluded", [False, True])
def test_of_two_hypotheses_the_better_drawing_counts(
    material: Material, asked: QueryTable, excluded: bool
) -> None:
    random = np.random.default_rng(5)
    seconds = normalise(random.normal(size=(N, 5)).astype(np.float32))
    margins = random.uniform(-1, 5, N).astype(np.float32)
    doubled = replace(material, seconds=seconds, margins=margins)
    (block,) = blocks_of(doubled, asked, source_excluded=excluded)
    (alone,) = blocks_of(material, asked, source_excluded=excluded)
    weights = weigh(0.1, 0.5)
    for hypotheses in (ONE, Hypotheses(2.0), TWO):
        whole = scores(material, asked, weights)
        other = np.asarray(material.probes) @ seconds.T
        first = np.asarray(material.probes) @ np.asarray(material.gallery).T
        has = margins <= hypotheses.within
        whole += np.where(has, np.maximum(other - first, 0), 0)
        if excluded:
            whole[np.arange(Q), asked.source] = -np.inf
        assert block.under(hypotheses).scores(weights) == pytest.approx(whole, abs=1e-5)
    assert block.under(ONE).scores(weights).tolist() == alone.scores(weights).tolist()
    assert alone.under(TWO) is alone


def rated(a: float, w: float, c1: float, c2: float) -> GridPoint:
    return GridPoint(weigh(a, w), {"C1": c1, "C2": c2})


def test_c2_decides_then_c1_then_the_smaller_weights() -> None:
    assert best([rated(0, 0, 0.9, 0.5), rated(1, 0, 0.1, 0.6)]).weights == weigh(1, 0)
    assert best([rated(0, 0, 0.9, 0.5), rated(1, 0, 0.95, 0.5)]).weights == weigh(1, 0)
    assert best([rated(0, 0, 0.9, 0.5), rated(1, 0, 0.9, 0.5)]).weights == weigh(0, 0)
    unknown = float("nan")  # no query is measured under C2
    assert best([rated(0, 0, 0.8, unknown), rated(1, 0, 0.9, unknown)]).weights == weigh(1, 0)
    weights = grid(["log_p", "identity"])
    assert weights[0] == Coefficients()
    assert len(set(weights)) == len(weights) == 110
    assert set(grid([])) == {Coefficients()}


def test_every_score_gets_the_weights_that_are_best_for_it() -> None:
    weighed = [
        rated(0, 0, 0.5, 0.4),
        rated(0.1, 0, 0.6, 0.5),
        rated(0, 0.2, 0.4, 0.3),
        rated(0.2, 0.5, 0.9, 0.8),
    ]
    profile = chosen_of(weighed)
    assert profile.scores == {
        "drawing+values": weigh(0.1, 0),
        "fused": weigh(0.2, 0.5),
    }
    fusion = profile.to_json()
    assert (fusion["log_probability"], fusion["identity"], fusion["clip"]) == (0.2, 0.5, -10)
    assert fusion["without_identity"] == {"log_probability": 0.1}
    assert fusion["without_log_probability"] == {"identity": 0}  # alone, identity does harm
    assert fusion["hit_rate"]["fused"] == {"C1": 0.9, "C2": 0.8}
    assert fusion["hit_rate"]["drawing"] == {"C1": 0.5, "C2": 0.4}
    only = chosen_of(weighed[:1])
    assert only.scores == {}
    assert only.to_json() == {"clip": -10, "hit_rate": {"drawing": {"C1": 0.5, "C2": 0.4}}}
