"""Editors that are told how far the wish is from what the source shows, and not the wish itself.

The source's own values are given where they were published: labels, or action units that another
program measures. Here they need not be known: a small classifier, the `reader`, is trained beside
the generator on the sources' labels and is part of the network. While it is trained, the difference
is taken from labels, as published; drawing takes it from the reader's probabilities.

Shapes: B batch, C image channels, S side in pixels, A length of the one-hot code.
"""

from abc import abstractmethod
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from gallery.attributes import AttributeSpace
from generator.networks.adversarial import Wrong, critic_of, critic_terms, in_other_colours
from generator.networks.blocks import Critic
from generator.networks.estimator import Estimator
from generator.networks.family import Network
from generator.networks.prepared import Drawing
from generator.networks.retrieval_stages import seeded
from generator.training.plan import Batch, PlanContext, Stage, Terms, TrainingPlan, Update


class Relative(Network):
    """A generator that edits by a difference, and the reader of what sources show.

    Subclasses build their layers, then call `add_reader`, then `add_heads`.
    """

    reader: Estimator

    def add_reader(self) -> None:
        """Add the reader beside the family's own layers."""
        config = self.config
        self.reader = Estimator(config.size, config.channels, config.code_size)

    @abstractmethod
    def edit(self, images: Tensor, difference: Tensor) -> Drawing:
        """Draw images changed by a difference of codes, (B, A)."""

    @abstractmethod
    def wrong(self, space: AttributeSpace | None) -> Wrong:
        """Return how wrongly the critic tells values."""

    @abstractmethod
    def drawing_losses(self, critic: Critic, wrong: Wrong, batch: Batch) -> Terms:
        """Return the generator's terms."""

    def draw(self, images: Tensor, codes: Tensor) -> Drawing:
        """Draw: normalised images (B, C, S, S), one-hot codes (B, A); their own are read."""
        return self.edit(images, codes - self.read(images))

    def read(self, images: Tensor) -> Tensor:
        """Return the probability of each value, as the reader sees it: (B, C, S, S) -> (B, A)."""
        training = self.reader.training
        with torch.no_grad():
            own = torch.sigmoid(self.reader.eval()(images).float())
        self.reader.train(training)
        return own

    def drawing_parts(self) -> tuple[nn.Module, ...]:
        """Return what tuning for retrieval changes: not the reader, whose answers are given."""
        return tuple(part for part in Network.drawing_parts(self) if part is not self.reader)

    def plan(self, course: PlanContext) -> TrainingPlan:
        """Train critic and reader in every step, the generator in every `critic_steps`-th."""
        config = course.config
        critic = critic_of(self.config, course.random)  # type: ignore[arg-type]
        weights = self.weights(config.weights)
        wrong = self.wrong(course.space)
        judging = partial(critic_terms, critic, self.drawn, wrong)
        drawing = partial(self.drawing_losses, critic, wrong)
        drawers = tuple(part for part in self.own_parts() if part is not self.reader)
        turns = (
            Update("critic", (critic,), judging, weights),
            Update("reader", (self.reader,), self._reading_terms, weights),
            Update("generator", drawers, drawing, weights, config.critic_steps),
        )
        return TrainingPlan((Stage(config.steps, turns, in_other_colours),), critic)

    def drawn(self, images: Tensor, wished: Tensor, own: Tensor) -> Tensor:
        """Draw by codes that are both known: (B, C, S, S), (B, A), (B, A) -> (B, C, S, S)."""
        return self.edit(images, wished - own).refined

    def _reading_terms(self, batch: Batch) -> Terms:
        with seeded(batch.random, batch.images.device):  # dropout
            logits = self.reader(batch.images)
        return {"reading": functional.binary_cross_entropy_with_logits(logits.float(), batch.own)}
