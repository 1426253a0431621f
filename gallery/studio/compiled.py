"""The compiler of inner loops. Importing this without numba is an error that names the extra."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from gallery.errors import ConfigError

try:
    from numba import njit
except ImportError as error:
    raise ConfigError(
        "Drawing faces needs numba, which is not installed; install it with the extra:"
        " pip install 'mindseye[studio]'"
    ) from error

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a function of arrays and numbers; the machine code is kept for the next process.

    Fast-math stays off, and no loop runs in parallel: the same input gives the same output.
    """
    return cast("F", njit(cache=True, nogil=True)(function))
