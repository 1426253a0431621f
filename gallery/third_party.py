"""Files of installed packages of others, whose code is not run."""

from importlib.util import find_spec
from pathlib import Path

from gallery.errors import ConfigError


class MissingPackageError(ConfigError):
    """A package of others is not installed; the message says how to install it."""


def package_file(package: str, *parts: str, install: str) -> Path:
    """Find a file of an installed package, whose code is not run.

    Args:
        package: Name of the package.
        parts: Path of the file inside it.
        install: How to install it, for the message.

    Raises:
        MissingPackageError: It is not installed, or has no such file.
    """
    found = find_spec(package)
    for folder in found.submodule_search_locations or [] if found else []:
        path = Path(folder).joinpath(*parts)
        if path.is_file():
            return path
    raise MissingPackageError(f"the package {package} is not installed; {install}")
