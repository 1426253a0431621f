"""When Python looks for garbage: not while a short command starts, nor when a process ends.

Importing torch makes hundreds of thousands of objects and next to no garbage; each collection walks
over all there are. Both change the whole process, so only the command line does so.
"""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Look for no garbage: for what begins with imports and ends soon after."""
    were = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if were:
            gc.enable()


def leave_at_exit() -> None:
    """Let the end of the process walk over nothing that is still held.

    Source: https://docs.python.org/3/library/gc.html#gc.freeze
    """
    atexit.register(gc.freeze)
