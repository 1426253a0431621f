"""A student that was trained: what it says of images, and its file beside the weights.

The file is NAME.student.safetensors beside NAME.safetensors, its numbers in half precision; what it
is, who taught it and how well it agrees stand on the card of the weights, under "student".

Shapes: N images, S side, C channels, A length of the one-hot code, K wishes of an image, D numbers
of an embedding.
"""

from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any, Self

import numpy as np
import torch

from gallery.align import Pixels
from gallery.arrays import Floats
from gallery.errors import WeightsError
from gallery.files import file_sha256
from generator.card import Card
from generator.checkpoint import is_finite, load_tensors, save_tensors
from generator.networks.estimator import log_probabilities
from generator.precision_cache import pick_precision
from generator.student.network import StudentConfig, StudentNetwork
from generator.student.seeing import Glance, student_path

AT_ONCE = 128  # images of a batch: their maps stay near the caches
MOST_ERROR = 12.0  # of the logarithm of an error: more than any image has


class TorchStudent:
    """A student ready to look; see `generator.student.seeing.Student`.

    Attributes:
        sha256: Of its file.
        dimension: Numbers of an embedding, D.
    """

    def __init__(
        self, network: StudentNetwork, card: Card, sha256: str, precision: torch.dtype
    ) -> None:
        """Make a network ready; it is changed.

        Args:
            network: Trained.
            card: Of the teacher's weights.
            sha256: Of its file.
            precision: Of the trunk: float32 or bfloat16.
        """
        self.sha256, self.dimension = sha256, network.dimension
        self._space = card.space
        self._mean = torch.tensor(card.mean).view(-1, 1, 1)
        self._deviation = torch.tensor(card.deviation).view(-1, 1, 1)
        self._half = precision == torch.bfloat16
        network.eval().fold()
        self._network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @classmethod
    def open(cls, weights: Path, card: Card, precision: torch.dtype | None = None) -> Self:
        """Load the student of some weights.

        Args:
            weights: Their .safetensors file; the student's lies beside it.
            card: Of the weights.
            precision: Of the trunk: float32 or bfloat16. None measures which is faster here.

        Raises:
            WeightsError: The weights have no student, or its file is missing, damaged or another
                one than their card describes.
        """
        if not card.student:
            raise WeightsError(
                f"{card.name} has no student; make one: mindseye weights distil, or say --canonical"
                " drawn"
            )
        path = student_path(weights)
        if not path.is_file():
            raise WeightsError(
                f"There is no file {path}, the student of {card.name}; copy it beside the weights,"
                " or say --canonical drawn"
            )
        sha256 = file_sha256(path)
        if sha256 != card.student["sha256"]:
            raise WeightsError(
                f"{path} is not the student that the card of {card.name} describes; copy it again"
            )
        network = build_network(card, int(card.student["dimension"]), card.student["network"])
        _load(network, path)
        return cls(network, card, sha256, precision or pick_precision(torch.device("cpu")))

    @torch.inference_mode()
    def look(self, pixels: Pixels) -> Glance:
        """Look at aligned images, 0..255, (N, S, S, C)."""
        starts = range(0, max(len(pixels), 1), AT_ONCE)
        return Glance.joined([self._look(pixels[at : at + AT_ONCE]) for at in starts])

    @torch.inference_mode()
    def embed(self, glance: Glance, codes: Floats) -> Floats:
        """Say what drawings of wishes would be embedded as.

        Args:
            glance: At N images.
            codes: One-hot codes of the wishes of each, (N, K, A).

        Returns:
            Unit length, (N, K, D).
        """
        found = torch.from_numpy(glance.found)
        made: Floats = self._network.embed(found, torch.from_numpy(codes)).numpy()
        return made

    def _look(self, pixels: Pixels) -> Glance:
        levels = torch.from_numpy(np.array(pixels, order="C")).permute(0, 3, 1, 2).float()
        images = ((levels - self._mean) / self._deviation).contiguous(
            memory_format=torch.channels_last
        )
        with torch.autocast("cpu", torch.bfloat16, enabled=self._half):
            seen = self._network(images)
        errors = seen.errors.clamp(0, MOST_ERROR).expm1()
        log_p = log_probabilities(seen.logits, self._space)
        return Glance(log_p.numpy(), errors.numpy(), seen.found.numpy())


def build_network(card: Card, dimension: int, settings: Mapping[str, Any]) -> StudentNetwork:
    """Build an untrained student.

    Args:
        card: Of the teacher's weights.
        dimension: Numbers of the teacher's embedding.
        settings: Fields of `StudentConfig`.

    Raises:
        WeightsError: The settings are no student's.
    """
    try:
        return StudentNetwork(
            StudentConfig(**settings),
            size=card.aligner.size,
            channels=card.aligner.channels,
            code=card.space.size,
            dimension=dimension,
        )
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{card.name} can have no such student: {error}") from error


def save_student(weights: Path, network: StudentNetwork) -> str:
    """Write a student beside its weights, in half precision, and return the SHA-256 of the file.

    Raises:
        OSError: The disk is full, or the folder cannot be written.
    """
    tensors = {
        name: value.half() if value.is_floating_point() else value
        for name, value in network.state_dict().items()
    }
    path = student_path(weights)
    save_tensors(path, tensors, {"format": "pt"})
    return file_sha256(path)


def _load(network: StudentNetwork, path: Path) -> None:
    tensors = load_tensors(path)[0]
    try:
        for name, value in tensors.items():
            if not is_finite(value.float()):
                raise RuntimeError(f"{name} holds numbers that are not finite")
        network.load_state_dict({name: value.float() for name, value in tensors.items()})
    except RuntimeError as error:
        message = shorten(str(error), 200, placeholder=" …")
        raise WeightsError(f"{path} does not fit the student on its card: {message}") from error
