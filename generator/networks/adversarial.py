"""Losses between a network that draws and a critic that judges.

Shapes: B batch, C channels, S side, A length of the one-hot code.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gallery.attributes import AttributeSpace
from generator.networks.blocks import Critic
from generator.networks.estimator import by_attribute
from generator.networks.family import Shape, initialise
from generator.training.augment import Augmentation
from generator.training.plan import Batch, BatchSpec, Terms


class Judged(Shape, Protocol):
    """A configuration of a network that is trained against a critic."""

    @property
    def critic_width(self) -> int:
        """Channels after the critic's first convolution."""


# How wrongly a critic tells values: what it says, (B, A), and their codes, (B, A), to a scalar.
Wrong = Callable[[Tensor, Tensor], Tensor]
# Sources, wishes, own codes -> drawings.
Draw = Callable[[Tensor, Tensor, Tensor], Tensor]
# Other colours, in the place of ReHistoGAN's (Afifi et al., CVPR 2021), with which SARGAN augments:
# contrast, brightness and tint of the whole image, no other place or scale, no noise.
COLOUR = Augmentation(tint=0.12, shift=0.0, zoom=0.0, noise=0.0)


def critic_of(shape: Judged, random: torch.Generator) -> Critic:
    """Return the untrained critic of a network that draws, initialised as PyTorch does."""
    critic = Critic(
        size=shape.size,
        channels=shape.channels,
        classes=shape.code_size,
        width=shape.critic_width,
    )
    initialise(critic, random)
    return critic


def wasserstein(real: Tensor, drawn: Tensor) -> Tensor:
    """What a critic lowers: its mean verdict on drawings less that on photographs, a scalar.

    Source: Arjovsky et al., "Wasserstein GAN", ICML 2017, equation 2.
    """
    return drawn.mean() - real.mean()


def is_real(logits: Tensor) -> Tensor:
    """Mean of -log p(real), a scalar: a critic's for real images, a generator's for drawings."""
    return functional.softplus(-logits.float()).mean()


def is_drawn(logits: Tensor) -> Tensor:
    """Mean of -log p(drawn), a scalar: a critic's for drawings."""
    return functional.softplus(logits.float()).mean()


def gradient_penalty(
    verdict: Callable[[Tensor], Tensor],
    real: Tensor,
    drawn: Tensor,
    random: np.random.Generator,
) -> Tensor:
    """Mean squared distance of the critic's slope from 1, between photographs and drawings.

    In full precision, for it is differentiated twice.

    Args:
        verdict: Verdict of images, (B, C, S, S) -> (B,).
        real: Photographs, (B, C, S, S).
        drawn: Drawings, likewise; no gradient reaches them.
        random: Randomness of the places between them: one share for each pair, uniform in 0..1.

    Source: Gulrajani et al., "Improved training of Wasserstein GANs", 2017, equation 3.
    """
    device = real.device
    share = torch.from_numpy(random.uniform(size=(len(real), 1, 1, 1)).astype(np.float32))
    share = share.to(device)
    between = (share * real + (1 - share) * drawn).detach().float().requires_grad_()
    with torch.autocast(device.type, enabled=False):
        (slopes,) = torch.autograd.grad(verdict(between).sum(), between, create_graph=True)
    penalty: Tensor = (slopes.flatten(1).norm(dim=1) - 1).square().mean()
    return penalty


def value_error(logits: Tensor, codes: Tensor, space: AttributeSpace | None) -> Tensor:
    """Mean cross-entropy of the values that images show, a scalar.

    Args:
        logits: (B, A).
        codes: One-hot codes of what they should show, (B, A).
        space: Attributes; None for a single one.

    Source: Akram and Khan, "SARGAN", equations 6 and 7; the mean over attributes is ours.
    """
    logits = logits.float()
    if space is None:
        return functional.cross_entropy(logits, codes)
    parts = zip(by_attribute(logits, space), by_attribute(codes, space), strict=True)
    return torch.stack([functional.cross_entropy(part, code) for part, code in parts]).mean()


def code_error(told: Tensor, codes: Tensor) -> Tensor:
    """Mean squared difference of what a critic tells and a code, (B, A) each, to a scalar.

    What the regression of action units comes to where a code is one-hot.

    Source: Pumarola et al., "GANimation", IJCV 2020, the conditional expression loss.
    """
    return functional.mse_loss(told.float(), codes)


def critic_terms(critic: nn.Module, draw: Draw, wrong: Wrong, batch: Batch) -> Terms:
    """What a critic with verdicts and values lowers: no gradient reaches the drawings.

    Terms: "critic", "penalty", and "values_real", how wrongly it reads photographs.
    """
    with torch.no_grad():
        drawn = draw(batch.images, batch.wished, batch.own).float()
    real, logits = critic(batch.images)
    judged, _ = critic(drawn)
    return {
        "critic": wasserstein(real.float(), judged.float()),
        "penalty": gradient_penalty(
            lambda images: critic(images)[0], batch.images, drawn, batch.random
        ),
        "values_real": wrong(logits, batch.own),
    }


def drawing_terms(critic: nn.Module, drawn: Tensor, wished: Tensor, wrong: Wrong) -> Terms:
    """What a network lowers that draws for such a critic: "adversarial" and "values"."""
    verdict, logits = critic(drawn)
    return {
        "adversarial": -verdict.float().mean(),
        "values": wrong(logits, wished),
    }


def in_other_colours(lesson: BatchSpec) -> Batch:
    """Return a step's pairs, their colours changed as the recipe says."""
    return lesson.batch(COLOUR)
