"""Compacting: what was removed goes from disk, small shards become large ones.

Each new shard is committed with the placements that it takes over; the old files stay until a
generation without them is published. A compaction killed anywhere is finished by the next.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

from gallery.catalogue.records import ShardRow, SpaceRow
from index import store
from retrieval.collection.collection import Collection
from retrieval.collection.finding import Checking
from retrieval.collection.leftovers import sweep
from retrieval.collection.publish import publish
from retrieval.collection.shard_rewrite import rewrite

SHARD_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a compaction did.

    Attributes:
        shards_before: Shards of all spaces, before.
        shards_after: Shards of all spaces, when it was done.
        rows_dropped: Vectors taken from disk.
        files_removed: Files that belonged to nothing.
        forgotten: Images of which only the SHA-256 is kept.
    """

    shards_before: int
    shards_after: int
    rows_dropped: int
    files_removed: int
    forgotten: int


def to_text(done: Compacted) -> str:
    """Say what a compaction did, in a line."""
    return (
        f"{done.rows_dropped} vectors taken from disk, {done.shards_before} shards are now"
        f" {done.shards_after}, {done.files_removed} needless files removed"
    )


def compact(collection: Collection) -> Generator[Checking, None, Compacted]:
    """Take from disk what no answer needs.

    Args:
        collection: Held for writing. Its readers go on; those that are opening the generation
            before the last may have to try again.

    Yields:
        Progress.

    Raises:
        IndexFileError: A shard that is to be written anew is damaged: `index verify` says how to
            go on. What was finished is kept.
    """
    spaces = collection.catalogue.spaces
    before, rows_before = _extent(collection)
    removed = 0
    for space in spaces.all():
        dimension = collection.contract(space).dimension
        groups = plan(spaces.shards(space.id), spaces.shard_rows(space.id), dimension)
        for done, group in enumerate(groups, start=1):
            rewrite(collection, space.name, group)
            yield Checking(f"compacting {space.name}", done, len(groups))
        if space.generation is not None:
            publish(collection, space.name)
        removed += _clear(collection, spaces.get(space.name))
    forgotten = collection.catalogue.images.purge()
    collection.catalogue.vacuum()
    after, rows_after = _extent(collection)
    return Compacted(before, after, rows_before - rows_after, removed, forgotten)


def plan(
    shards: Sequence[ShardRow], needed: Mapping[int, int], dimension: int
) -> list[list[ShardRow]]:
    """Choose the shards to be written anew, in groups that become one shard each.

    A shard stays if all of its rows are needed, and it is large, or alone in its group.

    Args:
        shards: The shards of a space, in order.
        needed: Rows of each that are still needed, by number.
        dimension: Length D of an embedding.
    """
    most = max(1, SHARD_BYTES // (4 * dimension))
    groups: list[list[ShardRow]] = [[]]
    rows = 0
    for shard in shards:
        live = needed.get(shard.number, 0)
        if live == shard.rows and 2 * live >= most:
            continue
        if groups[-1] and rows + live > most:
            groups.append([])
            rows = 0
        groups[-1].append(shard)
        rows += live
    return [group for group in groups if not _is_well(group, needed)]


def _is_well(group: Sequence[ShardRow], needed: Mapping[int, int]) -> bool:
    return not group or (len(group) == 1 and needed.get(group[0].number, 0) == group[0].rows)


def _clear(collection: Collection, space: SpaceRow) -> int:
    """Remove old generations and files that belong to nothing."""
    if space.generation is not None:
        directory = collection.space_dir(space.name)
        store.remove_generations(directory, before=space.generation)
    return sweep(collection, space)


def _extent(collection: Collection) -> tuple[int, int]:
    """Count shards, and rows in them."""
    spaces = collection.catalogue.spaces
    shards = [row for space in spaces.all() for row in spaces.shards(space.id)]
    return len(shards), sum(row.rows for row in shards)
