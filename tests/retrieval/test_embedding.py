from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from gallery.align import Aligner, Crop
from gallery.arrays import normalise
from generator.engine import Engine
from generator.weights_file import load_card
from retrieval.embedding import contract_from_card, contract_of

vectors = arrays(
    np.float32,
    array_shapes(min_dims=2, max_dims=2, max_side=8),
    elements=st.floats(-1e6, 1e6, width=32).filter(lambda value: value == 0 or abs(value) > 1e-6),
)


@given(vectors)
def test_normalised_vectors_have_length_one_and_keep_their_direction(given: np.ndarray) -> None:
    unit = normalise(given)
    assert (str(unit.dtype), unit.shape) == ("float32", given.shape)
    for before, after in zip(given.astype(np.float64), unit, strict=True):
        length = np.sqrt((before**2).sum())
        expected = before / length if length else before
        assert after == pytest.approx(expected, abs=1e-6)


def test_a_vector_of_zeros_stays_one() -> None:
    assert normalise(np.zeros((2, 3), dtype=np.float32)).tolist() == [[0, 0, 0]] * 2


def test_normalising_leaves_its_argument_alone() -> None:
    given = np.array([[3.0, 4.0]], dtype=np.float32)
    assert normalise(given)[0] == pytest.approx([0.6, 0.8])
    assert given.tolist() == [[3.0, 4.0]]


def test_the_contract_holds_all_that_makes_an_embedding(pose_weights: Path) -> None:
    engine = Engine.open(pose_weights, torch.device("cpu"))
    contract = contract_of(engine, "reconstruction")
    assert contract == contract_from_card(engine.card, "reconstruction", 16 * 16 * 64)
    assert '"two-stage-32"' in contract.extractor
    assert contract.weights_sha256 == engine.card.sha256
    assert contract.attribute_space == (("pose", ("-45", "0", "45")),)
    assert (contract.projection, contract.metric) == ("none", "inner product")


def test_each_thing_that_changes_an_embedding_changes_the_contract(
    make_weights: Callable[..., Path],
) -> None:
    card = load_card(make_weights("pose-32"))
    other = load_card(make_weights("light-32", ("light",), seed=1))
    changes = {
        "extractor": replace(card, network={"feature_layer": "conv4"}),
        "extractor ": replace(card, mean=(card.mean[0] + 1,)),
        "weights_sha256": replace(card, sha256="0" * 64),
        "attribute_space": replace(card, space=other.space),
        "aligner": replace(card, aligner=Aligner(size=32, channels=1, crop=Crop(0, 0, 0.5, 0.5))),
    }
    contract = contract_from_card(card, "reconstruction", 7)
    for term, changed in changes.items():
        difference = contract.first_difference(contract_from_card(changed, "reconstruction", 7))
        assert difference is not None
        assert difference.startswith(f"{term.strip()}: ")
    for rule, dimension in (("estimator", 7), ("reconstruction", 8)):
        assert contract.digest() != contract_from_card(card, rule, dimension).digest()


def test_what_a_card_says_beside_does_not_change_the_contract(pose_weights: Path) -> None:
    card = load_card(pose_weights)
    renamed = replace(card, name="other", train_identities=(), metrics={"mse": 1}, licence="CC0")
    assert contract_from_card(card, "r", 7).digest() == contract_from_card(renamed, "r", 7).digest()
