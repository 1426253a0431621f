"""How a network is trained: two recipes, and what a TOML file may change in them."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, Self

from gallery.errors import ConfigError, did_you_mean
from generator.training.augment import Augmentation

Optimiser = Literal["sgd", "adam", "adamw"]
Loss = Literal["half-sum", "mean"]
Schedule = Literal["constant", "cosine"]
Precision = Literal["auto", "float32", "bfloat16"]
CHOICES: dict[str, tuple[str, ...]] = {
    "optimiser": ("sgd", "adam", "adamw"),
    "loss": ("half-sum", "mean"),
    "schedule": ("constant", "cosine"),
    "precision": ("auto", "float32", "bfloat16"),
}
RECIPES = ("paper", "fast", "tuned")
TUNE, ESTIMATE = 3, 4  # stages that every family can be given
# Settings younger than the first weights: left out of cards and runs where they are as before.
YOUNGER = (
    *("beta1", "beta2", "critic_steps", "weights", "jitter"),
    *("later_batch_size", "later_learning_rate"),
)
RANGES = (
    (("learning_rate", "batch_size", "temperature"), (0, math.inf), "be finite and above 0"),
    (
        ("steps", "weight_decay", "warmup_steps", "augmentation", "tune_steps", "tune_weight"),
        (0, math.inf),
        "be finite and not negative",
    ),
    (("estimator_steps",), (0, math.inf), "be finite and not negative"),
    (("momentum", "validation", "beta1", "beta2"), (0, 1), "lie in [0, 1)"),
    (("critic_steps",), (1, math.inf), "be at least 1"),
    (("later_batch_size", "later_learning_rate"), (0, math.inf), "be finite and not negative"),
)
TABLES = ("train", "network")
KINDS = tuple(f.name for f in fields(Augmentation))
MOST = {"gray": 1.0, "zoom": 0.4, "shift": 0.5}  # beyond these nothing of a face is left
TYPES = {
    bool: "true or false",
    float: "a number",
    int: "a whole number",
    str: "a text",
    dict: "a table",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """How the stages are trained, one after the other.

    Attributes:
        optimiser: "sgd" with momentum, "adam", or "adamw".
        learning_rate: Peak rate.
        momentum: Momentum of SGD.
        weight_decay: Weight decay of AdamW.
        batch_size: Pairs in an update.
        loss: "half-sum": half the squared error, summed over pixels and channels, mean over the
            batch; "mean": the mean over everything. Errors are in normalised grey levels.
        schedule: "constant", or "cosine" from the peak to zero at the last step.
        warmup_steps: Updates over which the rate rises linearly to its peak.
        same_pairs: Whether an image is also its own target: redrawn under its own values, as
            canonicalisation does with every gallery image.
        precision: "bfloat16" computes under autocast and keeps the weights in float32; "auto" is
            whichever the machine is measured to be faster in (`generator/precision.py`).
        channels_last: Memory layout, faster on CPUs and GPUs; results differ by rounding.
        steps: Updates of each of the first two stages; 0 only to go on with other weights.
        augmentation: Strength of the changes of light and place that source and target share,
            times those of `generator.training.augment.Augmentation`; 0 for none.
        jitter: What those changes are, by the names of its fields, instead of the usual reaches.
        tune_steps: Updates of a third stage, which trains both networks and the projection so
            that drawings find their targets; 0 for none.
        tune_weight: Weight of its contrastive loss, beside the squared errors.
        temperature: Temperature of its contrastive loss.
        estimator_steps: Updates of the attribute estimator; 0 for none.
        validation: Share of the training people that nothing but choices is made with.
        beta1: Of Adam and AdamW: decay of the mean of the gradients.
        beta2: Of their squares.
        critic_steps: Updates of an adversarial family's critic to one of its generator.
        weights: Of the terms of a family's losses, by name; those left out are the family's.
        later_batch_size: Images in an update of tuning and of the estimator; 0 for `batch_size`.
        later_learning_rate: Peak rate of both; 0 for `learning_rate`. Tuning begins at half of it.
    """

    optimiser: Optimiser = "adamw"
    learning_rate: float = 1e-3
    momentum: float = 0.95
    weight_decay: float = 1e-4
    batch_size: int = 64
    loss: Loss = "mean"
    schedule: Schedule = "cosine"
    warmup_steps: int = 100
    same_pairs: bool = True
    precision: Precision = "auto"
    channels_last: bool = True
    steps: int = 4_000
    augmentation: float = 0.0
    tune_steps: int = 0
    tune_weight: float = 1.0
    temperature: float = 0.07
    estimator_steps: int = 0
    validation: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    critic_steps: int = 1
    weights: Mapping[str, float] = field(default_factory=dict)
    jitter: Mapping[str, float] = field(default_factory=dict)
    later_batch_size: int = 0
    later_learning_rate: float = 0.0

    @property
    def later(self) -> tuple[int, float]:
        """Batch size and peak rate of the stages that every family can be given."""
        return (
            self.later_batch_size or self.batch_size,
            self.later_learning_rate or self.learning_rate,
        )

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise ConfigError(
                    f"{name} cannot be {getattr(self, name)!r}; {did_you_mean('', known)}"
                )
        for names, (least, most), words in RANGES:
            for name in names:
                value = getattr(self, name)
                if not (least <= value < most and (value > 0 or "above" not in words)):
                    raise ConfigError(f"{name} must {words}, got {value}")
        _check_numbers("weights", self.weights)
        _check_jitter(self.jitter)

    def looks(self, kind: Augmentation | None = None) -> Augmentation:
        """Return what augmentation changes, with `jitter` instead of the usual reaches.

        Args:
            kind: What a family changes unless `jitter` says otherwise; None for the usual.
        """
        return replace(kind or Augmentation(), **self.jitter)

    def augmented(self, kind: Augmentation | None = None) -> Augmentation | None:
        """Return the same at the strength of `augmentation`; None where that is 0."""
        return self.looks(kind).scaled(self.augmentation) if self.augmentation else None

    def steps_of(self, stage: int) -> int:
        """Return the updates of a stage: 1, 2, 3 (tuning), 4 (estimator)."""
        return {1: self.steps, 2: self.steps, 3: self.tune_steps, 4: self.estimator_steps}[stage]

    def to_json(self) -> dict[str, Any]:
        """Return the fields, for the card; of the younger ones those that are not as before."""
        before = TrainConfig()
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in YOUNGER or value != getattr(before, name)
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A training configuration, and the fields of the network's that it changes.

    Attributes:
        name: "paper", "fast" or "tuned".
        train: How the stages are trained.
        network: Fields of the architecture's configuration that differ from their defaults.
    """

    name: str
    train: TrainConfig
    network: Mapping[str, Any] = field(default_factory=dict)

    def with_file(self, path: Path) -> Self:
        """Return the recipe as changed by the [train] and [network] tables of a TOML file.

        Raises:
            ConfigError: The file cannot be read, or holds an unknown table or setting.
        """
        tables = _read_toml(path)
        for table in tables:
            if table not in TABLES:
                raise ConfigError(f"{path}: unknown table {table!r}; {did_you_mean(table, TABLES)}")
            if not isinstance(tables[table], dict):
                raise ConfigError(f"{path}: {table!r} is no table; write [{table}]")
        train = self.train_with(tables.get("train", {}), str(path))
        return replace(self, train=train, network={**self.network, **tables.get("network", {})})

    def train_with(self, given: Mapping[str, Any], where: str) -> TrainConfig:
        """Return the training configuration with some settings exchanged.

        Raises:
            ConfigError: A setting is unknown, or its value is of the wrong type or range.
        """
        known = {f.name: type(getattr(self.train, f.name)) for f in fields(self.train)}
        checked: dict[str, Any] = {}
        for name, value in given.items():
            if name not in known:
                raise ConfigError(
                    f"{where}: unknown setting {name!r} in [train]; {did_you_mean(name, known)}"
                )
            checked[name] = of_type(value, known[name], f"{where}: {name}")
        return replace(self.train, **checked)


