"""The reference index: every probe is compared with every gallery row.

Equal scores are ordered by gallery row, at the K boundary too. torch.topk promises no order among
equals, so what is ranked is not the score but an integer made of score and row, no two alike.

Equal means equal as computed, in float32. Matrix products round by the place of a row in its block
and by the shapes of both sides, so that two copies of one vector may score a rounding step apart.
(Measured with torch 2.13 on an AMD EPYC, 582 rows: 0.7 % of copies for one probe, none for 64.)

Shapes: Q probes, K results, R rows ranked, N gallery rows, n rows of one chunk, D dimensions.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from index.base import GalleryRows, Ids, Neighbours, Vectors, check_search, nothing
from index.choice import Choice, ImageRows
from index.merge import merge_by_image, rows_needed, rows_per_image

PROBES = 256  # in work at a time: the score table stays below 256 x BLOCK_ROWS
LAST_ROW = 2**32 - 1  # rows fill the lower half of a 64-bit key
NO_KEY = -(2**63)  # below the key of every finite score
SPARSE = 0.25  # of the rows: a smaller choice is copied together, a larger one masked


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
            keys = self._best_keys(probes, rows_needed(self._copies, k), None)  # (Q, R)
        else:
            choice = self._choose(allowed, excluded)
            k = min(k, choice.images)
            if k == 0:
                return nothing(len(probes))
            keys = self._best_keys(probes, choice.rows_needed(k), choice)
        rows, scores = _rows_and_scores(keys)
        return merge_by_image(self._rows.ids[rows], scores, k)

    def _choose(self, allowed: Ids | None, excluded: Ids | None) -> Choice:
        if self._image_rows is None:
            self._image_rows = ImageRows(self._rows.ids, self._rows.kept)
        return self._image_rows.choose(allowed, excluded)

    def _best_keys(self, probes: Vectors, count: int, choice: Choice | None) -> Tensor:
        groups = _tensor(probes).to(self._device).split(PROBES)
        none = torch.empty(0, dtype=torch.int64, device=self._device)
        best = [none.expand(len(group), 0) for group in groups]
        for rows, embeddings, wanted in self._chunks(choice):
            gallery = _tensor(embeddings).to(self._device).T  # (D, n)
            numbers = torch.from_numpy(rows).to(self._device)
            unwanted = None if wanted is None else ~torch.from_numpy(wanted).to(self._device)
            for place, group in enumerate(groups):
                new = _keys(group @ gallery, numbers)
                if unwanted is not None:
                    new.masked_fill_(unwanted, NO_KEY)
                best[place] = _largest(torch.cat([best[place], new], dim=1), count)
        return torch.cat(best)

    def _chunks(
        self, choice: Choice | None
    ) -> Iterator[tuple[Ids, Vectors, NDArray[np.bool_] | None]]:
        """Yield rows, embeddings, and which of them are wanted; None if all are.

        Of a small choice only its own rows are read; where most rows are chosen, to pass over the
        others is cheaper than to copy.
        """
        if choice is None:
            for rows, embeddings in self._rows.chunks():
                yield rows, embeddings, None
        elif choice.size < SPARSE * choice.total:
            for rows, embeddings in self._rows.gathered(choice.rows):
                yield rows, embeddings, None
        else:
            mask = choice.mask()
            for rows, embeddings in self._rows.chunks():
                yield rows, embeddings, mask[rows]


def _tensor(array: Vectors) -> Tensor:
    """Share memory with an array, or copy what torch cannot share (read-only, not contiguous)."""
    return torch.from_numpy(np.require(array, requirements=["C", "W", "E"]))


def _keys(scores: Tensor, rows: Tensor) -> Tensor:
    """Make integers that rank rows by score, and equal scores by row, earliest highest.

    The bits of IEEE 754 floats rank like integers, once those of negative ones are turned round.

    Args:
        scores: float32, (Q, n).
        rows: int64 row numbers in 0..LAST_ROW, (n,).

    Returns:
        int64 keys, (Q, n).
    """
    bits = (scores + 0.0).view(torch.int32)  # -0.0 equals 0.0, and + 0.0 makes it so in bits
    ranked = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    return (ranked.to(torch.int64) << 32) | (LAST_ROW - rows)


def _largest(keys: Tensor, count: int) -> Tensor:
    """Return the largest keys of each row, falling: (Q, n) -> (Q, min(count, n))."""
    return torch.topk(keys, min(count, keys.shape[1]), dim=1).values


def _rows_and_scores(keys: Tensor) -> tuple[Ids, Vectors]:
    """Undo `_keys`: (Q, R) -> row numbers (Q, R), scores (Q, R)."""
    ranked = (keys >> 32).to(torch.int32)
    scores = (ranked ^ ((ranked >> 31) & 0x7FFFFFFF)).view(torch.float32)
    rows = LAST_ROW - (keys & LAST_ROW)
    return rows.cpu().numpy(), scores.cpu().numpy()
