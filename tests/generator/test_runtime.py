"""Which runtime draws, where OpenVINO is not asked, or not there."""

from pathlib import Path

import pytest

from gallery.errors import ConfigError
from generator import runtime
from generator.runtime import open_drawer


def test_a_runtime_that_there_is_not_is_refused(pose_weights: Path) -> None:
    with pytest.raises(ConfigError, match="--runtime cannot be 'onnx'"):
        open_drawer(pose_weights, "cpu", "onnx")


def test_the_variable_says_what_auto_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(runtime.VARIABLE, "openvino")
    assert [runtime.settle(one) for one in (None, "auto", "torch")] == [
        *("openvino", "openvino", "torch")
    ]
    monkeypatch.setenv(runtime.VARIABLE, "tensorrt")
    with pytest.raises(ConfigError, match="tensorrt"):
        runtime.settle(None)


def test_without_openvino_torch_draws(monkeypatch: pytest.MonkeyPatch, pose_weights: Path) -> None:
    monkeypatch.setattr("generator.openvino.library.is_installed", lambda: False)
    monkeypatch.delenv(runtime.VARIABLE)
    assert open_drawer(pose_weights, "cpu").runtime == "torch"
    with pytest.raises(ConfigError, match=r"OpenVINO is not installed; pip install 'mindseye"):
        open_drawer(pose_weights, "cpu", "openvino")


def test_where_there_may_be_a_gpu_torch_is_asked(
    monkeypatch: pytest.MonkeyPatch, pose_weights: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr(runtime, "_DRIVERS", (tmp_path,))
    monkeypatch.setattr("generator.runtime.sys.platform", "linux")
    monkeypatch.setattr(runtime, "_by_openvino", None)
    monkeypatch.delenv(runtime.VARIABLE)
    assert open_drawer(pose_weights).runtime == "torch"
