"""A conditional adversarial autoencoder: a face to its personality, and back at another age.

After Zhang, Song and Qi, "Age progression/regression by conditional adversarial autoencoder", CVPR
2017. The encoder E makes of a face x a vector z in [-1, 1], its personality; the generator G draws
z under a label l. With u uniform in [-1, 1], encoder and generator pay

- pixels: the mean squared difference of x and G(E(x), l), l the label of x;
- variation: the total variation of G(E(x), l);
- uniform: -log D_z(E(x));
- real: -log D_img(G(E(x), l), l);

the critic of personalities D_z pays -log D_z(u) and -log(1 - D_z(E(x))), so that the personalities
come to fill the cube without holes, and the critic of images D_img -log D_img(x, l) and
-log(1 - D_img(G(E(x), l), l)). No pairs are needed: the label changes only once it is trained.

One attribute whose values have an order: numbers with a unit, like `age`. Progression is a walk
along it.

What our source leaves open, and what we do:

- z has 50 numbers; the label, -1 and 1 instead of 0 and 1, is repeated until it is about as long,
  lest it drown. D_img gets it as constant maps behind its first convolution.
- Widths: strided convolutions of 64 channels, doubled each time to 512 at most; the generator
  mirrors them. D_z: fully connected 64, 32, 16. D_img: convolutions of 16 channels, doubled
  each time, then 256 numbers, no normalisation.
- Weights: pixels 100, variation 1, uniform and real 1 each; variation is the mean of absolute
  differences between neighbours.
- The last layer is linear and not bounded, for images are normalised by their mean and deviation.

Features: the generator's first map, where personality and label first meet. z itself is the same
whatever is wished for, so it could not tell a wished image from its source.

Shapes: B batch, C channels, S side in pixels, A length of the one-hot code, Z length of z.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from gallery.attributes import AttributeSpace
from gallery.errors import ConfigError
from generator.networks.adversarial import is_drawn, is_real
from generator.networks.architecture import Architecture
from generator.networks.blocks import SLOPE, downwards, with_code
from generator.networks.coders import (
    SIDE,
    CoderConfig,
    Doubling,
    Halving,
    apart,
    flat_length,
    recipe,
)
from generator.networks.family import Network, initialise
from generator.networks.prepared import Drawing
from generator.training.label_batches import codes_at, draw_any, images_at
from generator.training.plan import BatchSpec, PlanContext, Stage, Terms, TrainingPlan, Update

CRITIC_WIDTH = 16  # of the first layer of D_img
JUDGED = 256  # numbers that D_img makes of an image before its verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class CaaeConfig(CoderConfig):
    """The shape of the networks.

    Attributes:
        personality: Length of z.
    """

    personality: int = 50

    def __post_init__(self) -> None:
        CoderConfig.__post_init__(self)
        if self.personality < 1:
            raise ValueError(f"personality must be positive, got {self.personality}")

    @property
    def repeats(self) -> int:
        """How often the label stands beside the personality."""
        return max(1, self.personality // self.code_size)


@dataclass(frozen=True, slots=True)
class Labelled:
    """A batch.

    Attributes:
        images: Normalised, (B, C, S, S).
        codes: Codes of their own labels, (B, A).
        prior: Uniform in [-1, 1], (B, Z).
    """

    images: Tensor
    codes: Tensor
    prior: Tensor


class Caae(Network):
    """Encoder and generator."""

    NEEDS_PAIRS: ClassVar[bool] = False
    LOSSES: ClassVar[Mapping[str, float]] = {
        "pixels": 100.0,
        "variation": 1.0,
        "uniform": 1.0,
        "real": 1.0,
        "critic_prior": 1.0,
        "critic_encoded": 1.0,
        "critic_real": 1.0,
        "critic_drawn": 1.0,
    }

    config: CaaeConfig

    def __init__(self, config: CaaeConfig) -> None:
        super().__init__(config)
        widths = config.widths
        self.encoder = nn.Sequential(
            Halving(config.channels, widths),
            *(nn.Flatten(), nn.Linear(flat_length(widths), config.personality), nn.Tanh()),
        )
        length = config.personality + config.repeats * config.code_size
        self.generator = Doubling(length, widths[::-1], config.channels)
        self.add_heads(widths[-1], SIDE)

    @classmethod
    def require(cls, space: AttributeSpace) -> None:
        """Refuse what has no order.

        Raises:
            ConfigError: There are several attributes, or values that are no numbers.
        """
        if len(space.attributes) != 1 or space.attributes[0].unit is None:
            raise ConfigError(
                "caae moves along one attribute whose values are numbers with a unit, like age;"
                f" got {' and '.join(space.names)}. Choose another --attribute or --architecture"
            )

    def draw(self, images: Tensor, codes: Tensor) -> Drawing:
        """Draw: normalised images (B, C, S, S), one-hot codes (B, A)."""
        drawn, features = self.generate(self.encoder(images), codes)
        return Drawing(drawn, drawn, features)

    def generate(self, personalities: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Draw (B, Z) under labels (B, A): images (B, C, S, S), first map (B, W, SIDE, SIDE)."""
        labels = (2 * codes - 1).repeat(1, self.config.repeats)
        drawn: tuple[Tensor, Tensor] = self.generator(torch.cat([personalities, labels], dim=1))
        return drawn

    def plan(self, course: PlanContext) -> TrainingPlan:
        """Return one stage: both critics, then encoder and generator together."""
        of_personality, of_images = PersonalityCritic(self.config), LabelledCritic(self.config)
        critics = nn.ModuleDict({"of_personality": of_personality, "of_images": of_images})
        initialise(critics, course.random)
        weights = self.weights(course.config.weights)
        turns = (
            Update(
                "critic of personalities",
                (of_personality,),
                partial(personality_terms, self, of_personality),
                weights,
            ),
            Update(
                "critic of images", (of_images,), partial(image_terms, self, of_images), weights
            ),
            Update(
                "encoder and generator",
                (self.encoder, self.generator),
                partial(network_terms, self, of_personality, of_images),
                weights,
                every=course.config.critic_steps,
            ),
        )
        batch = partial(_batch, self.config.personality)
        return TrainingPlan((Stage(course.config.steps, turns, batch),), critics)


