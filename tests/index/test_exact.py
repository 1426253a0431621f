"""The reference index against the definition.

Vectors of small whole numbers have exact float32 products in every order of summation, so their
ties are exact and results can be compared bit by bit.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from index import torch_keys
from index.base import Neighbours
from index.exact import ExactIndex
from index.keys import ranking_keys, rows_and_scores

whole_numbers = st.integers(-2, 2)


def by_definition(ids: np.ndarray, gallery: np.ndarray, probes: np.ndarray, k: int) -> Neighbours:
    """Sort all rows by score, then by row; keep the first row of each image."""
    found_ids, found_scores = [], []
    for probe in probes:
        scores = np.array([np.dot(row, probe) for row in gallery], dtype=np.float32)
        order = np.argsort(-scores, kind="stable").tolist()
        images = ids[order].tolist()
        first = [row for place, row in enumerate(order) if ids[row] not in images[:place]]
        found_ids.append(ids[first[:k]])
        found_scores.append(scores[first[:k]])
    return Neighbours(np.stack(found_ids), np.stack(found_scores))


def assert_same(one: Neighbours, other: Neighbours) -> None:
    assert one.ids.dtype == other.ids.dtype == np.int64
    assert one.scores.dtype == other.scores.dtype == np.float32
    assert np.array_equal(one.ids, other.ids)
    assert np.array_equal(one.scores, other.scores)


@st.composite
def galleries(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids (N,), gallery (N, D) and probes (Q, D) with many ties and repeated ids."""
    count, dimension = draw(st.integers(1, 30)), draw(st.integers(1, 4))
    ids = draw(arrays(np.int64, count, elements=st.integers(0, 40)))
    gallery = draw(arrays(np.float32, (count, dimension), elements=whole_numbers))
    shape = (draw(st.integers(1, 5)), dimension)
    return ids, gallery, draw(arrays(np.float32, shape, elements=whole_numbers))


@given(galleries())
def test_search_equals_the_definition_for_every_k(
    case: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    ids, gallery, probes = case
    index = ExactIndex(ids, [gallery])
    assert index.size == len(set(ids.tolist()))
    for k in range(1, index.size + 1):
        assert_same(index.search(probes, k), by_definition(ids, gallery, probes, k))


@given(galleries(), st.lists(st.integers(0, 30), max_size=4), st.integers(1, 6), st.integers(1, 3))
def test_results_do_not_depend_on_blocks_chunks_and_probe_groups(
    case: tuple[np.ndarray, np.ndarray, np.ndarray],
    cuts: list[int],
    chunk_rows: int,
    probe_rows: int,
) -> None:
    ids, gallery, probes = case
    whole = ExactIndex(ids, [gallery])
    pieces = ExactIndex(ids, np.split(gallery, sorted(min(cut, len(ids)) for cut in cuts)))
    k = (whole.size + 1) // 2
    expected = whole.search(probes, k)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("index.base.BLOCK_ROWS", chunk_rows)
        patch.setattr("index.scan.PROBES", probe_rows)
        assert_same(pieces.search(probes, k), expected)


@given(galleries(), st.randoms(use_true_random=False))
def test_rows_left_out_are_as_if_never_added(
    case: tuple[np.ndarray, np.ndarray, np.ndarray], random: np.random.Generator
) -> None:
    ids, gallery, probes = case
    kept = np.array([random.random() < 0.5 for _ in ids])
    kept[-1] = True
    index, without = ExactIndex(ids, [gallery], kept), ExactIndex(ids[kept], [gallery[kept]])
    assert index.size == without.size
    assert_same(index.search(probes, index.size), without.search(probes, without.size))


@pytest.mark.parametrize("k", [1, 2, 64, 999, 1000, 1001, 2500])
def test_many_copies_of_one_vector_come_in_gallery_order(k: int) -> None:
    gallery = np.tile(np.array([[1, 2, 3]], dtype=np.float32), (2500, 1))
    gallery[1000:1003] = [[3, 3, 3]]
    ids = np.random.default_rng(0).permutation(2500).astype(np.int64)
    found = ExactIndex(ids, [gallery[:700], gallery[700:]]).search(gallery[:70], k)
    order = [1000, 1001, 1002, *range(1000), *range(1003, 2500)]
    assert (found.ids == ids[order[:k]]).all()


def test_zero_and_minus_zero_are_equal_scores() -> None:
    gallery = np.array([[-1e-30, 0], [0, 0], [1e-30, 0], [-1, 0]], dtype=np.float32)
    probes = np.array([[1e-30, 0]], dtype=np.float32)  # products underflow to -0.0, 0.0 and 0.0
    assert ExactIndex(np.arange(4), [gallery]).search(probes, 4).ids.tolist() == [[0, 1, 2, 3]]


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(1, 8))
def test_real_embeddings_are_found_with_their_inner_products(
    seed: int, count: int, probes: int
) -> None:
    rng = np.random.default_rng(seed)
    gallery, wanted = rng.standard_normal((2, count, 16)), rng.standard_normal((probes, 16))
    rows = np.concatenate(gallery).astype(np.float32)
    found = ExactIndex(np.arange(2 * count), [rows]).search(wanted.astype(np.float32), count)
    exact = wanted @ np.concatenate(gallery).T
    assert np.allclose(found.scores, np.take_along_axis(exact, found.ids, axis=1), atol=1e-4)
    assert np.allclose(found.scores, -np.sort(-exact, axis=1)[:, :count], atol=1e-4)
    assert (np.diff(found.scores, axis=1) <= 0).all()


