"""What can be asked of an index, what it costs, and what auto takes."""

import numpy as np
import pytest

from gallery.errors import ConfigError
from index.kinds import (
    KINDS,
    Request,
    choose,
    estimate,
    list_count,
    parse_bytes,
    request_for,
    spell_bytes,
)

MILLION = 10**6


def auto(memory: str, accuracy: float = 0.99) -> Request:
    return Request(kind="auto", memory=parse_bytes(memory), accuracy=accuracy)


@pytest.mark.parametrize(
    ("text", "count"),
    [("2GB", 2 * 10**9), (" 500 mb", 5 * 10**8), ("1.5GiB", 1.5 * 2**30), ("7kB", 7000), ("9", 9)],
)
def test_memory_is_read_with_its_unit(text: str, count: float) -> None:
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "2 bananas", "2GBB", "1e9"])
def test_what_is_no_amount_of_memory_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="no amount of memory; write it like 2GB"):
        parse_bytes(text)


def test_amounts_are_spelt_for_people() -> None:
    assert [spell_bytes(n) for n in (12, 2560, 34 * 10**6, 1_234_000_000)] == [
        "12 bytes",
        "2.56 kB",
        "34 MB",
        "1.23 GB",
    ]


def test_requests_that_cannot_be_met_are_refused() -> None:
    with pytest.raises(ValueError, match="kind must be one of exact, flat, ivf"):
        Request(kind="annoy")
    for accuracy in (0, -1, 1.01):
        with pytest.raises(ConfigError, match="accuracy lies above 0 and is at most 1"):
            Request(accuracy=accuracy)
    with pytest.raises(ConfigError, match="at least one byte"):
        Request(memory=0)


def test_a_request_is_made_of_what_is_typed() -> None:
    assert request_for(None, None, None) is None
    assert request_for("flat", None, None) == Request(kind="flat")
    typed = request_for("auto", "1.5GB", 0.9)
    assert typed == Request(kind="auto", memory=1_500_000_000, accuracy=0.9)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ((None, "2GB", None), "belong to a kind of index; add --kind auto"),
        ((None, None, 0.9), "belong to a kind of index; add --kind auto"),
        (("flta", None, None), "--kind cannot be 'flta'; did you mean 'flat'"),
        (("auto", "lots", None), "'lots' is no amount of memory"),
        (("auto", None, 0.0), "accuracy lies above 0"),
    ],
)
def test_what_is_typed_and_cannot_be_asked_is_refused(
    typed: tuple[str | None, str | None, float | None], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        request_for(*typed)


@pytest.mark.parametrize(
    ("request_", "rows", "kind"),
    [
        (auto("2GB"), 10_000, "exact"),
        (auto("2GB"), MILLION, "ivf"),
        (auto("500MB"), MILLION, "sq8"),
        (auto("100MB"), MILLION, "pq"),
        (auto("2GB"), 10 * MILLION, "pq"),
        (auto("4GB"), 10 * MILLION, "sq8"),
        (auto("2GB", 1), MILLION, "flat"),
        (auto("500MB", 1), MILLION, "exact"),
        (Request(kind="hnsw", memory=1), MILLION, "hnsw"),
    ],
)
def test_auto_takes_the_fastest_kind_that_fits(request_: Request, rows: int, kind: str) -> None:
    assert choose(request_, rows, 256).kind == kind


def test_auto_needs_no_faiss() -> None:
    assert choose(auto("2GB"), MILLION, 256, faiss=False).kind == "exact"


def test_auto_refuses_a_memory_that_nothing_fits_with_what_would() -> None:
    with pytest.raises(ConfigError, match=r"take 5\d\.?\d* MB .* more than --memory 20 MB.*exact"):
        choose(auto("20MB"), MILLION, 256)


def test_smaller_kinds_are_smaller_and_more_rows_cost_more() -> None:
    plans = {kind: estimate(kind, MILLION, 256, speed=1e9) for kind in KINDS}
    sizes = [plans[kind].bytes for kind in ("exact", "pq", "rabitq", "sq8", "fp16", "flat", "hnsw")]
    assert sizes == sorted(sizes)
    for kind in KINDS:
        more = estimate(kind, 2 * MILLION, 256, speed=1e9)
        assert more.bytes > plans[kind].bytes
        assert more.seconds >= plans[kind].seconds
    assert "sq8: about 273 MB" in str(plans["sq8"])


def test_lists_are_a_power_of_two_with_rows_enough_to_train_each() -> None:
    for rows in (1, 4999, 5000, 123_456, MILLION, 10**7):
        for dimension in (4, 256, 28_800):
            lists = list_count(rows, dimension)
            assert np.log2(lists) == int(np.log2(lists))
            assert lists == 1 or rows >= 40 * lists
    assert [list_count(rows, 256) for rows in (4999, MILLION)] == [1, 1024]
