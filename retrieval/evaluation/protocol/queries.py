"""Which queries are asked, and which answers are right.

A query is a test image and a value that it does not have, wished for one attribute, or one for each
of several. Under criterion C1 an image is right if it shows the same identity under all wished
values; under C2, every other attribute must be as in the source image too, or of a value that the
collection declares equal. A copy of the source's file, byte for byte, is never right, whatever its
labels say. What is not known equals
nothing: an image of unknown identity is never right, nor, under C2, one with another attribute
unknown in it or in the source.

Source: arXiv 1511.08446, section 4.1.2; BMVC 2016, section 4.1. There, one attribute is wished for.

Shapes: N gallery images, A attributes, Q queries.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gallery.attributes import AttributeSpace, Condition
from gallery.errors import DatasetError
from gallery.faces import Face
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.protocol.wishes import (
    Cells,
    WishTable,
    compared,
    list_wishes,
    number_combinations,
)

BLOCK = 2**20  # pairs of image and wish in work


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of N gallery images, as numbers that can be compared.

    Attributes:
        identity: -1 where it is not known, (N,).
        values: Value of each attribute, -1 where it is not known, (N, number of attributes).
        names: Names of the attributes.
        space: Their values.
        content: Number of the file's bytes, equal for copies, (N,); None where no two are equal.
        asks: Which images queries are asked about; these answer none, (N,). None: all do both.
    """

    identity: NDArray[np.int64]
    values: NDArray[np.int64]
    names: tuple[str, ...]
    space: AttributeSpace
    content: NDArray[np.int64] | None = None
    asks: NDArray[np.bool_] | None = None

    @classmethod
    def of(
        cls,
        faces: Sequence[Face],
        space: AttributeSpace,
        content: Sequence[int] = (),
        asked: Collection[str] | None = None,
    ) -> "Labels":
        """Number the identities and the values.

        Args:
            faces: N images.
            space: What is known of them.
            content: Number of each file's bytes (gallery/duplicates.py); empty: no two are equal.
            asked: Names of the images that are asked about, and answer nothing; None: all do both.
        """
        people: dict[str | None, int] = {None: -1}
        identity = np.array(
            [people.setdefault(face.identity, len(people) - 1) for face in faces], dtype=np.int64
        )
        rows = [[_value(space, name, face.condition) for name in space.names] for face in faces]
        values = np.array(rows, dtype=np.int64).reshape(len(faces), len(space.names))
        numbers = np.array(content, dtype=np.int64)
        some = len(set(content)) < len(content)
        asks = None if asked is None else np.array([face.name in asked for face in faces])
        return cls(identity, values, space.names, space, numbers if some else None, asks)

    @property
    def compared(self) -> NDArray[np.int64]:
        """Values as images are compared by them: declared equals have one number, (N, A)."""
        return compared(self.values, self.space)

    @property
    def hidden(self) -> NDArray[np.int64]:
        """Images that are in no gallery, since queries are asked about them, rising."""
        return np.empty(0, dtype=np.int64) if self.asks is None else np.flatnonzero(self.asks)

    def copies(self, source: int) -> NDArray[np.int64]:
        """Return the images, besides it, whose files are equal to that of an image, rising."""
        if self.content is None:
            return np.empty(0, dtype=np.int64)
        same = self.content == self.content[source]
        same[source] = False
        return np.flatnonzero(same)

    def right(self, source: int, wish: Mapping[int, int]) -> dict[str, NDArray[np.bool_]]:
        """Say for every image whether it answers a query, under each criterion, (N,).

        Args:
            source: Position of the source image.
            wish: Position of each wished value, by position of its attribute in `names`.
        """
        columns = list(wish)
        wished = (self.values[:, columns] == list(wish.values())).all(axis=1)
        c1 = wished & (self.identity == self.identity[source]) & (self.identity >= 0)
        c1[self.copies(source)] = False
        c1[self.hidden] = False
        others = np.delete(self.compared, columns, axis=1)
        c2 = c1 & ((others == others[source]) & (others >= 0)).all(axis=1)
        return {"C1": c1, "C2": c2}

    def groups(self, columns: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        """Number, under each criterion, the images that may answer queries about one another, (N,).

        Images of one number are alike in all that the criterion asks for but the wished attributes;
        -1 is alike to none. That a copy answers nothing is not seen here.

        Args:
            columns: Positions of the wished attributes in `names`, (k,).
        """
        alike = np.column_stack([self.identity, np.delete(self.compared, columns, axis=1)])
        cells = np.unique(alike, axis=0, return_inverse=True)[1].reshape(-1)
        return {"C1": self.identity, "C2": np.where((alike >= 0).all(axis=1), cells, -1)}

    def numbers(self, columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Number the combinations of some values that answers have; -1 of all others, (N,).

        No answer are images with one of the values unknown, and those that are only asked about.
        """
        numbers = number_combinations(self.values[:, columns], self.space, columns)
        numbers[self.hidden] = -1
        return numbers


@dataclass(frozen=True, slots=True)
class Queries:
    """Queries about one gallery, each with a right answer under C1.

    Attributes:
        sources: Position of the source image, (Q,).
        wished: Position of the wished value in the column of each wished attribute of
            `Labels.names`, -1 in the others, (Q, A).
        strict: Whether there is a right answer under C2, too, (Q,).
    """

    sources: NDArray[np.int64]
    wished: NDArray[np.int64]
    strict: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.sources)

    def chosen(self, which: NDArray[np.int64]) -> "Queries":
        """Return some of the queries."""
        return Queries(self.sources[which], self.wished[which], self.strict[which])

    def counted(self) -> dict[str, int]:
        """Count the queries that have a right answer, by criterion."""
        return {"C1": len(self), "C2": int(self.strict.sum())}


def count_pairs(labels: Labels, wishable: Mapping[str, Sequence[int]], wishes: int = 1) -> int:
    """Count the pairs of an image and a wish, whether or not an image answers them.

    Args:
        labels: Labels of the images; those of unknown identity or value are no sources.
        wishable: Positions of the values that can be wished for, by attribute.
        wishes: How many attributes a query wishes for at once.
    """
    by_column = _by_column(labels, wishable)
    pairs = 0
    for wished in list_wishes(by_column, wishes):
        own = labels.values[_sources(labels, wished.columns)][:, wished.columns]
        known = [np.array(by_column[column]) for column in wished.columns.tolist()]
        free = [len(v) - np.isin(own[:, k], v).astype(np.int64) for k, v in enumerate(known)]
        pairs += int(np.prod(free, axis=0).sum())
    return pairs


def all_queries(labels: Labels, wishable: Mapping[str, Sequence[int]], wishes: int = 1) -> Queries:
    """List every query that has a right answer under C1, in order of source, attributes, values.

    Args:
        labels: Labels of the gallery.
        wishable: Positions of the values that can be wished for, by attribute.
        wishes: How many attributes a query wishes for at once; each wished value differs from the
            source's.
    """
    width = len(labels.names)
    parts = [_about(labels, one) for one in list_wishes(_by_column(labels, wishable), wishes)]
    none = Queries(np.empty(0, np.int64), np.empty((0, width), np.int64), np.empty(0, np.bool_))
    joined = Queries(
        np.concatenate([none.sources, *(part.sources for part in parts)]),
        np.concatenate([none.wished, *(part.wished for part in parts)]),
        np.concatenate([none.strict, *(part.strict for part in parts)]),
    )
    return joined.chosen(np.argsort(joined.sources, kind="stable"))


def draw_queries(groups: Sequence[Queries], protocol: Protocol) -> list[Queries]:
    """Choose queries without replacement from several galleries together.

    One draw serves both criteria: C2 is measured on those of the chosen that it can be measured on.

    Args:
        groups: All queries of each gallery.
        protocol: How many, and the seed.

    Returns:
        The chosen ones of each gallery, in the order of `all_queries`.

    Raises:
        DatasetError: There is no query at all.
    """
    sizes = [len(group) for group in groups]
    total = sum(sizes)
    if total == 0:
        raise DatasetError(_nothing_to_ask(protocol.wishes))
    order = np.random.default_rng(protocol.seed).permutation(total)[: protocol.queries]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    return [
        group.chosen(np.sort(order[(order >= start) & (order < end)]) - start)
        for group, start, end in zip(groups, starts[:-1], starts[1:], strict=True)
    ]


def _about(labels: Labels, wished: WishTable) -> Queries:
    """List the queries that wish for the same attributes, in order of source and values."""
    columns = wished.columns
    groups, shown = labels.groups(columns), labels.numbers(columns)
    cells = {criterion: Cells(group, shown) for criterion, group in groups.items()}
    numbers = number_combinations(wished.values, labels.space, columns)
    sources = _sources(labels, columns)
    found: list[NDArray[np.int64]] = [np.empty((3, 0), dtype=np.int64)]
    step = max(1, BLOCK // max(1, len(numbers)))
    for start in range(0, len(sources), step):
        some = sources[start : start + step]
        own = labels.values[some][:, columns]  # (n, k)
        others = (wished.values != own[:, None]).all(axis=2)  # (n, P)
        loose = others & cells["C1"].hold(groups["C1"][some], numbers)
        strict = cells["C2"].hold(groups["C2"][some], numbers)
        for criterion, held in (("C1", loose), ("C2", strict)):
            _strike_copies(held, labels, some, numbers, cells[criterion], groups[criterion])
        row, which = np.nonzero(loose)
        found.append(np.stack([some[row], which, strict[row, which].astype(np.int64)]))
    source, which, strict = np.concatenate(found, axis=1)
    table = np.full((len(source), len(labels.names)), -1, dtype=np.int64)
    table[:, columns] = wished.values[which]
    return Queries(source, table, strict == 1)


def _strike_copies(
    held: NDArray[np.bool_],
    labels: Labels,
    sources: NDArray[np.int64],
    numbers: NDArray[np.int64],
    cells: Cells,
    groups: NDArray[np.int64],
) -> None:
    """Strike what is answered by copies of the source alone; changes `held`, (n, P)."""
    if labels.content is None:
        return
    for row, source in enumerate(sources.tolist()):
        copies = labels.copies(source)
        for which in np.flatnonzero(held[row]).tolist() if len(copies) else ():
            images = cells.images(int(groups[source]), int(numbers[which]))
            held[row, which] = not np.isin(images, copies).all()


def _sources(labels: Labels, columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the images that wishes for some attributes can be made of."""
    known = (labels.values[:, columns] >= 0).all(axis=1)
    asked = True if labels.asks is None else labels.asks
    return np.flatnonzero((labels.identity >= 0) & known & asked)


def _by_column(labels: Labels, wishable: Mapping[str, Sequence[int]]) -> dict[int, Sequence[int]]:
    return {labels.names.index(name): values for name, values in wishable.items()}


def _nothing_to_ask(wishes: int) -> str:
    shown = (
        "two values of an attribute"
        if wishes == 1
        else f"other values of {wishes} attributes at once"
    )
    return (
        f"No test image has a wished-for twin: nobody is shown under {shown} that the weights draw,"
        " so there is nothing to ask"
    )


def _value(space: AttributeSpace, name: str, condition: Condition) -> int:
    return space[name].index(condition[name]) if name in condition else -1
