"""What answers the searches of a space as the catalogue has it now, wherever its vectors are.

Shapes: Q probes, K results, D dimensions of an embedding.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from gallery.catalogue.records import SpaceRow
from gallery.catalogue.store import Catalogue
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
        from retrieval.search.live_postgres import LivePostgres  # noqa: PLC0415  of an extra

        return LivePostgres(collection, space, contract)
    if collection.in_milvus:
        from retrieval.search.live_milvus import LiveMilvus  # noqa: PLC0415  of an extra

        return LiveMilvus(collection, space, contract)
    return LiveIndex(collection, space, contract, device)


@dataclass(frozen=True, slots=True)
class WhereChoice:
    """Images of which an expression is true; see `index.backend.ImageChoice`.

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
        from retrieval.search import milvus_filter  # noqa: PLC0415  for Milvus alone

        return milvus_filter.spell(self.catalogue, self.where, self.space_id)
