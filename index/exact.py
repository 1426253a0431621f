"""The reference index: every probe is compared with every gallery row.

Shapes: Q probes, K results, R rows ranked, N gallery rows, n rows of one block, D dimensions.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from index.base import (
    GalleryRows,
    Ids,
    Neighbours,
    StoredVectors,
    Vectors,
    check_search,
    nothing,
)
from index.choice import ImageRows, RowSubset
from index.merge import merge_by_image, rows_needed, rows_per_image
from index.scan import best_rows


class ExactIndex:
    """Compare every probe with every gallery embedding, by blocks, from memory or from disk.

    Attributes:
        size: Number of distinct images.
        dimension: Length D of an embedding.
    """

    def __init__(
        self,
        ids: Ids,
        blocks: Sequence[Vectors],
        kept: NDArray[np.bool_] | None = None,
        *,
        device: str = "cpu",
    ) -> None:
        """Take the gallery; nothing is read yet.

        Args:
            ids: Image of each row, (N,); repeated ids are rows of one image.
            blocks: Finite embeddings, each (n, D), N rows together, such as memory maps.
            kept: Which rows can be found, (N,); None for all.
            device: Where scores are computed. All probes, and one chunk of gallery, fit there.

        Raises:
            ValueError: Shapes or types do not fit together, or no row can be found.
        """
        self._rows = GalleryRows(ids, blocks, kept)
        self._copies = rows_per_image(self._rows.kept_ids)
        self._device = device
        self._image_rows: ImageRows | None = None  # made by the first search with a choice
        self.size = len(self._copies)
        self.dimension = self._rows.dimension

    def search(
        self,
        probes: Vectors,
        k: int,
        *,
        allowed: Ids | None = None,
        excluded: Ids | None = None,
    ) -> Neighbours:
        """Find the k best images for each probe: (Q, D) -> (Q, K); see `Index.search`."""
        check_search(probes, k, self, allowed, excluded)
        if allowed is None and excluded is None:
            needed, choice = rows_needed(self._copies, k), None
        else:
            choice = self._choose(allowed, excluded)
            k = min(k, choice.images)
            if k == 0:
                return nothing(len(probes))
            needed = choice.rows_needed(k)
        rows, scores = best_rows(self._rows, probes, needed, choice, self._device)  # (Q, R)
        return merge_by_image(self._rows.ids[rows], scores, k)

    def stored(self, images: Ids) -> StoredVectors:
        """Copy the vectors of some images; see `Index.stored`."""
        rows = self._choose(images, None).rows
        return StoredVectors(self._rows.ids[rows], self._rows.gather(rows))

    def _choose(self, allowed: Ids | None, excluded: Ids | None) -> RowSubset:
        if self._image_rows is None:
            self._image_rows = ImageRows(self._rows.ids, self._rows.kept)
        return self._image_rows.choose(allowed, excluded)
