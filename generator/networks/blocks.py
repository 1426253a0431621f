"""Layers that several families are built of.

Shapes: B batch, C image channels, S side in pixels, A length of the one-hot code, F channels of a
map, H and W its sides; in `narrowing` and `widening` W is a number of channels.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.01  # of the leaky ReLU of critics; Choi et al., "StarGAN", CVPR 2018, appendix


def with_code(maps: Tensor, codes: Tensor) -> Tensor:
    """Put codes beside maps as constant channels: (B, F, H, W), (B, A) -> (B, F + A, H, W)."""
    planes = codes.to(maps.dtype)[:, :, None, None].expand(-1, -1, *maps.shape[2:])
    return torch.cat([maps, planes], dim=1)


def conv_norm(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolve, normalise each map of each image, ReLU; stride 2 halves the sides."""
    padding = kernel // 2 if stride == 1 else 1
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
    return nn.Sequential(conv, nn.InstanceNorm2d(outputs, affine=True), nn.ReLU())


def narrowing(inputs: int, width: int) -> nn.Sequential:
    """Return the layers that lead to StarGAN's bottleneck: (B, inputs, S, S) -> (B, 4W, S/4, S/4).

    Source: Choi et al., "StarGAN", CVPR 2018, appendix, table 4.
    """
    return nn.Sequential(
        conv_norm(inputs, width, kernel=7),
        conv_norm(width, 2 * width, kernel=4, stride=2),
        conv_norm(2 * width, 4 * width, kernel=4, stride=2),
    )


def widening(width: int) -> nn.Sequential:
    """Return the layers that lead from it, but for the last: (B, 4W, S/4, S/4) -> (B, W, S, S)."""
    return nn.Sequential(*_doubling(4 * width, 2 * width), *_doubling(2 * width, width))


def _doubling(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    conv = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)
    return conv, nn.InstanceNorm2d(outputs, affine=True), nn.ReLU()


class UnpoolConv(nn.Conv2d):
    """Unpool, then convolve 3 x 3: double height and width.

    Unpooling makes every element the upper left of a 2 x 2 block of zeros. Three quarters of what
    the convolution would then multiply are these zeros; a transposed convolution with stride 2 and
    the kernel turned by 180 degrees gives the same sums without them.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, F, H, W) -> (B, outputs, 2H, 2W)."""
        kernel = self.weight.flip(2, 3).transpose(0, 1)
        return functional.conv_transpose2d(
            maps, kernel, self.bias, stride=2, padding=1, output_padding=1
        )


class UpConvNorm(nn.Module):
    """Transposed convolution to a size, instance norm, ReLU; undoes a 4 x 4 one of stride 2.

    An odd side 2n + 1 was halved to n, as 2n was: so the size is said.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)
        self.norm = nn.InstanceNorm2d(outputs, affine=True)

    def forward(self, maps: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, *size), size twice H and W, or one more."""
        raised: Tensor = torch.relu(self.norm(self.conv(maps, output_size=size)))
        return raised


class ResidualBlock(nn.Module):
    """Add to maps what two convolutions make of them.

    Source: He et al., CVPR 2016, with instance norm as in Choi et al., "StarGAN", CVPR 2018.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            *conv_norm(width, width),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.InstanceNorm2d(width, affine=True),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """(B, F, H, W) -> (B, F, H, W)."""
        added: Tensor = maps + self.main(maps)
        return added


class AttentionUnit(nn.Module):
    """Say where features matter: a symmetric encoder-decoder with skips, and a convolution.

    Two strided convolutions and two transposed ones; what was encoded is added to what is decoded
    to the same size. The last convolution makes one map, squeezed into 0..1.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.down1 = conv_norm(width, width // 2, kernel=4, stride=2)
        self.down2 = conv_norm(width // 2, width // 4, kernel=4, stride=2)
        self.up2 = UpConvNorm(width // 4, width // 2)
        self.up1 = UpConvNorm(width // 2, width)
        self.last = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """(B, F, H, W) -> (B, 1, H, W), in 0..1."""
        half = self.down1(features)  # (B, F / 2, H / 2, W / 2)
        quarter = self.down2(half)  # (B, F / 4, H / 4, W / 4)
        half = half + self.up2(quarter, half.shape[2:])
        whole = features + self.up1(half, features.shape[2:])
        return torch.sigmoid(self.last(whole))


class AttentionBlock(nn.Module):
    """Add features to maps where they matter: maps + attention x features.

    Source: Akram and Khan, "SARGAN", section III A, equation 1.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.features = nn.Sequential(*conv_norm(width, width), *conv_norm(width, width))
        self.attention = AttentionUnit(width)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, F, H, W) -> (B, F, H, W)."""
        features = self.features(maps)
        added: Tensor = maps + self.attention(features) * features
        return added


def downwards(channels: int, size: int, width: int, layers: int) -> tuple[nn.Sequential, int, int]:
    """Return 4 x 4 convolutions of stride 2 with leaky ReLUs, and their output's channels and side.

    The trunk of critics: widths double from layer to layer, and no norm ties images of a batch.
    """
    convolutions: list[nn.Module] = []
    inputs = channels
    for depth in range(layers):
        convolutions += [nn.Conv2d(inputs, width << depth, 4, 2, 1), nn.LeakyReLU(SLOPE)]
        inputs, size = width << depth, size // 2
    return nn.Sequential(*convolutions), inputs, size


class Critic(nn.Module):
    """Judge patches of images, and tell the values that they show.

    StarGAN's discriminator: as many halvings as leave a side of 2 or 3 (six for 128 pixels).

    Source: Choi et al., "StarGAN", CVPR 2018, appendix, table 5.
    """

    def __init__(self, *, size: int, channels: int, classes: int, width: int = 64) -> None:
        """Build it.

        Args:
            size: Side of the images.
            channels: Channels of the images.
            classes: Logits of the second head.
            width: Width of the first layer.
        """
        super().__init__()
        self.trunk, wide, side = downwards(channels, size, width, size.bit_length() - 2)
        self.verdict = nn.Conv2d(wide, 1, 3, padding=1, bias=False)
        self.values = nn.Conv2d(wide, classes, side, bias=False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return verdicts, the mean over patches, (B,), and logits, (B, classes)."""
        maps = self.trunk(images)
        return self.verdict(maps).mean(dim=(1, 2, 3)), self.values(maps).flatten(1)
