"""The index of a space as the catalogue has it now: new generations are picked up, removals obeyed.

Before every search the catalogue is asked which generation counts, and whether images were removed
since: two numbers, and nothing more unless one has changed. What has changed is taken over as a
whole or not at all: after a failure, the next search tries again.

Shapes: Q probes, K results, D dimensions of an embedding.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gallery.catalogue.records import SpaceRow
from gallery.errors import CatalogueError, IndexFileError
from index.backend import EVERYTHING, Limit
from index.base import Ids, Index, Neighbours, StoredVectors, Vectors
from index.contract import IndexContract
from index.loader import open_index, read_manifest
from retrieval.collection.collection import Collection
from retrieval.collection.named_images import named

ATTEMPTS = 3  # a generation may be replaced while it is being opened


@dataclass(frozen=True, slots=True)
class _Taken:
    """What was taken over together.

    Attributes:
        space: The space as the catalogue gave it, before the other fields were read.
        index: The index of its generation.
        removed: Images removed since that was published, rising.
    """

    space: SpaceRow
    index: Index
    removed: Ids


class LiveIndex:
    """A space's index that follows what is published."""

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
        self._taken = self._take(space)

    @property
    def space(self) -> SpaceRow:
        """The space, as it was when last taken over."""
        return self._taken.space

    @property
    def index(self) -> Index:
        """Index of its generation."""
        return self._taken.index

    @property
    def removed(self) -> Ids:
        """Images removed since its generation was published, rising."""
        return self._taken.removed

    def find(self, probes: Vectors, k: int, limit: Limit = EVERYTHING) -> Neighbours:
        """Find the k best images for each probe; see `Live.find`."""
        allowed = None if limit.among is None else limit.among.ids()
        return self.search(probes, k, allowed, limit.excluded.tolist())

    def stored(self, images: Ids) -> StoredVectors:
        """Copy the vectors of some images; see `Live.stored`."""
        return self.index.stored(images)

    def search(
        self, probes: Vectors, k: int, allowed: Ids | None = None, unwanted: Sequence[int] = ()
    ) -> Neighbours:
        """Find the k best images for each probe, (Q, D) -> (Q, K); fewer where fewer remain.

        Args:
            probes: Unit length, (Q, D).
            k: Images wanted, at least 1.
            allowed: The only ones that may be found, rising; None for all.
            unwanted: Images that may not be found.

        Raises:
            IndexFileError: The generation that counts now cannot be opened or read: there is no
                answer then, and the next search tries again.
            CatalogueError: The catalogue cannot be asked.
        """
        self.refresh()
        searched = self._taken
        try:
            return self._search(probes, k, allowed, unwanted)
        except IndexFileError:  # a shard that a compaction has taken away meanwhile
            self.refresh()
            if self._taken is searched:
                raise
            return self._search(probes, k, allowed, unwanted)

    def _search(
        self, probes: Vectors, k: int, allowed: Ids | None, unwanted: Sequence[int]
    ) -> Neighbours:
        excluded = self._taken.removed  # the same array until it changes: looked through once
        if len(unwanted):
            excluded = np.union1d(excluded, np.array(unwanted, dtype=np.int64))
        if allowed is None and not len(excluded):
            found = self.index.search(probes, min(k, self.index.size))
        else:
            left_out = excluded if len(excluded) else None
            found = self.index.search(probes, k, allowed=allowed, excluded=left_out)
        self._require_finite(found)
        return found

    def _require_finite(self, found: Neighbours) -> None:
        """Refuse scores that are no numbers: they would rank first whatever is asked."""
        finite = np.isfinite(found.scores)
        if not finite.all():
            bad = np.unique(found.ids[~finite])
            raise IndexFileError(
                f"In the space {self.space.name} the vectors of {named(self._collection, bad)} hold"
                " NaN or infinity: mindseye index verify --repair lets go of them, and"
                " mindseye index build makes them anew"
            )

    def refresh(self) -> None:
        """Take over the generation and the removals that the catalogue now knows, all or nothing.

        Raises:
            IndexFileError: The new generation cannot be opened.
            CatalogueError: The catalogue cannot be asked.
        """
        before, catalogue = self.space, self._collection.catalogue
        catalogue.recover()
        if catalogue.spaces.mark(before.id) == (before.generation, before.removals):
            return
        self._taken = self._take(catalogue.spaces.get(before.name), self._taken)

    def _take(self, space: SpaceRow, before: _Taken | None = None) -> _Taken:
        """Open what counts now; the index of before is kept if it is of the same generation."""
        for attempt in range(ATTEMPTS):
            try:
                same = before and _generation(before.space) == _generation(space)
                index = before.index if before and same else self._open(space)
                return _Taken(space, index, self._removed(space))
            except IndexFileError:
                opened, space = space, self._collection.catalogue.spaces.get(space.name)
                same = _generation(opened) == _generation(space)
                if same or attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _removed(self, space: SpaceRow) -> Ids:
        """Return the images that may not be found, though the index of a space may hold them.

        Those removed since its generation was published; all that ever were, if that does not say
        what hash its list of them has.
        """
        generation = space.generation or 0
        manifest = read_manifest(self._collection.space_dir(space.name), generation)
        since = generation if manifest.is_hashed else 0
        return self._collection.catalogue.spaces.removed_since(space.id, since)

    def _open(self, space: SpaceRow) -> Index:
        if space.generation is None:
            raise CatalogueError(
                f"Nothing has been published in the space {space.name} yet; finish its"
                " build with `mindseye index build … --resume`"
            )
        directory = self._collection.space_dir(space.name)
        return open_index(directory, space.generation, self._contract, self._device)


def _generation(space: SpaceRow) -> tuple[int, int | None]:
    """Return what tells a published generation from all others."""
    return space.id, space.generation
