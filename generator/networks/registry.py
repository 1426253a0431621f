"""The architectures by name."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import partial
from typing import Any

from gallery.errors import ConfigError, did_you_mean
from generator.networks import coders, mindseye, sargan, stargan, stgan
from generator.networks.caae import Caae, CaaeConfig
from generator.networks.coders import CoderConfig
from generator.networks.dr_gan import DrGan, DrGanConfig
from generator.networks.family import Network, Shape
from generator.networks.mindseye import Mindseye
from generator.networks.mindseye_layers import MindseyeConfig
from generator.networks.residual_gan import ResidualGan
from generator.networks.sargan import Sargan, SarganConfig
from generator.networks.stargan import Stargan, StarganConfig
from generator.networks.stgan import Stgan, StganConfig
from generator.networks.td_gan import TdGan, TdGanConfig
from generator.networks.two_stage import TwoStage, TwoStageConfig
from generator.training.config import Recipe, of_type, recipe

LARGEST_SETTING = 4096  # of widths, lengths and numbers of blocks
PLAIN = partial(recipe, image_size=0)  # as a two-stage network, at the rate for small images


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network that can be trained by name.

    Attributes:
        name: As in `--architecture`.
        config: Makes its configuration; a dataclass whose fields with a default are its settings.
        network: Makes an untrained network of one.
        recipe: Returns by name how it is trained; as a two-stage network, if nothing is said.
        fixed: Fields of the configuration that this name stands for.
    """

    name: str
    config: Callable[..., Shape]
    network: type[Network]
    recipe: Callable[[str], Recipe] = PLAIN
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Side of its images, pixels, unless a setting says otherwise."""
        return self.configure(1, {}).size

    @property
    def channels(self) -> int:
        """Channels of its images: 3 is RGB, 1 is gray; unless a setting says otherwise."""
        return self.configure(1, {}).channels

    def configure(self, code_size: int, changes: Mapping[str, Any]) -> Shape:
        """Return the configuration of a network.

        Args:
            code_size: Length of the one-hot code.
            changes: Settings that differ from their defaults.

        Raises:
            ConfigError: A setting is unknown, or its value is of the wrong type or range.
        """
        known = {
            f.name: type(f.default)
            for f in fields(self.config)  # type: ignore[arg-type]
            if f.default is not MISSING and f.name not in self.fixed
        }
        for name, value in changes.items():
            if name not in known:
                raise ConfigError(
                    f"{self.name} has no setting {name!r}; {did_you_mean(name, sorted(known))}"
                )
            of_type(value, known[name], f"{self.name}: {name}")
            if isinstance(value, int | float) and abs(value) > LARGEST_SETTING:
                raise ConfigError(
                    f"{self.name}: {name} is {value:g}, more than {LARGEST_SETTING:,}; no network"
                    " of this size can be trained"
                )
        try:
            return self.config(code_size=code_size, **self.fixed, **changes)
        except ValueError as error:
            raise ConfigError(f"{self.name}: {error}") from error

    def build(self, code_size: int, changes: Mapping[str, Any]) -> Network:
        """Return an untrained network; see `configure`."""
        return self.network(self.configure(code_size, changes))


def _two_stage(size: int, channels: int) -> Architecture:
    fixed = {"size": size, "channels": channels}
    recipes = partial(recipe, image_size=size)
    return Architecture(f"two-stage-{size}", TwoStageConfig, TwoStage, recipes, fixed)


def _mindseye(size: int) -> Architecture:
    name, fixed = f"mindseye-{size}", {"size": size}
    return Architecture(name, MindseyeConfig, Mindseye, mindseye.recipe, fixed)


ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        _two_stage(60, 3),
        _two_stage(32, 1),
        _mindseye(60),
        _mindseye(32),
        Architecture("sargan", SarganConfig, Sargan, sargan.recipe),
        Architecture("stargan", StarganConfig, Stargan, stargan.recipe),
        Architecture("stgan", StganConfig, Stgan, stgan.recipe),
        Architecture("residual-gan", CoderConfig, ResidualGan, coders.recipe),
        Architecture("caae", CaaeConfig, Caae, coders.recipe),
        Architecture("dr-gan", DrGanConfig, DrGan, coders.recipe),
        Architecture("td-gan", TdGanConfig, TdGan, coders.recipe),
    )
}


def architecture(name: str) -> Architecture:
    """Return an architecture by name.

    Raises:
        ConfigError: There is none of that name.
    """
    if name not in ARCHITECTURES:
        raise ConfigError(f"There is no architecture {name!r}; {did_you_mean(name, ARCHITECTURES)}")
    return ARCHITECTURES[name]
