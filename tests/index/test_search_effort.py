"""Effort: as little as reaches the accuracy; overlap by its definition."""

from typing import Any

import numpy as np
import pytest

from index import faiss_train
from index.base import GalleryRows
from index.exact import ExactIndex
from index.kinds import QUANTISED
from index.manifest import Effort
from index.search_effort import Probes, measure, overlaps, tune, with_truth, without_own

faiss = pytest.importorskip("faiss", reason='needs FAISS: pip install "mindseye[cpu]"')


@pytest.fixture(scope="module")
def gallery() -> GalleryRows:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((80, 16))[rng.integers(0, 80, 8000)]
    rows = (rows + 0.6 * rng.standard_normal((8000, 16))).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return GalleryRows(np.arange(8000), np.split(rows, [3000]))


@pytest.fixture(scope="module")
def probes(gallery: GalleryRows) -> Probes:
    return with_truth(gallery, np.arange(0, 8000, 40))


def index_of(kind: str, gallery: GalleryRows) -> Any:
    index = faiss_train.untrained(kind, 8000, 16)
    if faiss_train.divided(kind):
        faiss_train.train(index, gallery.gather(np.arange(8000)))
    index.add(gallery.gather(np.arange(8000)))
    return index


def test_overlap_is_the_share_of_true_neighbours_found() -> None:
    found, truth = np.array([[1, 2, 3, 9], [4, 4, 4, 4]]), np.array([[1, 3], [5, 6]])
    assert overlaps(found, truth).tolist() == [1.0, 0.0]
    assert overlaps(np.array([[1, 7]]), np.array([[1, 2]])).tolist() == [0.5]


def test_an_image_is_no_neighbour_of_itself() -> None:
    found = np.array([[5, 1, 2], [1, 2, 3], [1, 9, 2]])
    assert without_own(found, np.array([5, 8, 9])).tolist() == [[1, 2], [1, 2], [1, 2]]


def test_the_truth_is_that_of_exact_search_by_image() -> None:
    rng = np.random.default_rng(1)
    ids, rows = rng.integers(0, 200, 500), rng.standard_normal((500, 6)).astype(np.float32)
    kept = rng.random(500) < 0.8
    gallery = GalleryRows(ids, np.split(rows, [100, 130]), kept)
    some = np.flatnonzero(kept)[::9]
    probes = with_truth(gallery, some)
    exact = ExactIndex(ids, [rows], kept)
    for place, row in enumerate(some):
        own = np.array([ids[row]])
        expected = exact.search(rows[row : row + 1], 10, excluded=own).ids[0]
        assert probes.truth[place].tolist() == expected.tolist()
    assert np.array_equal(probes.embeddings, rows[some])


@pytest.mark.parametrize("kind", ["ivf", "sq8", "pq", "rabitq", "hnsw"])
def test_more_accuracy_takes_more_effort_and_reaches_it(
    gallery: GalleryRows, probes: Probes, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.search_effort.BREADTHS", (1, 4, 16, 64))
    index, quantised = index_of(kind, gallery), kind in QUANTISED
    low = tune(index, gallery, probes, 0.3, quantised=quantised)
    high = tune(index, gallery, probes, 0.995, quantised=quantised)
    assert (low.lists, low.breadth) < (high.lists, high.breadth) or low.depth < high.depth
    assert bool(high.depth) == quantised


@pytest.mark.parametrize("kind", ["ivf", "sq8"])
def test_neighbours_with_two_rows_each_take_no_more_effort_than_they_need(
    gallery: GalleryRows, kind: str
) -> None:
    """Eleven rows hold six images or so; that is no reason to visit every list."""
    rng = np.random.default_rng(2)
    rows = np.repeat(gallery.gather(np.arange(0, 8000, 2)), 2, axis=0)
    rows += 0.01 * rng.standard_normal(rows.shape).astype(np.float32)
    doubled = GalleryRows(np.repeat(np.arange(4000), 2), [rows])
    index = index_of(kind, doubled)
    quantised = kind in QUANTISED
    effort = tune(
        index, doubled, with_truth(doubled, np.arange(0, 8000, 40)), 0.9, quantised=quantised
    )
    assert 1 <= effort.lists < index.nlist
    assert effort.depth == (1 if quantised else 0)


def test_only_everything_is_surely_all(gallery: GalleryRows, probes: Probes) -> None:
    effort = tune(index_of("ivf", gallery), gallery, probes, 1.0, quantised=False)
    index = index_of("ivf", gallery)
    less = Effort(lists=max(1, effort.lists // 8))
    assert found_by(index, probes, effort) == 1
    assert found_by(index, probes, less) < 1


def found_by(index: Any, probes: Probes, effort: Effort) -> float:
    parameters = faiss.SearchParametersIVF(nprobe=effort.lists)
    rows = index.search(probes.embeddings, 11, params=parameters)[1]
    return float(overlaps(without_own(rows, probes.own), probes.truth).mean())


def test_without_probes_the_greatest_effort_is_taken(gallery: GalleryRows) -> None:
    none = with_truth(gallery, np.empty(0, dtype=np.int64))
    index = index_of("sq8", gallery)
    assert tune(index, gallery, none, 0.9, quantised=True) == Effort(lists=index.nlist, depth=64)


def test_exact_search_overlaps_with_itself(gallery: GalleryRows, probes: Probes) -> None:
    assert measure(ExactIndex(gallery.ids, gallery.blocks), probes) == 1


def test_halves_share_no_probe(probes: Probes) -> None:
    tuned, measured = probes.halves()
    assert np.array_equal(np.sort([*tuned.own, *measured.own]), np.sort(probes.own))
    assert len(tuned.own) == len(tuned.truth) == len(tuned.embeddings) == 100
