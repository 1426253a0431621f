"""Networks compiled for this machine, kept for the user's next processes.

A folder for each network, processor and version of OpenVINO holds what was compiled and what was
measured; under others, or where it is damaged, it is made anew. Deleting the folder does no harm.
"""

import hashlib
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from gallery import files
from gallery.errors import ConfigError
from gallery.files import file_sha256, write_whole
from gallery.json_files import read, spell
from generator.machine import keep_json, processor
from generator.openvino.library import Compiled, load, openvino

FORMAT = 1  # of what is exported; another one is made anew
SAID = "made.json"


def folder() -> Path:
    """Return where it is kept.

    Raises:
        RuntimeError: The user has no home.
    """
    return Path.home() / ".cache" / "mindseye" / "openvino"


@dataclass(frozen=True, slots=True)
class Kept:
    """What was made of a network.

    Attributes:
        path: Its folder.
        said: What was measured; see generator/openvino/export.py.
        refused: Why OpenVINO cannot run it; empty if it can.
    """

    path: Path
    said: Mapping[str, Any]
    refused: str = ""

    @property
    def is_faster(self) -> bool:
        """Whether a query in a new process took no longer than with torch, all together."""
        parts = self.said["ms"], self.said["import_ms"]
        mine, other = (sum(part[name] for part in parts) for name in ("openvino", "torch"))
        return bool(mine <= other)

    def network(self, name: str) -> Compiled:
        """Open a network that was kept, and whose hash was compared."""
        return load(self.path / f"{name}.blob")


def place_of(of: Mapping[str, Any]) -> Path:
    """Return the folder of a network on this machine.

    Args:
        of: What tells the network from all others.

    Raises:
        RuntimeError: The user has no home.
    """
    about = {**of, "format": FORMAT, "openvino": openvino().__version__, "on": processor()}
    return folder() / hashlib.sha256(spell(about).encode()).hexdigest()[:24]


def find(place: Path) -> Kept | None:
    """Return what was kept at a place; None where nothing whole is."""
    with suppress(ConfigError, OSError, KeyError, TypeError, AttributeError):
        told = read(place / SAID, ConfigError, "It is made anew")
        if all(file_sha256(place / name) == known for name, known in told["files"].items()):
            return Kept(place, told["said"], str(told["refused"]))
    return None


def require_writable(place: Path) -> None:
    """Refuse a place where nothing can be kept, before anything long is done.

    Raises:
        OSError: Its folder cannot be made or written.
    """
    files.require_writable(place.parent / "made")


def keep(
    place: Path, networks: Mapping[str, Compiled], said: Mapping[str, Any], refused: str = ""
) -> Kept:
    """Keep what was made; it appears whole, as other processes may be making the same.

    Args:
        place: Where; see `place_of`.
        networks: By name.
        said: What was measured.
        refused: Why OpenVINO cannot run it; empty if it can.

    Raises:
        OSError: It cannot be written.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    made = Path(mkdtemp(dir=place.parent, prefix=".making-"))
    try:
        for name, network in networks.items():
            write_whole(made / f"{name}.blob", network.blob())
        hashes = {path.name: file_sha256(path) for path in sorted(made.glob("*.blob"))}
        keep_json(made / SAID, {"files": hashes, "said": said, "refused": refused})
        if find(place) is None:
            shutil.rmtree(place, ignore_errors=True)
            with suppress(OSError):  # another process was first
                made.rename(place)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    found = find(place)
    if found is None:
        raise OSError(f"{place} cannot be written")
    return found
