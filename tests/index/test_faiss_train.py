"""Training rows, held-out rows, and when an index is trained again."""

from dataclasses import replace

import numpy as np
import pytest

from index.base import GalleryRows
from index.faiss_train import draw_rows, has_drifted
from index.manifest import Drift

STEADY = Drift(
    trained=1000, error=0.2, added=500, added_error=0.2, imbalance=1.3, imbalance_now=1.4
)


@pytest.mark.parametrize(
    ("change", "drifted"),
    [
        ({}, False),
        ({"added_error": 0.249}, False),
        ({"added_error": 0.251}, True),
        ({"imbalance_now": 2.59}, False),
        ({"imbalance_now": 2.61}, True),
        ({"added": 3000}, False),
        ({"added": 3001}, True),
        ({"trained": 0, "added": 10**6}, False),
    ],
)
def test_an_index_is_trained_again_by_the_rule(change: dict[str, float], drifted: bool) -> None:
    assert has_drifted(replace(STEADY, **change)) == drifted  # type: ignore[arg-type]


def test_no_row_is_both_trained_on_and_held_out_and_none_left_out_is_either() -> None:
    kept = np.arange(2000) % 2 == 0
    gallery = GalleryRows(np.arange(2000), [np.zeros((2000, 2), np.float32)], kept)
    sample, held_out = draw_rows(gallery, 700, 600)
    assert (len(sample), len(held_out)) == (700, 100)
    assert not np.intersect1d(sample, held_out).size
    assert kept[sample].all()
    assert kept[held_out].all()
    assert (np.diff(sample) > 0).all()


def test_few_rows_hold_none_out() -> None:
    gallery = GalleryRows(np.arange(9), [np.zeros((9, 2), np.float32)])
    sample, held_out = draw_rows(gallery, 100, 600)
    assert (len(sample), len(held_out)) == (9, 0)
