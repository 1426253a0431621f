"""The attribute estimator: it tells which values an image shows.

A compact convolutional network, trained beside the generator on the same people and shipped with
it. Canonicalisation asks it instead of, or beside, the closest reconstruction, which is right less
often (docs/log.md).

Shapes: N images, B batch, S side, C channels, A length of the one-hot code, T attributes.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from gallery.attributes import Attribute, AttributeSpace
from gallery.faces import Face
from generator.values import SPREAD

SMOOTHING = 0.05
WIDTHS = (32, 64, 128)
CODE_SIDES = {"estimator.head.4.weight": 0, "estimator.head.4.bias": 0}  # see `Network.CODE_SIDES`


class Estimator(nn.Module):
    """Normalised images to logits of all values of all attributes, (B, C, S, S) -> (B, A)."""

    def __init__(self, size: int, channels: int, code_size: int) -> None:
        super().__init__()
        self.encoder, length = encoder(channels, size)
        self.head = nn.Sequential(
            *(nn.Dropout(0.3), nn.Linear(length, 256), nn.ReLU()),
            *(nn.Dropout(0.3), nn.Linear(256, code_size)),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return logits, (B, A)."""
        logits: Tensor = self.head(self.encoder(images))
        return logits


def encoder(channels: int, size: int) -> tuple[nn.Sequential, int]:
    """Return three blocks of two convolutions, flat, and the length of what they find.

    Every block is convolution, batch norm, ReLU, twice, and 2 x 2 pooling.
    """
    layers: list[nn.Module] = []
    inputs = channels
    for width in WIDTHS:
        for _ in range(2):
            layers += [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)]
            layers.append(nn.ReLU())
            inputs = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten()), WIDTHS[-1] * (size // 8) ** 2


def labels_of(faces: Sequence[Face], space: AttributeSpace) -> NDArray[np.int64]:
    """Return the position of each image's values, -1 where not known, (N, T)."""
    rows = [
        [
            a.index(f.condition[a.name])
            if a.name in f.condition and a.knows(f.condition[a.name])
            else -1
            for a in space.attributes
        ]
        for f in faces
    ]
    return np.array(rows, dtype=np.int64).reshape(len(faces), len(space.names))


def log_probabilities(logits: Tensor, space: AttributeSpace) -> Tensor:
    """Return log p(value | image), laid out as the one-hot code: (B, A) -> (B, A).

    Of a strength, the log density of a Gaussian around the expected strength, at each value of the
    grid, but for a constant: it is 0 where the grid meets the strength, and at least -10.
    """
    parts = zip(by_attribute(logits, space), space, strict=True)
    each = [_densities(part, a) if a.is_strength else part.log_softmax(dim=1) for part, a in parts]
    return torch.cat(each, dim=1)


def _densities(logits: Tensor, strength: Attribute) -> Tensor:
    grid = torch.tensor(strength.grid, dtype=logits.dtype, device=logits.device)
    expected = logits.softmax(dim=1) @ grid  # (B,)
    return -(grid - expected[:, None]).square() / (2 * SPREAD**2)


def cross_entropy(
    logits: Tensor, labels: Tensor, space: AttributeSpace, smoothing: float = SMOOTHING
) -> Tensor:
    """Mean cross-entropy over known values: logits (B, A), labels (B, T), a scalar."""
    summed = [
        functional.cross_entropy(
            part, labels[:, column], ignore_index=-1, reduction="sum", label_smoothing=smoothing
        )
        for column, part in enumerate(by_attribute(logits, space))
    ]
    return torch.stack(summed).sum() / (labels >= 0).sum().clamp(min=1)


def by_attribute(scores: Tensor, space: AttributeSpace) -> tuple[Tensor, ...]:
    """Split what is laid out as the one-hot code, (B, A), into one part for each attribute."""
    sizes = [len(attribute.values) for attribute in space.attributes]
    parts: tuple[Tensor, ...] = scores.split(sizes, dim=1)
    return parts
