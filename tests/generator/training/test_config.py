import json
from pathlib import Path
from typing import Any

import pytest

from gallery.errors import ConfigError
from generator.training.augment import Augmentation
from generator.training.config import Recipe, TrainConfig, recipe


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


@pytest.mark.parametrize(("image_size", "rate"), [(60, 1e-6), (32, 1e-5)])
def test_the_paper_recipe_is_the_published_one(image_size: int, rate: float) -> None:
    published = recipe("paper", image_size).train
    assert (published.optimiser, published.momentum, published.batch_size) == ("sgd", 0.95, 32)
    assert published.learning_rate == rate
    assert (published.schedule, published.warmup_steps) == ("constant", 0)
    assert published.loss == "half-sum"
    assert published.weight_decay == 0
    assert not published.same_pairs
    assert published.precision == "float32"


@pytest.mark.parametrize("image_size", [60, 32])
def test_the_fast_recipe_is_adamw_with_a_cosine_in_the_faster_precision(image_size: int) -> None:
    fast = recipe("fast", image_size).train
    assert (fast.optimiser, fast.schedule, fast.precision) == ("adamw", "cosine", "auto")
    assert fast.channels_last
    assert fast.same_pairs
    assert fast == TrainConfig()


def test_a_recipe_without_a_file_leaves_the_network_as_published() -> None:
    assert recipe("paper", 60).network == recipe("fast", 32).network == {}


def test_an_unknown_recipe_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        ConfigError, match="no recipe 'papr'; did you mean 'paper'. Known: paper, f"
    ):
        recipe("papr", 60)


def test_a_file_changes_what_it_names_and_nothing_else(toml: Path) -> None:
    toml.write_text("[train]\nsteps = 7\nlearning_rate = 1\n[network]\nmiddle_channels = 1\n")
    changed = recipe("paper", 60).with_file(toml)
    assert changed.train == TrainConfig(
        optimiser="sgd",
        learning_rate=1.0,
        momentum=0.95,
        weight_decay=0.0,
        batch_size=32,
        loss="half-sum",
        schedule="constant",
        warmup_steps=0,
        same_pairs=False,
        precision="float32",
        channels_last=False,
        steps=7,
    )
    assert isinstance(changed.train.learning_rate, float)
    assert changed.network == {"middle_channels": 1}
    assert changed.name == "paper"


def test_an_empty_file_changes_nothing(toml: Path) -> None:
    toml.write_text("")
    assert recipe("fast", 32).with_file(toml) == recipe("fast", 32)


def test_a_file_adds_to_what_the_recipe_says_of_the_network(toml: Path) -> None:
    toml.write_text('[network]\nfeature_layer = "conv4"\n')
    before = Recipe(name="x", train=TrainConfig(), network={"middle_channels": 1})
    assert before.with_file(toml).network == {"middle_channels": 1, "feature_layer": "conv4"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[trian]\nsteps = 7\n", r"config\.toml: .*'trian'; did you mean 'train'\?"),
        ("steps = 7\n", r"config\.toml: .*'steps'; .*Known: train, network"),
        ("train = 7\n", r"config\.toml: 'train' .* \[train\]"),
        ("[train]\nstep = 7\n", r"unknown setting 'step' in \[train\]; did you mean 'steps'\?"),
        ("[train]\nLearning_Rate = 1.0\n", "did you mean 'learning_rate'"),
        ('[train]\nsteps = "7"\n', "steps takes a whole number, got '7'"),
        ("[train]\nsteps = 7.0\n", r"steps takes a whole number, got 7\.0"),
        ("[train]\nsteps = true\n", "steps takes a whole number, got True"),
        ("[train]\nlearning_rate = true\n", "learning_rate takes a number, got True"),
        ("[train]\nsame_pairs = 1\n", "same_pairs takes true or false, got 1"),
        ("[train]\nloss = 1\n", "loss takes a text, got 1"),
        ("[train]\nsteps = [7]\n", r"steps takes a whole number, got \[7\]"),
        ("[train]\nsteps = -1\n", "steps must be finite and not negative, got -1"),
        ("[train]\nbatch_size = -1\n", "batch_size must be finite and above 0, got -1"),
        ("[train]\nlearning_rate = 0.0\n", r"learning_rate must be finite and above 0, got 0\.0"),
        ("[train]\nlearning_rate = nan\n", "learning_rate must be .* got nan"),
        ("[train]\nlearning_rate = inf\n", "learning_rate must be .* got inf"),
        ("[train]\nweight_decay = nan\n", "weight_decay must be finite and not negative, got nan"),
        ("[train]\nmomentum = 1\n", r"momentum must lie in \[0, 1\).*1\.0"),
        ("[train]\nmomentum = nan\n", "momentum must .*nan"),
        ("[train]\nwarmup_steps = -1\n", "warmup_steps must be finite and not negative, got -1"),
        ('[train]\noptimiser = "lion"\n', "optimiser cannot be 'lion'; .*Known: sgd, adam, adamw"),
        ('[train]\nschedule = "linear"\n', "schedule cannot be 'linear'; .*constant, cosine"),
        ('[train]\nprecision = "half"\n', "precision cannot be 'half'; .*auto, float32, bfloat16"),
        ('[train]\nloss = "sum"\n', "loss cannot be 'sum'; .*Known: half-sum, mean"),
        ("[train\n", r"config\.toml is not valid TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_what_is_wrong(toml: Path, text: str, message: str) -> None:
    toml.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        recipe("fast", 32).with_file(toml)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text_is_refused(toml: Path) -> None:
    toml.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not valid TOML"):
        recipe("fast", 32).with_file(toml)


def test_a_file_that_is_not_there_is_refused_by_name(toml: Path) -> None:
    with pytest.raises(ConfigError, match=r"Cannot read .*config\.toml: No such file"):
        recipe("fast", 32).with_file(toml)


@pytest.mark.parametrize("settings", [{}, {"steps": 1, "loss": "half-sum"}])
def test_a_configuration_survives_json(settings: dict[str, Any]) -> None:
    config = TrainConfig(**settings)
    assert TrainConfig(**json.loads(json.dumps(config.to_json()))) == config


def test_what_augmentation_changes_can_be_said_change_by_change(toml: Path) -> None:
    toml.write_text("[train]\naugmentation = 2.0\n[train.jitter]\nshade = 0.1\ngain = 0\n")
    train = recipe("fast", 60).with_file(toml).train
    assert train.looks() == Augmentation(shade=0.1, gain=0.0)
    assert train.augmented() == Augmentation(shade=0.1, gain=0.0).scaled(2.0)
    assert train.looks(Augmentation(noise=0.0)).noise == 0
    assert train.to_json()["jitter"] == {"shade": 0.1, "gain": 0}


def test_without_a_strength_nothing_is_augmented_and_the_card_says_nothing_of_it() -> None:
    plain = recipe("fast", 60).train
    assert plain.augmented() is None
    assert "jitter" not in plain.to_json()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("shadow = 0.1", "jitter: unknown change 'shadow'; did you mean 'shade'"),
        ("gray = 1.5", "jitter: gray must be at most 1.0, got 1.5"),
        ("zoom = 0.6", "jitter: zoom must be at most 0.4, got 0.6"),
        ("shade = -0.1", "jitter: shade must be finite and not negative, got -0.1"),
        ('shade = "much"', "jitter: shade takes a number, got 'much'"),
    ],
)
def test_a_change_that_cannot_be_is_refused(toml: Path, line: str, told: str) -> None:
    toml.write_text(f"[train.jitter]\n{line}\n")
    with pytest.raises(ConfigError, match=told):
        recipe("fast", 60).with_file(toml)
