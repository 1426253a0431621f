"""Tag disentangling: what a face is and how it is shown, each in a part of one representation.

After Wang, Wang, Xu and Tao, "Tag disentangled generative adversarial networks for object image
re-rendering", IJCAI 2017. The tags C of an image say whom it shows and how. The disentangling
network R reads a representation off the image x, the tag mapping net g makes the same
representation of the tags, the generator G renders an image from a representation, and the critic
D tells images from renderings. They are trained in turn, each with the others held:

- R pays consistency, the mean squared difference of R(x) and g(C), and the rendering of G(R(x));
- g pays consistency, and the rendering of G(g(C));
- G pays both renderings, mean squared differences to x, and real, -log D of all it renders;
- D pays -log D(x) and -log(1 - D) of all that G renders.

To render a face anew, the part of R(x) that belongs to the wished tags is exchanged for theirs.

Every attribute that can be wished for is a tag with a part of its own; so is whose face it is; all
else that is known of the images, together, is one more tag (`rest`). Of a query only the wished
tags are needed: identity and rest are read off the image, and their maps serve in training alone.

What our source leaves open, and what we do:

- Parts of 128 numbers for the identity, 64 for the rest, 32 for each wished attribute.
- R: strided convolutions of 64 channels, doubled each time to 512 at most, and a linear layer. g:
  of every tag one-hot a hidden layer of 128 and a linear one. G mirrors R. D is like R, without
  normalisation.
- D also sees renderings under other tags than the image's own, which is what the network is for.
- Weights: consistency 1, each rendering 10, real 1; every update of the batch is one turn of each.

Features: the disentangled representation, the wished tags' part in place. It is the narrowest
point, and it holds apart what a search asks for: who, the wished values, and the rest.

Shapes: B batch, C channels, S side in pixels, A length of the one-hot code, D length of the
representation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from generator.networks.adversarial import is_drawn, is_real
from generator.networks.architecture import Architecture
from generator.networks.coders import (
    CoderConfig,
    Doubling,
    Halving,
    apart,
    flat_length,
    recipe,
    trunk_of,
)
from generator.networks.family import Network, initialise
from generator.networks.prepared import Drawing
from generator.training.label_batches import codes_at, draw_any, images_at, numbers_at, numbers_of
from generator.training.plan import BatchSpec, PlanContext, Stage, Terms, TrainingPlan, Update

HIDDEN = 128  # of the tag maps


@dataclass(frozen=True, slots=True, kw_only=True)
class TdGanConfig(CoderConfig):
    """The shape of the networks.

    Attributes:
        identity: Numbers that say whom an image shows.
        rest: Numbers that say what is neither identity nor wished for.
        value: Numbers that say the wished values.
    """

    identity: int = 128
    rest: int = 64
    value: int = 32

    def __post_init__(self) -> None:
        CoderConfig.__post_init__(self)
        if min(self.parts) < 1:
            raise ValueError(f"identity, rest and value must be positive, got {self.parts}")

    @property
    def parts(self) -> tuple[int, int, int]:
        """Lengths of the parts: identity, rest, value."""
        return self.identity, self.rest, self.value


class TagMap(nn.Sequential):
    """Map one-hot tags to their part of the representation."""

    def __init__(self, tags: int, length: int) -> None:
        super().__init__(nn.Linear(tags, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, length))


class TdGan(Network):
    """R, G, and the part of g that speaks of what can be wished for."""

    NEEDS_PAIRS: ClassVar[bool] = False
    LOSSES: ClassVar[Mapping[str, float]] = {
        "consistency": 1.0,
        "of_image": 10.0,
        "of_tags": 10.0,
        "real": 1.0,
        "critic_real": 1.0,
        "critic_drawn": 1.0,
    }

    config: TdGanConfig

    def __init__(self, config: TdGanConfig) -> None:
        super().__init__(config)
        widths, length = config.widths, sum(config.parts)
        self.disentangle = nn.Sequential(
            Halving(config.channels, widths),
            *(nn.Flatten(), nn.Linear(flat_length(widths), length)),
        )
        self.wished = TagMap(config.code_size, config.value)
        self.render = Doubling(length, widths[::-1], config.channels)
        self.add_heads(length, 1)

    def draw(self, images: Tensor, codes: Tensor) -> Drawing:
        """Draw: normalised images (B, C, S, S), one-hot codes (B, A); features (B, D, 1, 1)."""
        representation = self.retagged(self.disentangle(images), codes)
        drawn, _ = self.render(representation)
        return Drawing(drawn, drawn, representation[:, :, None, None])

    def retagged(self, representation: Tensor, codes: Tensor) -> Tensor:
        """Exchange the part of the wished tags: (B, D), (B, A) -> (B, D)."""
        kept = representation[:, : -self.config.value]
        return torch.cat([kept, self.wished(codes)], dim=1)

    def plan(self, course: PlanContext) -> TrainingPlan:
        """Return one stage: a turn of each network, the others held.

        Raises:
            ValueError: The course does not say whom the images show, or how.
        """
        people = numbers_of(course.data.people, "identities")
        rests = numbers_of(course.data.rests, "conditions")
        others = OtherTags(self.config, int(people.max()) + 1, int(rests.max()) + 1)
        critic = RenderingCritic(self.config)
        beside = nn.ModuleDict({"others": others, "critic": critic})
        initialise(beside, course.random)
        weights = self.weights(course.config.weights)
        networks = (self, others, critic)
        turns = (
            Update("R", (self.disentangle,), partial(disentangling_terms, self, others), weights),
            Update("g", (self.wished, others), partial(tag_terms, self, others), weights),
            Update("G", (self.render,), partial(rendering_terms, *networks), weights),
            Update("D", (critic,), partial(critic_terms, *networks), weights),
        )
        return TrainingPlan((Stage(course.config.steps, turns, _batch),), beside)


class OtherTags(nn.Module):
    """The parts of g that speak of identity and rest; of use in training alone."""

    def __init__(self, config: TdGanConfig, people: int, rests: int) -> None:
        super().__init__()
        self.people, self.rests = people, rests
        self.identity = TagMap(people, config.identity)
        self.rest = TagMap(rests, config.rest)

    def forward(self, identities: Tensor, rests: Tensor) -> Tensor:
        """Map numbers of identities and rests, (B,) each, to both parts, (B, identity + rest)."""
        who = functional.one_hot(identities, self.people).float()
        how = functional.one_hot(rests, self.rests).float()
        return torch.cat([self.identity(who), self.rest(how)], dim=1)


class RenderingCritic(nn.Module):
    """D: tell images from renderings, (B, C, S, S) -> logits (B, 1)."""

    def __init__(self, config: TdGanConfig) -> None:
        super().__init__()
        trunk, length = trunk_of(config)
        self.layers = nn.Sequential(trunk, nn.Linear(length, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits, (B, 1)."""
        logits: Tensor = self.layers(images)
        return logits


