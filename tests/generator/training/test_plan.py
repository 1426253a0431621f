"""Plans of trainings, and the settings that only some families use."""

from typing import Any

import pytest
import torch
from torch import nn

from gallery.errors import ConfigError, WeightsError
from generator.networks.sargan import PAPER
from generator.runs.trainer import Trainer
from generator.training.config import TrainConfig, published, recipe
from generator.training.plan import Stage, Update
from tests.generator.editing import SPACE, adam, lit, tiny


def turn(every: int = 1, **weights: float) -> Update:
    return Update("turn", (nn.Linear(1, 1),), lambda _: {}, weights, every)


def test_a_loss_is_the_weighted_sum_of_its_terms() -> None:
    terms = {"a": torch.tensor(2.0), "b": torch.tensor(3.0)}
    assert turn(b=10.0).loss(terms).item() == 32
    assert turn(b=0.0).loss(terms).item() == 2


def test_a_step_in_which_nothing_is_due_is_no_step() -> None:
    with pytest.raises(ValueError, match="due in every step"):
        Stage(3, (turn(2), turn(5)))
    assert Stage(3, (turn(2), turn(1))).steps == 3


def test_settings_of_younger_families_are_left_out_of_older_cards() -> None:
    younger = {"beta1", "beta2", "critic_steps", "weights"}
    younger |= {"later_batch_size", "later_learning_rate"}
    assert not younger & set(recipe("tuned", 60).train.to_json())
    written = published("tuned", PAPER).train.to_json()
    assert {"beta1", "critic_steps", "later_batch_size"} <= set(written)
    assert TrainConfig(**written) == published("tuned", PAPER).train
    assert TrainConfig(weights={"cycle": 2.0}).to_json()["weights"] == {"cycle": 2.0}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"beta1": 1.0}, "beta1 must lie in"),
        ({"critic_steps": 0}, "critic_steps must be at least 1, got 0"),
        ({"later_learning_rate": -1.0}, "later_learning_rate must be finite and not negative"),
        ({"weights": {"cycle": -1.0}}, "weights: cycle must be finite and not negative, got -1"),
        ({"weights": {"cycle": "x"}}, "weights: cycle takes a number, got 'x'"),
    ],
)
def test_a_wrong_setting_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainConfig(**changes)


def test_recipes_of_a_published_training_see_as_many_images_as_a_stage_of_two() -> None:
    paper, fast, tuned = (published(name, PAPER) for name in ("paper", "fast", "tuned"))
    assert paper.train is PAPER
    assert fast.train.steps * fast.train.batch_size == 4_000 * 64
    assert (fast.train.optimiser, fast.train.critic_steps) == ("adam", 5)
    assert tuned.train.later == (64, 1e-3)
    assert (tuned.train.tune_steps, tuned.network) == (3_000, recipe("tuned", 60).network)
    assert fast.train.later == (8, 1e-4)
    with pytest.raises(ConfigError, match="no recipe 'fats'; did you mean 'fast'"):
        published("fats", PAPER)


def test_the_memory_of_all_optimisers_is_kept_and_no_other_is_taken() -> None:
    config = adam(critic_steps=2, steps=2)
    trainer = Trainer(tiny("sargan"), lit(), config, seed=0, space=SPACE)
    for _ in trainer.steps():
        state = {name: value.clone() for name, value in trainer.state().items()}
    counts = [
        len([p for part in turn.parts for p in part.parameters()])
        for turn in trainer.stages[1].turns
    ]
    positions = {int(name.split(".")[1]) for name in state if name.startswith("optimiser.")}
    assert positions == set(range(sum(counts)))
    assert any(name.startswith("beside.trunk.") for name in state)
    other = Trainer(tiny("sargan"), lit(), config, seed=1, space=SPACE)
    assert not other.state()["beside.trunk.0.weight"].equal(state["beside.trunk.0.weight"])
    other.restore(1, 2, state)
    restored = other.state()
    assert restored.keys() == state.keys()
    assert all(restored[name].equal(state[name]) for name in state)
    state[f"optimiser.{sum(counts)}.step"] = torch.zeros(())
    with pytest.raises(WeightsError, match="does not fit this network"):
        other.restore(1, 2, state)


def test_an_estimator_that_is_not_there_is_not_trained() -> None:
    with pytest.raises(ConfigError, match=r"the network has none; set estimator = true"):
        Trainer(tiny("sargan"), lit(), adam(estimator_steps=1), seed=0, space=SPACE)
