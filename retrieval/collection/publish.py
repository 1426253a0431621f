"""Publishing: make what the catalogue says of a space answer its queries."""

from collections.abc import Generator, Iterator
from dataclasses import asdict

import numpy as np

from gallery.catalogue.records import SpaceRow
from gallery.errors import IndexFileError
from index import store
from index.base import Ids
from index.kinds import QUANTISED
from retrieval.collection.collection import Collection
from retrieval.collection.query_shape import advice, query_shape

GRAPHS_AND_CODES = ("hnsw", *QUANTISED)


def publish(collection: Collection, name: str, request: store.Request | None = None) -> None:
    """Publish a space without saying how far it is; see `publishing`."""
    for _ in publishing(collection, name, request):
        pass


def publishing(
    collection: Collection, name: str, request: store.Request | None = None
) -> Iterator[store.PublicationStep]:
    """Make a new generation of a space, if anything has changed since the last one.

    A generation is derived: it is made of shards and catalogue, without images. Rows of images that
    are no longer indexed are left out. It takes over what it can of the last one: an index is
    trained again only if its rows have drifted, its shards are others, or another one is asked for;
    it is tuned again if queries look otherwise, because the weights of a fused score have changed.
    Of older generations the last one is kept, for readers that are about to open it.

    Args:
        collection: Held for writing.
        name: Name of the space.
        request: Kind of index, and what it may cost; None for what was asked of the last
            generation, or kind "exact".

    Yields:
        How far it is; nothing if nothing has changed.

    Raises:
        IndexFileError: A shard is missing or damaged.
        ConfigError: The kind needs FAISS, which is not installed; or no kind fits the memory.
    """
    if collection.in_postgres:
        yield from _publishing_in_postgres(collection, name, request)
        return
    if collection.in_milvus:
        request = yield from _sending_to_milvus(collection, name, request)
    spaces = collection.catalogue.spaces
    directory = collection.space_dir(name)
    space = spaces.get(name)
    current = _manifest(collection, name, space.generation)
    request = request or _asked(current)
    shards = [store.ShardId(**asdict(row)) for row in spaces.shards(space.id)]
    left_out = None if current is None else _left_out(collection, space, current)
    previous = space.generation if current else None
    in_shards = store.row_ids(directory, shards, previous if left_out is not None else None)
    indexed = np.array(spaces.placed_ids(space.id, "indexed"), dtype=np.int64)
    excluded = np.setdiff1d(in_shards, indexed)
    contract = collection.contract(space)
    shape = query_shape(collection, name, contract)
    same = current and (_asked(current), current.shards) == (request, tuple(shards))
    obeyed = same and left_out is not None and np.array_equal(left_out, excluded)
    if current and obeyed and not store.needs_tuning(current, shape):
        return
    generation = (space.generation or 0) + 1
    yield from store.publishing(
        directory, generation, request, contract, shards, excluded, previous=previous, shape=shape
    )
    spaces.publish(space.id, generation)
    if store.read_manifest(directory, generation).kind in GRAPHS_AND_CODES and advice(contract):
        yield store.PublicationStep("publishing", 1, 1, f"Of the space {name} {advice(contract)}")
    store.remove_generations(directory, before=generation - 1)


def _publishing_in_postgres(
    collection: Collection, name: str, request: store.Request | None
) -> Iterator[store.PublicationStep]:
    """Say from when on, and how, the vectors of a space in PostgreSQL are searched."""
    from index.postgres import publishing as postgres  # noqa: PLC0415  of an extra

    space = collection.catalogue.spaces.get(name)
    vectors = collection.vectors(space)
    vectors.refresh()
    current, shape = vectors.settings, query_shape(collection, name, collection.contract(space))
    request = request or store.Request(kind=current.asked, accuracy=current.accuracy)
    same = (current.asked, current.accuracy) == (request.kind, request.accuracy)
    tuned = current.kind == "exact" or current.shape == shape.name
    if space.generation is not None and same and tuned and not current.changed:
        return
    made = yield from postgres.publishing(space.id, vectors, request, shape)
    with collection.catalogue.changing() as session:
        postgres.note(session, space.id, made)
        collection.catalogue.spaces.publish_next(space.id)
    vectors.refresh()


def _sending_to_milvus(
    collection: Collection, name: str, request: store.Request | None
) -> Generator[store.PublicationStep, None, store.Request]:
    """Bring Milvus up to date; return what is asked of the generation of the folder: no index."""
    from retrieval.collection import milvus_copy  # noqa: PLC0415  of an extra

    space = collection.catalogue.spaces.get(name)
    shape = query_shape(collection, name, collection.contract(space))
    asked = milvus_copy.request_of(collection.space_dir(name), request)
    yield from milvus_copy.bringing_up_to_date(collection, space, asked, shape)
    return store.Request()


def _manifest(collection: Collection, name: str, generation: int | None) -> store.Manifest | None:
    """Return the manifest of a generation, or None of one that is lost: it is derived."""
    if generation is None:
        return None
    try:
        return store.read_manifest(collection.space_dir(name), generation)
    except IndexFileError:
        return None


def _left_out(collection: Collection, space: SpaceRow, manifest: store.Manifest) -> Ids | None:
    """Return the images that a generation leaves out; None of one to be made anew.

    That is one without a hash of every file, and one of which a file is damaged.
    """
    if space.generation is None or not manifest.is_hashed:
        return None
    directory = collection.space_dir(space.name)
    try:
        if manifest.vectors:
            store.open_index(directory, space.generation, collection.contract(space))
        return store.read_excluded(directory, space.generation, manifest)
    except IndexFileError:
        return None


def _asked(manifest: store.Manifest | None) -> store.Request:
    if manifest is None:
        return store.Request()
    return store.Request(kind=manifest.asked, memory=manifest.memory, accuracy=manifest.accuracy)
