"""Disentangled representations: a face to its identity, and that identity in any pose.

After Tran, Yin and Liu, "Disentangled representation learning GAN for pose-invariant face
recognition", CVPR 2017. The encoder makes of a face x an identity representation f(x); the decoder
draws it under a pose code c, with noise z for what is neither identity nor pose. The critic D
names identities, with one more for "drawn" (N_d + 1), and poses (N_p). With y_d and y_p the
identity and pose of x, c the code of pose y_t and x' = G(x, c, z):

- the critic maximises log D_d(y_d | x) + log D_p(y_p | x) + log D_d(N_d + 1 | x');
- encoder and decoder maximise log D_d(y_d | x') + log D_p(y_t | x').

Several images of one person (`images` = n above 1): the encoder also says how good each f(x_i) is,
a confidence w_i in (0, 1), and the decoder draws the fused representation

    f(x_1, …, x_n) = sum_i w_i f(x_i) / sum_i w_i

besides each f(x_i), all under the same c and z: 2 (n + 1) terms to maximise. In training,
confidences are dropped (set to zero, at least one of a person's is kept), so that any number of
images from 1 to n can be fused.

Any attributes may stand for the pose; the critic then names the values of each, and the mean over
attributes is paid. A person is known
by identity in training alone: of a query nothing but its images is needed.

What our source leaves open, and what we do:

- f has 320 numbers, z 50, uniform in [-1, 1]; a drawing to be looked at or searched with has z = 0,
  so that it can be repeated.
- Widths: strided convolutions of 64 channels, doubled each time, in the encoder to 512 at most, and
  in the critic; a last convolution to 320 channels (and the confidence's one) and their mean over
  the map make f; the decoder mirrors the encoder.
- n = 3 where several images are fused; a confidence is dropped with probability 1/2.
- All terms weigh the same; encoder and decoder are updated as often as the critic.

Features: the decoder's first map, where representation and code first meet. f itself is the same
whatever is wished for, so it could not tell a wished image from its source.

Shapes: B batch, P people, n images of each, C channels, S side in pixels, A length of the one-hot
code, F length of f, Z length of z.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gallery.attributes import AttributeSpace
from generator.networks.adversarial import value_error
from generator.networks.architecture import Architecture
from generator.networks.coders import SIDE, CoderConfig, Doubling, Halving, recipe, trunk_of
from generator.networks.family import Network, initialise
from generator.networks.prepared import Drawing
from generator.training.label_batches import (
    Positions,
    codes_at,
    draw_any,
    draw_people,
    images_at,
    members,
    numbers_at,
    numbers_of,
)
from generator.training.plan import BatchSpec, PlanContext, Stage, Terms, TrainingPlan, Update

DROPPED = 0.5  # of the confidences


@dataclass(frozen=True, slots=True, kw_only=True)
class DrGanConfig(CoderConfig):
    """The shape of the networks.

    Attributes:
        identity: Length of f.
        noise: Length of z.
        images: How many images of one person are fused in training; 1 trains no confidence.
    """

    identity: int = 320
    noise: int = 50
    images: int = 1

    def __post_init__(self) -> None:
        CoderConfig.__post_init__(self)
        if min(self.identity, self.images) < 1 or self.noise < 0:
            raise ValueError(
                "identity and images must be positive, noise not negative; got"
                f" {self.identity}, {self.images} and {self.noise}"
            )


class DrGan(Network):
    """Encoder and decoder."""

    NEEDS_PAIRS: ClassVar[bool] = False
    LOSSES: ClassVar[Mapping[str, float]] = {
        "identity": 1.0,
        "value": 1.0,
        "critic_identity": 1.0,
        "critic_value": 1.0,
        "critic_drawn": 1.0,
    }

    config: DrGanConfig

    def __init__(self, config: DrGanConfig) -> None:
        super().__init__(config)
        widths = config.widths
        told = config.identity + (1 if self.fuses else 0)
        self.encoder = nn.Sequential(
            Halving(config.channels, widths),
            nn.Conv2d(widths[-1], told, 3, padding=1),
        )
        length = config.identity + config.code_size + config.noise
        self.decoder = Doubling(length, widths[::-1], config.channels)
        self.add_heads(widths[-1], SIDE)

    @property
    def fuses(self) -> bool:
        """Whether it draws from several images of one person."""
        return self.config.images > 1

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return representations (B, F) and confidences in (0, 1), (B,); all 1 where not learnt."""
        told = self.encoder(images).float().mean(dim=(2, 3))
        identity = told[:, : self.config.identity]
        if not self.fuses:
            return identity, torch.ones_like(identity[:, 0])
        return identity, told[:, self.config.identity].sigmoid()

    def decode(
        self, identity: Tensor, codes: Tensor, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw (B, F) under codes (B, A), with noise (B, Z) or none.

        Returns:
            Images, (B, C, S, S), and the decoder's first map.
        """
        if noise is None:
            noise = identity.new_zeros(len(identity), self.config.noise)
        drawn: tuple[Tensor, Tensor] = self.decoder(torch.cat([identity, codes, noise], dim=1))
        return drawn

    def draw(self, images: Tensor, codes: Tensor) -> Drawing:
        """Draw: normalised images (B, C, S, S), one-hot codes (B, A)."""
        drawn, features = self.decode(self.encode(images)[0], codes)
        return Drawing(drawn, drawn, features)

    def draw_together(self, images: Tensor, codes: Tensor) -> Drawing:
        """Draw people from several images each: (P, n, C, S, S), codes (P, A).

        Raises:
            ValueError: The confidences were not learnt.
        """
        if not self.fuses:
            raise ValueError("this network was trained on single images: images = 1")
        people, count = images.shape[:2]
        identity, confidence = self.encode(images.flatten(0, 1))
        one = fuse(identity.unflatten(0, (people, count)), confidence.view(people, count))
        drawn, features = self.decode(one, codes)
        return Drawing(drawn, drawn, features)

    def plan(self, course: PlanContext) -> TrainingPlan:
        """Return one stage: the critic, then encoder and decoder, on several images of people.

        Raises:
            ValueError: The course does not say whom the images show, or what can be wished for.
        """
        if course.space is None:
            raise ValueError("dr-gan learns from attributes; the course names none")
        of_person = members(numbers_of(course.data.people, "identities"))
        critic = IdentityCritic(self.config, len(of_person))
        initialise(critic, course.random)
        weights = self.weights(course.config.weights)
        turns = (
            Update("critic", (critic,), partial(critic_terms, self, critic, course.space), weights),
            Update(
                "encoder and decoder",
                (self.encoder, self.decoder),
                partial(network_terms, self, critic, course.space),
                weights,
                every=course.config.critic_steps,
            ),
        )
        stage = Stage(course.config.steps, turns, partial(_batch, self.config, of_person))
        return TrainingPlan((stage,), nn.ModuleDict({"critic": critic}))


def fuse(identity: Tensor, confidence: Tensor) -> Tensor:
    """Average representations by confidence: (P, n, F), (P, n) -> (P, F).

    Source: Tran, Yin and Liu, CVPR 2017: sum_i w_i f(x_i) / sum_i w_i.
    """
    weighted = (confidence[:, :, None] * identity).sum(dim=1)
    total = confidence.sum(dim=1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
    fused: Tensor = weighted / total
    return fused


def kept_confidences(random: np.random.Generator, people: int, count: int) -> Tensor:
    """Draw which confidences are kept, 1, and dropped, 0: (P, n); of each person at least one."""
    kept = random.random((people, count)) >= DROPPED
    kept[np.arange(people), random.integers(count, size=people)] = True
    return torch.from_numpy(kept.astype(np.float32))


class IdentityCritic(nn.Module):
    """D: name identities, or "drawn", and values: (B, C, S, S) -> (B, N + 1), (B, A)."""

    def __init__(self, config: DrGanConfig, people: int) -> None:
        super().__init__()
        self.trunk, length = trunk_of(config)
        self.identity = nn.Linear(length, people + 1)
        self.value = nn.Linear(length, config.code_size)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of identities, the last of which is "drawn", and of values."""
        seen = self.trunk(images)
        return self.identity(seen).float(), self.value(seen).float()


@dataclass(frozen=True, slots=True)
class PeopleBatch:
    """A batch: P people in n images each.

    Attributes:
        images: Normalised, (P, n, C, S, S).
        identities: Numbers of the people, (P,).
        codes: What each image shows, (P, n, A).
        wishes: What each person is drawn under, (P, A).
        noise: Uniform in [-1, 1], (P, Z).
        kept: Which confidences are not dropped, 1 or 0, (P, n).
    """

    images: Tensor
    identities: Tensor
    codes: Tensor
    wishes: Tensor
    noise: Tensor
    kept: Tensor


def _batch(config: DrGanConfig, of_person: Sequence[Positions], lesson: BatchSpec) -> PeopleBatch:
    """Return people in `images` images each, and wishes: what other images show."""
    random, count = lesson.random, config.images
    people = max(1, lesson.config.batch_size // count)
    chosen = draw_people(random, of_person, people, count)
    wishes = codes_at(lesson, draw_any(random, len(lesson.data.pixels), people))
    noise = torch.from_numpy(random.uniform(-1, 1, (people, config.noise)).astype(np.float32))
    kept = kept_confidences(random, people, count)
    images = images_at(lesson, chosen.ravel())
    return PeopleBatch(
        images.unflatten(0, chosen.shape),
        numbers_at(lesson, lesson.data.people, chosen[:, 0]),
        codes_at(lesson, chosen.ravel()).unflatten(0, chosen.shape),
        wishes,
        noise.to(images.device),
        kept.to(images.device),
    )


def draw_all(network: DrGan, people: PeopleBatch) -> Tensor:
    """Draw everybody from each image alone, and, where they are several, from all that are kept.

    Returns:
        Images, (n + 1, P, C, S, S), the fused ones last; (1, P, C, S, S) of a network that does not
        fuse.
    """
    count = people.images.shape[1]
    identity, confidence = network.encode(people.images.flatten(0, 1))
    identity = identity.unflatten(0, (-1, count))  # (P, n, F)
    sources = [identity[:, i] for i in range(count)]
    if network.fuses:
        sources.append(fuse(identity, confidence.view(-1, count) * people.kept))
    each = len(sources)
    drawn, _ = network.decode(
        torch.cat(sources), people.wishes.repeat(each, 1), people.noise.repeat(each, 1)
    )
    by_source: Tensor = drawn.unflatten(0, (each, -1))
    return by_source


def network_terms(
    network: DrGan, critic: IdentityCritic, space: AttributeSpace, people: PeopleBatch
) -> Terms:
    """Return what encoder and decoder pay: two scalars, each the sum of n + 1 terms.

    Args:
        network: Trained by them.
        critic: Judges.
        space: What codes are laid out by.
        people: The batch.
    """
    drawn = draw_all(network, people)
    each = len(drawn)
    identity, value = critic(drawn.flatten(0, 1))
    named = functional.cross_entropy(identity, people.identities.repeat(each))
    return {
        "identity": each * named,
        "value": each * value_error(value, people.wishes.repeat(each, 1), space),
    }


def critic_terms(
    network: DrGan, critic: IdentityCritic, space: AttributeSpace, people: PeopleBatch
) -> Terms:
    """Return what the critic pays: naming identities, naming values, taking drawings for people."""
    with torch.no_grad():
        drawn = draw_all(network, people).flatten(0, 1)
    identity, value = critic(people.images.flatten(0, 1))
    owners = people.identities.repeat_interleave(people.images.shape[1])
    nobody = torch.full((len(drawn),), identity.shape[1] - 1, device=drawn.device)
    return {
        "critic_identity": functional.cross_entropy(identity, owners),
        "critic_value": value_error(value, people.codes.flatten(0, 1), space),
        "critic_drawn": functional.cross_entropy(critic(drawn)[0], nobody),
    }


ARCHITECTURES = (Architecture("dr-gan", DrGanConfig, DrGan, recipe),)
