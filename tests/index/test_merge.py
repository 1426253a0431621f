"""One result per image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from index.merge import merge_by_image, rows_needed, rows_per_image

row_ids = arrays(np.int64, st.integers(1, 20), elements=st.integers(-2, 5))


def best_of_each(ids: np.ndarray, scores: np.ndarray) -> list[tuple[int, float]]:
    """Images with their best scores, best first, by the definition."""
    best: dict[int, float] = {}
    for image, score in zip(ids.tolist(), scores.tolist(), strict=True):
        best[image] = max(score, best.get(image, score))
    return sorted(best.items(), key=lambda pair: (-pair[1], ids.tolist().index(pair[0])))


def test_an_image_appears_once_with_its_best_score() -> None:
    ids = np.array([[7, 7, 3, 7, 9]])
    scores = np.array([[5, 4, 4, 3, 1]], dtype=np.float32)
    found = merge_by_image(ids, scores, 3)
    assert found.ids.tolist() == [[7, 3, 9]]
    assert found.scores.tolist() == [[5, 4, 1]]


@given(st.data())
def test_merging_equals_the_best_score_of_every_image(data: st.DataObject) -> None:
    ids = data.draw(row_ids)
    scores = np.sort(data.draw(arrays(np.float32, len(ids), elements=st.integers(0, 4))))[::-1]
    for k in range(1, len(set(ids.tolist())) + 1):
        found = merge_by_image(ids[None], scores[None], k)
        expected = best_of_each(ids, scores)[:k]
        assert list(zip(found.ids[0], found.scores[0], strict=True)) == expected


@given(row_ids)
def test_merging_without_rivals_changes_nothing(ids: np.ndarray) -> None:
    distinct = np.unique(ids)[::-1][None]
    scores = -np.arange(distinct.shape[1], dtype=np.float32)[None]
    found = merge_by_image(distinct, scores, distinct.shape[1])
    assert np.array_equal(found.ids, distinct)
    assert np.array_equal(found.scores, scores)


def test_merging_no_probes_gives_no_results() -> None:
    found = merge_by_image(np.empty((0, 4), dtype=np.int64), np.empty((0, 4), np.float32), 2)
    assert found.ids.shape == found.scores.shape == (0, 2)


@pytest.mark.parametrize("ids", [[[1, 1, 1]], [[1, 2, 3], [4, 4, 4]], [[1]]])
def test_too_few_images_are_refused(ids: list[list[int]]) -> None:
    array = np.array(ids)
    with pytest.raises(ValueError, match="fewer than 2 distinct images"):
        merge_by_image(array, np.zeros(array.shape, dtype=np.float32), 2)


def test_rows_are_counted_per_image_most_first() -> None:
    assert rows_per_image(np.array([4, 9, 4, 4, 9, 1])).tolist() == [3, 2, 1]


def test_where_every_image_has_one_row_no_extra_row_is_needed() -> None:
    assert [rows_needed(np.array([1, 1, 1]), k) for k in (1, 2, 3)] == [1, 2, 3]


@given(row_ids, st.randoms(use_true_random=False))
def test_the_rows_needed_hold_k_images_in_every_order_and_one_less_does_not(
    ids: np.ndarray, random: np.random.Generator
) -> None:
    counts = rows_per_image(ids)
    shuffled = ids.tolist()
    random.shuffle(shuffled)
    largest_first = sorted(ids.tolist(), key=lambda i: (-ids.tolist().count(i), i))
    for k in range(1, len(counts) + 1):
        needed = rows_needed(counts, k)
        assert needed <= min(k * counts[0], len(ids))
        assert len(set(shuffled[:needed])) >= k
        assert len(set(largest_first[: needed - 1])) < k
