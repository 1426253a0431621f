"""queries.npz: damaged, it is refused in one line."""

import io
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from retrieval.evaluation.statistics.per_query import read_per_query
from tests.fuzzing import damaged, quick_and_long, tried


class PerQueries:
    """A small queries.npz, compressed or not."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "queries.npz"
        arrays: dict[str, Any] = {
            "key": np.array(["a", "b"]),
            "identity": np.array(["p", "q"]),
            "methods": np.array(["ours"]),
            "criteria": np.array(["C1", "C2"]),
            "measures": np.array(["map"]),
            "scores": np.zeros((1, 2, 2, 1), np.float32),
        }
        self.contents = []
        for save in (np.savez, np.savez_compressed):
            content = io.BytesIO()
            save(content, **arrays)
            self.contents.append(content.getvalue())

    def __call__(self, random: Random) -> None:
        self.path.write_bytes(damaged(random.choice(self.contents), random))
        read_per_query(self.path)


@pytest.mark.parametrize("seeds", quick_and_long(200, 2_000))
def test_damaged_results_of_queries_are_refused_in_one_line(tmp_path: Path, seeds: range) -> None:
    assert tried(PerQueries, tmp_path, seeds)["refused"] > 0
