"""Shards that hold rows nobody needs any more: found, and written anew without them.

A row is needed while the catalogue says that its image's vectors are in its shard. Rows of images
that were removed, or embedded again since, are not.
"""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from gallery.catalogue.records import ShardRow, SpaceRow
from index import store
from index.base import Ids, Vectors
from retrieval.collection import Collection


def drop_stale(collection: Collection, space: SpaceRow) -> None:
    """Write anew the shards that hold rows of images which were embedded again since.

    Otherwise two rows of one image would be taken for rival hypotheses about it.
    """
    spaces = collection.catalogue.spaces
    directory = collection.space_dir(space.name)
    needed = spaces.shard_rows(space.id)
    for shard in spaces.shards(space.id):
        if needed.get(shard.number, 0) == shard.rows:
            continue
        ids, _ = store.open_shard(directory, shard.number)
        others = np.setdiff1d(ids, spaces.held_by(space.id, shard.number))
        states = spaces.states(space.id, others.tolist())
        if "indexed" in states.values():
            rewrite(collection, space.name, [shard])


def rewrite(collection: Collection, name: str, old: Sequence[ShardRow]) -> ShardRow | None:
    """Put the rows of some shards that are still needed into one new shard; None if none is.

    The files of the old ones stay where they are: a published generation may be made of them.

    Raises:
        IndexFileError: A shard is missing or damaged: nothing is copied from it.
    """
    spaces = collection.catalogue.spaces
    space = spaces.get(name)
    directory = collection.space_dir(name)
    parts: list[tuple[Ids, Vectors]] = []
    for row in old:
        shard = store.Shard(**asdict(row))
        store.verify_shard(directory, shard)
        ids, embeddings = store.open_shard(directory, shard.number)
        needed = np.isin(ids, spaces.held_by(space.id, row.number))
        if needed.any():
            parts.append((ids[needed], embeddings[needed]))
    new = None
    if parts:
        ids = np.concatenate([ids for ids, _ in parts])
        embeddings = np.concatenate([embeddings for _, embeddings in parts])
        made = store.append_shard(directory, space.last_shard + 1, ids, embeddings)
        new = ShardRow(**asdict(made))
    spaces.replace_shards(space.id, [row.number for row in old], new)
    return new
