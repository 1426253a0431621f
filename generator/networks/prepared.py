"""What a network draws, and the form of a trained one that an engine draws with.

`Redrawer` is what every such form shares, `PlainRedrawer` the one that works with every family;
a family that can do better brings its own (`generator/networks/fast_two_stage.py`).

Shapes: B batch, K wishes of an image, U distinct wishes, C image channels, S side in pixels, A
length of the one-hot code, F feature channels, D length of projected features.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a network makes of a batch.

    Attributes:
        first: The first stage's images, normalised, (B, C, S, S); of a network of one stage, the
            same tensor as `refined`.
        refined: The last stage's images, likewise.
        features: Of the bottleneck, (B, F, H, W), H = W = 1 for a vector; or, projected, (B, D).
    """

    first: Tensor
    refined: Tensor
    features: Tensor


@dataclass(frozen=True, slots=True)
class Redrawn:
    """Of every image the redrawing that comes closest to it.

    Attributes:
        choice: Position of its wish, (B,).
        error: Its mean squared distance to the image, in squared grey levels, (B,).
        first: The first stage's image, grey levels in [0, 255], (B, C, S, S).
        refined: The last stage's, likewise.
        features: Output of the feature layer, (B, F, H, W), or, projected, (B, D).
    """

    choice: Tensor
    error: Tensor
    first: Tensor
    refined: Tensor
    features: Tensor


class Redrawer(nn.Module, ABC):
    """A trained network, ready to draw. The network it is made of becomes part of it."""

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        mean: Tensor,
        deviation: Tensor,
        projection: nn.Module | None,
        estimator: nn.Module | None,
    ) -> None:
        """Hold what undoes the normalisation, and the heads.

        Args:
            mean: Mean of each channel of the training images, grey levels, (C,).
            deviation: Standard deviation of each channel, likewise.
            projection: Projection of the features, if there is one.
            estimator: Estimator of the values that images show, if there is one.
        """
        super().__init__()
        self.register_buffer("mean", mean.view(-1, 1, 1))
        self.register_buffer("deviation", deviation.view(-1, 1, 1))
        self.projection, self.estimator = projection, estimator

    @abstractmethod
    def wishes(self, codes: Tensor) -> Tensor:
        """Return what `forward` wants to know of each distinct wish: codes (U, A) -> (U, …)."""

    @abstractmethod
    def forward(
        self, images: Tensor, wishes: Tensor, handicap: Tensor, refine_best: int
    ) -> Redrawn:
        """Draw each image under its wishes, and keep the drawing that comes closest to it.

        Of equally close ones the earlier wish wins. With one wish there is nothing to choose.

        Args:
            images: Grey levels in [0, 255], (B, C, S, S).
            wishes: What the method `wishes` returned for the wishes of each image, (B, K, …), or
                (1, K, …) if they are the same for all.
            handicap: Added to the error of each wish's drawing before they are compared, squared
                grey levels, (B, K) or (1, K).
            refine_best: How many wishes of an image are refined, 1..K: those whose first drawing
                comes closest. A form that saves nothing by it refines all.
        """

    @abstractmethod
    def rows(self, images: Tensor, codes: Tensor, of: Tensor) -> Drawing:
        """Draw some wishes of some images; other runtimes are given this (generator/openvino).

        Args:
            images: Grey levels in [0, 255], (B, C, S, S).
            codes: One-hot, (R, A).
            of: Position of the image that each is a wish for, (R,).

        Returns:
            R drawings in grey levels, and their features, projected if there is a projection.
        """

    def together(self, images: Tensor, codes: Tensor) -> Drawing:  # noqa: ARG002
        """Draw people from several images each.

        Args:
            images: Grey levels in [0, 255], n of each of P people, (P, n, C, S, S).
            codes: One-hot, (P, A).

        Returns:
            Images in grey levels, and features, projected if there is a projection.

        Raises:
            ValueError: The network draws from single images.
        """
        raise ValueError(f"these weights draw from one image, not from {images.shape[1]}")

    def estimate(self, images: Tensor) -> Tensor:
        """Return the estimator's logits: grey levels (B, C, S, S) -> (B, A).

        Raises:
            ValueError: The network has no estimator.
        """
        if self.estimator is None:
            raise ValueError("these weights have no attribute estimator")
        logits: Tensor = self.estimator(self.normalised(images))
        return logits

    def normalised(self, levels: Tensor) -> Tensor:
        """Return grey levels as the network reads them."""
        return (levels - self.mean) / self.deviation

    def levels(self, normalised: Tensor) -> Tensor:
        """Undo the normalisation: (…, C, S, S) -> (…, C, S, S), clipped to [0, 255]."""
        return (normalised.float() * self.deviation + self.mean).clamp(0, 255)

    def errors(self, drawn: Tensor, images: Tensor) -> Tensor:
        """Mean squared distances in grey levels: (B, K, C, S, S), (B, C, S, S) -> (B, K)."""
        return (self.levels(drawn) - images[:, None]).square().flatten(2).mean(dim=2)

    def projected(self, features: Tensor) -> Tensor:
        """Return features through the projection, in full precision, if there is one."""
        if self.projection is None:
            return features
        projected: Tensor = self.projection(features.float())
        return projected


