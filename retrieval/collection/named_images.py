"""Images named in messages, and shards whose vectors are refused by the names of their images."""

from gallery.catalogue.records import ShardRow
from gallery.errors import IndexFileError
from index.base import Ids
from index.shards import open_shard
from retrieval.collection.collection import Collection
from retrieval.scoring.sound_vectors import are_finite

SHOWN = 3  # images that a message names


def named(collection: Collection, image_ids: Ids) -> str:
    """Name the files of some images, the first ones of many."""
    some = image_ids[:SHOWN].tolist()
    paths = collection.catalogue.images.paths_of(some)
    names = [paths[one][0] if paths.get(one) else f"image {one}" for one in some]
    return ", ".join(names) + (", …" if len(image_ids) > SHOWN else "")


def require_finite(collection: Collection, space: str, shard: ShardRow) -> None:
    """Refuse a shard that holds NaN or infinity.

    Raises:
        IndexFileError: It does, or it is missing or damaged; the message names the images.
    """
    ids, embeddings = open_shard(collection.space_dir(space), shard.number)
    bad = ids[~are_finite(embeddings)]
    if len(bad):
        raise IndexFileError(
            f"in the space {space} the vectors of {named(collection, bad)} hold NaN or infinity"
        )
