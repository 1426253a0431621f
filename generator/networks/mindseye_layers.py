"""The layers of `mindseye-60` and `mindseye-32`; why, says `generator/networks/mindseye.py`.

Shapes: B batch, C image channels, P side of the images, a multiple of 8, F feature channels, W
numbers that a wish is told with, A length of the one-hot code, D length of the projection.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from generator.networks.family import FamilyConfig

WIDTHS = (32, 64, 128)  # channels of fine, middle and coarse maps: P/2, P/4 and P/8
FEATURES = 128  # channels of the refiner's 1 x 1 layer
WISH = 64  # numbers that a wish is told to the blocks with
HEADS = 4  # of attention
GAIN = 0.2  # of residual branches, at first
QUIET = 0.1  # of what the last layers begin with
SQUEEZED = 32  # channels between the embedding's map and its numbers
REACH = 0.5  # how far a pixel may come from, at first, of half the side
TRUST = -1.0  # logit of the trust in moved pixels, at first


@dataclass(frozen=True, slots=True, kw_only=True)
class MindseyeConfig(FamilyConfig):
    """The shape of the network.

    Attributes:
        size: Side of the images, at least 24 pixels.
        projection: Length of the embedding; 0 gives the refiner's 1 x 1 layer itself.
        estimator: Whether an attribute estimator is part of the network.
    """

    size: int = 60
    projection: int = 256
    estimator: bool = True

    def __post_init__(self) -> None:
        FamilyConfig.__post_init__(self)
        if not 24 <= self.size <= 256:
            raise ValueError(f"size must lie in 24..256, got {self.size}")

    def settings(self) -> dict[str, Any]:
        """Return what a recipe may change, for the card; the size belongs to the name."""
        settings = FamilyConfig.settings(self)
        settings.pop("size")
        return settings

    @property
    def padded(self) -> int:
        """Side of what the layers see: the next multiple of 8."""
        return -(-self.size // 8) * 8


class Residual(nn.Module):
    """x + gain * two convolutions of x; a wish scales and shifts what is between them."""

    def __init__(self, channels: int, wish: int = 0) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.film = nn.Linear(wish, 2 * channels) if wish else None
        self.gain = nn.Parameter(torch.tensor(GAIN))

    def forward(self, maps: Tensor, wish: Tensor | None = None) -> Tensor:
        """(B, F, H, W), (B, W) -> (B, F, H, W)."""
        found = self.first(functional.relu(maps))
        if self.film is not None and wish is not None:
            scale, shift = self.film(wish).to(found.dtype)[:, :, None, None].chunk(2, dim=1)
            found = found * (1 + scale) + shift
        changed: Tensor = maps + self.gain.to(maps.dtype) * self.second(functional.relu(found))
        return changed


class Attention(nn.Module):
    """x + gain * attention among the places of x."""

    def __init__(self, channels: int, places: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.place = nn.Parameter(torch.zeros(1, places, channels))
        self.ask = nn.Linear(channels, 3 * channels)
        self.tell = nn.Linear(channels, channels)
        self.gain = nn.Parameter(torch.tensor(GAIN))

    def forward(self, maps: Tensor) -> Tensor:
        """(B, F, H, W) -> (B, F, H, W)."""
        count, channels, height, width = maps.shape
        tokens = maps.flatten(2).transpose(1, 2)  # (B, HW, F)
        asked = self.ask(self.norm(tokens + self.place))
        query, key, value = asked.unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        attend = plainly if self.training else functional.scaled_dot_product_attention
        heard = attend(query, key, value)
        told = self.tell(heard.transpose(1, 2).reshape(count, -1, channels))
        added = told.transpose(1, 2).reshape(count, channels, height, width)
        changed: Tensor = maps + self.gain.to(maps.dtype) * added.to(maps.dtype)
        return changed


Maps = tuple[Tensor, Tensor, Tensor]  # fine, middle and coarse


def plainly(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attend by two matrix products, (..., N, D) each.

    For a few dozen places PyTorch's fused form is as fast forwards, but on a CPU ten times slower
    backwards: a seventh of a training step at 32 x 32 pixels.
    """
    shares = torch.softmax(query @ key.mT * query.shape[-1] ** -0.5, dim=-1)
    heard: Tensor = shares.to(value.dtype) @ value
    return heard