def recipe(name: str, image_size: int) -> Recipe:
    """Return a recipe by name.

    "paper": as published, as far as published. SGD with momentum 0.95, batches of 32, rates 1e-6
    for 60 x 60 and 1e-5 for 32 x 32, which fit a loss summed over the image (our reading); the
    number of steps is not printed. "fast": what trains well in minutes. "tuned": the same, then
    tuned for retrieval, with augmentation, a projection to 256 numbers and an attribute estimator.

    Raises:
        ConfigError: There is no such recipe.
    """
    if name == "fast":
        return Recipe(name=name, train=TrainConfig())
    if name == "tuned":
        return Recipe(
            name=name,
            train=TrainConfig(
                augmentation=1.0, tune_steps=3_000, estimator_steps=3_000, validation=0.1
            ),
            network={"projection": 256, "estimator": True},
        )
    if name != "paper":
        raise ConfigError(f"There is no recipe {name!r}; {did_you_mean(name, RECIPES)}")
    return Recipe(
        name=name,
        train=TrainConfig(
            optimiser="sgd",
            learning_rate=1e-6 if image_size == 60 else 1e-5,
            weight_decay=0.0,
            batch_size=32,
            loss="half-sum",
            schedule="constant",
            warmup_steps=0,
            same_pairs=False,
            precision="float32",
            channels_last=False,
            steps=20_000,
        ),
    )


