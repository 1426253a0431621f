"""What draws, whatever runs it: pixels in, pixels and features out, all of them NumPy's.

`generator.engine.Engine` draws with torch, `generator.openvino.engine.OpenVinoEngine` with
OpenVINO; `generator.runtime` opens one of them. Whoever draws asks for no more than this.

Shapes: N images, K wishes of each, S side, C channels, A length of the one-hot code, D length of
the flat features.
"""

from abc import ABC, abstractmethod
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gallery.align import Pixels
from gallery.arrays import Floats
from gallery.errors import WeightsError
from generator.card import Card
from generator.student.seeing import Student


@dataclass(frozen=True, slots=True)
class DrawnBatch:
    """Drawings of N wishes.

    Attributes:
        first: Images of the first stage, grey levels in [0, 255], (N, S, S, C).
        refined: Images of the last stage, likewise.
        features: Features of the bottleneck, flat and not yet normalised, (N, D).
    """

    first: Floats
    refined: Floats
    features: Floats


@dataclass(frozen=True, slots=True)
class Closest:
    """Of every image the drawing, of several wishes, that comes closest to it.

    Attributes:
        choice: Position of its wish, (N,).
        errors: Mean squared distance of the refined drawing to its image, grey levels squared,
            (N,).
        drawn: The drawings kept.
    """

    choice: NDArray[np.int64]
    errors: Floats
    drawn: DrawnBatch

    @classmethod
    def joined(cls, parts: "list[Closest]") -> "Closest":
        """Join what was drawn of successive images."""
        return cls(
            np.concatenate([part.choice for part in parts]),
            np.concatenate([part.errors for part in parts]),
            DrawnBatch(
                np.concatenate([part.drawn.first for part in parts]),
                np.concatenate([part.drawn.refined for part in parts]),
                np.concatenate([part.drawn.features for part in parts]),
            ),
        )


class Drawer(ABC):
    """A generator ready to draw.

    Attributes:
        card: The card of its weights.
        runtime: What runs it: "torch" or "openvino".
        precision: Of its arithmetic: "float32" or "bfloat16".
        on: Where it runs: "cpu", "cuda" or "cuda:N".
        refines: Whether its first drawing differs from its last.
        fuses: Whether it draws one person from several images.
        weights: File that it was opened from; None where it was made otherwise.
    """

    card: Card
    runtime: str
    precision: str
    on: str
    refines: bool
    fuses: bool
    weights: Path | None = None
    _student: Student | None = None

    def student(self) -> Student:
        """Return the student of the weights; it is loaded when first asked for, and run by torch.

        Raises:
            WeightsError: They have none, or its file is missing or damaged.
        """
        if self._student is None:
            if self.weights is None:
                raise WeightsError(f"{self.card.name} was not opened from a file with a student")
            from generator.student.student import TorchStudent  # noqa: PLC0415  torch

            self._student = TorchStudent.open(self.weights, self.card)
        return self._student

    @property
    def fingerprint(self) -> str:
        """Changes whenever other numbers would be drawn; empty where nobody can say."""
        return ""

    def under(self, profile: str) -> Self:
        """Return the same with another profile of its card; see `Card.under`.

        Raises:
            ConfigError: The card has no such profile.
        """
        return self.with_card(self.card.under(profile))

    def with_card(self, card: Card) -> Self:
        """Return the same under another card, of which only what was fitted differs."""
        other = copy(self)
        other.card = card
        return other

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Length D of the flat features."""

    @property
    @abstractmethod
    def estimates(self) -> bool:
        """Whether the weights have an attribute estimator."""

    @abstractmethod
    def draw(self, pixels: Pixels, codes: Floats) -> DrawnBatch:
        """Draw every image under its wish.

        Args:
            pixels: Aligned images, 0..255, (N, S, S, C).
            codes: One-hot codes, (N, A).

        Raises:
            ValueError: The shapes do not fit the network.
        """

    def draw_together(self, pixels: Pixels, codes: Floats) -> DrawnBatch:  # noqa: ARG002
        """Draw people from several images each: what the images say is fused.

        Args:
            pixels: Aligned images, 0..255, n of each of P people, (P, n, S, S, C).
            codes: One-hot codes, (P, A).

        Raises:
            ValueError: The shapes do not fit the network, or it draws from single images.
        """
        raise ValueError(f"these weights draw from one image, not from {pixels.shape[1]}")

    @abstractmethod
    def log_probabilities(self, pixels: Pixels) -> Floats:
        """Estimate what images show: log p(value | image), laid out as the one-hot code.

        Args:
            pixels: Aligned images, 0..255, (N, S, S, C).

        Returns:
            (N, A); over the values of each attribute the probabilities sum to 1.

        Raises:
            ValueError: The weights have no estimator.
        """

    @abstractmethod
    def closest(
        self,
        pixels: Pixels,
        codes: Floats,
        *,
        handicap: Floats | None = None,
        refine_best: int | None = None,
    ) -> Closest:
        """Draw every image under each of its wishes, and keep the drawing that comes closest to it.

        Of equally close ones the earlier wish wins.

        Args:
            pixels: Aligned images, 0..255, (N, S, S, C).
            codes: One-hot codes, (N, K, A).
            handicap: Added to the errors before they are compared, squared grey levels, (N, K);
                None for nothing.
            refine_best: Refine only so many wishes of an image, those whose first drawing comes
                closest: faster, and now and then another choice. None refines all.

        Raises:
            ValueError: The shapes do not fit the network, or refine_best is not positive.
        """

    def require_shapes(self, pixels: Pixels, codes: Floats, shape: str) -> None:
        """Refuse what does not fit.

        Args:
            pixels: Aligned images.
            codes: One-hot codes.
            shape: What the codes must be, like "(N, {})".

        Raises:
            ValueError: The message says what was expected.
        """
        aligner = self.card.aligner
        wanted = (len(codes), aligner.size, aligner.size, aligner.channels)
        fits = codes.ndim == shape.count(",") + 1 and codes.shape[-1] == self.card.space.size
        if pixels.shape != wanted or not fits:
            raise ValueError(
                f"expected images {wanted} and codes {shape.format(self.card.space.size)}"
            )


def refined_wishes(refine_best: int | None, wishes: int) -> int:
    """Return how many of so many wishes are refined.

    Raises:
        ValueError: None of them would be.
    """
    refined = wishes if refine_best is None else min(refine_best, wishes)
    if refined < 1:
        raise ValueError(f"refine_best must be at least 1, of at least 1 wish; got {refined}")
    return refined
