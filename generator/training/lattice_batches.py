"""Batches of people x other conditions x values, in which every image serves three times.

An image is a source, another's target, and its own canonical view: it is encoded once and drawn
twice. And what is wrong for a probe differs from its target in one thing only: the person, the
value, or something else.

Shapes: B images of a batch, N images, C channels, S side, A length of the one-hot code.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gallery.attributes import AttributeSpace, Condition
from gallery.faces import Face
from generator.training.augment import jitter_together
from generator.training.contrastive import Positions, cells_of
from generator.training.plan import BatchSpec

OfValue = dict[Condition, list[int]]  # the images of one person, alike but for the wished values
EACH = 4  # images of a person in a batch, of as many other conditions as OTHERS
OTHERS = 2
SHARED = 0.5  # of the batches have the same values for all people
NEAR = 0.5  # of choices among wishes for several attributes: others differ from the first in one


class Lattices:
    """Which images make up a batch."""

    def __init__(self, faces: Sequence[Face], space: AttributeSpace, batch_size: int) -> None:
        """Take the training images.

        Args:
            faces: N of them.
            space: What can be wished for.
            batch_size: Images of a batch, at most.
        """
        self._size = max(batch_size, 2)
        self._several = len(space.names) > 1
        self._groups: dict[str, dict[Condition, OfValue]] = {}
        for at, face in enumerate(faces):
            wish, rest = face.condition.only(space.names), face.condition.without(space.names)
            if len(wish) < len(space.names):
                continue
            of_person = self._groups.setdefault(str(face.identity), {})
            of_person.setdefault(rest, {}).setdefault(wish, []).append(at)
        self.cells = cells_of(faces)
        self._people = sorted(self._groups)

    def draw(self, random: np.random.Generator) -> tuple[Positions, Positions]:
        """Return images, and of each the place in the batch of its partner, (B,) and (B,).

        The partner shows the same person under another value and else the same; an image that has
        no such partner is its own.
        """
        rests, values = self._common(random)
        images: list[int] = []
        partners: list[int] = []
        for who in random.permutation(len(self._people)):
            chosen = self._chosen(self._groups[self._people[who]], rests, random)
            for of_value in chosen:
                wishes = self._values(list(of_value), values, EACH // len(chosen), random)
                if not images:
                    wishes = wishes[: self._size]  # a batch that is smaller than one person's share
                if len(images) + len(wishes) > self._size:
                    return np.array(images), np.array(partners)
                start, count = len(images), len(wishes)
                for number, wish in enumerate(wishes):
                    images.append(int(random.choice(of_value[wish])))
                    partners.append(start + (number + 1) % count)
        return np.array(images), np.array(partners)

    def _common(self, random: np.random.Generator) -> tuple[list[Condition], list[Condition]]:
        """Choose what the people of a batch share where they can.

        Returns:
            Other conditions, and all values in the order of preference; or none of these.
        """
        someone = self._groups[self._people[random.integers(len(self._people))]]
        rests = list(someone)
        chosen = [rests[at] for at in random.permutation(len(rests))[:OTHERS]]
        if random.random() >= SHARED:
            return chosen, []
        return chosen, self._preferred(list(someone[chosen[0]]), random)

    def _chosen(
        self,
        of_person: dict[Condition, OfValue],
        rests: list[Condition],
        random: np.random.Generator,
    ) -> list[OfValue]:
        known = [of_person[rest] for rest in rests if rest in of_person]
        if known:
            return known
        others = list(of_person.values())
        return [others[at] for at in random.permutation(len(others))[:OTHERS]]

    def _values(
        self,
        known: list[Condition],
        shared: list[Condition],
        count: int,
        random: np.random.Generator,
    ) -> list[Condition]:
        """Choose so many values: the shared ones where all are known, else some of one's own."""
        wanted = shared[:count]
        if wanted and all(value in known for value in wanted):
            return wanted
        return self._preferred(known, random)[:count]

    def _preferred(self, known: list[Condition], random: np.random.Generator) -> list[Condition]:
        """Return values in the order of preference.

        Of several attributes, half of the time those come next that differ from the first in one
        alone, as questions do.
        """
        order = [known[at] for at in random.permutation(len(known))]
        if self._several and random.random() < NEAR:
            first = order[0]
            return [first, *sorted(order[1:], key=lambda other: _apart(first, other) != 1)]
        return order


@dataclass(frozen=True, slots=True)
class Lattice:
    """The batch of a step.

    Attributes:
        images: Sources, normalised, with noise, (B, C, S, S).
        clean: The same without noise.
        codes: Codes of each image's own values and of its partner's, (B, 2, A).
        partners: Places of the partners, (B,).
        cells: Cells of the images; see `generator.training.contrastive.HardBatches.cells`, (B,).
    """

    images: Tensor
    clean: Tensor
    codes: Tensor
    partners: Tensor
    cells: Tensor


def batch_of(lattices: Lattices, lesson: BatchSpec) -> Lattice:
    """Return the batch of a step, all of it augmented alike."""
    data, random = lesson.data, lesson.random
    images, partners = lattices.draw(random)
    device = data.pixels.device
    positions = torch.from_numpy(images).to(device)
    codes = data.codes[positions]
    other = torch.from_numpy(partners).to(device)
    kind = lesson.config.looks().scaled(lesson.config.augmentation)
    clean, noisy = jitter_together(data.levels(positions), random, kind)
    return Lattice(
        data.normalised(noisy).contiguous(memory_format=lesson.layout),
        data.normalised(clean),
        torch.stack([codes, codes[other]], dim=1),
        other,
        torch.from_numpy(lattices.cells[images]).to(device),
    )


def _apart(one: Condition, other: Condition) -> int:
    """Return in how many attributes two values of a person differ."""
    return sum(one[name] != other[name] for name in one)
