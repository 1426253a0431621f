"""Taking in embeddings that were made elsewhere, by the million.

Shapes: n images of one portion, D dimensions of an embedding.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from gallery.attributes import Condition
from gallery.catalogue.records import FileRecord, ImageState
from gallery.errors import CatalogueError
from index import store
from index.base import Vectors
from index.contract import IndexContract
from retrieval.collection.collection import Collection
from retrieval.collection.storing import add_space, keep
from retrieval.scoring.sound_vectors import are_sound
from retrieval.scoring.terms import Layout


@dataclass(frozen=True, slots=True)
class EmbeddedImages:
    """Images that come with their embeddings.

    Attributes:
        offers: One for each image; each holds its SHA-256.
        embeddings: Unit length, (n, D).
        estimates: Condition of each canonical view, or None where nobody estimated.
    """

    offers: tuple[FileRecord, ...]
    embeddings: Vectors
    estimates: tuple[Condition, ...] | None = None


def add_embedded(
    collection: Collection, name: str, contract: IndexContract, portions: Iterable[EmbeddedImages]
) -> Iterator[int]:
    """Add embeddings to a space, one shard for each portion; publishing is the caller's.

    A portion is finished when its shard is on disk and the catalogue says so; what is in the space
    already is passed over. Memory holds one portion.

    Args:
        collection: Held for writing.
        name: Name of the space; it is made if there is none.
        contract: Under which the embeddings were made.
        portions: Some thousands of images each.

    Yields:
        Images taken in so far.

    Raises:
        IndexFileError: The space has another contract.
        CatalogueError: An offer has no SHA-256, or its embedding is none of this space: NaN,
            infinite, of another length; the message names the image. What came before is kept.
    """
    directory = collection.space_dir(name)
    spaces = collection.catalogue.spaces
    store.write_contract(directory, contract)
    if name not in {space.name for space in spaces.all()}:
        add_space(collection, name, contract)
    space = spaces.get(name)
    layout = Layout.of_contract(contract)
    taken = 0
    for portion in portions:
        _require_sound(portion, contract, layout)
        image_ids = collection.catalogue.images.register(portion.offers)
        present = [image_id for image_id in image_ids if image_id is not None]
        if len(present) != len(portion.embeddings):
            raise CatalogueError("Every image needs its SHA-256, and one embedding")
        states = spaces.states(space.id, present)
        first: dict[int, int] = {}
        for place, image_id in enumerate(present):
            first.setdefault(image_id, place)
        new = [i for i in first if i not in states]
        if new:
            places = [first[image_id] for image_id in new]
            number = spaces.get(name).last_shard + 1
            ids = np.array(new, dtype=np.int64)
            estimates = portion.estimates
            placed = [
                ImageState(i, "indexed", estimate=estimates[place] if estimates else None)
                for i, place in zip(new, places, strict=True)
            ]
            keep(collection, space, placed, (ids, portion.embeddings[places]), number)
        taken += len(new)
        yield taken


def _require_sound(portion: EmbeddedImages, contract: IndexContract, layout: Layout) -> None:
    """Refuse embeddings that no image of this space could have."""
    shape = portion.embeddings.shape
    if shape[1:] != (contract.dimension,):
        raise CatalogueError(
            f"Embeddings must have {contract.dimension} numbers each, as the contract says; got an"
            f" array of shape {shape}"
        )
    bad = np.flatnonzero(~are_sound(portion.embeddings, layout))
    if not len(bad):
        return
    first = portion.offers[int(bad[0])].path if bad[0] < len(portion.offers) else "image of none"
    length = float(np.linalg.norm(portion.embeddings[bad[0]].astype(np.float64)))
    wrong = "holds NaN or infinity" if not np.isfinite(length) else f"has length {length:.4g}"
    raise CatalogueError(
        f"The embedding of {first} {wrong}, as {len(bad)} of {len(portion.embeddings)} are not what"
        " the contract says: parts of unit length, log p over 10 from -1 to 0"
        f"{', and the column to one length' if layout.column else ''}. Make them anew, or leave"
        " these images out"
    )
