"""Which machine this is, for what is measured once and kept; no torch is needed to say it."""

import platform
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from gallery.json_files import spell

CPUINFO = Path("/proc/cpuinfo")
# What tells processors apart, not what changes while they run; the second line is Arm's.
TELLING = {
    *("vendor_id", "cpu family", "model", "model name", "stepping", "microcode", "flags"),
    *("CPU implementer", "CPU architecture", "CPU variant", "CPU part", "CPU revision", "Features"),
}


def processor() -> dict[str, str]:
    """Say which processor this is, and what it can do."""
    said = {"machine": platform.machine()}
    with suppress(OSError), CPUINFO.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            name, _, value = line.partition(":")
            if not line.strip():
                break  # the next core is alike
            if name.strip() in TELLING:
                said[name.strip()] = value.strip()
    return said


def keep_json(path: Path, kept: Mapping[str, Any]) -> None:
    """Write a file that appears whole: other processes may be writing the same.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, delete=False) as temporary:
        try:
            temporary.write(spell(kept, indent=1).encode())
            temporary.close()
            Path(temporary.name).replace(path)
        except BaseException:
            Path(temporary.name).unlink(missing_ok=True)
            raise
