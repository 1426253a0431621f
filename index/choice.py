"""Which rows may be found, where a search is limited to some images.

An image may have several rows, and a choice is made of images. Where it is large, what is left out
is listed instead of what remains, so that both kinds of choice cost what the shorter list costs.

Shapes: N rows, M distinct images, r rows chosen.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.base import Ids
from index.merge import rows_needed


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSubset:
    """Some rows of a gallery: all rows of some images.

    Attributes:
        total: Rows N of the gallery.
        listed: Rising row numbers: those chosen, or those left out.
        left_out: Whether the list names those left out.
        images: Distinct images chosen.
        counts: Rows of each image chosen, (images,), in no order; None if each has one.
    """

    total: int
    listed: Ids
    left_out: bool
    images: int
    counts: NDArray[np.int64] | None

    @property
    def size(self) -> int:
        """Number of rows chosen."""
        return self.total - len(self.listed) if self.left_out else len(self.listed)

    @property
    def rows(self) -> Ids:
        """Rising numbers of the rows chosen, (r,)."""
        return np.flatnonzero(self.mask()) if self.left_out else self.listed

    def mask(self) -> NDArray[np.bool_]:
        """Whether each row is chosen, (N,)."""
        mask = np.full(self.total, self.left_out, dtype=np.bool_)
        mask[self.listed] = not self.left_out
        return mask

    def rows_needed(self, k: int) -> int:
        """Return how many best rows of the choice always hold k distinct images, k <= images."""
        if self.counts is None:
            return k
        most = np.partition(self.counts, len(self.counts) - k)[-k:]
        return rows_needed(np.sort(most)[::-1], k)


class ImageRows:
    """The rows of each image of a gallery.

    Attributes:
        images: Distinct images, (M,), rising.
        single: Whether no image has two rows.
    """

    images: Ids
    single: bool

    def __init__(self, ids: Ids, kept: NDArray[np.bool_] | None = None) -> None:
        """Sort the rows by image; nothing to sort if they rise, as those of one build do.

        Args:
            ids: Image of each row, (N,).
            kept: Which rows can be found at all, (N,); None for all.
        """
        self._total = len(ids)
        self._hidden: Ids = np.empty(0, np.int64)
        self._order: Ids | None = None  # rows by image; None for 0, 1, 2, …
        if kept is not None:
            self._hidden, self._order = np.flatnonzero(~kept), np.flatnonzero(kept)
            ids = ids[self._order]
        if (ids[1:] < ids[:-1]).any():
            by_image = np.argsort(ids, kind="stable")
            self._order = by_image if self._order is None else self._order[by_image]
            ids = ids[by_image]
        first = np.flatnonzero(np.diff(ids, prepend=ids[:1] - 1))
        self.single = len(first) == len(ids)
        self.images = ids if self.single else ids[first]
        self._starts = None if self.single else np.append(first, len(ids))

    def choose(self, allowed: Ids | None, excluded: Ids | None) -> RowSubset:
        """Choose the rows of all images that are allowed, or all, and not excluded.

        Args:
            allowed: Images, (a,), rising; None for all.
            excluded: Images, (e,), rising; None for none.
        """
        out = self._places(excluded) if excluded is not None else np.empty(0, dtype=np.int64)
        if allowed is None:
            listed = np.sort(np.concatenate([self._rows(out), self._hidden]))
            counts = None if self._starts is None else np.delete(np.diff(self._starts), out)
            return self._choice(listed, len(self.images) - len(out), counts, left_out=True)
        places = np.setdiff1d(self._places(allowed), out, assume_unique=True)
        counts = None if self._starts is None else np.diff(self._starts)[places]
        return self._choice(self._rows(places), len(places), counts, left_out=False)

    def _choice(
        self, listed: Ids, images: int, counts: NDArray[np.int64] | None, *, left_out: bool
    ) -> RowSubset:
        return RowSubset(
            total=self._total, listed=listed, left_out=left_out, images=images, counts=counts
        )

    def _places(self, ids: Ids) -> Ids:
        """Return the places in `images` of those ids that are there, rising."""
        places = np.searchsorted(self.images, ids)
        there = places < len(self.images)
        there[there] = self.images[places[there]] == ids[there]
        return places[there]

    def _rows(self, places: Ids) -> Ids:
        """Return the rising numbers of all rows of the images at some places."""
        if self._starts is None:
            sorted_rows = places
        else:
            starts, ends = self._starts[places], self._starts[places + 1]
            lengths = ends - starts
            before = np.cumsum(lengths) - lengths
            sorted_rows = np.arange(lengths.sum()) + np.repeat(starts - before, lengths)
        return sorted_rows if self._order is None else np.sort(self._order[sorted_rows])
