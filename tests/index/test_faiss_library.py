"""Files of FAISS, and the GPU."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gallery.errors import IndexFileError
from index import faiss_library
from index.faiss_library import gpus, on_gpu, read_faiss, write_faiss
from index.faiss_train import train, untrained
from index.kinds import DIVIDED

faiss = pytest.importorskip("faiss", reason='needs FAISS: pip install "mindseye[cpu]"')


def flat() -> Any:
    index = faiss.IndexFlatIP(8)
    index.add(np.eye(8, dtype=np.float32))
    return index


@pytest.mark.parametrize("mapped", [False, True])
def test_a_saved_index_finds_the_same_when_read(tmp_path: Path, mapped: bool) -> None:
    write_faiss(flat(), tmp_path / "index.faiss")
    path = tmp_path / "index.faiss"
    read = read_faiss(path, path.stat().st_size, "flat", mapped=mapped)
    probes = np.arange(16, dtype=np.float32).reshape(2, 8)
    assert np.array_equal(read.search(probes, 3)[1], flat().search(probes, 3)[1])
    assert [entry.name for entry in tmp_path.iterdir()] == ["index.faiss"]


def test_a_missing_file_is_reported_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(IndexFileError, match=r"index\.faiss is missing.*mindseye index build"):
        read_faiss(tmp_path / "index.faiss", 10, "flat", mapped=True)


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("kept", [0, 3, 30, 200])
def test_a_torn_file_is_reported_with_the_next_step(
    tmp_path: Path, kept: int, mapped: bool
) -> None:
    path = tmp_path / "index.faiss"
    write_faiss(flat(), path)
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:kept])
    message = rf"index\.faiss cannot be read \(it has {kept} bytes, expected {size}.*index build"
    with pytest.raises(IndexFileError, match=message):
        read_faiss(path, size, "flat", mapped=mapped)


def test_a_file_of_something_else_is_reported_with_the_next_step(tmp_path: Path) -> None:
    path = tmp_path / "index.faiss"
    path.write_bytes(b"what is this?" * 20)
    with pytest.raises(IndexFileError, match=r"index\.faiss cannot be read.*mindseye index build"):
        read_faiss(path, 260, "flat", mapped=True)


class FakeFaiss(SimpleNamespace):
    """A FAISS with one GPU that takes flat indexes only."""

    StandardGpuResources = object

    def get_num_gpus(self) -> int:
        return 1

    def index_cpu_to_gpu(self, _resources: object, device: int, index: Any) -> Any:
        if not isinstance(index, faiss.IndexFlat):
            raise RuntimeError("not implemented on the GPU")
        return ("gpu", device, index)


def test_the_gpu_is_used_where_faiss_has_one_and_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faiss_library, "require_faiss", lambda *_: FakeFaiss())
    index = flat()
    assert gpus() == 1
    assert on_gpu(index) == ("gpu", 0, index)
    assert on_gpu(faiss.IndexHNSWFlat(8, 4)) is None


@pytest.mark.skipif(hasattr(faiss, "StandardGpuResources"), reason="this FAISS has GPUs")
def test_without_faiss_gpu_there_is_none() -> None:
    assert gpus() == 0
    assert on_gpu(flat()) is None


@pytest.mark.parametrize("kind", DIVIDED)
def test_codes_of_all_kinds_but_pq_and_rabitq_stay_in_the_mapped_file(
    tmp_path: Path, kind: str
) -> None:
    """docs/index.md says so: those of these two are in memory whole."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("needs /proc, as Linux has it")
    rows = np.random.default_rng(0).standard_normal((300, 16)).astype(np.float32)
    made, path = untrained(kind, len(rows), 16), tmp_path / "index.faiss"
    train(made, rows)
    made.add(rows)
    write_faiss(made, path)
    opened = read_faiss(path, path.stat().st_size, kind, mapped=True)
    ranges = [line.split()[0] for line in maps.read_text("utf-8").splitlines() if str(path) in line]
    codes = int(opened.invlists.get_codes(0))
    bounds = [[int(end, 16) for end in one.split("-")] for one in ranges]
    mapped = any(start <= codes < end for start, end in bounds)
    assert mapped == (kind not in ("pq", "rabitq"))
