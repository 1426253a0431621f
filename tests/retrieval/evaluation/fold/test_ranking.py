"""Rankings agree with sorting everything, whatever is hidden, however the work is cut."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.evaluation.fold import ranking
from retrieval.evaluation.fold.ranking import Rankings, Searched, SecondRows, join, rank
from retrieval.evaluation.records import QueryTable


def table(
    right: list[list[int]],
    source: list[int],
    wished: list[list[int]] | None = None,
    hidden: tuple[int, ...] = (),
) -> QueryTable:
    count = [len(one) for one in right]
    flat = np.array([one for group in right for one in group], dtype=np.int64)
    return QueryTable(
        source=np.array(source),
        wished=np.array(wished or [[0]] * len(source)),
        right=flat,
        right_starts=np.concatenate([[0], np.cumsum(count)]).astype(np.int64),
        right_strict=np.ones(len(flat), dtype=np.bool_),
        hidden=np.array(hidden, dtype=np.int64),
    )


def _shows(values: np.ndarray, wished: np.ndarray) -> bool:
    return all(v == w for v, w in zip(values.tolist(), wished.tolist(), strict=True) if w >= 0)


def by_sorting(searched: Searched, asked: QueryTable, depth: int) -> Rankings:
    """The definition: sort all images by falling score, equal ones by gallery position."""
    tops, ranks = [], []
    for query in range(len(asked)):
        scores = searched.gallery @ searched.probes[query]
        if searched.seconds is not None:
            for image, row in zip(searched.seconds.of, searched.seconds.embeddings, strict=True):
                scores[image] = max(scores[image], row @ searched.probes[query])
        order = [
            n
            for n in sorted(range(len(scores)), key=lambda n: (-scores[n], n))
            if not (searched.source_excluded and n == asked.source[query])
            and n not in asked.hidden
            and (searched.values is None or _shows(searched.values[n], asked.wished[query]))
        ]
        tops.append((order + [-1] * depth)[:depth])
        mine = asked.right[asked.right_starts[query] : asked.right_starts[query + 1]]
        ranks += [order.index(n) if n in order else -1 for n in mine.tolist()]
    return Rankings(np.array(tops), np.array(ranks))


@given(st.integers(0, 10_000), *[st.booleans()] * 4, st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_rankings_are_those_of_a_sort(
    seed: int, filtered: bool, source_excluded: bool, doubled: bool, hiding: bool, few: int
) -> None:
    random = np.random.default_rng(seed)
    size, queries = int(random.integers(2, 40)), int(random.integers(1, 7))
    gallery = random.integers(-1, 2, (size, 3)).astype(np.float32)  # exact sums, many ties
    probes = random.integers(-1, 2, (queries, 3)).astype(np.float32)
    values = random.integers(-1, 2, (size, 3)) if filtered else None
    seconds = None
    if doubled:
        of = np.flatnonzero(random.integers(0, 2, size))
        seconds = SecondRows(of, random.integers(-1, 2, (len(of), 3)).astype(np.float32))
    searched = Searched(gallery, probes, values, source_excluded, seconds)
    asked = table(
        [
            sorted(random.choice(size, int(random.integers(1, size)), replace=False).tolist())
            for _ in range(queries)
        ],
        random.integers(0, size, queries).tolist(),
        random.integers(-1, 2, (queries, 3)).tolist(),
        tuple(np.flatnonzero(random.integers(0, 3, size) == 0).tolist()) if hiding else (),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "TABLE", few * size)
        patch.setattr(ranking, "BLOCK_ROWS", 7)
        found = join(list(rank(searched, asked, 5, "cpu")))
    wanted = by_sorting(searched, asked, 5)
    assert found.top.tolist() == wanted.top.tolist()
    assert found.right_ranks.tolist() == wanted.right_ranks.tolist()


def test_equal_images_stand_in_gallery_order() -> None:
    gallery = np.ones((6, 2), dtype=np.float32)
    searched = Searched(gallery, np.ones((1, 2), dtype=np.float32))
    found = join(list(rank(searched, table([[4]], [0]), 3, "cpu")))
    assert found.top.tolist() == [[0, 1, 2]]
    assert found.right_ranks.tolist() == [4]


def test_a_large_gallery_takes_fewer_queries_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = np.eye(50, 4, dtype=np.float32)
    searched = Searched(gallery, np.ones((10, 4), dtype=np.float32))
    asked = table([[1]] * 10, [0] * 10)
    monkeypatch.setattr(ranking, "TABLE", 100)
    assert [len(part.top) for part in rank(searched, asked, 1, "cpu")] == [2] * 5


def test_probes_of_another_dimension_are_refused() -> None:
    searched = Searched(np.ones((3, 2), np.float32), np.ones((1, 3), np.float32))
    with pytest.raises(ValueError, match="1 queries need probes"):
        list(rank(searched, table([[1]], [0]), 1, "cpu"))


HUGE = """
import resource, sys
import numpy as np
from tests_table import table
from retrieval.evaluation.fold.ranking import Searched, join, rank

gallery = np.load(sys.argv[1], mmap_mode="r")
probes = np.ascontiguousarray(gallery[::20_000])
asked = table([[20_000 * n, 999_999] for n in range(len(probes))], [0] * 50)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = join(list(rank(Searched(gallery, probes), asked, 5, "cpu")))
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert (found.top[:, 0] == 20_000 * np.arange(50)).all()
assert (found.right_ranks[::2] == 0).all()
assert (found.right_ranks[1::2] > 0).all()
print(grown // 1024)
"""


@pytest.mark.slow
def test_a_million_images_are_ranked_in_bounded_memory(tmp_path: Path) -> None:
    """50 x 10^6 scores in work are 400 MB of keys and as much again of places."""
    random = np.random.default_rng(0)
    gallery = random.normal(size=(1_000_000, 32)).astype(np.float32)
    gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
    np.save(tmp_path / "gallery.npy", gallery)
    shutil.copy(__file__, tmp_path / "tests_table.py")
    done = subprocess.run(
        [sys.executable, "-c", HUGE, str(tmp_path / "gallery.npy")],
        env={**os.environ, "PYTHONPATH": f"{Path.cwd()}{os.pathsep}{tmp_path}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 2_500  # MB