class Encoder(nn.Module):
    """What a source shows, whatever is wished for."""

    def __init__(self, config: MindseyeConfig) -> None:
        super().__init__()
        fine, middle, coarse = WIDTHS
        places = (config.padded // 8) ** 2
        self.fine = nn.Sequential(
            nn.Conv2d(config.channels, fine, 5, stride=2, padding=2), Residual(fine)
        )
        self.middle = nn.Sequential(
            *(nn.ReLU(), nn.Conv2d(fine, middle, 3, stride=2, padding=1)),
            *(Residual(middle), Residual(middle)),
        )
        self.coarse = nn.Sequential(
            *(nn.ReLU(), nn.Conv2d(middle, coarse, 3, stride=2, padding=1)),
            *(Residual(coarse), Attention(coarse, places), Residual(coarse)),
        )

    def forward(self, images: Tensor) -> Maps:
        """(B, C, P, P) -> fine, middle and coarse maps."""
        fine = self.fine(images)
        middle = self.middle(fine)
        return fine, middle, self.coarse(middle)


class Painter(nn.Module):
    """Paint the wished image, and take from the source what can be taken."""

    grid: Tensor

    def __init__(self, config: MindseyeConfig) -> None:
        super().__init__()
        fine, middle, coarse = WIDTHS
        self.cells = config.padded // 8
        self.channels = config.channels
        self.code = nn.Sequential(nn.Linear(config.code_size, WISH), nn.ReLU())
        self.map = nn.Linear(config.code_size, coarse * self.cells**2)
        self.mix = nn.Conv2d(2 * coarse, coarse, 1)
        self.coarse = nn.ModuleList([Residual(coarse, WISH), Residual(coarse, WISH)])
        self.attention = Attention(coarse, self.cells**2)
        self.to_middle = nn.ConvTranspose2d(coarse, middle, 2, stride=2)
        self.seen_middle = nn.Conv2d(middle, middle, 1)
        self.middle = nn.ModuleList([Residual(middle, WISH), Residual(middle, WISH)])
        self.to_fine = nn.ConvTranspose2d(middle, fine, 2, stride=2)
        self.seen_fine = nn.Conv2d(fine, fine, 1)
        self.fine = Residual(fine, WISH)
        self.last = nn.Conv2d(fine, 4 * (3 + config.channels), 3, padding=1)
        # NumPy's: weights are opened on "meta", and no file holds these numbers.
        ticks = (np.arange(config.padded, dtype=np.float32) + 0.5) * 2 / config.padded - 1
        grid = torch.from_numpy(np.stack(np.meshgrid(ticks, ticks))[None])  # right, down
        self.register_buffer("grid", grid, persistent=False)

    def forward(self, images: Tensor, seen: Maps, codes: Tensor) -> Tensor:
        """Paint: padded sources (B, C, P, P), their maps, one-hot codes (B, A) -> (B, C, P, P)."""
        fine, middle, coarse = seen
        wish = self.code(codes)
        wished = self.map(codes).view(-1, coarse.shape[1], self.cells, self.cells)
        maps = self.mix(torch.cat([coarse, wished.to(coarse.dtype)], dim=1))
        maps = self.coarse[0](maps, wish)
        maps = self.coarse[1](self.attention(maps), wish)
        maps = self.to_middle(functional.relu(maps)) + self.seen_middle(middle)
        for block in self.middle:
            maps = block(maps, wish)
        maps = self.to_fine(functional.relu(maps)) + self.seen_fine(fine)
        maps = self.fine(maps, wish)
        found = functional.pixel_shuffle(self.last(functional.relu(maps)), 2).float()
        flow, trust, painted = found.split([2, 1, self.channels], dim=1)
        places = (self.grid + REACH * flow).permute(0, 2, 3, 1)
        moved = functional.grid_sample(
            images.float(), places, padding_mode="border", align_corners=False
        )
        share = torch.sigmoid(trust + TRUST)
        drawn: Tensor = share * moved + (1 - share) * painted
        return drawn


class DrawingRefiner(nn.Module):
    """Correct a drawing with the source beside it; its 1 x 1 layer is the feature."""

    def __init__(self, config: MindseyeConfig) -> None:
        super().__init__()
        fine, middle, _ = WIDTHS
        self.fine = nn.Sequential(
            nn.Conv2d(2 * config.channels, fine, 5, stride=2, padding=2), Residual(fine)
        )
        self.middle = nn.Sequential(
            *(nn.ReLU(), nn.Conv2d(fine, middle, 3, stride=2, padding=1)),
            *(Residual(middle), Residual(middle)),
        )
        self.feature = nn.Conv2d(middle, FEATURES, 1)
        self.to_fine = nn.ConvTranspose2d(FEATURES, fine, 2, stride=2)
        self.seen_fine = nn.Conv2d(fine, fine, 1)
        self.last = nn.Conv2d(fine, 4 * config.channels, 3, padding=1)

    def forward(self, images: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """Refine: sources and drawings, (B, C, P, P) each.

        Returns:
            The refined images, (B, C, P, P), and the features, (B, F, P/4, P/4).
        """
        fine = self.fine(torch.cat([images, drawn.to(images.dtype)], dim=1))
        features = functional.relu(self.feature(self.middle(fine)))
        maps = functional.relu(self.to_fine(features) + self.seen_fine(fine))
        correction = functional.pixel_shuffle(self.last(maps), 2)
        return drawn + correction.float(), features


class Embedding(nn.Module):
    """From the feature layer to D numbers."""

    def __init__(self, config: MindseyeConfig) -> None:
        super().__init__()
        width = WIDTHS[-1]
        places = (config.padded // 8) ** 2
        self.maps = nn.Sequential(
            nn.Conv2d(FEATURES, width, 3, stride=2, padding=1),
            *(Residual(width), Attention(width, places), Residual(width)),
            nn.Conv2d(width, SQUEEZED, 1),
        )
        self.project = nn.Linear(SQUEEZED * places, config.projection, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """(B, F, P/4, P/4) -> (B, D)."""
        embedded: Tensor = self.project(self.maps(features).flatten(1))
        return embedded
