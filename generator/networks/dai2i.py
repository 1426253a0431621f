"""DAI2I: an image is brought into the domain that a translator knows, translated, and brought back.

Chen, Xu, Jia, "Domain adaptive image-to-image translation", CVPR 2020. A translator F is trained on
its own domain A, and stays as it is. For images b of another domain B two adaptors are learnt: one
brings b into A, where F translates it; the other brings what F made back to the looks of b. A
critic says whether what comes in could be of A; what F makes of it has to be read as the wish; a
branch of reconstruction translates to b's own value and has to give b back; and by the analogy the
translated image has to differ from b as, inside A, it differs from what came in.

What the text leaves open or takes for granted, and what we do:

- F is trained elsewhere there; in the authors' experiments on expressions it is StarGAN's
  generator. Here it is the first stage, `generator/networks/stargan.py` in layers and losses; the
  second trains the adaptors beside it.
- B is drawings and paintings there. A gallery here is one set, so B is made of it: the training
  images in other light, contrast, tint and sharpness, now and then gray (`WORN`). Who has another
  domain trains on both.
- Looks are compared by VGG's layers there, trained on ImageNet, which no weights here bring. Here
  the first two layers of StarGAN's critic look, which by then has learnt faces, and stays as it is.
- Whether a translation shows the wish is read by a classifier of translated images there; here by
  that critic, too.
- Adaptors, style and weights are those of the authors' public code (128 channels, four blocks, 256
  numbers; verdict 1, reading 10, reconstruction 10 and its looks 1, analogy 10). Its reconstruction
  passes F ("BAGB"), and so does ours; its critic judges three scales by a norm, ours one by the
  mean square (Mao et al., "Least squares generative adversarial networks", ICCV 2017).
- The second stage gives its critic as many steps as the first, and the adaptors their turn in every
  `critic_steps`-th; there they take turns one by one.

Features: F's last block, averaged as `stargan`'s.

Shapes: B batch, C image channels, S side in pixels, A length of the one-hot code, W `width`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from torch import Tensor, nn
from torch.nn import functional

from generator.networks.adversarial import (
    Wrong,
    critic_of,
    critic_terms,
    drawing_terms,
    in_other_colours,
    value_error,
)
from generator.networks.architecture import Architecture
from generator.networks.blocks import Critic, ResidualBlock, narrowing, widening, with_code
from generator.networks.bottleneck import BottleneckConfig
from generator.networks.dai2i_layers import (
    Adaptor,
    DomainCritic,
    StyleReader,
    looks,
    mean_difference,
    step_between,
)
from generator.networks.family import FamilyConfig, Network, initialise
from generator.networks.prepared import Drawing
from generator.networks.stargan import STARGAN
from generator.training.augment import Augmentation, jitter, leave_out_colours
from generator.training.config import Recipe, published
from generator.training.plan import (
    Batch,
    BatchSpec,
    PlanContext,
    Stage,
    Terms,
    TrainingPlan,
    Update,
)

# The other domain: another place or size would be another face, so those stay.
WORN = Augmentation(
    gain=0.25,
    offset=30.0,
    tint=0.2,
    shift=0.0,
    zoom=0.0,
    noise=6.0,
    gray=0.25,
    shade=0.3,
    gamma=0.3,
    blur=0.03,
)
DEPTHS = 2  # layers of the critic that look


@dataclass(frozen=True, slots=True, kw_only=True)
class Dai2iConfig(BottleneckConfig):
    """The shape of the network; `size` is a multiple of 4 from 32 to 256.

    Attributes:
        blocks: Residual blocks of the translator.
        width: Channels after the translator's first convolution.
        critic_width: Width of the first layer of both critics.
        feature_side: Cells a side of the grid on which features are averaged, about.
        adaptor_width: Channels after the first convolution of an adaptor.
        adaptor_blocks: Residual blocks of an adaptor.
    """

    blocks: int = 6
    width: int = 64
    critic_width: int = 64
    feature_side: int = 8
    adaptor_width: int = 128
    adaptor_blocks: int = 4

    def __post_init__(self) -> None:
        FamilyConfig.__post_init__(self)
        self.require_shape(
            *("blocks", "width", "critic_width", "feature_side", "adaptor_width", "adaptor_blocks")
        )


@dataclass(frozen=True, slots=True)
class TwoDomains:
    """A step's images of both domains.

    Attributes:
        images: Of the translator's domain, normalised, (B, C, S, S).
        worn: Of the other, likewise.
        own: One-hot codes of what `worn` shows, (B, A).
        wished: Codes of what it shall show, (B, A).
        random: Where the step's further chance comes from.
    """

    images: Tensor
    worn: Tensor
    own: Tensor
    wished: Tensor
    random: np.random.Generator


class Dai2i(Network):
    """The translator, both adaptors, and the reader of style."""

    LOSSES: ClassVar[Mapping[str, float]] = {
        "critic": 1.0,
        "penalty": 10.0,
        "values_real": 1.0,
        "adversarial": 1.0,
        "values": 1.0,
        "cycle": 10.0,
        "domain": 1.0,
        "inside": 1.0,
        "read": 10.0,
        "back": 10.0,
        "back_looks": 1.0,
        "analogy": 10.0,
    }
    OWN_STAGES: ClassVar[int] = 2
    config: Dai2iConfig

    def __init__(self, config: Dai2iConfig) -> None:
        super().__init__(config)
        wide = config.width
        self.encoder = narrowing(config.channels + config.code_size, wide)
        self.blocks = nn.Sequential(*(ResidualBlock(4 * wide) for _ in range(config.blocks)))
        self.decoder = nn.Sequential(
            *widening(wide), nn.Conv2d(wide, config.channels, 7, padding=3)
        )
        self.style = StyleReader(config.channels)
        adaptor = partial(Adaptor, config.channels, config.adaptor_width, config.adaptor_blocks)
        self.inwards, self.outwards = adaptor(), adaptor()
        self.add_heads(4 * wide, config.size // 4 // config.pooled)

    def draw(self, images: Tensor, codes: Tensor) -> Drawing:
        """Draw: normalised images (B, C, S, S), one-hot codes (B, A)."""
        style = self.style(images)
        translated, middle = self.translate(self.inwards(images, style), codes)
        drawn = self.outwards(translated, style)
        features = functional.avg_pool2d(middle, self.config.pooled)
        return Drawing(drawn, drawn, features)

    def translate(self, images: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Return the translator's drawing, (B, C, S, S), and its last block's output."""
        middle = self.blocks(self.encoder(with_code(images, codes)))
        return self.decoder(middle), middle

    def plan(self, course: PlanContext) -> TrainingPlan:
        """Train the translator against its critic, then the adaptors against theirs."""
        config, shape = course.config, self.config
        critic = critic_of(shape, course.random)
        domain = DomainCritic(shape.channels, shape.size, shape.critic_width)
        initialise(domain, course.random)
        weights = self.weights(config.weights)
        wrong = partial(value_error, space=course.space)
        translator = (self.encoder, self.blocks, self.decoder)
        adaptors = (self.style, self.inwards, self.outwards)
        every = config.critic_steps
        judging = partial(critic_terms, critic, self._translated, wrong)
        translating = partial(self._translating_terms, critic, wrong)
        adapting = partial(self._adapting_terms, critic, domain, wrong)
        first = (
            Update("critic", (critic,), judging, weights),
            Update("translator", translator, translating, weights, every),
        )
        second = (
            Update("domain critic", (domain,), partial(self._domain_terms, domain), weights),
            Update("adaptors", adaptors, adapting, weights, every),
        )
        stages = (
            Stage(config.steps, first, in_other_colours, draws=False),
            Stage(config.steps, second, two_domains),
        )
        return TrainingPlan(stages, nn.ModuleDict({"critic": critic, "domain": domain}))

    def _translated(self, images: Tensor, wished: Tensor, _own: Tensor) -> Tensor:
        return self.translate(images, wished)[0]

    def _translating_terms(self, critic: Critic, wrong: Wrong, batch: Batch) -> Terms:
        drawn = self.translate(batch.images, batch.wished)[0].float()
        back = self.translate(drawn, batch.own)[0].float()
        return {
            **drawing_terms(critic, drawn, batch.wished, wrong),
            "cycle": functional.l1_loss(back, batch.images),
        }

    def _domain_terms(self, domain: DomainCritic, batch: TwoDomains) -> Terms:
        inside = self.inwards(batch.worn, self.style(batch.worn)).detach()
        real, brought = domain(batch.images).float(), domain(inside).float()
        return {"domain": (real - 1).square().mean() + brought.square().mean()}

    def _adapting_terms(
        self, critic: Critic, domain: DomainCritic, wrong: Wrong, batch: TwoDomains
    ) -> Terms:
        style = self.style(batch.worn)
        inside = self.inwards(batch.worn, style)
        translated = self.translate(inside, batch.wished)[0]
        drawn = self.outwards(translated, style)
        back = self.outwards(self.translate(inside, batch.own)[0], style)
        worn_looks = looks(critic.trunk, batch.worn, DEPTHS)
        within = step_between(
            looks(critic.trunk, inside, DEPTHS), looks(critic.trunk, translated, DEPTHS)
        )
        without = step_between(worn_looks, looks(critic.trunk, drawn, DEPTHS))
        return {
            "inside": (domain(inside).float() - 1).square().mean(),
            "read": wrong(critic(translated)[1], batch.wished),
            "back": functional.l1_loss(back.float(), batch.worn),
            "back_looks": mean_difference(looks(critic.trunk, back, DEPTHS), worn_looks),
            "analogy": mean_difference(without, within),
        }


def two_domains(lesson: BatchSpec) -> TwoDomains:
    """Return a step's pairs, and their sources once more, as if they came from another domain."""
    batch = in_other_colours(lesson)
    data, random = lesson.data, batch.random
    levels = data.levels(data.sources[batch.pairs])
    levels = leave_out_colours(levels, random, WORN.gray)
    (levels,) = jitter([levels], random, WORN)
    worn = data.normalised(levels).contiguous(memory_format=lesson.layout)
    return TwoDomains(batch.images, worn, batch.own, batch.wished, random)


def recipe(name: str) -> Recipe:
    """Return a recipe by name: "paper" as published."""
    return published(name, STARGAN)


ARCHITECTURES = (Architecture("dai2i", Dai2iConfig, Dai2i, recipe),)
