"""Rows in chunks, refused searches, and files that appear whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.base import GalleryRows, check_search
from index.exact import ExactIndex

sizes = st.lists(st.integers(0, 7), min_size=1, max_size=5).filter(any)


@given(sizes, st.integers(1, 5), st.randoms(use_true_random=False))
def test_chunks_hold_every_kept_row_once_and_in_order(
    sizes: list[int], at_most: int, random: np.random.Generator
) -> None:
    count = sum(sizes)
    kept = np.array([random.random() < 0.6 for _ in range(count)])
    kept[0] = True
    gallery = np.arange(2 * count, dtype=np.float32).reshape(count, 2)
    blocks = np.split(gallery, np.cumsum(sizes)[:-1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("index.base.BLOCK_ROWS", at_most)
        chunks = list(GalleryRows(np.arange(count), blocks, kept).chunks())
    assert all(0 < len(rows) <= at_most for rows, _ in chunks)
    assert np.array_equal(np.concatenate([rows for rows, _ in chunks]), np.flatnonzero(kept))
    assert np.array_equal(np.concatenate([part for _, part in chunks]), gallery[kept])


def test_chunks_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.base.BLOCK_BYTES", 100)
    rows = GalleryRows(np.arange(9), [np.zeros((9, 10), dtype=np.float32)])
    assert [len(numbers) for numbers, _ in rows.chunks()] == [2, 2, 2, 2, 1]


def test_a_row_larger_than_a_chunk_makes_a_chunk_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("index.base.BLOCK_BYTES", 100)
    rows = GalleryRows(np.arange(3), [np.zeros((3, 1000), dtype=np.float32)])
    assert [len(numbers) for numbers, _ in rows.chunks()] == [1, 1, 1]


def test_chunks_of_whole_blocks_are_not_copied() -> None:
    block = np.zeros((4, 3), dtype=np.float32)
    ((_, part),) = GalleryRows(np.arange(4), [block], np.ones(4, dtype=bool)).chunks()
    assert np.shares_memory(part, block)


@pytest.mark.parametrize(
    ("ids", "blocks", "message"),
    [
        (np.arange(2), [], "no block"),
        (np.arange(2), [np.zeros((2, 3))], "got float64"),
        (np.arange(2), [np.zeros(2, dtype=np.float32)], r"got float32 \(2,\)"),
        (np.arange(2), [np.zeros((1, d), dtype=np.float32) for d in (3, 4)], "with one D"),
        (np.arange(3), [np.zeros((2, 3), dtype=np.float32)], "3 ids for 2 rows"),
        (np.zeros(2), [np.zeros((2, 3), dtype=np.float32)], "ids must be int64"),
        (np.zeros((2, 1), dtype=np.int64), [np.zeros((2, 3), dtype=np.float32)], "ids must be"),
        (np.arange(0), [np.zeros((0, 3), dtype=np.float32)], "at least one row"),
    ],
)
def test_rows_that_do_not_fit_together_are_refused(
    ids: np.ndarray, blocks: list[np.ndarray], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        GalleryRows(ids, blocks)


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        (np.ones(3, dtype=bool), r"bool \(2,\), got bool \(3,\)"),
        (np.ones(2, dtype=np.int64), "got int64"),
        (np.zeros(2, dtype=bool), "at least one row"),
    ],
)
def test_a_choice_of_rows_that_does_not_fit_is_refused(kept: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GalleryRows(np.arange(2), [np.zeros((2, 3), dtype=np.float32)], kept)


@pytest.mark.parametrize("k", [0, -1, 3])
def test_k_must_lie_among_the_images(k: int) -> None:
    index = ExactIndex(np.array([4, 7, 7]), [np.eye(3, dtype=np.float32)])
    with pytest.raises(ValueError, match=rf"k must lie in 1\.\.2.*got {k}"):
        check_search(np.zeros((1, 3), dtype=np.float32), k, index)


@pytest.mark.parametrize(
    ("probes", "message"),
    [
        (np.zeros((1, 2), dtype=np.float32), r"float32 \(Q, 3\), got float32 \(1, 2\)"),
        (np.zeros(3, dtype=np.float32), r"got float32 \(3,\)"),
        (np.zeros((1, 3)), "got float64"),
        (np.full((1, 3), np.nan, dtype=np.float32), "finite"),
        (np.full((1, 3), -np.inf, dtype=np.float32), "finite"),
    ],
)
def test_probes_that_do_not_fit_are_refused(probes: np.ndarray, message: str) -> None:
    index = ExactIndex(np.arange(3), [np.eye(3, dtype=np.float32)])
    with pytest.raises(ValueError, match=message):
        check_search(probes, 1, index)
