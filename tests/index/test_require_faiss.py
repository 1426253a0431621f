"""What is said when FAISS is not there, or there twice; these run without FAISS."""

import sys
from importlib import metadata

import pytest

from gallery.errors import ConfigError
from index.faiss_library import has_faiss, require_faiss
from index.kinds import APPROXIMATE


def only_these(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    def distribution(name: str) -> object:
        if name in names:
            return object()
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", distribution)


@pytest.mark.parametrize("kind", ["flat", *APPROXIMATE])
def test_without_faiss_the_next_step_is_named(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    only_these(monkeypatch)
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert not has_faiss()
    with pytest.raises(
        ConfigError, match=rf'kind "{kind}" needs FAISS.*Install it: pip install "mindseye\[cpu\]"'
    ):
        require_faiss(kind)


@pytest.mark.parametrize("gpu", ["faiss-gpu", "faiss-gpu-cu12"])
def test_two_distributions_are_refused_with_the_commands_that_help(
    monkeypatch: pytest.MonkeyPatch, gpu: str
) -> None:
    only_these(monkeypatch, "faiss-cpu", gpu)
    with pytest.raises(
        ConfigError,
        match=rf"faiss-cpu and {gpu} are both .*pip uninstall -y faiss-cpu {gpu} && pip install",
    ):
        require_faiss()
