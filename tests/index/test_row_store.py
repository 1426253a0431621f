"""Rows of many shards, fetched one by one."""

import numpy as np
import pytest

from index.row_store import MANY, StoredRows

LENGTHS = (3, 1, 200, 46)


def rows_of(dimension: int) -> tuple[np.ndarray, StoredRows, list[int]]:
    """All embeddings, the same in shards, and the places of the shards that were opened."""
    total = sum(LENGTHS)
    rows = np.random.default_rng(dimension).standard_normal((total, dimension), dtype=np.float32)
    shards, opened = np.split(rows, np.cumsum(LENGTHS)[:-1]), []

    def open_shard(place: int) -> np.ndarray:
        opened.append(place)
        return shards[place]

    return rows, StoredRows(LENGTHS, open_shard, dimension), opened


@pytest.mark.parametrize("dimension", [2, 40])
@pytest.mark.parametrize("count", [0, 1, MANY, MANY + 1, 240])
@pytest.mark.parametrize("rising", [False, True])
def test_rows_come_in_the_order_asked_for_with_their_scores(
    dimension: int, count: int, rising: bool
) -> None:
    rows, stored, _ = rows_of(dimension)
    wanted = np.random.default_rng(count).permutation(len(rows))[:count]
    wanted = np.sort(wanted) if rising else wanted
    assert np.array_equal(stored.gather(wanted), rows[wanted])
    scores = stored.scores(rows[5], wanted)
    assert scores.dtype == np.float32
    assert np.allclose(scores, rows[wanted] @ rows[5], atol=1e-5)


def test_a_shard_is_opened_once_and_when_it_is_first_needed() -> None:
    rows, stored, opened = rows_of(4)
    stored.gather(np.array([250 - 1, 3]))
    stored.gather(np.array([3, 249]))
    assert opened == [3, 1]
    assert np.array_equal(np.concatenate(stored.blocks()), rows)
    assert sorted(opened) == [0, 1, 2, 3]
