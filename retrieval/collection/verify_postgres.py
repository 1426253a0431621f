"""What may be wrong with the vectors of a space in PostgreSQL: found, and let go of.

Shapes: n rows, D dimensions of an embedding.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gallery.catalogue.records import SpaceRow
from gallery.errors import IndexFileError
from index.base import Ids
from retrieval.collection.collection import Collection
from retrieval.collection.finding import REPAIR, Finding
from retrieval.collection.named_images import named
from retrieval.scoring.sound_vectors import are_sound
from retrieval.scoring.terms import Layout


@dataclass(frozen=True, slots=True)
class Faults:
    """Images of a space whose vectors are not as the catalogue says.

    Attributes:
        lacking: Indexed, and without a vector, or without the second of two, rising.
        strange: With a vector, and not indexed, rising.
        unsound: With a vector that holds NaN or infinity, or is of another length, rising.
    """

    lacking: Ids
    strange: Ids
    unsound: Ids


def faults(collection: Collection, space: SpaceRow) -> Faults:
    """Compare the vectors of a space with its catalogue, each of them.

    Raises:
        IndexFileError: The space has none, or they were made under another contract.
    """
    layout = Layout.of_contract(collection.contract(space))
    found, unsound = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for ids, vectors in collection.vectors(space).rows():
        found.append(ids)
        unsound.append(ids[~are_sound(vectors, layout)])
    images, counts = np.unique(np.concatenate(found), return_counts=True)
    spaces = collection.catalogue.spaces
    indexed = np.array(spaces.placed_ids(space.id, "indexed"), dtype=np.int64)
    doubled = spaces.doubled(space.id)
    halved = np.setdiff1d(doubled, images[counts > 1])
    return Faults(
        np.union1d(np.setdiff1d(indexed, images), halved),
        np.setdiff1d(images, indexed),
        np.unique(np.concatenate(unsound)),
    )


def findings(collection: Collection, space: SpaceRow) -> Iterator[Finding]:
    """Yield what is not as it should be."""
    try:
        found = faults(collection, space)
    except IndexFileError as error:
        what = "index-of-another-contract" if "another contract" in str(error) else "index-missing"
        yield Finding(kind=what, what=str(error), todo=REPAIR, space=space.name)
        return
    told = (
        ("row-without-vector", found.lacking, "images are said to be indexed and lack a vector"),
        ("vector-without-row", found.strange, "images have a vector and are not indexed"),
        ("vector-damaged", found.unsound, "images have a vector that is not what it should be"),
    )
    for kind, ids, what in told:
        if len(ids):
            shown = f"{len(ids)} {what}: {named(collection, ids)}"
            yield Finding(kind=kind, what=shown, todo=REPAIR, space=space.name)
    if space.generation is None and len(collection.vectors(space).ids()):
        todo = "mindseye index build … --resume"
        what = "nothing was published yet"
        yield Finding(kind="index-missing", what=what, todo=todo, space=space.name)


def mend(collection: Collection, space: SpaceRow) -> int:
    """Let go of what is wrong; a build makes it again.

    Returns:
        How many images are pending because of it.
    """
    found = faults(collection, space)
    wrong = np.union1d(found.lacking, found.unsound)
    collection.catalogue.spaces.forget_placements(space.id, wrong.tolist())
    vectors = collection.vectors(space)
    with collection.catalogue.changing():
        vectors.delete(np.union1d(wrong, found.strange))
    return len(wrong)
