"""A space's own copy of its weights."""

import shutil
from pathlib import Path

from gallery.errors import WeightsError
from gallery.files import file_sha256, replacing, write_whole


def copy_card(source: Path, target: Path) -> None:
    """Copy the card of weights that are there already, if it says something else."""
    here, there = target.with_suffix(".json"), source.with_suffix(".json")
    if here.read_bytes() != there.read_bytes():
        write_whole(here, there.read_bytes())


def copy_weights(source: Path, target: Path, sha256: str) -> None:
    """Copy weights and card, card last, unless they are there.

    Raises:
        WeightsError: The source has changed since it was loaded.
    """
    if source.resolve() == target.resolve():
        return
    for suffix in (".safetensors", ".json"):
        with replacing(target.with_suffix(suffix)) as partial:
            shutil.copyfile(source.with_suffix(suffix), partial)
            if suffix == ".safetensors" and file_sha256(partial) != sha256:
                raise WeightsError(f"{source} has changed while it was in use; build again")
