"""Wishes for one attribute, or for several at once, as numbers.

A wish is a row with the position of the wished value in the column of each wished attribute, and -1
in all others.

Shapes: N images, A attributes, k of them that are wished for at once, P combinations of their
values, Q queries, n images of a run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from gallery.attributes import AttributeSpace, Condition

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class WishTable:
    """All wishes for the same attributes.

    Attributes:
        columns: Positions of the attributes, rising, (k,).
        values: Every combination of their values, in order, (P, k).
    """

    columns: Integers
    values: Integers


def list_wishes(wishable: Mapping[int, Sequence[int]], at_once: int) -> list[WishTable]:
    """List all wishes for so many attributes at once; none if there are fewer.

    Args:
        wishable: Positions of the values that can be wished for, by position of the attribute.
        at_once: Attributes of a wish, k.
    """
    found = []
    for columns in combinations(sorted(wishable), at_once):
        values = list(product(*(sorted(wishable[column]) for column in columns)))
        table = np.array(values, dtype=np.int64).reshape(len(values), at_once)
        found.append(WishTable(np.array(columns, dtype=np.int64), table))
    return found


def number_combinations(values: Integers, space: AttributeSpace, columns: Integers) -> Integers:
    """Number combinations of values; -1 where one of them is not known, (n, k) -> (n,).

    Args:
        values: Values of some attributes, -1 where it is not known, (n, k).
        space: All attributes.
        columns: Positions of those attributes, (k,).
    """
    sizes = tuple(len(space.attributes[column].values) for column in columns.tolist())
    numbers = np.ravel_multi_index(tuple(np.maximum(values, 0).T), sizes).astype(np.int64)
    return np.where((values >= 0).all(axis=1), numbers, -1)


def compared(values: Integers, space: AttributeSpace) -> Integers:
    """Return values as images are compared by them: of declared equals the first, (N, A)."""
    if not any(attribute.equal for attribute in space.attributes):
        return values
    columns = [
        np.array([*attribute.alike, -1])[values[:, column]]  # -1, not known, stays
        for column, attribute in enumerate(space.attributes)
    ]
    return np.stack(columns, axis=1).astype(np.int64)


class Cells:
    """Images by group and by combination of some values; those with either unknown are in none."""

    def __init__(self, groups: Integers, numbers: Integers) -> None:
        """Sort the images into cells.

        Args:
            groups: Groups of each image, -1 for none, (N,).
            numbers: Numbers of each image's combination, -1 for none, (N,).
        """
        self._width = int(numbers.max(initial=0)) + 1
        cell = np.where((groups >= 0) & (numbers >= 0), groups * self._width + numbers, -1)
        self._order = np.argsort(cell, kind="stable")  # gallery order within a cell
        self._sorted = cell[self._order]

    def images(self, group: int, number: int) -> Integers:
        """Return the images of a cell, in gallery order."""
        if group < 0 or not 0 <= number < self._width:
            return self._order[:0]
        cell = group * self._width + number
        first, last = np.searchsorted(self._sorted, [cell, cell + 1])
        return self._order[first:last]

    def hold(self, groups: Integers, numbers: Integers) -> Flags:
        """Say in which cells there are images: groups (n,), numbers (P,) -> (n, P)."""
        wanted = groups[:, None] * self._width + numbers
        place = np.searchsorted(self._sorted, wanted)
        there = self._sorted[np.minimum(place, len(self._sorted) - 1)] == wanted
        held: Flags = there & (groups >= 0)[:, None] & (numbers < self._width)
        return held


def wish_of(space: AttributeSpace, wished: Integers) -> Condition:
    """Return a wish by the names of its values, (A,)."""
    named = zip(space.attributes, wished.tolist(), strict=True)
    return Condition({one.name: one.values[value] for one, value in named if value >= 0})


def wished_together(wished: Integers) -> list[tuple[tuple[int, ...], Flags]]:
    """Return which attributes are wished for together, in order, and by which queries, (Q,).

    Args:
        wished: Position of each wished value, -1 where nothing is wished, (Q, A).
    """
    kinds, kind = np.unique(wished >= 0, axis=0, return_inverse=True)
    found = [
        (tuple(np.flatnonzero(columns).tolist()), kind.reshape(-1) == number)
        for number, columns in enumerate(kinds)
    ]
    return sorted(found, key=lambda one: one[0])