@dataclass(frozen=True, slots=True)
class Tagged:
    """A batch of images and their tags.

    Attributes:
        images: Normalised, (B, C, S, S).
        codes: The values that they show, (B, A).
        identities: Numbers of the people they show, (B,).
        rests: Numbers of what else is known of them, (B,).
        wishes: Codes that they are rendered under besides their own, (B, A).
    """

    images: Tensor
    codes: Tensor
    identities: Tensor
    rests: Tensor
    wishes: Tensor


def _batch(lesson: BatchSpec) -> Tagged:
    """Return any images with their tags, and wishes: what other images show."""
    data, random, size = lesson.data, lesson.random, lesson.config.batch_size
    chosen = draw_any(random, len(data.pixels), size)
    wishes = draw_any(random, len(data.pixels), len(chosen))
    images = images_at(lesson, chosen)
    whom, how = (numbers_at(lesson, numbers, chosen) for numbers in (data.people, data.rests))
    return Tagged(images, codes_at(lesson, chosen), whom, how, codes_at(lesson, wishes))


def of_tags(network: TdGan, others: OtherTags, batch: Tagged) -> Tensor:
    """Return g(C), (B, D)."""
    return torch.cat([others(batch.identities, batch.rests), network.wished(batch.codes)], dim=1)


def disentangling_terms(network: TdGan, others: OtherTags, batch: Tagged) -> Terms:
    """Return what R pays; its turn."""
    read = network.disentangle(batch.images)
    return {
        "consistency": apart(read, of_tags(network, others, batch)),
        "of_image": apart(network.render(read)[0], batch.images),
    }


def tag_terms(network: TdGan, others: OtherTags, batch: Tagged) -> Terms:
    """Return what g pays; its turn."""
    said = of_tags(network, others, batch)
    return {
        "consistency": apart(network.disentangle(batch.images), said),
        "of_tags": apart(network.render(said)[0], batch.images),
    }


def rendering_terms(
    network: TdGan, others: OtherTags, critic: RenderingCritic, batch: Tagged
) -> Terms:
    """Return what G pays; its turn."""
    read, said, anew = _representations(network, others, batch)
    of_image, of_said = network.render(read)[0], network.render(said)[0]
    rendered = torch.cat([of_image, of_said, network.render(anew)[0]])
    return {
        "of_image": apart(of_image, batch.images),
        "of_tags": apart(of_said, batch.images),
        "real": is_real(critic(rendered)),
    }


def critic_terms(
    network: TdGan, others: OtherTags, critic: RenderingCritic, batch: Tagged
) -> Terms:
    """Return what D pays; its turn."""
    with torch.no_grad():
        rendered = network.render(torch.cat(_representations(network, others, batch)))[0]
    return {
        "critic_real": is_real(critic(batch.images)),
        "critic_drawn": is_drawn(critic(rendered)),
    }


@torch.no_grad()
def _representations(
    network: TdGan, others: OtherTags, batch: Tagged
) -> tuple[Tensor, Tensor, Tensor]:
    """Return R(x), g(C), and R(x) under other wished tags, (B, D) each."""
    read = network.disentangle(batch.images)
    return read, of_tags(network, others, batch), network.retagged(read, batch.wishes)


ARCHITECTURES = (Architecture("td-gan", TdGanConfig, TdGan, recipe),)
