"""The images of a training by who they show: whom to set aside, whom to learn from.

Shapes: N images.
"""

import hashlib
from collections.abc import Callable, Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from gallery.attributes import AttributeSpace
from gallery.errors import ConfigError
from gallery.faces import Face
from gallery.pixels import Aligned


def split(
    whole: Aligned, share: float, part_of: Callable[[Face], str] = lambda _: ""
) -> tuple[Aligned, Aligned | None]:
    """Set the last people of the training aside, for choices; at least one, if a share is asked.

    Args:
        whole: The images.
        share: Of the people.
        part_of: Which of several joined sets an image is of: of each the last people are set aside.

    Raises:
        ConfigError: Nobody would be left.
    """
    if not share:
        return whole, None
    parts: dict[str, dict[str | None, None]] = {}
    for face in whole.faces:
        parts.setdefault(part_of(face), {})[face.identity] = None
    people = {who for part in parts.values() for who in part}
    aside = {
        who for part in parts.values() for who in list(part)[-max(1, round(share * len(part))) :]
    }
    if len(aside) == len(people):
        raise ConfigError(
            f"validation = {share} leaves nobody of {len(people)} people to train on; add people,"
            " or set validation = 0 in the [train] table of --config"
        )
    return tuple(  # type: ignore[return-value]
        Aligned(tuple(whole.faces[place] for place in places), whole.pixels[places], whole.problems)
        for places in (
            [n for n, face in enumerate(whole.faces) if face.identity not in aside],
            [n for n, face in enumerate(whole.faces) if face.identity in aside],
        )
    )


def people_of(faces: Sequence[Face]) -> NDArray[np.int64]:
    """Number the people of images in order of their first one, (N,)."""
    return _numbered([face.identity for face in faces])


def rests_of(faces: Sequence[Face], space: AttributeSpace) -> NDArray[np.int64]:
    """Number what is known of images besides identity and attributes, likewise, (N,)."""
    return _numbered([face.condition.without(space.names) for face in faces])


def _numbered(labels: Sequence[Hashable]) -> NDArray[np.int64]:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in labels], dtype=np.int64)


def data_sha256(known: Aligned) -> str:
    """Return a hash of pixels and labels: what a model was trained on, whatever its path."""
    digest = hashlib.sha256(np.ascontiguousarray(known.pixels).data)
    for face in known.faces:
        digest.update(f"{face.name}\t{face.identity}\t{face.condition}\n".encode())
    return digest.hexdigest()
