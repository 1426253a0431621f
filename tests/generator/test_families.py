"""A family of docs/families.md is added as the page says, and everything works with it."""

import importlib.util
import re
import sys
from ast import literal_eval
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gallery.errors import ConfigError
from gallery.faces import FaceSet
from generator.checkpoint import load_checkpoint, load_tensors, load_weights
from generator.engine import Engine
from generator.networks.architecture import Architecture
from generator.networks.registry import ARCHITECTURES, architecture
from generator.runs.request import CPU, TrainRequest, make_request
from generator.runs.run import train
from generator.zoo import pack
from tests.generator.editing import TINY

MakeFaces = Callable[..., FaceSet]
PAGE = Path(__file__).parents[2] / "docs" / "families.md"
BRIEF = {
    "steps": 2,
    "batch_size": 4,
    "later_batch_size": 6,
    "tune_steps": 2,
    "estimator_steps": 2,
    "validation": 0.4,
}


@pytest.fixture
def colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Architecture:
    """Follow the page: one file, one line."""
    file, line = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    path = tmp_path / "colours.py"
    path.write_text(file, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("colours", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "colours", module)
    spec.loader.exec_module(module)
    ((name, place),) = literal_eval(f"{{{line}}}").items()
    monkeypatch.setitem(sys.modules, place, module)
    monkeypatch.setitem(ARCHITECTURES, name, place)
    return architecture(name)


def asked(name: str, faces: FaceSet, out: Path, **network: Any) -> TrainRequest:
    """Request all four stages, brief ones, of a narrow network."""
    request = make_request(
        faces,
        architecture_name=name,
        attributes=("pose",),
        recipe_name="tuned",
        out=out,
        device=CPU,
    )
    request = replace(request, train_identities=("s1", "s2", "s3"), checkpoint_every=1)
    config = request.recipe.train_with(BRIEF, "test")
    known = {key: value for key, value in TINY.items() if name != "colours" or "width" not in key}
    network = {"estimator": True, "projection": 8, **known, **network}
    return replace(request, recipe=replace(request.recipe, train=config, network=network))


def test_a_family_is_added_by_one_file_and_one_line(
    colours: Architecture, make_faces: MakeFaces, tmp_path: Path
) -> None:
    request = asked(colours.name, make_faces(lights=1), tmp_path / "run", width=6)
    phases = dict.fromkeys(one.phase for one in train(request))
    assert list(phases) == ["reading", "stage 1", "stage 3", "stage 4", "measuring"]
    network, card = load_weights(tmp_path / "run" / "weights.safetensors")
    assert type(network).__name__ == "Colours"
    assert card.network == {
        "size": 32,
        "channels": 1,
        "projection": 8,
        "estimator": True,
        "width": 6,
    }
    assert card.canonicalisation["rule"] in ("reconstruction", "expected", "both")
    packed = pack(tmp_path / "run" / "weights.safetensors", tmp_path / "w", name="pose-colours")
    engine = Engine.open(packed.path, CPU)
    assert (engine.dimension, engine.refines, engine.estimates) == (8, False, True)
    drawn = engine.draw(np.zeros((2, 32, 32, 1), np.uint8), np.eye(3, dtype=np.float32)[:2])
    assert drawn.refined.shape == (2, 32, 32, 1)
    assert np.array_equal(drawn.first, drawn.refined)


def test_a_loss_that_a_family_has_not_cannot_be_weighed(
    colours: Architecture, make_faces: MakeFaces, tmp_path: Path
) -> None:
    def request(text: str) -> TrainRequest:
        (tmp_path / "config.toml").write_text(text, encoding="utf-8")
        return make_request(
            faces,
            architecture_name=colours.name,
            attributes=("pose",),
            recipe_name="fast",
            out=tmp_path / "run",
            device=CPU,
            config=tmp_path / "config.toml",
        )

    faces = make_faces(people=1, lights=1)
    made = request("[train.weights]\nabsolute = 2\n[network]\nsize = 64\n")
    assert made.recipe.train.weights == {"absolute": 2}
    assert made.aligner().size == 64
    with pytest.raises(ConfigError, match="no loss 'absolut' to weigh; did you mean 'absolute'"):
        request("[train.weights]\nabsolut = 2\n")


@pytest.mark.parametrize(
    ("name", "stopped_at"),
    [("sargan", ("stage 1", 1)), ("stgan", ("stage 3", 1)), ("dai2i", ("stage 2", 1))],
)
def test_an_editor_stopped_and_resumed_ends_in_the_same_bits(
    make_faces: MakeFaces, tmp_path: Path, name: str, stopped_at: tuple[str, int]
) -> None:
    faces = make_faces(poses=2, lights=1)
    narrow = {"adaptor_width": 4, "adaptor_blocks": 1} if name == "dai2i" else {}
    whole, parts = (asked(name, faces, tmp_path / out, **narrow) for out in ("whole", "parts"))
    critics = set()
    for step in train(whole):
        if (step.phase, step.done) == stopped_at:
            checkpoint = load_checkpoint(whole.out / "checkpoint.safetensors")[0]
            critics = {key for key in checkpoint if key.startswith("beside.") and ".trunk." in key}
    assert critics
    for step in train(parts):
        if (step.phase, step.done) == stopped_at:
            break
    list(train(parts, resume=True))
    first, again = (load_tensors(run.out / "weights.safetensors")[0] for run in (whole, parts))
    assert first.keys() == again.keys()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not any("trunk" in key for key in first)
