"""Inference with a trained generator: pixels in, pixels and features out.

Shapes: N images, S side, C channels, A length of the one-hot code, D length of the flat features.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from gallery.align import Pixels
from generator.card import Card
from generator.checkpoint import load_weights
from generator.two_stage import TwoStage

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Drawings of N wishes.

    Attributes:
        first: Images of the first stage, grey levels in [0, 255], (N, S, S, C).
        refined: Images of the second stage, likewise.
        features: Features of the refiner, flat and not yet normalised, (N, D).
    """

    first: Floats
    refined: Floats
    features: Floats


class Engine:
    """A generator ready to draw."""

    def __init__(
        self, network: TwoStage, card: Card, device: torch.device, batch_size: int = 256
    ) -> None:
        self.card = card
        self.device = device
        self.batch_size = batch_size
        self._network = network.to(device).eval()
        self._mean = torch.tensor(card.mean, device=device).view(-1, 1, 1)
        self._deviation = torch.tensor(card.deviation, device=device).view(-1, 1, 1)

    @classmethod
    def open(cls, path: Path, device: torch.device) -> Self:
        """Load weights for drawing.

        Raises:
            WeightsError: They are missing or damaged.
        """
        return cls(*load_weights(path), device)

    @property
    def dimension(self) -> int:
        """Length D of the flat features."""
        size, channels = self.card.aligner.size, self.card.aligner.channels
        blank = np.zeros((1, size, size, channels), dtype=np.uint8)
        code = np.zeros((1, self.card.space.size), dtype=np.float32)
        return int(self.draw(blank, code).features.shape[1])

    def draw(self, pixels: Pixels, codes: Floats) -> Drawn:
        """Draw every image under its wish.

        Args:
            pixels: Aligned images, 0..255, (N, S, S, C).
            codes: One-hot codes, (N, A).

        Raises:
            ValueError: The shapes do not fit the network.
        """
        aligner = self.card.aligner
        shape = (len(codes), aligner.size, aligner.size, aligner.channels)
        if pixels.shape != shape or codes.shape[1:] != (self.card.space.size,):
            raise ValueError(f"expected images {shape} and codes (N, {self.card.space.size})")
        parts = list(self._batches(pixels, codes))
        return Drawn(
            np.concatenate([part.first for part in parts]),
            np.concatenate([part.refined for part in parts]),
            np.concatenate([part.features for part in parts]),
        )

    def _batches(self, pixels: Pixels, codes: Floats) -> Iterator[Drawn]:
        for start in range(0, max(len(codes), 1), self.batch_size):
            chosen = slice(start, start + self.batch_size)
            yield self._batch(pixels[chosen], codes[chosen])

    @torch.inference_mode()
    def _batch(self, pixels: Pixels, codes: Floats) -> Drawn:
        images = self._tensor(pixels).permute(0, 3, 1, 2).float()
        drawing = self._network((images - self._mean) / self._deviation, self._tensor(codes))
        return Drawn(
            self._levels(drawing.first),
            self._levels(drawing.refined),
            drawing.features.flatten(1).float().cpu().numpy(),
        )

    def _tensor(self, array: NDArray[Any]) -> torch.Tensor:
        """Copy an array of any strides, flipped ones too, to the device."""
        return torch.from_numpy(np.array(array, order="C")).to(self.device)

    def _levels(self, normalised: torch.Tensor) -> Floats:
        """Undo the normalisation: (N, C, S, S) -> (N, S, S, C), clipped to [0, 255]."""
        levels = (normalised * self._deviation + self._mean).clamp(0, 255)
        array: Floats = levels.permute(0, 2, 3, 1).float().cpu().numpy()
        return array
