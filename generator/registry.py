"""The architectures by name."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from gallery.errors import ConfigError, did_you_mean
from generator.config import of_type
from generator.two_stage import TwoStage, TwoStageConfig


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network that can be trained by name.

    Attributes:
        name: As in `--architecture`.
        size: Side of its images, pixels.
        channels: Channels of its images: 3 is RGB, 1 is gray.
        build: Makes an untrained network from the length of the one-hot code and changed fields.
    """

    name: str
    size: int
    channels: int
    build: Callable[[int, Mapping[str, Any]], TwoStage]


def _two_stage(name: str, size: int, channels: int) -> Architecture:
    def build(code_size: int, changes: Mapping[str, Any]) -> TwoStage:
        known = {
            f.name: type(f.default) for f in fields(TwoStageConfig) if f.default is not MISSING
        }
        for field, value in changes.items():
            if field not in known:
                raise ConfigError(
                    f"{name} has no setting {field!r}; {did_you_mean(field, sorted(known))}"
                )
            of_type(value, known[field], f"{name}: {field}")
        try:
            config = TwoStageConfig(size=size, channels=channels, code_size=code_size, **changes)
        except ValueError as error:
            raise ConfigError(f"{name}: {error}") from error
        return TwoStage(config)

    return Architecture(name, size, channels, build)


ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (_two_stage("two-stage-60", 60, 3), _two_stage("two-stage-32", 32, 1))
}


def architecture(name: str) -> Architecture:
    """Return an architecture by name.

    Raises:
        ConfigError: There is none of that name.
    """
    if name not in ARCHITECTURES:
        raise ConfigError(f"There is no architecture {name!r}; {did_you_mean(name, ARCHITECTURES)}")
    return ARCHITECTURES[name]
