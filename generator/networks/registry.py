"""The architectures by name, and the module of each: imported when it is asked for, alone.

Importing this loads no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from gallery.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from generator.networks.architecture import Architecture

ARCHITECTURES = {  # name: the module whose ARCHITECTURES holds it
    "two-stage-60": "generator.networks.two_stage",
    "two-stage-32": "generator.networks.two_stage",
    "mindseye-60": "generator.networks.mindseye",
    "mindseye-32": "generator.networks.mindseye",
    "sargan": "generator.networks.sargan",
    "stargan": "generator.networks.stargan",
    "stgan": "generator.networks.stgan",
    "ganimation": "generator.networks.ganimation",
    "tfem": "generator.networks.tfem",
    "dai2i": "generator.networks.dai2i",
    "residual-gan": "generator.networks.residual_gan",
    "caae": "generator.networks.caae",
    "dr-gan": "generator.networks.dr_gan",
    "td-gan": "generator.networks.td_gan",
}
MAY_FUSE = frozenset({"dr-gan"})  # some of their networks draw one person from several images


def architecture(name: str) -> "Architecture":
    """Return an architecture by name.

    Raises:
        ConfigError: There is none of that name.
    """
    if name not in ARCHITECTURES:
        raise ConfigError(f"There is no architecture {name!r}; {did_you_mean(name, ARCHITECTURES)}")
    module = import_module(ARCHITECTURES[name])
    found: Architecture = {one.name: one for one in module.ARCHITECTURES}[name]
    return found
