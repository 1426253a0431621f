"""The reference index: every probe is compared with every gallery row.

Equal scores are ordered by gallery row, at the K boundary too. torch.topk promises no order among
equals, so what is ranked is not the score but an integer made of score and row, no two alike.

Equal means equal as computed, in float32. Matrix products round by the place of a row in its block
and by the shapes of both sides, so that two copies of one vector may score a rounding step apart.
(Measured with torch 2.13 on an AMD EPYC, 582 rows: 0.7 % of copies for one probe, none for 64.)

Shapes: Q probes, K results, R rows ranked, N gallery rows, n rows of one chunk, D dimensions.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from index.base import GalleryRows, Ids, Neighbours, Vectors, check_search
from index.keys import ranking_keys, rows_and_scores
from index.merge import merge_by_image, rows_needed, rows_per_image

PROBES = 256  # in work at a time: the score table stays below 256 x BLOCK_ROWS


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
        self._device = torch.device(device)
        self.size = len(self._copies)
        self.dimension = self._rows.dimension

    def search(self, probes: Vectors, k: int) -> Neighbours:
        """Find the k best images for each probe: (Q, D) -> (Q, K).

        Raises:
            ValueError: k is not in 1..size, or the probes are not finite float32 of shape (Q, D).
        """
        check_search(probes, k, self)
        keys = self._best_keys(probes, rows_needed(self._copies, k))  # (Q, R)
        rows, scores = rows_and_scores(keys)
        return merge_by_image(self._rows.ids[rows], scores, k)

    def _best_keys(self, probes: Vectors, count: int) -> Tensor:
        groups = _tensor(probes).to(self._device).split(PROBES)
        none = torch.empty(0, dtype=torch.int64, device=self._device)
        best = [none.expand(len(group), 0) for group in groups]
        for rows, embeddings in self._rows.chunks():
            gallery = _tensor(embeddings).to(self._device).T  # (D, n)
            numbers = torch.from_numpy(rows).to(self._device)
            for place, group in enumerate(groups):
                new = ranking_keys(group @ gallery, numbers)
                best[place] = _largest(torch.cat([best[place], new], dim=1), count)
        return torch.cat(best)


def _tensor(array: Vectors) -> Tensor:
    """Share memory with an array, or copy what torch cannot share (read-only, not contiguous)."""
    return torch.from_numpy(np.require(array, requirements=["C", "W", "E"]))


def _largest(keys: Tensor, count: int) -> Tensor:
    """Return the largest keys of each row, falling: (Q, n) -> (Q, min(count, n))."""
    return torch.topk(keys, min(count, keys.shape[1]), dim=1).values
