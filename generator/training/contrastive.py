"""Learning by contrast: which pairs make up a batch, and the loss.

Shapes: B pairs of a batch, M candidates, N images, P pairs, D dimensions.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from gallery.attributes import AttributeSpace
from gallery.faces import Face
from generator.training.pairs import Pairs

Positions = NDArray[np.int64]
TWINS = 2


class HardBatches:
    """Batches in which what is wrong is nearly right.

    A batch takes a few people and a few wishes, and for every person and every wish `TWINS`
    pairs, or more where there are few of both. So beside each target stand targets of the same
    person under other values, of other people under the same wished value, and of the same person
    and value with something else changed (where the images have that): each thing a query asks for
    is the only difference somewhere.

    Attributes:
        cells: Number of each image's cell, (N,): images of one cell show one person under one
            condition, and answer the same queries under C2.
    """

    def __init__(
        self, faces: Sequence[Face], pairs: Pairs, space: AttributeSpace, batch_size: int
    ) -> None:
        """Take the images and their pairs."""
        self.cells = cells_of(faces)
        found: dict[str, dict[object, list[int]]] = defaultdict(lambda: defaultdict(list))
        for pair, target in enumerate(pairs.targets.tolist()):
            face = faces[target]
            found[str(face.identity)][face.condition.only(space.names)].append(pair)
        self._pairs = {
            who: {wish: np.array(chosen) for wish, chosen in wishes.items()}
            for who, wishes in found.items()
        }
        self._people = sorted(self._pairs)
        self._wishes = sorted({w for ws in self._pairs.values() for w in ws}, key=str)
        self._total = len(pairs)
        self._size = batch_size

    def draw(self, random: np.random.Generator) -> Positions:
        """Return the positions of a batch's pairs, at most `batch_size`, (B,).

        A person who lacks a wish brings fewer.
        """
        wishes = min(len(self._wishes), max(2, round((self._size / TWINS) ** 0.5)))
        people = min(len(self._people), max(1, self._size // (wishes * TWINS)))
        twins = max(TWINS, self._size // (wishes * people))
        asked = random.permutation(len(self._wishes))[:wishes]
        shown = random.permutation(len(self._people))[:people]
        batch = []
        for who in shown:
            of_person = self._pairs[self._people[who]]
            for wish in asked:
                known = of_person.get(self._wishes[wish])
                if known is not None:
                    batch.append(random.permutation(known)[:twins])
        if sum(map(len, batch)) < 2:  # those chosen were hardly ever shown as was wished
            return random.integers(self._total, size=self._size)
        return np.concatenate(batch)[: self._size]


def cells_of(faces: Sequence[Face]) -> Positions:
    """Number the cells of images, (N,): one person under one condition is one cell."""
    numbers: dict[object, int] = {}
    return np.array(
        [numbers.setdefault((f.identity, f.condition), len(numbers)) for f in faces],
        dtype=np.int64,
    )


def info_nce(probes: Tensor, candidates: Tensor, cells: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of finding each probe's target among all candidates, and back; a scalar.

    Candidate b is the target of probe b; those beyond are wrong for everybody, unless they are of
    a target's cell: these, being right too, are left out. Back: of each target among all probes.

    Args:
        probes: Unit length, (B, D).
        candidates: Unit length, (M, D), M at least B.
        cells: Cells of the candidates, (M,).
        temperature: That cosines are divided by.

    Source: van den Oord et al., "Representation learning with contrastive predictive coding",
    2018, equation 4.
    """
    count = len(probes)
    target = torch.arange(count, device=probes.device)
    twins = cells[:count, None] == cells[None]  # (B, M)
    twins[target, target] = False
    with torch.autocast(probes.device.type, enabled=False):  # bfloat16 would round neighbours alike
        logits = (probes.float() @ candidates.float().T / temperature).masked_fill(
            twins, -torch.inf
        )
    forth = functional.cross_entropy(logits, target)
    back = functional.cross_entropy(logits[:, :count].T, target)
    return (forth + back) / 2
