"""The vectors of a space that Milvus searches, open for searches.

Shapes: Q probes, K results, D dimensions of an embedding.
"""

import numpy as np

from gallery.catalogue.records import SpaceRow
from gallery.errors import IndexFileError
from index.backend import EVERYTHING, Limit
from index.base import Neighbours, Vectors
from index.contract import IndexContract
from retrieval.collection.collection import Collection
from retrieval.collection.milvus_copy import MilvusSettings, open_vectors, read_settings
from retrieval.search.live_index import LiveIndex


class LiveMilvus(LiveIndex):
    """The vectors of a space in a folder, which Milvus searches.

    The catalogue says what was removed since Milvus was told. Where Milvus brings fewer images than
    are wanted, the vectors in the folder are compared one by one.

    Attributes:
        milvus: The vectors there.
    """

    def __init__(self, collection: Collection, space: SpaceRow, contract: IndexContract) -> None:
        """Open the generation that answers queries now, and connect to Milvus.

        Raises:
            CatalogueError: Nothing was published in the space.
            IndexFileError: The vectors were made under another contract, or Milvus has none of it.
            DatabaseFailedError: Milvus is away.
        """
        super().__init__(collection, space, contract, "cpu")
        self._settings = read_settings(collection.space_dir(space.name)) or MilvusSettings()
        self.milvus = collection.keep_open(
            open_vectors(collection, space, contract, self._settings.breadth)
        )
        if not self.milvus.exists():
            raise IndexFileError(
                f"Milvus at {collection.engine and collection.engine.text} holds no vectors of the"
                f" space {space.name}: mindseye index build of any SPEC fills it again"
            )

    def find(self, probes: Vectors, k: int, limit: Limit = EVERYTHING) -> Neighbours:
        """Find the k best images for each probe; see `Live.find`."""
        before = self.space
        self.refresh()
        if self.space.generation != before.generation:
            directory = self._collection.space_dir(self.space.name)
            self._settings = read_settings(directory) or self._settings
            self.milvus.breadth = self._settings.breadth
        excluded = np.union1d(self.removed, limit.excluded)
        found = self.milvus.search(probes, k, Limit(limit.among, excluded))
        if found.ids.shape[1] == k:
            return found
        return super().find(probes, k, limit)
