import sys
from types import SimpleNamespace

import pytest
import torch

from gallery.errors import ConfigError
from generator.device import pick_device
from generator.freed_memory import keep_freed_memory


def pretend_gpus(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


def test_a_device_is_taken_at_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_gpus(monkeypatch, 2)
    for name in ("cpu", "cuda", "cuda:0", "cuda:1"):
        assert pick_device(name) == torch.device(name)


@pytest.mark.parametrize(("gpus", "picked"), [(0, "cpu"), (1, "cuda")])
def test_auto_prefers_a_gpu(monkeypatch: pytest.MonkeyPatch, gpus: int, picked: str) -> None:
    pretend_gpus(monkeypatch, gpus)
    assert pick_device("auto") == torch.device(picked)


@pytest.mark.parametrize("name", ["gpu", "", "cuda:", "cuda:x", "mps", "meta", "CPU 1"])
def test_an_unknown_device_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"takes auto, cpu or cuda, got {name!r}"):
        pick_device(name)


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_gpus(monkeypatch, 0)
    with pytest.raises(ConfigError, match="no CUDA device .*say --device cpu"):
        pick_device("cuda")


def test_a_gpu_beyond_the_last_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_gpus(monkeypatch, 2)
    with pytest.raises(ConfigError, match="got 'cuda:2'; this machine has cuda:0 to cuda:1"):
        pick_device("cuda:2")


@pytest.mark.parametrize("granted", [1, 0])
def test_freed_memory_is_kept_as_mallopt_names_it(
    monkeypatch: pytest.MonkeyPatch, granted: int
) -> None:
    asked: list[tuple[int, int]] = []

    def mallopt(parameter: int, value: int) -> int:
        asked.append((parameter, value))
        return granted

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("ctypes.CDLL", lambda _: SimpleNamespace(mallopt=mallopt))
    assert keep_freed_memory() is bool(granted)
    settings = {-4: 0, -1: 2**30, -2: 2**26}  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD
    assert dict(asked).items() <= settings.items()
    assert len(asked) == (3 if granted else 1)


def test_memory_is_left_alone_on_other_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory()


def test_memory_is_left_alone_where_there_is_no_glibc(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("ctypes.CDLL", missing)
    assert not keep_freed_memory()
