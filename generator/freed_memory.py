"""How large freed blocks of memory are handled; no torch is needed to say it."""

import ctypes
import sys

# glibc's mallopt parameters, from malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_KEPT_BYTES = 1 << 30


def keep_freed_memory() -> bool:
    """Tell glibc to keep large freed blocks instead of giving them back to the system.

    By default every large tensor is mapped and unmapped anew, and the page faults cost more than
    the convolutions of a small network. Changes the whole process, so only the command line calls
    this. Does nothing, and returns False, where there is no glibc.

    Source: mallopt(3).
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    settings = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: _KEPT_BYTES, _M_TOP_PAD: _KEPT_BYTES // 16}
    return all(mallopt(parameter, value) == 1 for parameter, value in settings.items())
