"""Repair: let go of what is damaged, so that a build can make it again."""

from collections.abc import Sequence

import numpy as np

from gallery.catalogue.records import ShardRow, SpaceRow
from index import store
from retrieval.collection import verify_postgres
from retrieval.collection.collection import Collection
from retrieval.collection.finding import Finding
from retrieval.collection.leftovers import sweep
from retrieval.collection.publish import publish
from retrieval.collection.shard_rewrite import images_with_all_rows, rewrite

LOST = ("shard-missing", "shard-damaged", "vector-damaged")


def repair(collection: Collection, findings: Sequence[Finding]) -> int:
    """Mend what can be mended without the images; the rest becomes pending.

    Vectors of damaged shards, and rows without vectors, are let go: a build of the SPEC they came
    from embeds those images again. Vectors without a row are dropped. The index is made anew.

    Args:
        collection: Held for writing.
        findings: What `verify` found.

    Returns:
        How many images are pending because of it.
    """
    pending = 0
    spaces = collection.catalogue.spaces
    for space in spaces.all():
        ours = [one for one in findings if one.space == space.name]
        if collection.in_postgres:
            pending += verify_postgres.mend(collection, space)
            if ours and space.generation is not None:
                publish(collection, space.name)
            continue
        for one in ours:
            if one.kind in LOST and one.number is not None:
                pending += len(spaces.forget_shard(space.id, one.number))
        if any(one.kind == "row-without-vector" for one in ours):
            pending += _forget_rows_without_vector(collection, space.name)
        _drop_strangers(collection, space.name, ours)
        if ours and space.generation is not None:
            publish(collection, space.name)  # what is damaged of an index is made anew
        sweep(collection, spaces.get(space.name))
    return pending


def _forget_rows_without_vector(collection: Collection, name: str) -> int:
    spaces = collection.catalogue.spaces
    space = spaces.get(name)
    without = set(spaces.placed_ids(space.id, "indexed"))
    for row in spaces.shards(space.id):
        ids, _ = store.open_shard(collection.space_dir(name), row.number)
        without -= set(images_with_all_rows(collection, space.id, row.number, ids).tolist())
    halved = [
        row for row in spaces.shards(space.id) if _holds_some(collection, space, row, without)
    ]
    spaces.forget_placements(space.id, sorted(without))
    for row in halved:
        rewrite(collection, name, [row])
    return len(without)


def _holds_some(collection: Collection, space: SpaceRow, row: ShardRow, without: set[int]) -> bool:
    """Say whether a shard holds one of two vectors of some image."""
    here = without & set(collection.catalogue.spaces.held_by(space.id, row.number).tolist())
    if not here:
        return False
    ids, _ = store.open_shard(collection.space_dir(space.name), row.number)
    return bool(np.isin(ids, list(here)).any())


def _drop_strangers(collection: Collection, name: str, findings: Sequence[Finding]) -> None:
    numbers = {one.number for one in findings if one.kind == "vector-without-row"}
    space = collection.catalogue.spaces.get(name)
    for row in collection.catalogue.spaces.shards(space.id):
        if row.number in numbers:
            rewrite(collection, name, [row])
