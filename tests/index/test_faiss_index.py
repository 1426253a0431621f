"""FAISS against the reference index."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery.errors import IndexFileError
from index.exact import ExactIndex
from index.faiss_index import FlatIndex, require_faiss

faiss = pytest.importorskip("faiss", reason='needs FAISS: pip install "mindseye[cpu]"')


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


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60))
def test_flat_finds_what_exact_finds(seed: int, count: int) -> None:
    ids, gallery = gallery_of(seed, count, whole=False)
    exact, flat = ExactIndex(ids, [gallery]), FlatIndex(ids, [gallery])
    k = (exact.size + 1) // 2
    found, expected = flat.search(gallery, k), exact.search(gallery, k)
    assert (flat.size, flat.dimension) == (exact.size, exact.dimension)
    assert np.array_equal(found.ids, expected.ids)
    assert np.allclose(found.scores, expected.scores, atol=1e-5)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60))
def test_flat_equals_exact_up_to_ties_at_the_last_rank(seed: int, count: int) -> None:
    ids, gallery = gallery_of(seed, count, whole=True)
    exact, flat = ExactIndex(ids, [gallery]), FlatIndex(ids, [gallery])
    for k in {1, (exact.size + 1) // 2, exact.size}:
        found, expected = flat.search(gallery, k), exact.search(gallery, k)
        above = expected.scores > expected.scores[:, -1:]
        assert np.array_equal(found.scores, expected.scores)
        assert np.array_equal(found.ids[above], expected.ids[above])


def test_ties_within_the_rows_found_come_in_gallery_order() -> None:
    gallery = np.ones((300, 3), dtype=np.float32)
    found = FlatIndex(np.arange(300)[::-1].copy(), [gallery]).search(gallery[:30], 300)
    assert (found.ids == np.arange(300)[::-1]).all()


def test_rows_left_out_are_not_found_and_blocks_are_joined() -> None:
    kept = np.array([True, False, True, False])
    index = FlatIndex(np.arange(4), np.split(np.eye(4, dtype=np.float32), [1, 3]), kept)
    found = index.search(np.eye(4, dtype=np.float32)[[2]], 2)
    assert index.size == 2
    assert found.ids.tolist() == [[2, 0]]


def test_no_probes_find_nothing() -> None:
    index = FlatIndex(np.arange(4), [np.eye(4, dtype=np.float32)])
    assert index.search(np.empty((0, 4), dtype=np.float32), 3).ids.shape == (0, 3)


def test_the_index_refuses_a_k_beyond_its_images() -> None:
    index = FlatIndex(np.array([1, 1]), [np.eye(2, dtype=np.float32)])
    with pytest.raises(ValueError, match=r"k must lie in 1\.\.1"):
        index.search(np.eye(2, dtype=np.float32), 2)


@pytest.mark.parametrize("whole", [True, False])
def test_a_saved_index_finds_the_same_when_loaded(tmp_path: Path, whole: bool) -> None:
    ids, gallery = gallery_of(3, 40, whole=whole)
    saved = FlatIndex(ids - 20, [gallery])
    saved.save(tmp_path / "flat.faiss")
    loaded = FlatIndex.load(tmp_path / "flat.faiss")
    found, expected = loaded.search(gallery, 10), saved.search(gallery, 10)
    assert (loaded.size, loaded.dimension) == (saved.size, saved.dimension)
    assert np.array_equal(found.ids, expected.ids)
    assert np.array_equal(found.scores, expected.scores)
    assert [entry.name for entry in tmp_path.iterdir()] == ["flat.faiss"]


def test_a_missing_file_is_reported_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(IndexFileError, match=r"flat\.faiss is missing.*mindseye index build"):
        FlatIndex.load(tmp_path / "flat.faiss")


@pytest.mark.parametrize("kept", [0, 3, 30, 200, -1])
def test_a_torn_file_is_reported_with_the_next_step(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "flat.faiss"
    FlatIndex(np.arange(8), [np.eye(8, dtype=np.float32)]).save(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(IndexFileError, match=r"flat\.faiss cannot be read.*mindseye index build"):
        FlatIndex.load(path)


def test_another_kind_of_index_is_refused(tmp_path: Path) -> None:
    for number, other in enumerate(
        [faiss.IndexFlatIP(4), faiss.IndexIDMap(faiss.IndexFlatL2(4)), faiss.IndexHNSWFlat(4, 8)]
    ):
        path = tmp_path / f"{number}.faiss"
        faiss.write_index(other, str(path))
        with pytest.raises(IndexFileError, match="expected an IndexIDMap of an IndexFlatIP"):
            FlatIndex.load(path)


@pytest.mark.usefixtures("blas_threshold")
def test_building_and_searching_leave_the_blas_threshold_alone() -> None:
    faiss.cvar.distance_compute_blas_threshold = 77
    index = FlatIndex(np.arange(4), [np.eye(4, dtype=np.float32)])
    index.search(np.eye(4, dtype=np.float32), 1)
    assert faiss.cvar.distance_compute_blas_threshold == 77


def test_faiss_is_there() -> None:
    assert require_faiss() is faiss
