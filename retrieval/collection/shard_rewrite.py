"""Shards that hold rows nobody needs any more: found, and written anew without them.

A row is needed while the catalogue says that its image's vectors are in its shard. Rows of images
that were removed, or embedded again since, are not. An image has one row, or two where a second
hypothesis about it is stored (retrieval/scoring/hypotheses.py).

Shapes: n rows of a shard.
"""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from gallery.catalogue.records import ShardRow, SpaceRow
from index import store
from index.base import Ids, Vectors
from index.merge import places_among_equals
from retrieval.collection.collection import Collection


def drop_stale(collection: Collection, space: SpaceRow) -> bool:
    """Write anew the shards that hold rows of images which were embedded again since.

    Otherwise two rows of one image would be taken for rival hypotheses about it.

    Returns:
        Whether there were any; their old files stay until they are swept.
    """
    found = False
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
            found = True
    return found


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
        shard = store.ShardId(**asdict(row))
        store.verify_shard(directory, shard)
        ids, embeddings = store.open_shard(directory, shard.number)
        needed = rows_told_of(collection, space.id, row.number, ids)
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


def rows_told_of(collection: Collection, space_id: int, number: int, ids: Ids) -> NDArray[np.bool_]:
    """Say which rows of a shard the catalogue tells of, (n,).

    Of each image so many as it says there are, the first ones: one, or two.

    Args:
        collection: The collection that holds the shard.
        space_id: Id of the space that holds it.
        number: Number of the shard.
        ids: Image of each row, (n,).
    """
    spaces = collection.catalogue.spaces
    told = np.isin(ids, spaces.held_by(space_id, number)).astype(np.int64)
    told += np.isin(ids, spaces.doubled_in(space_id, number))
    return places_among_equals(ids) < told


def images_with_all_rows(collection: Collection, space_id: int, number: int, ids: Ids) -> Ids:
    """Return the images that have in a shard as many rows as the catalogue says, rising.

    Args:
        collection: The collection that holds the shard.
        space_id: Id of the space that holds it.
        number: Number of the shard.
        ids: Image of each row, (n,).
    """
    spaces = collection.catalogue.spaces
    found = np.intersect1d(ids, spaces.held_by(space_id, number))
    again = ids[places_among_equals(ids) == 1]
    return np.setdiff1d(found, np.setdiff1d(spaces.doubled_in(space_id, number), again))
