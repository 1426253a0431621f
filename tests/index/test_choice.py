"""Searching among some images: every kind against the definition."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from index.base import Index, Neighbours
from index.choice import ImageRows
from index.exact import ExactIndex

Make = Callable[..., Index]
some_ids = arrays(np.int64, st.integers(0, 12), elements=st.integers(-3, 30)).map(np.unique)


@pytest.fixture(params=["exact", "flat", "sq8"])
def make(request: pytest.FixtureRequest, make_index: Make) -> Make:
    if request.param != "exact":
        pytest.importorskip("faiss", reason='needs FAISS: pip install "mindseye[cpu]"')
    return partial(make_index, request.param)


def rows_of(ids: np.ndarray, allowed: np.ndarray | None, excluded: np.ndarray | None) -> np.ndarray:
    """Whether each row belongs to an image that may be found, by the definition."""
    mask = np.ones(len(ids), dtype=bool) if allowed is None else np.isin(ids, allowed)
    return mask if excluded is None else mask & ~np.isin(ids, excluded)


@pytest.mark.parametrize("hidden", [False, True])
@given(st.data())
def test_a_choice_lists_all_rows_of_the_images_chosen(hidden: bool, data: st.DataObject) -> None:
    ids = data.draw(arrays(np.int64, st.integers(1, 25), elements=st.integers(0, 20)))
    kept = data.draw(arrays(np.bool_, len(ids))) if hidden else None
    allowed, excluded = (data.draw(st.none() | some_ids) for _ in range(2))
    mask = rows_of(ids, allowed, excluded) & (True if kept is None else kept)
    choice = ImageRows(ids, kept).choose(allowed, excluded)
    images, counts = np.unique(ids[mask], return_counts=True)
    assert np.array_equal(choice.mask(), mask)
    assert np.array_equal(choice.rows, np.flatnonzero(mask))
    assert (choice.size, choice.images) == (mask.sum(), len(images))
    for k in range(1, len(images) + 1):
        assert choice.rows_needed(k) == np.sort(counts)[::-1][: k - 1].sum() + 1


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_limited_search_finds_what_a_gallery_of_those_images_would(
    make: Make, data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, 40))
    ids = data.draw(arrays(np.int64, count, elements=st.integers(0, 30)))
    rng = np.random.default_rng(count)
    gallery, probes = rng.standard_normal((2, count, 5)).astype(np.float32)
    allowed, excluded = (data.draw(st.none() | some_ids) for _ in range(2))
    index = make(ids, np.split(gallery, [count // 3]))
    k = data.draw(st.integers(1, index.size))
    found = index.search(probes, k, allowed=allowed, excluded=excluded)
    mask = rows_of(ids, allowed, excluded)
    if not mask.any():
        assert found.ids.shape == found.scores.shape == (count, 0)
        return
    alone = ExactIndex(ids[mask], [gallery[mask]])
    expected = alone.search(probes, min(k, alone.size))
    assert np.array_equal(found.ids, expected.ids)
    assert np.allclose(found.scores, expected.scores, atol=1e-5)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.99])
def test_small_and_large_choices_of_a_large_gallery_find_the_same(make: Make, share: float) -> None:
    rng = np.random.default_rng(1)
    ids = rng.permutation(3000).astype(np.int64)
    gallery = rng.standard_normal((3000, 8)).astype(np.float32)
    allowed = np.flatnonzero(rng.random(3000) < share)
    index, mask = make(ids, np.split(gallery, 7 * [0] + [1000, 1100])), np.isin(ids, allowed)
    expected = ExactIndex(ids[mask], [gallery[mask]]).search(gallery[:9], 10)
    among = index.search(gallery[:9], 10, allowed=allowed)
    without = index.search(gallery[:9], 10, excluded=np.setdiff1d(ids, allowed))
    for found in (among, without):
        assert np.array_equal(found.ids, expected.ids)
        assert np.allclose(found.scores, expected.scores, atol=1e-5)


def test_a_choice_of_fewer_images_than_k_brings_them_all(make: Make) -> None:
    index = make(np.array([4, 4, 6, 9]), [np.eye(4, dtype=np.float32)])
    probes = np.array([[0, 1, 2, 3]], dtype=np.float32)
    found = index.search(probes, 50, allowed=np.array([4, 6, 7]))
    assert found.ids.tolist() == [[6, 4]]
    assert found.scores.tolist() == [[2, 1]]
    assert index.search(probes, 50, excluded=np.array([9])).ids.tolist() == [[6, 4]]


def test_a_choice_that_is_no_rising_int64_is_refused(make: Make) -> None:
    index = make(np.arange(3), [np.eye(3, dtype=np.float32)])

    def search(**choice: np.ndarray) -> Neighbours:
        return index.search(np.eye(3, dtype=np.float32), 1, **choice)

    with pytest.raises(ValueError, match=r"allowed must be int64 \(n,\), got float64"):
        search(allowed=np.array([1.0]))
    with pytest.raises(ValueError, match="excluded must rise, without repetitions"):
        search(excluded=np.array([2, 1]))
    with pytest.raises(ValueError, match="allowed must rise, without repetitions"):
        search(allowed=np.array([1, 1]))
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        index.search(np.eye(3, dtype=np.float32), 0, allowed=np.array([1]))
