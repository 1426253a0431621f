"""What answers the searches of a space as the catalogue has it now, wherever its vectors are.

Shapes: Q probes, K results, D dimensions of an embedding.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from gallery.catalogue.records import SpaceRow
from gallery.catalogue.store import Catalogue
from gallery.errors import CatalogueError
from index.backend import EVERYTHING, Limit
from index.base import Ids, Neighbours, StoredVectors, Vectors
from index.contract import IndexContract
from retrieval.collection.collection import Collection
from retrieval.search.live_index import LiveIndex


class Live(Protocol):
    """A space's vectors, open for searches; removals are obeyed at once."""

    @property
    def space(self) -> SpaceRow:
        """The space, as it was when last looked at."""

    def find(self, probes: Vectors, k: int, limit: Limit = EVERYTHING) -> Neighbours:
        """Find the k best images for each probe, (Q, D) -> (Q, K); fewer where fewer remain.

        Raises:
            IndexFileError: What counts now cannot be opened or read: there is no answer then, and
                the next search tries again.
            CatalogueError: The catalogue or the engine cannot be asked.
        """

    def stored(self, images: Ids) -> StoredVectors:
        """Copy the vectors of some images, (n,), rising: those found last, or that can be found."""

    def refresh(self) -> None:
        """Take over what the catalogue now knows."""


def open_live(
    collection: Collection, space: SpaceRow, contract: IndexContract, device: str
) -> Live:
    """Open what answers the searches of a space.

    Args:
        collection: Whose space.
        space: Which.
        contract: Terms of the probes that will search.
        device: Where FAISS computes: "cpu" or "cuda".

    Raises:
        CatalogueError: Nothing was published in the space.
        IndexFileError: The vectors were made under another contract, or are damaged.
    """
    if collection.in_postgres:
        return LivePostgres(collection, space, contract)
    return LiveIndex(collection, space, contract, device)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Images of which an expression is true; see `index.backend.Choice`.

    Attributes:
        catalogue: That knows them.
        where: The expression.
        space_id: Whose estimates and states it means.
    """

    catalogue: Catalogue
    where: str
    space_id: int

    def ids(self) -> Ids:
        """Return them, rising."""
        return self.catalogue.images.matching(self.where, self.space_id)

    def select(self) -> Any:  # noqa: ANN401  a SELECT of SQLAlchemy
        """Return a SELECT of their ids."""
        return self.catalogue.images.matching_query(self.where, self.space_id)

    def milvus(self) -> str:
        """Spell the expression in Milvus's language."""
        raise NotImplementedError


class LivePostgres:
    """The vectors of a space in PostgreSQL.

    There is nothing to take over before a search: the database answers from what is committed. A
    generation says how it is searched, and that weights or card may have changed.
    """

    def __init__(self, collection: Collection, space: SpaceRow, contract: IndexContract) -> None:
        """Open them.

        Raises:
            CatalogueError: Nothing was published in the space.
            IndexFileError: They were made under another contract.
        """
        if space.generation is None:
            raise CatalogueError(
                f"Nothing has been published in the space {space.name} yet; finish its"
                " build with `mindseye index build … --resume`"
            )
        collection.contract(space).require_same(contract, what=f"The space {space.name}")
        self._collection = collection
        self._space = space
        self._vectors = collection.vectors(space)

    @property
    def space(self) -> SpaceRow:
        """The space, as it was when last looked at."""
        return self._space

    def find(self, probes: Vectors, k: int, limit: Limit = EVERYTHING) -> Neighbours:
        """Find the k best images for each probe; see `Live.find`."""
        self.refresh()
        return self._vectors.search(probes, k, limit)

    def stored(self, images: Ids) -> StoredVectors:
        """Copy the vectors of some images; see `Live.stored`.

        Those found last are at hand, though they may have been removed since.
        """
        found = self._vectors.found
        if not np.isin(images, found.ids).all():
            return self._vectors.stored(images)
        wanted = np.isin(found.ids, images)
        return StoredVectors(found.ids[wanted], found.vectors[wanted])

    def refresh(self) -> None:
        """Take over how the space is searched, where something was published since."""
        before, catalogue = self._space, self._collection.catalogue
        catalogue.recover()
        if catalogue.spaces.mark(before.id) == (before.generation, before.removals):
            return
        space = catalogue.spaces.get(before.name)
        if space.generation != before.generation:
            self._collection.fetch()
            self._vectors.refresh()
        self._space = space
