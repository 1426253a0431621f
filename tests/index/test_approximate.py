"""Search through FAISS against the reference index."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.approximate import ApproximateIndex, ranked, search_parameters
from index.base import Index
from index.exact import ExactIndex
from index.kinds import KINDS
from index.manifest import Effort

faiss = pytest.importorskip("faiss", reason='needs FAISS: pip install "mindseye[cpu]"')

MakeIndex = Callable[..., Index]
FAISS_KINDS = [kind for kind in KINDS if kind != "exact"]
drawn = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def blas_threshold() -> Iterator[None]:
    before = faiss.cvar.distance_compute_blas_threshold
    yield
    faiss.cvar.distance_compute_blas_threshold = before


def gallery_of(seed: int, count: int, *, whole: bool) -> tuple[np.ndarray, np.ndarray]:
    """Ids with repetitions (N,), and embeddings (N, 6) of small whole or of real numbers."""
    rng = np.random.default_rng(seed)
    real = rng.standard_normal((count, 6)).astype(np.float32)
    return rng.integers(0, count, size=count), np.round(real) if whole else real


def clusters(count: int, dimension: int = 16) -> np.ndarray:
    """Embeddings around 30 centres, of unit length, (count, D)."""
    rng = np.random.default_rng(count)
    centres = rng.standard_normal((30, dimension))[rng.integers(0, 30, count)]
    rows = centres + 0.5 * rng.standard_normal((count, dimension))
    unit: np.ndarray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


@drawn
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(2, 60), tail=st.integers(0, 1))
def test_flat_finds_what_exact_finds(
    make_index: MakeIndex, seed: int, count: int, tail: int
) -> None:
    ids, gallery = gallery_of(seed, count, whole=False)
    exact, flat = ExactIndex(ids, [gallery]), make_index("flat", ids, [gallery], tail=tail)
    k = (exact.size + 1) // 2
    found, expected = flat.search(gallery, k), exact.search(gallery, k)
    assert (flat.size, flat.dimension) == (exact.size, exact.dimension)
    assert np.array_equal(found.ids, expected.ids)
    assert np.allclose(found.scores, expected.scores, atol=1e-5)


@drawn
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(2, 60))
def test_flat_equals_exact_up_to_ties_at_the_last_rank(
    make_index: MakeIndex, seed: int, count: int
) -> None:
    ids, gallery = gallery_of(seed, count, whole=True)
    exact, flat = ExactIndex(ids, [gallery]), make_index("flat", ids, [gallery])
    for k in {1, (exact.size + 1) // 2, exact.size}:
        found, expected = flat.search(gallery, k), exact.search(gallery, k)
        above = expected.scores > expected.scores[:, -1:]
        assert np.array_equal(found.scores, expected.scores)
        assert np.array_equal(found.ids[above], expected.ids[above])


def test_ties_within_the_rows_found_come_in_gallery_order(make_index: MakeIndex) -> None:
    gallery = np.ones((300, 3), dtype=np.float32)
    found = make_index("flat", np.arange(300)[::-1].copy(), [gallery]).search(gallery[:30], 300)
    assert (found.ids == np.arange(300)[::-1]).all()


@pytest.mark.parametrize("kind", FAISS_KINDS)
@pytest.mark.parametrize("tail", [0, 400])
def test_every_kind_finds_nearly_what_exact_finds_with_exact_scores(
    make_index: MakeIndex, kind: str, tail: int
) -> None:
    gallery, ids = clusters(6000), np.random.default_rng(0).integers(0, 4000, 6000)
    blocks = np.split(gallery, [5, 1000, 5800])
    exact, index = ExactIndex(ids, blocks), make_index(kind, ids, blocks, tail=tail)
    probes = clusters(40)
    found, expected = index.search(probes, 10), exact.search(probes, 10)
    both = [np.isin(a, b).mean() for a, b in zip(found.ids, expected.ids, strict=True)]
    assert np.mean(both) > 0.97
    best = {
        (probe, image): score
        for probe in range(40)
        for image, score in zip(expected.ids[probe], expected.scores[probe], strict=True)
    }
    for probe in range(40):
        for image, score in zip(found.ids[probe], found.scores[probe], strict=True):
            assert score == pytest.approx(best.get((probe, image), score), abs=1e-5)
    assert (np.diff(found.scores, axis=1) <= 0).all()
    assert all(len(set(row)) == 10 for row in found.ids.tolist())


@pytest.mark.parametrize("kind", FAISS_KINDS)
def test_a_score_is_the_product_of_probe_and_stored_embedding(
    make_index: MakeIndex, kind: str
) -> None:
    gallery = clusters(6000)
    found = make_index(kind, np.arange(6000), [gallery]).search(gallery[7:9], 5)
    expected = np.einsum("qd,qkd->qk", gallery[7:9], gallery[found.ids])
    assert np.allclose(found.scores, expected, atol=1e-5)


@pytest.mark.parametrize("kind", FAISS_KINDS)
@pytest.mark.parametrize("share", [0.002, 0.3, 0.97])
def test_a_limited_search_brings_k_images_of_the_choice_and_the_right_ones(
    make_index: MakeIndex, kind: str, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.approximate.FEW_ROWS", 100)
    gallery, rng = clusters(6000), np.random.default_rng(5)
    kept = rng.random(6000) < 0.9
    ids, allowed = np.arange(6000), np.flatnonzero(rng.random(6000) < share)
    index = make_index(kind, ids, [gallery], kept, tail=500)
    alone = np.intersect1d(allowed, np.flatnonzero(kept))
    expected = ExactIndex(alone, [gallery[alone]]).search(clusters(20), 8)
    among = index.search(clusters(20), 8, allowed=allowed)
    without = index.search(clusters(20), 8, excluded=np.setdiff1d(ids, allowed))
    for found in (among, without):
        assert np.isin(found.ids, alone).all()
        assert (
            np.mean([np.isin(a, b).mean() for a, b in zip(found.ids, expected.ids, strict=True)])
            > 0.97
        )


@pytest.mark.parametrize("kind", FAISS_KINDS)
@pytest.mark.parametrize("tail", [0, 300])
def test_rows_left_out_are_not_found_and_every_other_image_can_be(
    make_index: MakeIndex, kind: str, tail: int
) -> None:
    kept = np.arange(3000) % 3 != 0
    gallery = clusters(3000)
    index = make_index(kind, np.arange(3000), np.split(gallery, [1, 900]), kept, tail=tail)
    found = index.search(gallery[:2], index.size)
    assert index.size == kept.sum()
    assert np.array_equal(np.sort(found.ids[0]), np.flatnonzero(kept))


@pytest.mark.parametrize("kind", ["ivf", "hnsw", "sq8", "pq"])
def test_what_faiss_cannot_fill_the_stored_embeddings_answer(
    make_index: MakeIndex, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = clusters(6000)
    index = make_index(kind, np.arange(6000), [gallery])
    expected = ExactIndex(np.arange(6000), [gallery]).search(gallery[:3], 20)

    def nothing_found(*_: object, **__: object) -> tuple[np.ndarray, np.ndarray]:
        return np.full((3, 20), -np.inf, np.float32), np.full((3, 20), -1)

    assert isinstance(index, ApproximateIndex)
    monkeypatch.setattr(index.parts.main, "search", nothing_found)
    found = index.search(gallery[:3], 20)
    assert np.array_equal(found.ids, expected.ids)


class FakeGpu:
    """Another place to search, which counts how often it is asked."""

    def __init__(self, index: Any) -> None:
        self.index, self.asked = index, 0

    def search(self, *arguments: Any, **named: Any) -> Any:
        self.asked += 1
        return self.index.search(*arguments, **named)


def test_searches_of_everything_go_to_the_gpu_and_limited_ones_do_not(
    make_index: MakeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus: list[FakeGpu] = []

    def copied(index: Any) -> FakeGpu:
        gpus.append(FakeGpu(index))
        return gpus[-1]

    monkeypatch.setattr("index.approximate.on_gpu", copied)
    gallery = clusters(3000)
    on_cpu = make_index("ivf", np.arange(3000), [gallery])
    assert gpus == []
    assert isinstance(on_cpu, ApproximateIndex)
    index = ApproximateIndex(on_cpu.parts, "cuda")
    found = index.search(gallery[:4], 5)
    assert np.array_equal(found.ids, on_cpu.search(gallery[:4], 5).ids)
    assert gpus[0].asked == 1
    index.search(gallery[:4], 5, excluded=np.array([7]))
    assert gpus[0].asked == 1


def test_what_a_search_leaves_out_is_that_searchs_own(make_index: MakeIndex) -> None:
    gallery = clusters(6000)
    index = make_index("ivf", np.arange(6000), [gallery], tail=100)
    first, second = np.arange(0, 6000, 3), np.arange(1, 6000, 3)
    for out in (first, first, None, second, first, None):
        found = index.search(gallery[:5], 7, excluded=out).ids
        expected = np.arange(6000) if out is None else np.setdiff1d(np.arange(6000), out)
        exact = ExactIndex(expected, [gallery[expected]]).search(gallery[:5], 7).ids
        assert np.array_equal(found, exact)


@pytest.mark.parametrize("probes", [1, 3])
def test_rows_are_ranked_by_score_and_then_by_number(probes: int) -> None:
    rows = np.array([[4, 2, 9, 7]]).repeat(probes, axis=0)
    scores = np.array([[0.5, 0.5, 0.9, 0.1]], dtype=np.float32).repeat(probes, axis=0)
    best, their_scores = ranked(rows, scores, 3)
    assert best.tolist() == [[9, 2, 4]] * probes
    assert np.array_equal(their_scores, scores[:, [2, 0, 1]])


def test_no_probes_find_nothing(make_index: MakeIndex) -> None:
    index = make_index("flat", np.arange(4), [np.eye(4, dtype=np.float32)])
    assert index.search(np.empty((0, 4), dtype=np.float32), 3).ids.shape == (0, 3)


def test_the_index_refuses_a_k_beyond_its_images(make_index: MakeIndex) -> None:
    index = make_index("flat", np.array([1, 1]), [np.eye(2, dtype=np.float32)])
    with pytest.raises(ValueError, match=r"k must lie in 1\.\.1"):
        index.search(np.eye(2, dtype=np.float32), 2)


@pytest.mark.usefixtures("blas_threshold")
def test_building_and_searching_leave_the_settings_of_faiss_alone(make_index: MakeIndex) -> None:
    faiss.cvar.distance_compute_blas_threshold = 77
    threads = faiss.omp_get_max_threads()
    for kind in FAISS_KINDS:
        index = make_index(kind, np.arange(40), [clusters(40)])
        index.search(clusters(40)[:1], 1)
    assert faiss.cvar.distance_compute_blas_threshold == 77
    assert faiss.omp_get_max_threads() == threads


# What FAISS must be told, and what it says


def test_a_walk_through_a_graph_keeps_at_least_as_many_rows_in_view_as_are_wanted(
    make_index: MakeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAISS itself brings fewer rows than are asked for where it is told to look at fewer."""
    gallery = clusters(3000)
    index = make_index("hnsw", np.arange(3000), [gallery])
    assert isinstance(index, ApproximateIndex)
    main = index.parts.main
    for effort, wanted in ((16, 1), (16, 16), (16, 400), (64, 10), (2048, 10)):
        told = search_parameters(main, Effort(breadth=effort), wanted)
        assert told.efSearch == max(effort, wanted)
    narrow = faiss.SearchParametersHNSW(efSearch=16)
    assert (main.search(gallery[:20], 400, params=narrow)[1] < 0).any()
    index = ApproximateIndex(replace(index.parts, effort=Effort(breadth=16)))
    monkeypatch.setattr(index, "_exactly", None)  # nothing is left for the shards to answer
    found = index.search(gallery[:20], 400).ids
    assert all(len(np.unique(row)) == 400 for row in found)


