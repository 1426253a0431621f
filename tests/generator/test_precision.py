"""Nothing here asserts how fast a machine is: the tests say what was measured."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from gallery.errors import ConfigError
from gallery.faces import FaceSet
from generator import precision
from generator.precision import Speeds, measure_speeds, settle
from generator.runs.request import CPU, TrainRequest
from generator.runs.run import TrainingProgress, train
from generator.runs.run_folder import RUN_FILE
from generator.runs.trainer import Trainer
from generator.training.config import TrainConfig
from generator.weights_file import find_weights, load_card

Ask = Callable[..., TrainRequest]
Paint = Callable[..., FaceSet]
SLOW_HALF = Speeds(float32_ms=24.5, bfloat16_ms=223.3)  # AVX2 alone
FAST_HALF = Speeds(float32_ms=23.6, bfloat16_ms=12.9)  # AVX-512 BF16


def machine(speeds: Speeds) -> Callable[[torch.device, bool], Speeds]:
    return lambda device, training: speeds  # noqa: ARG005


def unmeasured(device: torch.device, training: bool) -> Speeds:
    raise AssertionError(f"{device} was measured, training {training}")


def recipe_of(request: TrainRequest) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((request.out / RUN_FILE).read_text())
    return said


def stopped(request: TrainRequest, speeds: Speeds) -> None:
    for progress in train(request, speeds_of=machine(speeds)):
        if (progress.phase, progress.done) == ("stage 1", 2):
            return


@pytest.fixture
def asked(tiny: TrainRequest) -> TrainRequest:
    """A request of the test's own that leaves the precision to the machine."""
    return tiny.computing_in("auto", {})


@pytest.mark.parametrize(("speeds", "name"), [(SLOW_HALF, "float32"), (FAST_HALF, "bfloat16")])
def test_training_takes_the_precision_that_the_machine_is_faster_in_and_says_so(
    asked: TrainRequest, speeds: Speeds, name: str
) -> None:
    said = list(train(asked, speeds_of=machine(speeds)))
    assert [p.note for p in said if p.note] == [
        f"Training in {name}, which this machine is faster in: {speeds}"
    ]
    assert recipe_of(asked)["recipe"]["precision"] == name
    assert recipe_of(asked)["measured"] == speeds.to_json()
    recipe = load_card(find_weights(str(asked.out))).recipe
    assert (recipe["precision"], recipe["measured"]) == (name, speeds.to_json())


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_a_precision_given_by_hand_holds_and_nothing_is_measured(
    tiny: TrainRequest, name: Any
) -> None:
    given = tiny.computing_in(name, {})
    assert not any(p.note for p in train(given, speeds_of=unmeasured))
    assert recipe_of(given)["recipe"]["precision"] == name
    assert "measured" not in recipe_of(given)
    assert "measured" not in load_card(find_weights(str(given.out))).recipe


def test_a_run_goes_on_in_the_precision_it_began_in_on_a_machine_that_is_slower_in_it(
    asked: TrainRequest,
) -> None:
    stopped(asked, FAST_HALF)
    said = list(train(asked, resume=True, speeds_of=machine(SLOW_HALF)))
    assert [p.note for p in said if p.note] == [
        f"Training in bfloat16, as it was begun; this machine is faster in float32: {SLOW_HALF}"
    ]
    recipe = load_card(find_weights(str(asked.out))).recipe
    assert (recipe["precision"], recipe["measured"]) == ("bfloat16", FAST_HALF.to_json())


def test_a_run_resumed_elsewhere_ends_in_the_weights_of_an_unbroken_one(
    asked: TrainRequest,
) -> None:
    unbroken = replace(asked, out=asked.out.with_name("unbroken"))
    list(train(unbroken, speeds_of=machine(SLOW_HALF)))
    stopped(asked, SLOW_HALF)
    list(train(asked, resume=True, speeds_of=machine(FAST_HALF)))
    ends = [find_weights(str(one.out)).read_bytes() for one in (asked, unbroken)]
    assert ends[0] == ends[1]


def test_a_run_from_before_there_was_a_choice_goes_on_as_it_was(asked: TrainRequest) -> None:
    """Older runs say "bfloat16", and nothing of what was measured."""
    stopped(asked, FAST_HALF)
    older = recipe_of(asked)
    del older["measured"]
    (asked.out / RUN_FILE).write_text(json.dumps(older))
    list(train(asked, resume=True, speeds_of=machine(SLOW_HALF)))
    recipe = load_card(find_weights(str(asked.out))).recipe
    assert recipe["precision"] == "bfloat16"
    assert "measured" not in recipe


def test_a_run_is_not_resumed_in_another_precision_given_by_hand(asked: TrainRequest) -> None:
    stopped(asked, FAST_HALF)
    with pytest.raises(ConfigError, match=r'recipe.precision = "bfloat16", now it is "float32"'):
        list(train(asked.computing_in("float32", {}), resume=True))
    list(train(asked.computing_in("bfloat16", {}), resume=True, speeds_of=unmeasured))


@pytest.mark.parametrize("content", ["{", "[]", '{"recipe": 3}', '{"recipe": {"precision": []}}'])
def test_a_damaged_run_is_refused_in_a_line(asked: TrainRequest, content: str) -> None:
    stopped(asked, FAST_HALF)
    (asked.out / RUN_FILE).write_text(content)
    with pytest.raises(ConfigError, match="name another folder with --out"):
        list(train(asked, resume=True, speeds_of=unmeasured))


def test_what_was_measured_counts_and_not_what_the_processor_says() -> None:
    assert SLOW_HALF.faster == "float32"
    assert FAST_HALF.faster == "bfloat16"
    assert Speeds(10.0, 9.9).faster == "float32"  # not worth rounding
    assert settle("auto", CPU, machine(SLOW_HALF)) == "float32"
    assert settle("bfloat16", CPU, unmeasured) == "bfloat16"


@pytest.mark.parametrize("training", [False, True])
def test_measuring_looks_at_both_precisions_and_leaves_everything_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
    training: bool,
) -> None:
    monkeypatch.setattr(precision, "SHAPES", {"cpu": (1, 8)})
    before = torch.get_num_threads(), torch.random.get_rng_state(), torch.is_grad_enabled()
    speeds = measure_speeds.__wrapped__(CPU, training)
    assert min(speeds.float32_ms, speeds.bfloat16_ms) > 0
    assert (torch.get_num_threads(), torch.is_grad_enabled()) == (before[0], before[2])
    assert torch.random.get_rng_state().equal(before[1])


def test_measuring_ends_after_its_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine: each way is timed once to warm up and once to count."""
    now, runs = [0.0], []

    def work(device: torch.device, name: str, *, training: bool) -> Callable[[], None]:  # noqa: ARG001
        def slow() -> None:
            runs.append(name)
            now[0] += 5.0

        return slow

    monkeypatch.setattr(precision, "_work", work)
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(time, "thread_time", lambda: now[0])
    speeds = measure_speeds.__wrapped__(CPU, True)  # noqa: FBT003
    assert speeds == Speeds(5000.0, 5000.0)
    assert speeds.faster == "float32"
    assert runs == ["float32", "bfloat16"] * 2


def test_a_trainer_wants_its_precision_settled() -> None:
    none: Any = None
    with pytest.raises(ValueError, match="settle the precision first"):
        Trainer(none, none, TrainConfig(), seed=0)


def test_progress_has_no_note_unless_there_is_one() -> None:
    assert TrainingProgress("reading", 1, 2).note is None
