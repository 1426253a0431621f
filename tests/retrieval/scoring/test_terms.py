"""Fused vectors and their names, without a network. Shapes: N images, F numbers of a vector."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.arrays import normalise
from gallery.attributes import Attribute, AttributeSpace
from gallery.errors import ConfigError, IndexFileError, WeightsError, WishError
from generator.weights_file import load_card
from index.contract import IndexContract
from retrieval.embedding import contract_from_card
from retrieval.scoring.log_probability import CLIP
from retrieval.scoring.profile import ScoreProfile
from retrieval.scoring.term import Part
from retrieval.scoring.terms import Coefficients, Layout, Score, wish_code
from tests.retrieval.recognising import FUSION

SPACE = AttributeSpace(
    (Attribute("pose", ("-45", "0", "45"), "degree"), Attribute("light", ("left", "right")))
)


BOTH = {"log_p": 5, "identity": 4}


def random_parts(count: int, seed: int) -> tuple[Any, Any, Any]:
    random = np.random.default_rng(seed)
    drawn, who = (normalise(random.normal(size=(count, n)).astype(np.float32)) for n in (6, 4))
    log_p = -random.uniform(0, 30, size=(count, 5)).astype(np.float32)
    return drawn, log_p, who


def test_one_inner_product_is_the_sum_of_the_three_terms() -> None:
    layout, weights = Layout(6, BOTH), Coefficients(log_p=0.3, identity=0.7)
    drawn, log_p, who = random_parts(9, 1)
    probe, _, source = random_parts(1, 2)
    wish = wish_code(SPACE, {"light": "right", "pose": "+45°"})
    assert wish.tolist() == [0, 0, 1, 0, 1]
    gallery = layout.gallery(drawn, {"log_p": log_p, "identity": who})
    asked = layout.probes(probe, {"log_p": wish[None], "identity": source}, weights)[0]
    clipped = np.maximum(log_p, -CLIP)
    expected = drawn @ probe[0] + 0.3 * (clipped[:, 2] + clipped[:, 4]) + 0.7 * (who @ source[0])
    assert gallery @ asked == pytest.approx(expected, abs=1e-5)
    parts = layout.split(gallery, asked)
    assert list(parts) == ["drawing", "log_p", "identity"]
    assert sum(parts.values()) == pytest.approx(expected, abs=1e-5)
    assert parts["identity"] == pytest.approx(0.7 * (who @ source[0]), abs=1e-5)
    assert log_p.min() < -CLIP
    assert gallery[:, layout.parts["log_p"]].min() == -1


def test_what_is_not_wished_for_asks_nothing_of_the_estimate() -> None:
    assert wish_code(SPACE, {"light": "left"}).tolist() == [0, 0, 0, 1, 0]
    with pytest.raises(WishError, match="no value '90'"):
        wish_code(SPACE, {"pose": "90"})


@pytest.mark.parametrize(
    ("layout", "dimension"),
    [
        (Layout(6), 6),
        (Layout(6, {"log_p": 5}), 16),
        (Layout(6, BOTH), 16),
        (Layout(256, {"log_p": 7, "identity": 128}), 392),
    ],
)
def test_fused_vectors_are_a_multiple_of_eight_long(layout: Layout, dimension: int) -> None:
    assert layout.dimension == dimension
    assert layout.parts["drawing"] == slice(0, layout.drawing)
    if layout.terms:
        assert max(place.stop for place in layout.parts.values()) == dimension


def test_a_missing_part_is_refused() -> None:
    drawn, log_p, who = random_parts(2, 1)
    with pytest.raises(ValueError, match=r"identity of a vector must be \(2, 4\), got None"):
        Layout(6, BOTH).gallery(drawn, {"log_p": log_p})
    with pytest.raises(ValueError, match=r"log_p of a vector must be \(2, 5\), got \(2, 4\)"):
        Layout(6, BOTH).gallery(drawn, {"log_p": log_p[:, :4], "identity": who})


# The contract


@pytest.mark.parametrize(
    "score",
    [
        Score(),
        Score((Part("log_p", 5),)),
        Score((Part("log_p", 5), Part("identity", 128, "sface (0.1, 0.2) ab")), column=True),
    ],
)
def test_a_score_survives_the_way_through_a_contract(score: Score) -> None:
    spelt = score.spell("linear-256")
    assert spelt.startswith("linear-256")
    contract = IndexContract(
        extractor="e",
        weights_sha256="w",
        attribute_space=(("pose", ("0", "45")), ("light", ("l", "r", "b"))),
        aligner="a",
        canonicalisation="estimator",
        projection=spelt,
        dimension=400,
    )
    assert Score.of(contract) == score
    layout = Layout.of_contract(contract)
    assert layout == score.layout(400 - sum(layout.terms.values()) - score.column)
    assert list(layout.terms) == [part.name for part in score.parts]


def test_contracts_of_drawings_alone_are_what_they_were(pose_weights: Path) -> None:
    contract = contract_from_card(load_card(pose_weights), "reconstruction", 8192)
    assert (contract.projection, contract.metric) == ("none", "inner product")
    assert Score.of(contract).name == "drawing"


def test_a_score_of_the_future_is_refused(pose_weights: Path) -> None:
    contract = contract_from_card(load_card(pose_weights), "reconstruction", 8192)
    with pytest.raises(IndexFileError, match="scores by 'voice 3', which this version does not"):
        Score.of(replace(contract, projection="linear-256; voice 3"))
    alone = Score((Part("identity", 128, "sface"),))
    with pytest.raises(IndexFileError, match="scores by identity, which this version does not"):
        _ = alone.name


def test_a_coefficient_of_an_unknown_term_is_refused() -> None:
    with pytest.raises(ValueError, match="no term 'voice'; there are log_p, identity"):
        Coefficients(voice=1.0)


# The card


def test_weights_come_from_the_card(make_fitted_weights: Callable[..., Path]) -> None:
    card = load_card(make_fitted_weights(fusion=FUSION))
    profile = ScoreProfile.of(card)
    assert profile.weights("fused") == Coefficients(log_p=0.3, identity=0.7)
    assert profile.weights("drawing+values") == Coefficients(log_p=0.2)
    assert profile.weights("drawing") == Coefficients()
    profile.check("fused", estimates=True)


def test_what_was_not_fitted_is_refused(make_fitted_weights: Callable[..., Path]) -> None:
    card = load_card(make_fitted_weights(fusion={"without_identity": {"log_probability": 0.1}}))
    profile = ScoreProfile.of(card)
    with pytest.raises(WeightsError, match="'fused'; fit them .* mindseye weights fit"):
        profile.weights("fused")
    with pytest.raises(ConfigError, match="--score cannot be 'fuse'; did you mean 'fused'"):
        profile.check("fuse", estimates=True)
    with pytest.raises(ConfigError, match="needs an attribute estimator, which .* --recipe tuned"):
        profile.check("drawing+values", estimates=False)


@pytest.mark.parametrize("value", [None, "much"])
def test_a_damaged_fit_is_told(make_fitted_weights: Callable[..., Path], value: object) -> None:
    with pytest.raises(WeightsError, match=r"fusion.log_probability: .* number, got"):
        load_card(make_fitted_weights(fusion={**FUSION, "log_probability": value}))


def test_people_that_were_fitted_on_count_as_seen(make_fitted_weights: Callable[..., Path]) -> None:
    path = make_fitted_weights(fusion={**FUSION, "fitted_on": {"people": ["p2", "p4"]}})
    assert load_card(path).seen == ("p1", "p2", "p4")
    assert json.loads(path.with_suffix(".json").read_text("utf-8"))["fusion"]["identity"] == 0.7