class Short:
    """A FAISS index that brings fewer rows than asked for, with scores that mean nothing."""

    def __init__(self, main: Any, score: float) -> None:
        self.main, self.score = main, score

    def __getattr__(self, name: str) -> Any:
        return getattr(self.main, name)

    def search(self, probes: np.ndarray, count: int, params: Any) -> tuple[Any, Any]:
        scores, rows = self.main.search(probes, count, params=params)
        rows[:, 3:], scores[:, 3:] = -1, self.score
        return scores, rows


@pytest.mark.parametrize("kind", ["ivf", "hnsw", "sq8", "rabitq"])
@pytest.mark.parametrize("score", [0.0, 9.0, -9.0, np.inf, -np.inf, np.nan, np.finfo("f4").max])
def test_a_missing_row_is_known_by_its_number_whatever_its_score(
    make_index: MakeIndex, kind: str, score: float
) -> None:
    gallery = clusters(600)
    index = make_index(kind, np.arange(600), [gallery], tail=5)
    expected = index.search(gallery[:7], 10)
    assert isinstance(index, ApproximateIndex)
    short = ApproximateIndex(replace(index.parts, main=Short(index.parts.main, score)))
    found = short.search(gallery[:7], 10)
    assert np.array_equal(found.ids, expected.ids)
    assert np.allclose(found.scores, expected.scores, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_no_kind_is_asked_with_a_probe_that_is_not_finite(
    make_index: MakeIndex, kind: str, value: float
) -> None:
    """FAISS would give NaN, or +inf, as scores of fast-scan kinds."""
    gallery = clusters(600)
    index, probe = make_index(kind, np.arange(600), [gallery]), gallery[:1].copy()
    probe[0, 2] = value
    with pytest.raises(ValueError, match="probes must be finite, got infinite values or NaN"):
        index.search(probe, 10)
