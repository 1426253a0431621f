"""StarGAN, SARGAN's ancestor and baseline: six plain residual blocks, nothing added to the output.

Choi et al., "StarGAN: Unified generative adversarial networks for multi-domain image-to-image
translation", CVPR 2018. SARGAN without its two ideas is StarGAN, so this is
`generator/networks/sargan.py` under other settings; what is said there of layers, losses and
features holds here. StarGAN's last layer is a hyperbolic tangent; ours is linear, for the reason
given there.
"""

from dataclasses import dataclass, replace

from generator.networks.architecture import Architecture
from generator.networks.sargan import PAPER, Sargan, SarganConfig
from generator.training.config import Recipe, published

STARGAN = replace(PAPER, batch_size=16, steps=200_000)  # section 5.2 and appendix


@dataclass(frozen=True, slots=True, kw_only=True)
class StarganConfig(SarganConfig):
    """SARGAN's settings with StarGAN's defaults; see `SarganConfig`."""

    block: str = "vanilla"
    blocks: int = 6
    skip: bool = False


class Stargan(Sargan):
    """The generator; see `Sargan`."""


def recipe(name: str) -> Recipe:
    """Return a recipe by name: "paper" as published."""
    return published(name, STARGAN)


ARCHITECTURES = (Architecture("stargan", StarganConfig, Stargan, recipe),)
