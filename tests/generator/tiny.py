"""Tiny networks, images and courses for the families' tests, the same for the same seed."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from gallery.attributes import Attribute, AttributeSpace
from generator.networks.family import initialise
from generator.training.config import TrainConfig
from generator.training.data import TrainingData
from generator.training.pairs import Pairs
from generator.training.plan import BatchSpec, PlanContext, Update

SIZE, CHANNELS, WIDTH = 16, 3, 8
SHAPE: dict[str, Any] = {"size": SIZE, "channels": CHANNELS, "width": WIDTH}
EYES = AttributeSpace((Attribute("eyes", ("open", "sunglasses")),))
AGE = AttributeSpace((Attribute("age", ("20", "50", "80"), "year"),))
POSE_EYES = AttributeSpace((Attribute("pose", ("-45", "0", "45"), "degree"), *EYES))
CPU = torch.device("cpu")
Module = TypeVar("Module", bound=nn.Module)


def ready(module: Module, seed: int = 0) -> Module:
    initialise(module, torch.Generator().manual_seed(seed))
    return module


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def faces(count: int, seed: int = 0) -> Tensor:
    return normal(count, CHANNELS, SIZE, SIZE, seed=seed)


def codes_of(space: AttributeSpace, values: Sequence[Sequence[int]]) -> Tensor:
    """Return one-hot codes of positions of values, one row for each image."""
    sizes = [len(attribute.values) for attribute in space]
    rows = [
        torch.cat([torch.eye(size)[at] for size, at in zip(sizes, row, strict=True)])
        for row in values
    ]
    return torch.stack(rows)


def course_of(space: AttributeSpace, *, count: int = 12, **train: Any) -> PlanContext:
    """Plan for `count` random images of 3 people, every value in turn, 2 kinds of all else."""
    random = np.random.default_rng(7)
    pixels = random.integers(0, 256, (count, SIZE, SIZE, CHANNELS), dtype=np.uint8)
    values = [[n % len(a.values) for a in space] for n in range(count)]
    everyone = np.arange(count)
    data = TrainingData(
        pixels,
        Pairs(everyone, everyone, codes_of(space, values).numpy()),
        CPU,
        people=everyone // 2 % 3,
        rests=everyone // 6,
    )
    settings = {"batch_size": 6, "steps": 4, "precision": "float32", "warmup_steps": 0}
    config = TrainConfig(**{**settings, **train})
    return PlanContext(config, data, space, torch.Generator().manual_seed(1))


def lesson_of(course: PlanContext, seed: int = 0) -> BatchSpec:
    def chosen() -> Tensor:
        raise AssertionError("these families choose their images themselves")

    random = np.random.default_rng(seed)
    return BatchSpec(course.data, course.config, torch.contiguous_format, random, chosen)


def reached(turn: Update, batch: Any, parts: Mapping[str, nn.Module]) -> dict[str, set[str]]:
    """Return for every term of a turn the parts its gradient reaches, whole or not at all."""
    own = {id(p) for part in turn.parts for p in part.parameters()}
    for p in (p for part in parts.values() for p in part.parameters()):
        p.requires_grad_(id(p) in own)
    found = {}
    for name in turn.terms(batch):
        for part in parts.values():
            part.zero_grad(set_to_none=True)
        turn.terms(batch)[name].backward()
        found[name] = {which for which, part in parts.items() if _touched(part)}
    return found


def _touched(part: nn.Module) -> bool:
    grads = [p.grad for p in part.parameters()]
    moved = [grad is not None and bool(grad.any()) for grad in grads]
    assert all(moved) or not any(moved), "reached in part"
    return all(moved)


def learn(turn: Update, batch: Any, steps: int, rate: float = 2e-3) -> tuple[dict[str, float], ...]:
    """Take a turn again and again with one batch; return its terms before and after."""
    optimiser = torch.optim.Adam([p for part in turn.parts for p in part.parameters()], lr=rate)
    before = {name: term.item() for name, term in turn.terms(batch).items()}
    for _ in range(steps):
        optimiser.zero_grad()
        turn.loss(turn.terms(batch)).backward()
        optimiser.step()
    return before, {name: term.item() for name, term in turn.terms(batch).items()}
