"""Files in a space that belong to nothing: of builds that were killed, of shards written anew."""

import shutil
from pathlib import Path

from gallery.catalogue.records import SpaceRow
from retrieval.collection.collection import Collection


def stray_files(collection: Collection, space: SpaceRow) -> list[Path]:
    """List files and folders of a space that neither the catalogue nor its generation names."""
    directory = collection.space_dir(space.name)
    known = {f"{row.number:06d}" for row in collection.catalogue.spaces.shards(space.id)}
    shards = [
        path
        for path in sorted((directory / "embeddings").glob("*"))
        if path.name.partition(".")[0] not in known or path.suffix == ".tmp"
    ]
    kept = {f"{space.generation or 0:06d}", f"{(space.generation or 0) - 1:06d}"}
    generations = [
        path for path in sorted((directory / "index").glob("*")) if path.name not in kept
    ]
    partial = sorted(directory.glob("*.tmp"))
    return [*shards, *generations, *partial]


def sweep(collection: Collection, space: SpaceRow) -> int:
    """Remove what `stray_files` lists; return how many there were."""
    stray = stray_files(collection, space)
    for path in stray:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(stray)
