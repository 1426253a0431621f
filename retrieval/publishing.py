"""Publishing: make what the catalogue says of a space answer its queries."""

from dataclasses import asdict

import numpy as np

from gallery.errors import IndexFileError
from index import store
from index.base import Ids
from retrieval.collection import Collection


def publish(collection: Collection, name: str, kind: str | None = None) -> None:
    """Make a new generation of a space, if anything has changed since the last one.

    A generation is derived: it is made of shards and catalogue, without images and weights. Rows of
    images that are no longer indexed are left out. Of older generations the last one is kept, for
    readers that are about to open it.

    Args:
        collection: Held for writing.
        name: Of the space.
        kind: Of index: "exact", "flat", or None for that of the last generation.
    """
    spaces = collection.catalogue.spaces
    directory = collection.space_dir(name)
    space = spaces.get(name)
    current = _manifest(collection, name, space.generation)
    kind = kind or (current.kind if current else "exact")
    shards = [store.Shard(**asdict(row)) for row in spaces.shards(space.id)]
    in_shards = [store.open_shard(directory, shard.number)[0] for shard in shards]
    indexed = np.array(spaces.placed_ids(space.id, "indexed"), dtype=np.int64)
    excluded = np.setdiff1d(np.concatenate([np.empty(0, np.int64), *in_shards]), indexed)
    if current and _is_of(current, kind, shards, excluded):
        return
    generation = (space.generation or 0) + 1
    contract = store.read_contract(directory)
    store.publish(directory, generation, kind, contract, shards, excluded)
    spaces.publish(space.id, generation)
    store.remove_generations(directory, before=generation - 1)


def _manifest(collection: Collection, name: str, generation: int | None) -> store.Manifest | None:
    """Return the manifest of a generation, or None of one that is lost: it is derived."""
    directory = collection.space_dir(name)
    if generation is None:
        return None
    try:
        manifest = store.read_manifest(directory, generation)
        if manifest.vectors:
            store.open_index(directory, generation, store.read_contract(directory))
    except IndexFileError:
        return None
    return manifest


def _is_of(manifest: store.Manifest, kind: str, shards: list[store.Shard], excluded: Ids) -> bool:
    same = (manifest.kind, manifest.shards) == (kind, tuple(shards))
    return same and manifest.excluded == len(excluded)
