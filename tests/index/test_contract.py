"""The index contract: its digest, its JSON, and what is said when two differ."""

import json
import re
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.errors import IndexFileError
from index.contract import IndexContract

CONTRACT = IndexContract(
    extractor="two-stage/refiner.1x1",
    weights_sha256="1a2b3c4d5e6f7a8b" * 4,
    attribute_space=(("pose", ("-45", "0", "45")), ("accessory", ("none", "sunglasses"))),
    aligner="eyes-60",
    canonicalisation="reconstruction",
    projection="none",
    dimension=28_800,
)

texts = st.text(max_size=50)
contracts = st.builds(
    IndexContract,
    extractor=texts,
    weights_sha256=texts,
    attribute_space=st.lists(
        st.tuples(texts, st.lists(texts, max_size=3).map(tuple)), max_size=3
    ).map(tuple),
    aligner=texts,
    canonicalisation=texts,
    projection=texts,
    dimension=st.integers(1, 10**6),
    metric=texts,
    dtype=texts,
)


@given(contracts)
def test_a_contract_survives_json(contract: IndexContract) -> None:
    read = IndexContract.from_json(json.loads(json.dumps(contract.to_json())))
    assert read == contract
    assert read.digest() == contract.digest()
    assert read.first_difference(contract) is None


@given(contracts, contracts)
def test_contracts_differ_exactly_if_their_digests_and_their_descriptions_do(
    one: IndexContract, other: IndexContract
) -> None:
    difference = one.first_difference(other)
    assert (one == other) == (one.digest() == other.digest()) == (difference is None)


def test_the_digest_never_changes() -> None:
    """Spaces on disk hold it: a new digest would refuse every one of them."""
    assert CONTRACT.digest() == "7cc6eea2c8f278e0aa9883f0d292e05eec8205f364f5032f32f44aa61e53379d"


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"projection": "pca-256"}, "projection: none here, pca-256 there"),
        ({"dimension": 256}, "dimension: 28800 here, 256 there"),
        (
            {"weights_sha256": "0f" * 32},
            "weights_sha256: 1a2b3c4d5e6f… here, 0f0f0f0f0f0f… there",
        ),
        (
            {"weights_sha256": "1a2b3c4d5e6f7a8b" * 3 + "1a2b3c4d5e6f7a8c"},
            "weights_sha256: …e6f7a8b here, …e6f7a8c there",
        ),
        ({"dimension": 1, "extractor": "x"}, "extractor: two-stage/refiner.1x1 here, x there"),
        (
            {"attribute_space": (("pose", ("-45", "0", "60")),)},
            (
                'attribute_space: [["pose", ["-45", "0", "45"]], ["accesso… here,'
                ' [["pose", ["-45", "0", "60"]]] there'
            ),
        ),
        (
            {"attribute_space": (CONTRACT.attribute_space[0], ("accessory", ("none", "hat")))},
            (
                'attribute_space: …cessory", ["none", "sunglasses"]]] here,'
                ' …cessory", ["none", "hat"]]] there'
            ),
        ),
    ],
)
def test_the_first_difference_is_named_with_long_values_shortened(
    change: dict[str, Any], difference: str
) -> None:
    assert CONTRACT.first_difference(replace(CONTRACT, **change)) == difference


def test_two_spellings_of_other_values_never_look_alike() -> None:
    one = replace(CONTRACT, attribute_space=(("pose", ("a, b",)),))
    assert one.first_difference(replace(CONTRACT, attribute_space=(("pose", ("a", "b")),)))


def test_another_contract_is_refused_in_one_line_with_the_next_step() -> None:
    CONTRACT.require_same(replace(CONTRACT), what="The space pose-60")
    message = (
        "The space pose-60 was made under another contract: aligner: eyes-60 here, eyes-80 there."
        " Use the weights and settings it was made with, or another --collection,"
        " or weights of another name"
    )
    with pytest.raises(IndexFileError, match=f"^{re.escape(message)}$"):
        CONTRACT.require_same(replace(CONTRACT, aligner="eyes-80"), what="The space pose-60")


@pytest.mark.parametrize("name", [field.name for field in fields(IndexContract)])
def test_a_missing_key_is_refused(name: str) -> None:
    data = CONTRACT.to_json()
    del data[name]
    with pytest.raises(IndexFileError, match=rf"missing keys: {name}\..*mindseye index build"):
        IndexContract.from_json(data)


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(IndexFileError, match=r"unknown keys: colour\..*mindseye index build"):
        IndexContract.from_json(CONTRACT.to_json() | {"colour": "grey"})


@pytest.mark.parametrize(
    "change",
    [
        {"dimension": 0},
        {"dimension": 256.0},
        {"dimension": True},
        {"extractor": None},
        {"attribute_space": "pose"},
        {"attribute_space": None},
        {"attribute_space": [["pose"]]},
        {"attribute_space": [["pose", "-45"]]},
        {"attribute_space": [["pose", [-45, 0]]]},
        {"attribute_space": {"pose": ["-45"]}},
    ],
)
def test_a_value_of_another_type_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(IndexFileError, match=r"index contract is damaged.*mindseye index build"):
        IndexContract.from_json(CONTRACT.to_json() | change)


def test_json_of_another_shape_is_refused() -> None:
    with pytest.raises(IndexFileError, match="is a JSON object"):
        IndexContract.from_json([1, 2])  # type: ignore[arg-type]
