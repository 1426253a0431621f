"""The recipe `tuned`, whole: augmentation, contrast, estimator, validation people."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gallery.errors import ConfigError, WeightsError
from generator.checkpoint import load_checkpoint, load_weights
from generator.engine import Engine
from generator.runs import run
from generator.runs.request import CPU, TrainRequest
from generator.runs.run import train
from generator.zoo import pack

MakeFaces = Callable[..., Any]
Ask = Callable[..., TrainRequest]
SETTINGS = {
    "augmentation": 1.0,
    "tune_steps": 3,
    "estimator_steps": 3,
    "validation": 0.4,
    "batch_size": 8,
}


@pytest.fixture
def tuned(make_faces: MakeFaces, ask: Ask, tmp_path: Path) -> Callable[..., TrainRequest]:
    """Request a tiny run of all four stages on three of four people."""

    def request(out: str = "run", **settings: Any) -> TrainRequest:
        folder = tmp_path / "faces"
        faces = make_faces() if not folder.exists() else asked[0].faces
        made = ask(faces, tmp_path / out, "tuned", **{**SETTINGS, **settings})
        asked.append(replace(made, train_identities=("s1", "s2", "s3")))
        return asked[-1]

    asked: list[TrainRequest] = []
    return request


def weights_of(request: TrainRequest) -> dict[str, torch.Tensor]:
    return load_weights(request.out / "weights.safetensors")[0].state_dict()


def test_four_stages_are_trained_one_after_the_other(tuned: Callable[..., TrainRequest]) -> None:
    request = tuned()
    phases = dict.fromkeys(step.phase for step in train(request))
    assert list(phases) == ["reading", "stage 1", "stage 2", "stage 3", "stage 4", "measuring"]
    network, card = load_weights(request.out / "weights.safetensors")
    assert network.projection is not None
    assert network.estimator is not None
    assert card.train_identities == ("s1", "s2", "s3")
    assert card.data["images"] == 2 * 6  # a third person was set aside for choices
    assert card.data["validation"] == ["s3"]
    assert card.canonicalisation["rule"] in ("reconstruction", "expected", "both")
    assert set(card.canonicalisation["accuracy"]) >= {"reconstruction", "estimator", "both 30"}
    assert card.redrawing["images"] == 6
    assert card.redrawing["measured_on"] == {"spec": request.faces.spec, "people": ["s3"]}
    engine = Engine.open(request.out / "weights.safetensors", CPU)
    assert engine.dimension == 256
    pixels = np.zeros((2, 32, 32, 1), dtype=np.uint8)
    assert engine.log_probabilities(pixels).shape == (2, 3)


@pytest.mark.parametrize("stopped_at", [("stage 1", 1), ("stage 3", 2), ("stage 4", 1)])
def test_a_run_stopped_in_any_stage_ends_as_if_undisturbed(
    tuned: Callable[..., TrainRequest], stopped_at: tuple[str, int]
) -> None:
    whole, parts = tuned("whole"), replace(tuned("parts"), checkpoint_every=1)
    list(train(whole))
    for step in train(parts):
        if (step.phase, step.done) == stopped_at:
            break
    assert load_checkpoint(parts.out / "checkpoint.safetensors")[1]["number"] == stopped_at[1]
    list(train(parts, resume=True))
    again, first = weights_of(parts), weights_of(whole)
    assert all(torch.equal(first[name], again[name]) for name in first)
    log = (parts.out / "log.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["stage"] for line in log] == [1, 2, 3, 4]


def test_tuning_changes_both_networks_and_estimating_neither(
    tuned: Callable[..., TrainRequest],
) -> None:
    plain, with_estimator = tuned("a", tune_steps=0, estimator_steps=0), tuned("b", tune_steps=0)
    whole = tuned("c")
    states = []
    for request in (plain, with_estimator, whole):
        list(train(request))
        states.append(weights_of(request))
    for name, value in states[0].items():
        kind = name.partition(".")[0]
        same = [torch.equal(value, other[name]) for other in states[1:]]
        if name.endswith(("running_mean", "num_batches_tracked")):
            continue
        assert same[0] == (kind != "estimator"), name
        if kind in ("first", "refiner", "projection") and value.ndim > 1:
            assert not same[1], name


def test_tuning_lowers_the_contrastive_loss(
    tuned: Callable[..., TrainRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "LOG_EVERY", 1)
    request = tuned(
        steps=1, tune_steps=60, estimator_steps=0, augmentation=0.0, warmup_steps=5, batch_size=12
    )
    list(train(request))
    log = [json.loads(x) for x in (request.out / "log.jsonl").read_text("utf-8").splitlines()]
    losses = [entry["loss"] for entry in log if entry["stage"] == 3]
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:5])


def test_people_must_be_left_to_train_on(tuned: Callable[..., TrainRequest]) -> None:
    request = replace(tuned(validation=0.9), train_identities=("s1",))
    with pytest.raises(ConfigError, match="leaves nobody of 1 people to train on"):
        list(train(request))


def test_tuning_can_start_with_other_weights(tuned: Callable[..., TrainRequest]) -> None:
    plain = tuned("plain", tune_steps=0, estimator_steps=0, validation=0.0)
    list(train(plain))
    path = plain.out / "weights.safetensors"
    steps = {"steps": 0, "tune_steps": 0, "estimator_steps": 2}
    going_on = replace(tuned("on", **steps), start=path, train_identities=("s3", "s4"))
    assert [s.phase for s in train(going_on) if s.phase.startswith("stage")] == ["stage 4"] * 2
    before, after = weights_of(plain), weights_of(going_on)
    drawn = [name for name in before if name.startswith(("first.", "refiner."))]
    assert all(torch.equal(before[name], after[name]) for name in drawn)
    old, new = (load_weights(r.out / "weights.safetensors")[1] for r in (plain, going_on))
    assert (new.mean, new.deviation) == (old.mean, old.deviation)
    assert set(new.train_identities) == {"s1", "s2", "s3", "s4"}
    assert new.data["validation"] == ["s4"]
    assert going_on.to_json()["start"] == old.sha256


def test_people_that_the_first_weights_were_trained_on_are_not_called_set_aside(
    tuned: Callable[..., TrainRequest],
) -> None:
    plain = tuned("plain", tune_steps=0, estimator_steps=0, validation=0.0)
    list(train(plain))
    steps = {"steps": 0, "tune_steps": 0, "estimator_steps": 2}
    path = plain.out / "weights.safetensors"
    going_on = replace(tuned("on", **steps), start=path, train_identities=("s2", "s3"))
    list(train(going_on))
    card = load_weights(going_on.out / "weights.safetensors")[1]
    assert card.canonicalisation["rule"] in ("reconstruction", "expected", "both")
    assert "validation" not in card.data  # s3 was set aside here, and drawn on there
    assert card.redrawing == {}


def test_without_people_for_choices_the_rule_of_the_first_weights_stays(
    tuned: Callable[..., TrainRequest],
) -> None:
    first = tuned("first", steps=1, tune_steps=1, estimator_steps=2)
    list(train(first))
    path = first.out / "weights.safetensors"
    chosen = load_weights(path)[1].canonicalisation
    few = tuned("few", steps=0, tune_steps=1, estimator_steps=1, validation=0.0)
    list(train(replace(few, start=path, train_identities=("s4",))))
    card = load_weights(few.out / "weights.safetensors")[1]
    assert card.canonicalisation["rule"] == chosen["rule"]
    assert "accuracy" not in card.canonicalisation  # that was measured with other weights
    assert card.redrawing == {}  # of people that nothing was trained on, and there are none


def test_weights_of_another_shape_are_no_start(
    tuned: Callable[..., TrainRequest], tmp_path: Path
) -> None:
    plain = tuned("plain", tune_steps=0, estimator_steps=0)
    list(train(plain))
    packed = pack(plain.out / "weights.safetensors", tmp_path / "packed", name="small")
    with pytest.raises(WeightsError, match=r'has no first\.code.*code_branch = "table"'):
        list(train(replace(tuned("on"), start=packed.path)))
    as_packed = tuned("table", steps=0, tune_steps=1, estimator_steps=0)
    table = replace(as_packed.recipe, network={**as_packed.recipe.network, "code_branch": "table"})
    list(train(replace(as_packed, recipe=table, start=packed.path)))
