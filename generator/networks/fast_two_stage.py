"""A two-stage network, rearranged to draw many wishes of one image quickly.

The same sums in another order, so the results agree with the plain network's up to rounding:

- The attribute branch does not see the image. What a wish adds to the fusion's first convolution is
  a constant map, computed once and added to every image.
- The source image is encoded once and not once for each wish, in the first stage and in the
  refiner, whose first convolution is split into a part for the source and a part for the drawing.

Shapes: B batch, K wishes of an image, J of them refined, U distinct wishes, C image channels, S
side in pixels, A length of the one-hot code, F feature channels.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from generator.networks.prepared import Drawing, Redrawer, Redrawn

if TYPE_CHECKING:
    from generator.networks.two_stage import Refiner, TwoStage

CHANNELS_LAST = torch.channels_last


class FastTwoStage(Redrawer):
    """A trained network, ready to draw. The network it is made of becomes part of it."""

    def __init__(
        self, network: "TwoStage", mean: Tensor, deviation: Tensor, dtype: torch.dtype
    ) -> None:
        """Rearrange a network.

        Args:
            network: Trained; on any device.
            mean: Mean of each channel of its training images, grey levels, (C,).
            deviation: Standard deviation of each channel, likewise.
            dtype: Of the arithmetic: float32, or bfloat16 where the machine is fast at it.
        """
        network = network.float()
        super().__init__(mean, deviation, network.projection, network.estimator)
        first, refiner = network.first, network.refiner
        self.code, self.side = first.code, first.side
        fusion = list(first.fusion)
        seen = 64  # channels of the image branch
        self.image = first.image
        self.fusion_image = _part(fusion[0], slice(seen), bias=True)
        self.fusion_code = _part(fusion[0], slice(seen, None), bias=False)
        self.fusion = nn.Sequential(*fusion[1:])
        self.decoder = first.decoder
        encoder, to_feature = list(refiner.encoder), _depth(refiner)
        self.refine_source = _part(encoder[0], slice(network.config.channels), bias=True)
        self.refine_drawn = _part(encoder[0], slice(network.config.channels, None), bias=False)
        self.encoder = nn.Sequential(*encoder[1:to_feature])
        self.refine_decoder = nn.Sequential(*encoder[to_feature:], *refiner.decoder)
        self.dtype = dtype
        # Small, or decisive where rounding shows: in full precision.
        precise = (self.code, self.fusion_code, self.projection, self.estimator)
        for part in self.children():
            part.to(torch.float32 if part in precise else dtype)
        for parameter in self.parameters():
            parameter.requires_grad = False
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=CHANNELS_LAST)

    def wishes(self, codes: Tensor) -> Tensor:
        """Return what wishes add to the fusion: codes (U, A) -> (U, 128 or 64, S/2, S/2)."""
        maps = self.code(codes).unflatten(1, (-1, self.side, self.side))
        added: Tensor = self.fusion_code(maps)
        return added.to(self.dtype)

    def draw_first(self, images: Tensor, wishes: Tensor) -> Tensor:
        """Draw the wishes of each image with the first stage.

        Args:
            images: Normalised, (B, C, S, S).
            wishes: See `forward`.

        Returns:
            Images, normalised, (B, K, C, S, S).
        """
        seen = self.fusion_image(self.image(self._laid_out(images)))  # (B, 128 or 64, S/2, S/2)
        fused = (seen[:, None] + wishes).flatten(0, 1)
        drawn = self.decoder(self.fusion(self._laid_out(fused)))
        first: Tensor = drawn.unflatten(0, (len(images), wishes.shape[1]))
        return first

    def refine(self, images: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """Refine J drawings of each image: normalised, (B, C, S, S) and (B, J, C, S, S).

        Returns:
            The refined images, normalised, (B, J, C, S, S), and the features, (B, J, F, H, W).
        """
        source = self.refine_source(self._laid_out(images))[:, None]  # (B, 1, 64, S, S)
        drawn = self.refine_drawn(self._laid_out(first.flatten(0, 1)))
        both = (drawn.unflatten(0, first.shape[:2]) + source).flatten(0, 1)
        features = self.encoder(self._laid_out(both))
        refined = self.refine_decoder(features)
        return refined.unflatten(0, first.shape[:2]), features.unflatten(0, first.shape[:2])

    def forward(
        self, images: Tensor, wishes: Tensor, handicap: Tensor, refine_best: int
    ) -> Redrawn:
        """Draw each image under its wishes, and keep the closest; see `Redrawer.forward`.

        Fewer wishes refined are less work; K, all of them, follows the rule to the letter.
        """
        normalised = self.normalised(images)
        first = self.draw_first(normalised, wishes)  # (B, K, C, S, S)
        rows = torch.arange(len(images), device=images.device)
        handicap = handicap.expand(len(images), -1)
        coarse = self.errors(first, images) + handicap
        near = coarse.argsort(dim=1, stable=True)[:, :refine_best]
        near = near.sort(dim=1).values  # (B, J)
        first = first[rows[:, None], near]
        refined, features = self.refine(normalised, first)
        errors = self.errors(refined, images)
        kept = (rows, (errors + handicap.gather(1, near)).argmin(dim=1))
        found = features[kept]
        return Redrawn(
            near[kept],
            errors[kept],
            self.levels(first[kept]),
            self.levels(refined[kept]),
            self.projected(found),
        )

    def rows(self, images: Tensor, codes: Tensor, of: Tensor) -> Drawing:
        """Draw some wishes of some images, each of which is encoded once; see `Redrawer.rows`."""
        laid_out = self._laid_out(self.normalised(images))
        seen = self.fusion_image(self.image(laid_out)).index_select(0, of)
        first = self.decoder(self.fusion(self._laid_out(seen + self.wishes(codes))))
        source = self.refine_source(laid_out).index_select(0, of)
        features = self.encoder(self._laid_out(self.refine_drawn(self._laid_out(first)) + source))
        refined = self.refine_decoder(features)
        return Drawing(self.levels(first), self.levels(refined), self.projected(features))

    def _laid_out(self, maps: Tensor) -> Tensor:
        return maps.to(self.dtype).contiguous(memory_format=CHANNELS_LAST)


def _depth(refiner: "Refiner") -> int:
    """Count the layers of the encoder up to and with the feature layer."""
    names = [name for name, _ in refiner.encoder.named_children()]
    return names.index(refiner.feature_layer) + 1


def _part(conv: nn.Module, inputs: slice, *, bias: bool) -> nn.Conv2d:
    """Return the part of a convolution that reads some of the input channels."""
    assert isinstance(conv, nn.Conv2d)  # noqa: S101  a mistake in this package, not in its input
    weight = conv.weight.detach()[:, inputs]
    part = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1, bias=bias)
    part.weight = nn.Parameter(weight.clone())
    if bias and conv.bias is not None:
        part.bias = nn.Parameter(conv.bias.detach().clone())
    return part