def _batch(length: int, lesson: BatchSpec) -> Labelled:
    """Return any images, and as many draws from the prior."""
    chosen = draw_any(lesson.random, len(lesson.data.pixels), lesson.config.batch_size)
    prior = lesson.random.uniform(-1, 1, (len(chosen), length)).astype(np.float32)
    images = images_at(lesson, chosen)
    return Labelled(images, codes_at(lesson, chosen), torch.from_numpy(prior).to(images.device))


class PersonalityCritic(nn.Module):
    """D_z: tell draws from the prior from personalities, (B, Z) -> logits (B, 1)."""

    def __init__(self, config: CaaeConfig) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Linear(config.personality, 64), nn.LeakyReLU(SLOPE)),
            *(nn.Linear(64, 32), nn.LeakyReLU(SLOPE)),
            *(nn.Linear(32, 16), nn.LeakyReLU(SLOPE), nn.Linear(16, 1)),
        )

    def forward(self, personalities: Tensor) -> Tensor:
        """Return logits, (B, 1)."""
        logits: Tensor = self.layers(personalities)
        return logits


class LabelledCritic(nn.Module):
    """D_img: tell real images that show their label from drawings under it."""

    def __init__(self, config: CaaeConfig) -> None:
        super().__init__()
        more = len(config.widths) - 1
        self.first, width, side = downwards(config.channels, config.size, CRITIC_WIDTH, 1)
        self.rest, width, side = downwards(width + config.code_size, side, 2 * width, more)
        self.head = nn.Sequential(
            *(nn.Flatten(), nn.Linear(width * side**2, JUDGED), nn.LeakyReLU(SLOPE)),
            nn.Linear(JUDGED, 1),
        )

    def forward(self, images: Tensor, codes: Tensor) -> Tensor:
        """Return logits: (B, C, S, S), (B, A) -> (B, 1)."""
        logits: Tensor = self.head(self.rest(with_code(self.first(images), codes)))
        return logits


def network_terms(
    network: Caae, of_personality: PersonalityCritic, of_images: LabelledCritic, batch: Labelled
) -> Terms:
    """Return what encoder and generator pay, four scalars."""
    personalities = network.encoder(batch.images)
    drawn, _ = network.generate(personalities, batch.codes)
    return {
        "pixels": apart(drawn, batch.images),
        "variation": total_variation(drawn),
        "uniform": is_real(of_personality(personalities)),
        "real": is_real(of_images(drawn, batch.codes)),
    }


def personality_terms(network: Caae, critic: PersonalityCritic, batch: Labelled) -> Terms:
    """Return what D_z pays for draws from the prior and for personalities, two scalars."""
    with torch.no_grad():
        personalities = network.encoder(batch.images)
    return {
        "critic_prior": is_real(critic(batch.prior)),
        "critic_encoded": is_drawn(critic(personalities)),
    }


def image_terms(network: Caae, critic: LabelledCritic, batch: Labelled) -> Terms:
    """Return what D_img pays for images and for drawings, under the image's own label."""
    with torch.no_grad():
        drawn = network.draw(batch.images, batch.codes).refined
    return {
        "critic_real": is_real(critic(batch.images, batch.codes)),
        "critic_drawn": is_drawn(critic(drawn, batch.codes)),
    }


def total_variation(images: Tensor) -> Tensor:
    """Mean absolute difference between neighbours, down plus across: (B, C, S, S), a scalar."""
    images = images.float()
    return images.diff(dim=2).abs().mean() + images.diff(dim=3).abs().mean()


ARCHITECTURES = (Architecture("caae", CaaeConfig, Caae, recipe),)