class PlainRedrawer(Redrawer):
    """Any network: every wish of every image is drawn whole, so refining is never left out."""

    def __init__(
        self,
        network: nn.Module,
        mean: Tensor,
        deviation: Tensor,
        dtype: torch.dtype,
    ) -> None:
        """Take a network.

        Args:
            network: Trained; on any device. Its `draw` makes a `Drawing` without the projection.
            mean: Mean of each channel of its training images, grey levels, (C,).
            deviation: Standard deviation of each channel, likewise.
            dtype: Of the arithmetic: float32, or bfloat16 where the machine is fast at it.
        """
        network = network.float().eval()
        heads: list[Any] = [getattr(network, name) for name in ("projection", "estimator")]
        super().__init__(mean, deviation, *heads)
        self.network = network
        self.dtype = dtype
        for parameter in self.parameters():
            parameter.requires_grad = False

    def wishes(self, codes: Tensor) -> Tensor:
        """Return the codes as they are."""
        return codes

    def forward(
        self,
        images: Tensor,
        wishes: Tensor,
        handicap: Tensor,
        refine_best: int,  # noqa: ARG002  there is nothing to save
    ) -> Redrawn:
        """Draw each image under its wishes, and keep the closest; see `Redrawer.forward`."""
        count, asked = len(images), wishes.shape[1]
        sources = self.normalised(images).repeat_interleave(asked, dim=0)  # (B * K, C, S, S)
        codes = wishes.expand(count, -1, -1).flatten(0, 1)
        with self._precision(images):
            drawing: Drawing = self.network.draw(sources, codes)  # type: ignore[operator]
        refined = drawing.refined.unflatten(0, (count, asked))
        errors = self.errors(refined, images)  # (B, K)
        choice = (errors + handicap).argmin(dim=1)
        rows = torch.arange(count, device=images.device)
        kept = rows * asked + choice
        return Redrawn(
            choice,
            errors[rows, choice],
            self.levels(drawing.first[kept]),
            self.levels(drawing.refined[kept]),
            self.projected(drawing.features[kept]),
        )

    def rows(self, images: Tensor, codes: Tensor, of: Tensor) -> Drawing:
        """Draw some wishes of some images; see `Redrawer.rows`."""
        with self._precision(images):
            drawing: Drawing = self.network.draw(  # type: ignore[operator]
                self.normalised(images).index_select(0, of), codes
            )
        first, refined = self.levels(drawing.first), self.levels(drawing.refined)
        return Drawing(first, refined, self.projected(drawing.features))

    def together(self, images: Tensor, codes: Tensor) -> Drawing:
        """Draw people from several images each; see `Redrawer.together`."""
        with self._precision(images):
            drawing: Drawing = self.network.draw_together(  # type: ignore[operator]
                self.normalised(images), codes
            )
        first, refined = self.levels(drawing.first), self.levels(drawing.refined)
        return Drawing(first, refined, self.projected(drawing.features))

    def _precision(self, images: Tensor) -> torch.autocast:
        half = self.dtype == torch.bfloat16
        return torch.autocast(images.device.type, torch.bfloat16, enabled=half)
