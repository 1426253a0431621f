"""What an architecture says of itself: how a network of it is configured, built and trained."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import partial
from typing import Any

from gallery.errors import ConfigError, did_you_mean
from generator.networks.family import Network, Shape
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
