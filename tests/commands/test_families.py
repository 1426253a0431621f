"""Every editor, from the command line: trained, resumed, indexed, asked and measured."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import commands_in

CONFIG = """
[train]
batch_size = 4
critic_steps = 2
[network]
size = 32
channels = 1
"""
FROM_PAIRS = "width = 4\ncritic_width = 4\n"
# What each is trained for, and a wish.
EDITORS = {
    "sargan": ("pose", "45", FROM_PAIRS),
    "stargan": ("pose", "45", FROM_PAIRS),
    "stgan": ("pose", "45", FROM_PAIRS),
    "ganimation": ("pose", "45", FROM_PAIRS),
    "tfem": ("pose", "45", FROM_PAIRS),
    "dai2i": ("pose", "45", FROM_PAIRS + "adaptor_width = 4\n"),
    "residual-gan": ("light", "left", "width = 8\n"),
    "caae": ("pose", "45", "width = 8\n"),
    "dr-gan": ("pose", "45", "width = 8\nimages = 2\n"),
    "td-gan": ("pose", "45", "width = 8\n"),
}
Mindseye = Callable[..., str]


@pytest.fixture
def mindseye(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Mindseye:
    """Run a command in an empty folder, which must succeed; return what it prints."""
    command = commands_in(tmp_path, monkeypatch, capsys)

    def run(*arguments: object) -> str:
        ran = command(*arguments)
        assert ran.status == 0, ran.err
        return ran.out

    return run


@pytest.mark.parametrize("name", EDITORS)
def test_an_editor_is_trained_indexed_asked_and_measured_by_name(
    mindseye: Mindseye, faces_spec: str, faces_dir: Path, tmp_path: Path, name: str
) -> None:
    attribute, value, settings = EDITORS[name]
    (tmp_path / "small.toml").write_text(CONFIG + settings, encoding="utf-8")
    asked = (
        *("train", faces_spec, "--architecture", name, "--attribute", attribute, "--steps", 2),
        *("--config", "small.toml", "--train-identities", 3, "--out", f"runs/{name}"),
    )
    mindseye(*asked)
    card = json.loads((tmp_path / "runs" / name / "weights.json").read_text("utf-8"))
    assert (card["architecture"], card["network"]["size"]) == (name, 32)
    assert card["recipe"]["critic_steps"] == 2
    assert card["metrics"]["heldout"]["pairs"] > 0
    mindseye(*asked, "--resume")  # is finished: changes nothing
    shown = json.loads(mindseye("weights", "show", f"runs/{name}", "--json"))
    assert shown["name"] == name
    mindseye("index", "build", faces_spec, "--weights", f"runs/{name}", "--split", "test")
    image = faces_dir / "p4-0-left.png"
    found = json.loads(mindseye("query", image, "--wish", f"{attribute}={value}", "--json"))
    assert found["hits"]
    measured = ("bench", faces_spec, "--weights", f"runs/{name}", "--queries", 6)
    results = json.loads(mindseye(*measured, "--out", "bench", "--methods", "ours", "--json"))
    assert results["identities"] == 2
    assert [method["name"] for method in results["methods"]] == ["ours", "random"]
