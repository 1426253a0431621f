"""What a student is asked, whatever runs it; nothing here needs torch.

The file of a student is NAME.student.safetensors beside NAME.safetensors.

Shapes: N images, S side, C channels, A length of the one-hot code, K wishes of an image, H numbers
that are found in an image, D numbers of an embedding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gallery.align import Pixels
from gallery.arrays import Floats

SUFFIX = ".student.safetensors"


@dataclass(frozen=True, slots=True)
class Glance:
    """What a student says of N images.

    Attributes:
        log_p: log p(value | image), laid out as the one-hot code, (N, A).
        errors: How far canonical views would be from the images, mean squared error, (N,).
        found: What embeddings are made of, (N, H).
    """

    log_p: Floats
    errors: Floats
    found: Floats

    @classmethod
    def joined(cls, parts: Sequence["Glance"]) -> "Glance":
        """Return what was seen of several batches, one behind the other."""
        return cls(
            np.concatenate([part.log_p for part in parts]),
            np.concatenate([part.errors for part in parts]),
            np.concatenate([part.found for part in parts]),
        )

    def only(self, of: NDArray[np.int64]) -> "Glance":
        """Return what was seen of some images, in this order."""
        return Glance(self.log_p[of], self.errors[of], self.found[of])


class Student(Protocol):
    """Says of images what drawings of theirs would be embedded as."""

    @property
    def sha256(self) -> str:
        """Of its file."""

    @property
    def dimension(self) -> int:
        """Numbers of an embedding, D."""

    def look(self, pixels: Pixels) -> Glance:
        """Look at aligned images, 0..255, (N, S, S, C)."""

    def embed(self, glance: Glance, codes: Floats) -> Floats:
        """Say what drawings of wishes would be embedded as.

        Args:
            glance: At N images.
            codes: One-hot codes of the wishes of each, (N, K, A).

        Returns:
            Unit length, (N, K, D).
        """


def student_path(weights: Path) -> Path:
    """Return where the student of a weights file lies."""
    return weights.with_suffix(SUFFIX)
