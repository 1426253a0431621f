"""Training pairs: the same person under the same conditions, but for the attributes wished for.

Shapes: N images, P pairs, A length of the one-hot code.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gallery.attributes import AttributeSpace
from gallery.errors import DatasetError
from gallery.faces import Face


@dataclass(frozen=True, slots=True)
class Pairs:
    """Which image is drawn from which.

    Attributes:
        sources: Positions of the source images, (P,).
        targets: Positions of the target images, (P,).
        codes: One-hot code of every image's own values, (N, A); a pair's wish is its target's.
    """

    sources: NDArray[np.int64]
    targets: NDArray[np.int64]
    codes: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.sources)


def make_pairs(
    faces: Sequence[Face], space: AttributeSpace, *, same_pairs: bool, needed: bool = True
) -> Pairs:
    """List all pairs of images that differ in the wished attributes and in nothing else.

    Args:
        faces: Images, each with an identity and a value for every attribute of `space`.
        space: The wished attributes.
        same_pairs: Whether every image is also paired with itself.
        needed: Whether it is an error if nobody is shown under two values; else every image is then
            paired with itself.

    Raises:
        DatasetError: There is no pair, and one is needed.

    Source: BMVC 2016, section 4.1: "the same person, with the same illumination, but with different
    pose"; 100 people, 20 illuminations and 7 poses make 84,000 pairs.
    """
    groups: dict[object, list[int]] = defaultdict(list)
    for position, face in enumerate(faces):
        groups[face.identity, face.condition.without(space.names)].append(position)
    codes = np.stack([space.one_hot(face.condition.only(space.names)) for face in faces])
    sources, targets = zip(*(_within(np.array(g), codes) for g in groups.values()), strict=True)
    alone = np.arange(len(faces)) if same_pairs else np.arange(0)
    pairs = Pairs(np.concatenate([*sources, alone]), np.concatenate([*targets, alone]), codes)
    if len(pairs) == (len(faces) if same_pairs else 0):
        if not needed:
            return Pairs(np.arange(len(faces)), np.arange(len(faces)), codes)
        raise DatasetError(
            "No person is shown twice under conditions that differ in"
            f" {' and '.join(space.names)} alone; training needs such pairs"
        )
    return pairs


def _within(
    group: NDArray[np.int64], codes: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair the members of a group that carry different values."""
    differ = (codes[group][:, None] != codes[group][None]).any(axis=2)  # (G, G)
    first, second = np.nonzero(differ)
    return group[first], group[second]
