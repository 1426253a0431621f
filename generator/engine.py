"""Inference with a trained generator: pixels in, pixels and features out.

Shapes: N images, K wishes of each, S side, C channels, A length of the one-hot code, D length of
the flat features.
"""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from gallery.align import Pixels
from gallery.arrays import Floats
from generator.card import Card
from generator.checkpoint import load_weights
from generator.device import drawings_at_once
from generator.drawer import Closest, Drawer, DrawnBatch, refined_wishes
from generator.networks.estimator import log_probabilities
from generator.networks.family import Network
from generator.networks.prepared import Redrawn
from generator.precision_cache import pick_precision


class Engine(Drawer):
    """A generator ready to draw with torch; see `Drawer`.

    Attributes:
        card: The card of its weights.
        device: Where it draws.
        refines: Whether its first drawing differs from its last.
        fuses: Whether it draws one person from several images.
    """

    runtime = "torch"

    def __init__(  # noqa: PLR0913  what a machine draws with
        self,
        network: Network,
        card: Card,
        device: torch.device,
        *,
        precision: torch.dtype = torch.float32,
        batch_size: int | None = None,
        compiled: bool = False,
        keep: bool = True,
    ) -> None:
        """Make a network ready.

        Args:
            network: Trained.
            card: The card of its weights.
            device: Where to draw.
            precision: Precision of the arithmetic: float32 or bfloat16.
            batch_size: Drawings at once; None chooses by the machine.
            compiled: Compile for whole batches: minutes once, then faster on a GPU.
            keep: Leave the network as it is, and draw with a copy of it.
        """
        self.card = card
        self.device = device
        self.on = str(device)
        self.precision = str(precision).removeprefix("torch.")
        self._at_once = batch_size
        statistics = (torch.tensor(card.mean), torch.tensor(card.deviation))
        self.refines = network.TWO_STAGES
        self.fuses = network.fuses
        self._dimension = network.dimension
        own = deepcopy(network) if keep else network
        self._network = own.fast(*statistics, precision).to(device).eval()
        self._whole_batch = torch.compile(self._network) if compiled else self._network

    @classmethod
    def open(
        cls,
        path: Path,
        device: torch.device,
        *,
        precision: torch.dtype | None = None,
        compiled: bool = False,
    ) -> Self:
        """Load weights for drawing.

        Args:
            path: The .safetensors file.
            device: Where to draw.
            precision: Precision of the arithmetic; None measures which one the machine draws
                faster in.
            compiled: Compile for whole batches.

        Raises:
            WeightsError: They are missing or damaged.
        """
        precision = precision or pick_precision(device)
        network, card = load_weights(path)
        made = cls(network, card, device, precision=precision, compiled=compiled, keep=False)
        made.weights = path
        return made

    @property
    def fingerprint(self) -> str:
        """The weights' hash, and what computes; empty for weights that no file holds."""
        card = self.card
        if not card.sha256:
            return ""
        what = f"{card.architecture} {dict(card.network)} {card.mean} {card.deviation}"
        return f"{card.sha256} {what} torch {torch.__version__} {self.precision} {self.on}"

    @property
    def dimension(self) -> int:
        """Length D of the flat features."""
        return self._dimension

    def draw(self, pixels: Pixels, codes: Floats) -> DrawnBatch:
        """See `Drawer.draw`."""
        self.require_shapes(pixels, codes, "(N, {})")
        return self._redraw(pixels, codes[:, None], None, 1).drawn

    @torch.inference_mode()
    def draw_together(self, pixels: Pixels, codes: Floats) -> DrawnBatch:
        """See `Drawer.draw_together`."""
        self.require_shapes(pixels[:, 0], codes, "(N, {})")
        images = self._tensor(pixels).permute(0, 1, 4, 2, 3).float()
        drawing = self._network.together(images, self._tensor(codes))
        return _arrays(drawing.first, drawing.refined, drawing.features)

    @property
    def estimates(self) -> bool:
        """Whether the weights have an attribute estimator."""
        return self._network.estimator is not None

    @torch.inference_mode()
    def log_probabilities(self, pixels: Pixels) -> Floats:
        """See `Drawer.log_probabilities`."""
        parts = []
        size = self._drawings()
        for start in range(0, max(len(pixels), 1), size):
            images = self._tensor(pixels[start : start + size]).permute(0, 3, 1, 2).float()
            logits = self._network.estimate(images)
            parts.append(log_probabilities(logits, self.card.space).cpu().numpy())
        return np.concatenate(parts)

    def closest(
        self,
        pixels: Pixels,
        codes: Floats,
        *,
        handicap: Floats | None = None,
        refine_best: int | None = None,
    ) -> Closest:
        """See `Drawer.closest`."""
        self.require_shapes(pixels, codes, "(N, K, {})")
        refined = refined_wishes(refine_best, codes.shape[1])
        return self._redraw(pixels, codes, handicap, refined)

    def _redraw(
        self, pixels: Pixels, codes: Floats, handicap: Floats | None, refine_best: int
    ) -> Closest:
        if handicap is None:
            handicap = np.zeros(codes.shape[:2], dtype=np.float32)
        return Closest.joined(list(self._batches(pixels, codes, handicap, refine_best)))

    @torch.inference_mode()
    def _batches(
        self, pixels: Pixels, codes: Floats, handicap: Floats, refine_best: int
    ) -> Iterator[Closest]:
        distinct, which = np.unique(codes.reshape(-1, codes.shape[-1]), axis=0, return_inverse=True)
        which = which.reshape(codes.shape[:2])  # (N, K)
        wishes = self._network.wishes(self._tensor(distinct))
        size = max(1, self._drawings() // codes.shape[1])
        for start in range(0, max(len(codes), 1), size):
            images = self._tensor(pixels[start : start + size]).permute(0, 3, 1, 2).float()
            asked = which[start : start + size]
            if (asked == asked[:1]).all():  # as they are for a gallery: one copy serves all images
                asked = asked[:1]
            network = self._whole_batch if len(images) == size else self._network
            added = self._tensor(handicap[start : start + size])
            yield _fetched(network(images, wishes[self._tensor(asked)], added, refine_best))

    def _drawings(self) -> int:
        if self._at_once is None:
            aligner = self.card.aligner
            self._at_once = drawings_at_once(self.device, aligner.size)
        return self._at_once

    def _tensor(self, array: NDArray[Any]) -> torch.Tensor:
        """Copy an array of any strides, flipped ones too, to the device."""
        return torch.from_numpy(np.array(array, order="C")).to(self.device)


def _fetched(drawn: Redrawn) -> Closest:
    """Bring drawings to NumPy."""
    arrays = _arrays(drawn.first, drawn.refined, drawn.features)
    return Closest(drawn.choice.cpu().numpy(), drawn.error.cpu().numpy(), arrays)


def _arrays(first: torch.Tensor, refined: torch.Tensor, features: torch.Tensor) -> DrawnBatch:
    """Lay out images as (N, S, S, C), features flat."""
    first, refined = (maps.permute(0, 2, 3, 1).contiguous().cpu() for maps in (first, refined))
    return DrawnBatch(first.numpy(), refined.numpy(), features.flatten(1).float().cpu().numpy())
