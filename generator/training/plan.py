"""The plan of a training: stages in order, and in each the turns that its updates take.

A family says with these what is trained when, and by which losses; `generator/runs/trainer.py` does
it. A step takes one batch, and every turn that is due makes one update with it: of its own parts,
by the weighted sum of its named terms. A plain stage has one turn. An adversarial one has a
critic's turn, due in every step, and a generator's, due in every k-th.

Shapes: B batch, C channels, S side, A length of the one-hot code.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gallery.attributes import AttributeSpace
from gallery.faces import Face
from generator.training.augment import Augmentation
from generator.training.config import TrainConfig
from generator.training.data import TrainingData

Terms = dict[str, Tensor]  # scalars, by the name of the loss


@dataclass(frozen=True, slots=True)
class Batch:
    """Pairs of images of one person that differ in what is wished for.

    A family that needs no pairs takes sources, their own values and wishes, and no targets.

    Attributes:
        images: Sources, normalised, (B, C, S, S).
        own: One-hot codes of what the sources show, (B, A).
        wished: Codes of what the targets show, (B, A).
        targets: Normalised, (B, C, S, S).
        pairs: Positions of the pairs in the data, (B,).
        random: Where the step's further chance comes from.
    """

    images: Tensor
    own: Tensor
    wished: Tensor
    targets: Tensor
    pairs: Tensor
    random: np.random.Generator


@dataclass(frozen=True, slots=True)
class BatchSpec:
    """What the batch of one step is made of.

    Attributes:
        data: To train on.
        config: How to train.
        layout: Memory layout of images.
        random: Follows from the seed, the stage and the step alone.
        chosen: Returns positions of the step's pairs, the next of the endless shuffled epochs,
            (B,).
    """

    data: TrainingData
    config: TrainConfig
    layout: torch.memory_format
    random: np.random.Generator
    chosen: Callable[[], Tensor]

    def batch(self, kind: Augmentation | None = None) -> Batch:
        """Return the step's pairs, augmented as the recipe says.

        Args:
            kind: What the recipe's strength of augmentation scales; None for all of it.
        """
        pairs = self.chosen()
        images, wished, targets = self.data.batch(pairs, self.random, self.config.augmented(kind))
        own = self.data.codes[self.data.sources[pairs]]
        laid_out = images.contiguous(memory_format=self.layout)
        return Batch(laid_out, own, wished, targets, pairs, self.random)


@dataclass(frozen=True, slots=True)
class Update:
    """One update: which parts it changes, by which losses.

    Attributes:
        name: For people.
        parts: Modules that change; the gradients of all others are not even computed.
        terms: Returns from the stage's batch the losses by name, scalars, not yet weighted.
        weights: Weights of the terms; 1 for those not named.
        every: Due in every so many steps.
    """

    name: str
    parts: tuple[nn.Module, ...]
    terms: Callable[[Any], Terms]
    weights: Mapping[str, float] = field(default_factory=dict)
    every: int = 1

    def loss(self, terms: Terms) -> Tensor:
        """Return the weighted sum of the terms, a scalar."""
        first, *others = (self.weights.get(name, 1.0) * one for name, one in terms.items())
        return sum(others, first)


@dataclass(frozen=True, slots=True)
class Stage:
    """Updates of one kind.

    Attributes:
        steps: How many.
        turns: In the order they take within a step; at least one of them is due in every step.
        batch: Makes the batch of a step, of whatever type its turns take.
        peak: Highest value of its learning rate; None for the recipe's.
        draws: Whether it changes drawings, so that samples are worth a look.
        refines: Whether the last stage's drawings are worth a look already.
    """

    steps: int
    turns: tuple[Update, ...]
    batch: Callable[[BatchSpec], Any] = BatchSpec.batch
    peak: float | None = None
    draws: bool = True
    refines: bool = True

    def __post_init__(self) -> None:
        if self.steps and all(turn.every != 1 for turn in self.turns):
            raise ValueError("a stage needs a turn that is due in every step")


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """A family's own stages; tuning and the estimator's stage are added for all families alike.

    Attributes:
        stages: In order.
        beside: Networks that only the training needs, as critics. They are kept in checkpoints, and
            not among the weights.
    """

    stages: tuple[Stage, ...]
    beside: nn.Module = field(default_factory=nn.ModuleDict)


@dataclass(frozen=True, slots=True)
class PlanContext:
    """What a family plans its training from.

    Attributes:
        config: How to train.
        data: To train on.
        space: What can be wished for; None where only the code's length is known.
        random: To initialise networks that only the training needs; on the CPU.
        faces: Whose images the data are; empty where nobody knows.
    """

    config: TrainConfig
    data: TrainingData
    space: AttributeSpace | None
    random: torch.Generator
    faces: Sequence[Face] = ()
