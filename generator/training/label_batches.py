"""Which images make up a batch of the families that learn from labels instead of pairs.

Shapes: N images, B batch, C channels, S side, A length of the one-hot code, P people, n images of
each, G groups.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from generator.training.augment import jitter
from generator.training.plan import BatchSpec

Positions = NDArray[np.int64]


def members(numbers: Positions) -> tuple[Positions, ...]:
    """Return the positions of each number, G of them."""
    return tuple(np.flatnonzero(numbers == number) for number in range(_count(numbers)))


def numbers_of(numbers: Tensor | None, what: str) -> Positions:
    """Return numbers as an array, (N,).

    Raises:
        ValueError: There are none.
    """
    if numbers is None:
        raise ValueError(f"this family learns from {what}; the training data have none")
    return numbers.cpu().numpy()


def images_at(lesson: BatchSpec, positions: Positions) -> Tensor:
    """Return images, augmented as the recipe says and normalised: (B,) -> (B, C, S, S)."""
    levels = [lesson.data.levels(_there(lesson, positions))]
    strength = lesson.config.augmented()
    if strength is not None:
        # Images that are to be drawn again as they are must not be noisier than what is drawn.
        levels = jitter(levels, lesson.random, replace(strength, noise=0.0))
    return lesson.data.normalised(levels[0]).contiguous(memory_format=lesson.layout)


def codes_at(lesson: BatchSpec, positions: Positions) -> Tensor:
    """Return the one-hot codes of what images show: (B,) -> (B, A)."""
    return lesson.data.codes[_there(lesson, positions)]


def numbers_at(lesson: BatchSpec, numbers: Tensor | None, positions: Positions) -> Tensor:
    """Return the numbers of images, which `numbers_of` found there to be: (B,) -> (B,)."""
    assert numbers is not None  # noqa: S101  the plan has asked `numbers_of`
    return numbers[_there(lesson, positions)]


def draw_any(random: np.random.Generator, total: int, count: int) -> Positions:
    """Draw `count` of so many images; none twice, unless there are fewer."""
    return _some(random, np.arange(total), count)


def draw_each(
    random: np.random.Generator, groups: Sequence[Positions], count: int
) -> tuple[Positions, ...]:
    """Draw `count` members of every group; none twice, unless it has fewer."""
    return tuple(_some(random, group, count) for group in groups)


def draw_people(
    random: np.random.Generator, groups: Sequence[Positions], people: int, count: int
) -> Positions:
    """Draw people, and images of each: positions, (P, n).

    Args:
        random: Drawn from in a fixed order.
        groups: The images of each person.
        people: P; nobody twice, unless there are fewer.
        count: n; no image of a person twice, unless there are fewer.
    """
    chosen = _some(random, np.arange(len(groups)), people)
    return np.stack([_some(random, groups[person], count) for person in chosen])


def _some(random: np.random.Generator, positions: Positions, count: int) -> Positions:
    """Draw positions; all are drawn equally often, up to one."""
    rounds = -(-count // len(positions))
    return np.concatenate([random.permutation(positions) for _ in range(rounds)])[:count]


def _count(numbers: Positions) -> int:
    return int(numbers.max(initial=-1)) + 1


def _there(lesson: BatchSpec, positions: Positions) -> Tensor:
    return torch.from_numpy(positions).to(lesson.data.pixels.device)