def test_a_gallery_image_finds_itself() -> None:
    rng = np.random.default_rng(1)
    gallery = rng.standard_normal((50, 32)).astype(np.float32)
    gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
    found = ExactIndex(np.arange(50) + 100, [gallery]).search(gallery, 1)
    assert found.ids[:, 0].tolist() == list(range(100, 150))
    assert np.allclose(found.scores, 1, atol=1e-6)


def test_an_image_counts_by_its_best_hypothesis() -> None:
    gallery = np.array([[0, 1], [1, 0], [1, 1], [2, 0]], dtype=np.float32)
    index = ExactIndex(np.array([5, 6, 7, 5]), [gallery])
    found = index.search(np.array([[1, 0]], dtype=np.float32), 3)
    assert found.ids.tolist() == [[5, 6, 7]]
    assert found.scores.tolist() == [[2, 1, 1]]


def test_read_only_memory_maps_and_probes_are_searched_without_a_warning(tmp_path: Path) -> None:
    gallery = np.eye(5, dtype=np.float32)
    np.save(tmp_path / "gallery.npy", gallery)
    mapped = np.load(tmp_path / "gallery.npy", mmap_mode="r")
    probes = gallery[::-1]
    probes.setflags(write=False)
    found = ExactIndex(np.arange(5), [mapped]).search(probes, 1)
    assert found.ids[:, 0].tolist() == [4, 3, 2, 1, 0]


def test_a_search_changes_neither_gallery_nor_probes() -> None:
    gallery, probes = np.eye(4, dtype=np.float32), np.ones((2, 4), dtype=np.float32)
    ExactIndex(np.arange(4), [gallery]).search(probes, 3)
    assert np.array_equal(gallery, np.eye(4))
    assert np.array_equal(probes, np.ones((2, 4)))


def test_no_probes_find_nothing() -> None:
    index = ExactIndex(np.arange(4), [np.eye(4, dtype=np.float32)])
    found = index.search(np.empty((0, 4), dtype=np.float32), 3)
    assert found.ids.shape == found.scores.shape == (0, 3)


def test_the_index_refuses_a_k_beyond_its_images() -> None:
    index = ExactIndex(np.array([1, 1]), [np.eye(2, dtype=np.float32)])
    with pytest.raises(ValueError, match=r"k must lie in 1\.\.1"):
        index.search(np.eye(2, dtype=np.float32), 2)


@given(
    arrays(np.float32, (2, 6), elements=st.floats(width=32, allow_nan=False)),
    st.integers(0, 2**32 - 6),
)
def test_keys_rank_like_scores_and_give_back_what_they_were_made_of(
    scores: np.ndarray, start: int
) -> None:
    rows = np.arange(start, start + 6)
    keys = ranking_keys(scores, rows)
    for row, made in zip(scores, keys.tolist(), strict=True):
        order = sorted(range(6), key=lambda place: -made[place])
        assert order == np.argsort(-row, kind="stable").tolist()
    found_rows, found_scores = rows_and_scores(keys)
    assert np.array_equal(found_rows, np.broadcast_to(rows, (2, 6)))
    assert np.array_equal(found_scores, scores)
    by_torch = torch_keys.ranking_keys(torch.from_numpy(scores), torch.from_numpy(rows))
    assert np.array_equal(by_torch.numpy(), keys)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_finds_the_same() -> None:
    rng = np.random.default_rng(2)
    ids = rng.integers(0, 300, size=1000)
    gallery = rng.integers(-2, 3, size=(1000, 8)).astype(np.float32)
    on_gpu = ExactIndex(ids, [gallery], device="cuda").search(gallery[:99], 20)
    assert_same(on_gpu, ExactIndex(ids, [gallery]).search(gallery[:99], 20))


@given(galleries())
def test_stored_vectors_of_images_are_those_that_they_were_found_by(
    case: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    ids, gallery, probes = case
    index = ExactIndex(ids, [gallery])
    found = index.search(probes, index.size)
    wanted = np.unique(ids)[::2]
    stored = index.stored(wanted)
    rows = np.isin(ids, wanted)
    assert np.array_equal(stored.ids, ids[rows])
    assert np.array_equal(stored.vectors, gallery[rows])
    for probe, images, scores in zip(probes, found.ids, found.scores, strict=True):
        some = images[np.isin(images, wanted)]  # in the order of the answers
        best = stored.best(probe, some)
        assert np.array_equal(best @ probe, scores[np.isin(images, wanted)])
    with pytest.raises(ValueError, match="no vector here"):
        stored.best(probes[0], np.array([50]))
