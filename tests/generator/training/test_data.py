"""Shapes: N images, P pairs, B batch, C channels, S side, A length of the one-hot code."""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from torch import Tensor, nn

from gallery.errors import WeightsError
from gallery.pixels import Aligned
from generator.networks.two_stage import TwoStage, TwoStageConfig, initialise
from generator.runs.request import CPU, TrainRequest
from generator.runs.trainer import Trainer, TrainingStep
from generator.training.config import TrainConfig
from generator.training.data import TrainingData, channel_statistics, error, learning_rate
from generator.training.pairs import Pairs, make_pairs

MakeFaces = Callable[..., Any]
Ask = Callable[..., TrainRequest]
Align = Callable[[TrainRequest], Aligned]

SGD = TrainConfig(
    optimiser="sgd",
    learning_rate=0.01,
    batch_size=3,
    loss="half-sum",
    schedule="constant",
    warmup_steps=0,
    same_pairs=False,
    precision="float32",
    channels_last=False,
    steps=2,
)
ADAMW = TrainConfig(batch_size=3, warmup_steps=1, steps=4, precision="bfloat16")


class ToyFirst(nn.Module):
    """Stands in for the first stage where only the loop is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Conv2d(1, 1, 3, padding=1)
        self.code = nn.Linear(3, 1)

    def forward(self, images: Tensor, codes: Tensor) -> Tensor:
        drawn: Tensor = self.image(images) + self.code(codes)[:, :, None, None]
        return drawn


class ToyRefiner(nn.Module):
    """Stands in for the second stage."""

    def __init__(self) -> None:
        super().__init__()
        self.both = nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, images: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        drawn = self.both(torch.cat([images, first], dim=1))
        return drawn, drawn


def toy() -> TwoStage:
    with torch.device("meta"):
        network = TwoStage(TwoStageConfig(size=32, channels=1, code_size=3))
    network.first, network.refiner = ToyFirst(), ToyRefiner()  # type: ignore[assignment]
    initialise(network, torch.Generator().manual_seed(0))
    return network


def real(code_size: int = 3) -> TwoStage:
    network = TwoStage(TwoStageConfig(size=32, channels=1, code_size=code_size))
    initialise(network, torch.Generator().manual_seed(0))
    return network


def noise(pairs: int = 7, images: int = 5, side: int = 4, channels: int = 1) -> TrainingData:
    """Pair images of noise at random: every pair another one, so that it is known by its names."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (images, side, side, channels), dtype=np.uint8)
    cells = random.permutation(images * images)[:pairs]
    codes = np.eye(3, dtype=np.float32)[np.arange(images) % 3]
    return TrainingData(pixels, Pairs(cells // images, cells % images, codes), CPU)


def spied(data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Return the list to which the positions of every batch's pairs will be added."""
    seen: list[list[int]] = []
    batch = data.batch

    def spy(chosen: Tensor, *rest: Any) -> tuple[Tensor, Tensor, Tensor]:
        seen.append(chosen.tolist())
        return batch(chosen, *rest)

    monkeypatch.setattr(data, "batch", spy)
    return seen


def weights(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def differing(first: dict[str, Tensor], second: dict[str, Tensor]) -> set[str]:
    assert first.keys() == second.keys()
    return {name for name in first if not torch.equal(first[name], second[name])}


# Losses


def small_batches() -> st.SearchStrategy[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    values = st.floats(-3, 3, width=32)
    shapes = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
    return shapes.flatmap(
        lambda shape: st.tuples(
            arrays(np.float32, shape, elements=values), arrays(np.float32, shape, elements=values)
        )
    )


@given(small_batches())
@settings(deadline=None)
def test_the_losses_follow_their_definitions(
    batch: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> None:
    drawn, targets = batch
    total = 0.0
    for position in np.ndindex(*drawn.shape):
        total += (float(drawn[position]) - float(targets[position])) ** 2
    given_ = (torch.from_numpy(drawn), torch.from_numpy(targets))
    half_sum = error(*given_, TrainConfig(loss="half-sum"))
    mean = error(*given_, TrainConfig(loss="mean"))
    assert half_sum.shape == mean.shape == ()
    assert half_sum.item() == pytest.approx(total / 2 / len(drawn), rel=1e-4, abs=1e-6)
    assert mean.item() == pytest.approx(total / drawn.size, rel=1e-4, abs=1e-6)


# Learning rates


def rates(**changes: Any) -> list[float]:
    config = TrainConfig(**{"learning_rate": 1.0, "warmup_steps": 0, "steps": 4, **changes})
    return [learning_rate(step, config) for step in range(config.steps)]


def test_a_constant_rate_is_constant() -> None:
    assert rates(schedule="constant") == [1, 1, 1, 1]


def test_a_cosine_falls_from_the_peak_towards_zero() -> None:
    expected = [1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2]
    assert rates(schedule="cosine") == pytest.approx(expected)
    assert learning_rate(4, TrainConfig(steps=4)) == pytest.approx(0)


def test_the_warm_up_rises_in_equal_steps_to_the_peak() -> None:
    assert rates(schedule="constant", warmup_steps=3) == [0.25, 0.5, 0.75, 1]
    assert rates(schedule="constant", warmup_steps=1, learning_rate=4.0) == [2, 4, 4, 4]
    cosine = rates(schedule="cosine", warmup_steps=1)
    assert cosine == pytest.approx([0.5, *rates(schedule="cosine")[1:]])


@given(st.integers(1, 50), st.integers(0, 60), st.sampled_from(["constant", "cosine"]))
def test_rates_stay_between_zero_and_the_peak(steps: int, warmup: int, schedule: str) -> None:
    found = rates(steps=steps, warmup_steps=warmup, schedule=schedule, learning_rate=0.3)
    assert all(0 < rate <= 0.3 for rate in found)
    assert np.all(np.diff(found[warmup:]) <= 0)


def test_every_update_is_made_with_its_rate_and_every_stage_begins_anew() -> None:
    steps = list(Trainer(toy(), noise(), ADAMW, seed=0).steps())
    expected = [learning_rate(number, ADAMW) for number in range(4)]
    assert [(step.stage, step.number) for step in steps] == [
        (stage, number) for stage in (1, 2) for number in (1, 2, 3, 4)
    ]
    assert [step.learning_rate for step in steps] == expected * 2


# Batches


def epochs(seen: list[list[int]], total: int) -> Iterator[list[int]]:
    stream = [pair for batch in seen for pair in batch]
    for start in range(0, len(stream) - total + 1, total):
        yield stream[start : start + total]


@pytest.mark.parametrize("batch_size", [1, 3, 7, 8, 16])
def test_every_epoch_shows_every_pair_once(
    monkeypatch: pytest.MonkeyPatch, batch_size: int
) -> None:
    data = noise(pairs=7)
    seen = spied(data, monkeypatch)
    config = TrainConfig(batch_size=batch_size, steps=21, precision="float32")
    for step in Trainer(toy(), data, config, seed=0).steps():
        if step.stage == 2:
            break
    assert all(len(batch) == batch_size for batch in seen)
    shown = list(epochs(seen[:21], 7))
    assert len(shown) == 3 * batch_size
    assert all(sorted(epoch) == list(range(7)) for epoch in shown)
    assert len(set(map(tuple, shown))) == len(shown)


def chosen(monkeypatch: pytest.MonkeyPatch, seed: int = 0, **changes: Any) -> list[list[int]]:
    """Return the pairs of five batches of each stage."""
    data = noise(pairs=11)
    seen = spied(data, monkeypatch)
    config = TrainConfig(**{"batch_size": 4, "steps": 5, "precision": "float32", **changes})
    list(Trainer(toy(), data, config, seed).steps())
    return seen


def test_batches_depend_on_the_seed_and_the_stage_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    first = chosen(monkeypatch)
    assert first == chosen(monkeypatch)
    other = SGD.to_json() | {"batch_size": 4, "steps": 5, "learning_rate": 1e-5}
    assert first == chosen(monkeypatch, **other)
    assert first != chosen(monkeypatch, seed=1)
    assert first[:5] != first[5:]


def test_chance_elsewhere_changes_no_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    data = noise(pairs=11)
    seen = spied(data, monkeypatch)
    config = TrainConfig(batch_size=4, steps=5, precision="float32")
    for _ in Trainer(toy(), data, config, seed=0).steps():
        torch.rand(3)
        np.random.default_rng().random()
    assert seen == chosen(monkeypatch)


@pytest.mark.parametrize(("stage", "number"), [(1, 0), (1, 3), (1, 5), (2, 0), (2, 4)])
def test_a_resumed_run_goes_on_with_the_next_batch(
    monkeypatch: pytest.MonkeyPatch, stage: int, number: int
) -> None:
    unbroken = chosen(monkeypatch)
    data = noise(pairs=11)
    seen = spied(data, monkeypatch)
    config = TrainConfig(batch_size=4, steps=5, precision="float32")
    trainer = Trainer(toy(), data, config, seed=0)
    trainer.restore(stage, number, trainer.state())
    list(trainer.steps())
    assert seen == unbroken[5 * (stage - 1) + number :]


def test_a_batch_is_sources_wishes_and_targets() -> None:
    data = noise(pairs=7, channels=3)
    assert len(data) == 7
    images, codes, targets = data.batch(torch.tensor([4, 0]))
    pixels = data.pixels.numpy().astype(np.float64)
    mean = pixels.mean(axis=(0, 2, 3)).reshape(3, 1, 1)
    deviation = pixels.std(axis=(0, 2, 3)).reshape(3, 1, 1)
    assert np.allclose(data.mean.numpy(), mean)
    assert np.allclose(data.deviation.numpy(), deviation)
    for row, pair in enumerate((4, 0)):
        source, target = int(data.sources[pair]), int(data.targets[pair])
        assert source != target
        assert np.allclose(images[row].numpy(), (pixels[source] - mean) / deviation, atol=1e-5)
        assert np.allclose(targets[row].numpy(), (pixels[target] - mean) / deviation, atol=1e-5)
        assert codes[row].tolist() == np.eye(3)[target % 3].tolist()


def test_training_pixels_keep_their_rows_columns_and_channels() -> None:
    pixels = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    pairs = Pairs(np.array([0]), np.array([1]), np.eye(2, dtype=np.float32))
    held = TrainingData(pixels, pairs, CPU).pixels
    for image, row, column, channel in np.ndindex(*pixels.shape):
        assert held[image, channel, row, column] == pixels[image, row, column, channel]


@given(arrays(np.uint8, st.tuples(*(st.integers(1, 4) for _ in range(4)))))
def test_channel_statistics_are_mean_and_deviation(pixels: NDArray[np.uint8]) -> None:
    mean, deviation = channel_statistics(pixels)
    expected = pixels.astype(np.float64).std(axis=(0, 1, 2))
    assert mean == pytest.approx(pixels.astype(np.float64).mean(axis=(0, 1, 2)).tolist())
    assert deviation == pytest.approx(np.where(expected == 0, 1, expected).tolist())


# Updates


def test_the_paper_recipe_is_plain_sgd_with_momentum() -> None:
    data = noise(pairs=3)
    network = toy()
    by_hand = copy.deepcopy(network)
    losses = [step.loss.item() for step in Trainer(network, data, SGD, seed=0).steps()]
    expected = []
    images, codes, targets = data.batch(torch.arange(3))  # a batch is an epoch: order is no matter
    for stage in (by_hand.first, by_hand.refiner):
        speed = [torch.zeros_like(parameter) for parameter in stage.parameters()]
        for _ in range(2):
            drawn = by_hand.first(images, codes)
            if stage is by_hand.refiner:
                drawn = by_hand.refiner(images, drawn.detach())[0]
            loss = (drawn - targets).square().sum() / 2 / 3
            expected.append(loss.item())
            slopes = torch.autograd.grad(loss, list(stage.parameters()))
            speed = [0.95 * old + slope for old, slope in zip(speed, slopes, strict=True)]
            with torch.no_grad():
                for parameter, pace in zip(stage.parameters(), speed, strict=True):
                    parameter.sub_(0.01 * pace)
    assert losses == pytest.approx(expected, rel=1e-4)
    for name, value in by_hand.state_dict().items():
        assert torch.allclose(network.state_dict()[name], value, atol=1e-5), name


def test_weights_decay_under_adamw_alone() -> None:
    for optimiser, decays in (("adamw", True), ("sgd", False)):
        ends = []
        for decay in (0.0, 0.5):
            network = toy()
            changes: dict[str, Any] = {"optimiser": optimiser, "precision": "float32"}
            config = TrainConfig(weight_decay=decay, steps=1, **changes)
            list(Trainer(network, noise(), config, seed=0).steps())
            ends.append(weights(network))
        assert bool(differing(*ends)) == decays


@pytest.mark.parametrize("config", [SGD, ADAMW], ids=["sgd", "adamw"])
def test_a_stage_leaves_the_weights_of_the_other_alone(config: TrainConfig) -> None:
    network = real()
    begun = weights(network)
    middle: dict[str, Tensor] = {}
    for step in Trainer(network, noise(side=32), config, seed=0).steps():
        if (step.stage, step.number) == (1, config.steps):
            middle = weights(network)
    changed_first, changed_second = differing(begun, middle), differing(middle, weights(network))
    assert changed_first == {name for name in begun if name.startswith("first.")}
    assert changed_second == {name for name in begun if name.startswith("refiner.")}


def test_half_precision_is_for_computing_not_for_weights() -> None:
    network = toy()
    seen: list[torch.dtype] = []
    network.first.register_forward_hook(lambda _m, _i, drawn: seen.append(drawn.dtype))
    steps = list(Trainer(network, noise(), ADAMW, seed=0).steps())
    assert set(seen) == {torch.bfloat16}
    assert {value.dtype for value in network.state_dict().values()} == {torch.float32}
    assert {step.loss.dtype for step in steps} == {torch.float32}
    seen.clear()
    list(Trainer(toy(), noise(), SGD, seed=0).steps())
    network.first.register_forward_hook(lambda _m, _i, drawn: seen.append(drawn.dtype))
    list(Trainer(network, noise(), SGD, seed=0).steps())
    assert set(seen) == {torch.float32}


def test_the_layout_of_memory_is_the_configured_one() -> None:
    for config, channels_last in ((ADAMW, True), (SGD, False)):
        network = toy()
        Trainer(network, noise(), config, seed=0)
        weight = network.get_parameter("refiner.both.weight")
        assert weight.is_contiguous(memory_format=torch.channels_last) == channels_last


def test_a_loss_hangs_on_no_graph() -> None:
    for step in Trainer(toy(), noise(), SGD, seed=0).steps():
        assert not step.loss.requires_grad


# Stopping and going on


@pytest.mark.parametrize("config", [replace(SGD, learning_rate=1e-5), ADAMW], ids=["sgd", "adamw"])
@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_restored_trainer_ends_in_the_same_bits(config: TrainConfig, stop: int) -> None:
    config = replace(config, steps=2)
    data = noise(side=32)
    unbroken = Trainer(real(), data, config, seed=0)
    kept: tuple[TrainingStep, dict[str, Tensor]] | None = None
    for count, step in enumerate(unbroken.steps(), start=1):
        if count == stop:
            state = {name: value.clone() for name, value in unbroken.state().items()}
            kept = (step, state)
    assert kept is not None
    resumed = Trainer(real(), data, config, seed=0)
    resumed.restore(kept[0].stage, kept[0].number, kept[1])
    assert len(list(resumed.steps())) == 4 - stop
    assert not differing(unbroken.state(), resumed.state())


def test_a_state_is_the_weights_and_the_memory_of_the_optimiser() -> None:
    trainer = Trainer(toy(), noise(), SGD, seed=0)
    assert set(trainer.state()) == {f"network.{name}" for name in trainer.network.state_dict()}
    next(trainer.steps())
    memory = {name for name in trainer.state() if not name.startswith("network.")}
    assert memory == {f"optimiser.{number}.momentum_buffer" for number in range(4)}


@pytest.mark.parametrize(
    ("drop", "add"),
    [
        ("network.first.code.weight", {}),
        ("network.first.code.weight", {"network.first.code.weight": torch.zeros(2, 2)}),
        ("", {"network.third.weight": torch.zeros(1)}),
        ("", {"optimiser.x.step": torch.zeros(1)}),
        ("", {"something": torch.zeros(1)}),
    ],
    ids=["missing", "shape", "further", "position", "word"],
)
def test_a_state_of_another_network_is_refused_in_a_line(drop: str, add: dict[str, Tensor]) -> None:
    trainer = Trainer(toy(), noise(), SGD, seed=0)
    next(trainer.steps())
    state = {name: value for name, value in trainer.state().items() if name != drop} | add
    with pytest.raises(WeightsError, match="The checkpoint does not fit this network") as caught:
        trainer.restore(1, 1, state)
    assert "\n" not in str(caught.value)


# Learning


def test_the_paper_recipe_lowers_the_loss_of_both_stages(
    make_faces: MakeFaces, ask: Ask, align: Align
) -> None:
    request = ask(make_faces(people=4, lights=1), recipe="paper", batch_size=8, steps=5)
    losses = learn(request, align)
    for stage in (1, 2):
        assert losses[stage][-1] < 0.95 * losses[stage][0]


def test_the_fast_recipe_learns_a_pair_by_heart(
    make_faces: MakeFaces, ask: Ask, align: Align
) -> None:
    faces = make_faces(people=1, poses=2, lights=1)
    changes = {"same_pairs": False, "batch_size": 2, "steps": 30, "warmup_steps": 4}
    losses = learn(ask(faces, **changes), align)
    assert losses[1][-1] < 0.1 * losses[1][0]
    assert losses[2][-1] < 0.05 * losses[1][0]


def learn(request: TrainRequest, align: Align) -> dict[int, list[float]]:
    aligned = align(request)
    space = request.faces.space.only(request.attributes)
    config = request.recipe.train
    pairs = make_pairs(aligned.faces, space, same_pairs=config.same_pairs)
    data = TrainingData(aligned.pixels, pairs, CPU)
    losses: dict[int, list[float]] = {1: [], 2: []}
    network = real(space.size)
    for step in Trainer(network, data, config, request.seed).steps():
        losses[step.stage].append(step.loss.item())
    return losses