def published(name: str, paper: TrainConfig) -> Recipe:
    """Return a recipe by name, of a family with its own published training.

    "paper": as given. "fast": the same updates on as many images as a stage of the two-stage
    networks sees, with a rate that falls to zero. "tuned": the same, then tuned for retrieval, as
    the two-stage networks are.

    Raises:
        ConfigError: There is no such recipe.
    """
    if name not in RECIPES:
        raise ConfigError(f"There is no recipe {name!r}; {did_you_mean(name, RECIPES)}")
    if name == "paper":
        return Recipe(name=name, train=paper)
    plain, tuned = recipe("fast", 0).train, recipe("tuned", 0)
    images = plain.steps * plain.batch_size
    fast = replace(
        paper, schedule="cosine", channels_last=True, steps=max(1, images // paper.batch_size)
    )
    if name == "fast":
        return Recipe(name=name, train=fast)
    train = replace(
        fast,
        tune_steps=tuned.train.tune_steps,
        estimator_steps=tuned.train.estimator_steps,
        validation=tuned.train.validation,
        later_batch_size=plain.batch_size,
        later_learning_rate=plain.learning_rate,
    )
    return Recipe(name=name, train=train, network=tuned.network)


def _check_numbers(table: str, given: Mapping[str, float]) -> None:
    for name, number in given.items():
        value = of_type(number, float, f"{table}: {name}")
        if not 0 <= value < math.inf:
            raise ConfigError(f"{table}: {name} must be finite and not negative, got {value}")


def _check_jitter(given: Mapping[str, float]) -> None:
    _check_numbers("jitter", given)
    for name, number in given.items():
        if name not in KINDS:
            raise ConfigError(f"jitter: unknown change {name!r}; {did_you_mean(name, KINDS)}")
        most = MOST.get(name, math.inf)
        if number > most:
            raise ConfigError(f"jitter: {name} must be at most {most}, got {number}")


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error


def of_type(value: Any, wanted: type, what: str) -> Any:  # noqa: ANN401  TOML is what it is
    """Return a setting's value, a whole number as a float where a float is wanted.

    Raises:
        ConfigError: It is of another type.
    """
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not wanted:
        raise ConfigError(f"{what} takes {TYPES[wanted]}, got {value!r}")
    return value
