"""Which runtime draws, where OpenVINO is not asked, or not there."""

from pathlib import Path

import pytest

from gallery.errors import ConfigError
from generator import runtime
from generator.openvino.kept import Kept
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


@pytest.mark.parametrize(
    ("milliseconds", "refused", "variable", "taken"),
    [
        (50, "", "", "openvino"),
        (500, "", "", "torch"),
        (500, "", "openvino", "openvino"),
        (50, "features differ", "", "torch"),
        (None, "", "", None),
    ],
)
def test_what_will_draw_is_said_without_opening_it(
    monkeypatch: pytest.MonkeyPatch,
    pose_weights: Path,
    milliseconds: int | None,
    refused: str,
    variable: str,
    taken: str | None,
) -> None:
    said = {part: {"openvino": milliseconds, "torch": 100} for part in ("ms", "import_ms")}
    found = None if milliseconds is None else Kept(pose_weights, said, refused)
    monkeypatch.setattr("generator.openvino.library.is_installed", lambda: True)
    monkeypatch.setattr("generator.openvino.kept.place_of", lambda _: pose_weights)
    monkeypatch.setattr("generator.openvino.kept.find", lambda _: found)
    monkeypatch.setattr(runtime, "_may_have_gpu", lambda: False)
    monkeypatch.setenv(runtime.VARIABLE, variable)
    assert runtime.expected(pose_weights) == taken
    assert runtime.expected(pose_weights, "torch") == "torch"


def test_without_openvino_torch_will_draw(
    monkeypatch: pytest.MonkeyPatch, pose_weights: Path
) -> None:
    monkeypatch.setattr("generator.openvino.library.is_installed", lambda: False)
    monkeypatch.delenv(runtime.VARIABLE)
    assert runtime.expected(pose_weights) == "torch"
