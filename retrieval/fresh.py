"""The index of a space as the catalogue has it now: new generations are picked up, removals obeyed.

Before every search the catalogue is asked which generation counts, and whether images were removed
since: two numbers, and nothing more unless one has changed.

Shapes: Q probes, K results, D dimensions of an embedding.
"""

from collections.abc import Sequence

import numpy as np

from gallery.catalogue.records import SpaceRow
from gallery.errors import CatalogueError, IndexFileError
from index.base import Ids, Index, Neighbours, Vectors
from index.contract import IndexContract
from index.store import open_index
from retrieval.collection import Collection

ATTEMPTS = 3  # a generation may be replaced while it is being opened


class FreshIndex:
    """A space's index that follows what is published.

    Attributes:
        space: The space, as it was when last looked at.
        index: Of its generation.
    """

    def __init__(
        self, collection: Collection, space: SpaceRow, contract: IndexContract, device: str
    ) -> None:
        """Open the generation that answers queries now.

        Raises:
            CatalogueError: Nothing was published in the space.
            IndexFileError: The index is damaged, or was made under another contract.
        """
        self._collection = collection
        self._contract = contract
        self._device = device
        self.space = space
        self.index = self._open()
        self._look_for_removals()

    def search(
        self, probes: Vectors, k: int, allowed: Ids | None = None, unwanted: Sequence[int] = ()
    ) -> Neighbours:
        """Find the k best images for each probe, (Q, D) -> (Q, K); fewer where fewer remain.

        Args:
            probes: Unit length, (Q, D).
            k: Images wanted, at least 1.
            allowed: The only ones that may be found, rising; None for all.
            unwanted: Those that may not be found.
        """
        self.refresh()
        excluded = self._removed  # the same array until it changes: it is looked through once
        if len(unwanted):
            excluded = np.union1d(excluded, np.array(unwanted, dtype=np.int64))
        if allowed is None and not len(excluded):
            return self.index.search(probes, min(k, self.index.size))
        return self.index.search(
            probes, k, allowed=allowed, excluded=excluded if len(excluded) else None
        )

    def refresh(self) -> None:
        """Take over the generation and the removals that the catalogue now knows.

        Raises:
            IndexFileError: The new generation cannot be opened.
        """
        before, spaces = self.space, self._collection.catalogue.spaces
        if spaces.mark(before.id) == (before.generation, before.removals):
            return
        self.space = spaces.get(before.name)
        if self.space.generation != before.generation:
            self.index = self._open()
        if self.space != before:
            self._look_for_removals()

    def _look_for_removals(self) -> None:
        spaces = self._collection.catalogue.spaces
        self._removed = spaces.removed_since(self.space.id, self.space.generation or 0)

    def _open(self) -> Index:
        for attempt in range(ATTEMPTS):
            opened = self.space.generation
            if opened is None:
                raise CatalogueError(
                    f"Nothing has been published in the space {self.space.name} yet; finish its"
                    " build with `mindseye index build … --resume`"
                )
            directory = self._collection.space_dir(self.space.name)
            try:
                return open_index(directory, opened, self._contract, self._device)
            except IndexFileError:
                self.space = self._collection.catalogue.spaces.get(self.space.name)
                if self.space.generation == opened or attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")
