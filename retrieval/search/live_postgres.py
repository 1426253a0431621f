"""The vectors of a space in PostgreSQL, open for searches.

Shapes: Q probes, K results, D dimensions of an embedding.
"""

import numpy as np

from gallery.catalogue.records import SpaceRow
from gallery.errors import CatalogueError
from index.backend import EVERYTHING, Limit
from index.base import Ids, Neighbours, StoredVectors, Vectors
from index.contract import IndexContract
from retrieval.collection.collection import Collection


class LivePostgres:
    """The vectors of a space in PostgreSQL.

    There is nothing to take over before a search: the database answers from what is committed. A
    generation says how it is searched, and that weights or card may have changed; a search learns
    of it with its answer.
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
        found = self._vectors.search(probes, k, limit)
        if self._vectors.mark != (self._space.generation, self._space.removals):
            self.refresh()
        return found

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
