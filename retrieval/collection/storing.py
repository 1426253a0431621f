"""Where the vectors of a batch go: into a shard of the folder, or into the catalogue's database."""

from collections.abc import Sequence
from dataclasses import asdict

from gallery.catalogue.records import ImageState, ShardRow, SpaceRow
from index import store
from index.base import Ids, Vectors
from index.contract import IndexContract
from retrieval.collection import shared_files
from retrieval.collection.collection import Collection

Rows = tuple[Ids, Vectors]  # image of each, (n,); vectors, (n, D)


def keep(
    collection: Collection,
    space: SpaceRow,
    placed: Sequence[ImageState],
    rows: Rows | None,
    number: int,
) -> int:
    """Record what became of a batch of images, with their vectors: all of it, or nothing.

    In a folder the shard is written first, and counts when the catalogue says so. In PostgreSQL
    both are one transaction; rows of images that were removed while they were drawn are left out.

    Args:
        collection: Whose space.
        space: Where.
        placed: What became of the images.
        rows: Vectors of those that are indexed; None where there is none.
        number: Of the shard, in a folder: the first that the catalogue does not know.

    Returns:
        How many shards were written: 0 or 1.
    """
    spaces = collection.catalogue.spaces
    if collection.in_postgres:
        vectors = collection.vectors(space)
        with collection.catalogue.changing():
            spaces.place(space.id, placed, None)
            if rows is not None:
                vectors.upsert(*rows)
        return 0
    shard = None
    if rows is not None:
        made = store.append_shard(collection.space_dir(space.name), number, *rows)
        shard = ShardRow(**asdict(made))
    spaces.place(space.id, placed, shard)
    return int(shard is not None)


def add_space(collection: Collection, name: str, contract: IndexContract) -> SpaceRow:
    """Record a space whose folder holds its contract, and its weights if it has any.

    Raises:
        ConfigError: The engine cannot keep vectors of this length.
        IndexFileError: Another program has just made the space, under another contract.
    """
    spaces = collection.catalogue.spaces
    if not collection.in_postgres:
        return spaces.add(name, contract.digest())
    from index.postgres.vectors import PostgresVectors  # noqa: PLC0415  of an extra

    with collection.catalogue.changing() as session:
        space_id = spaces.add_within(name, contract.digest())
        if space_id is not None:
            PostgresVectors.create(session, space_id, name, contract)
            shared_files.put(session, space_id, collection.space_dir(name))
    space = spaces.get(name)
    if space_id is None:
        collection.fetch()
        collection.contract(space).require_same(contract, what=f"The space {name}")
    return space


def share(collection: Collection, space: SpaceRow) -> None:
    """Tell other machines of weights or a card that are new in the folder."""
    if collection.in_postgres:
        folder = collection.space_dir(space.name)
        with collection.catalogue.changing() as session:
            changed = shared_files.put(session, space.id, folder)
        if changed and space.generation is not None:
            collection.catalogue.spaces.publish_next(space.id)
