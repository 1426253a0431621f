"""The protocol of the papers: which queries are asked, and which answers are right.

A query is a test image and a value that it does not have, wished for one attribute. Under criterion
C1 an image is right if it shows the same identity under the wished value; under C2, every other
attribute must be as in the source image too.

Source: arXiv 1511.08446, section 4.1.2; BMVC 2016, section 4.1.

Shapes: N gallery images, Q queries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gallery.attributes import AttributeSpace, Condition
from gallery.errors import ConfigError, DatasetError
from gallery.faces import Face

CRITERIA = ("C1", "C2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How a benchmark is run.

    Attributes:
        queries: How many are drawn, without replacement; all, if there are fewer.
        seed: Of that choice.
        cutoffs: Ranks K at which the hit rate is taken, rising.
        exclude_source: Whether the source image is taken out of its own ranking.
    """

    queries: int = 10_000
    seed: int = 0
    cutoffs: tuple[int, ...] = (1, 5, 20)
    exclude_source: bool = False

    def __post_init__(self) -> None:
        if self.queries < 1:
            raise ConfigError(f"--queries must be at least 1, got {self.queries}")
        if self.seed < 0:
            raise ConfigError(f"--seed must not be negative, got {self.seed}")
        if list(self.cutoffs) != sorted(set(self.cutoffs)) or min(self.cutoffs) < 1:
            raise ValueError(f"cut-offs must rise from at least 1, got {self.cutoffs}")


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of N gallery images, as numbers that can be compared.

    Attributes:
        identity: (N,).
        values: Value of each attribute, -1 where it is not known, (N, number of attributes).
        names: Names of the attributes.
        space: Their values.
    """

    identity: NDArray[np.int64]
    values: NDArray[np.int64]
    names: tuple[str, ...]
    space: AttributeSpace

    @classmethod
    def of(cls, faces: Sequence[Face], space: AttributeSpace) -> "Labels":
        """Number the identities and the values."""
        people = {who: n for n, who in enumerate(dict.fromkeys(f.identity for f in faces))}
        identity = np.array([people[face.identity] for face in faces], dtype=np.int64)
        rows = [[_value(space, name, face.condition) for name in space.names] for face in faces]
        values = np.array(rows, dtype=np.int64).reshape(len(faces), len(space.names))
        return cls(identity, values, space.names, space)

    def right(self, source: int, column: int, value: int) -> dict[str, NDArray[np.bool_]]:
        """Say for every image whether it answers a query, under each criterion, (N,).

        Args:
            source: Position of the source image.
            column: Position of the wished attribute in `names`.
            value: Position of the wished value.
        """
        others = np.delete(np.arange(len(self.names)), column)
        wished = self.values[:, column] == value
        c1 = (self.identity == self.identity[source]) & wished
        c2 = c1 & (self.values[:, others] == self.values[source, others]).all(axis=1)
        return {"C1": c1, "C2": c2}


@dataclass(frozen=True, slots=True)
class Queries:
    """Queries about one gallery.

    Attributes:
        sources: Position of the source image, (Q,).
        attributes: Position of the wished attribute in `Labels.names`, (Q,).
        values: Wished value, (Q,).
    """

    sources: NDArray[np.int64]
    attributes: NDArray[np.int64]
    values: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.sources)

    def chosen(self, which: NDArray[np.int64]) -> "Queries":
        """Return some of the queries."""
        return Queries(self.sources[which], self.attributes[which], self.values[which])


def all_queries(labels: Labels, wishable: Mapping[str, Sequence[int]]) -> tuple[Queries, int]:
    """List every query that has a right answer under C2.

    Args:
        labels: Of the gallery.
        wishable: Positions of the values that can be wished for, by attribute.

    Returns:
        The queries, in order of source, attribute, value; and how many were left out because no
        gallery image answers them.
    """
    kept, dropped = [], 0
    for attribute, values in wishable.items():
        column = labels.names.index(attribute)
        cells = _cells(labels, column)
        for source in range(len(labels.identity)):
            own = labels.values[source, column]
            answered = cells[_key(labels, source, column)]
            for value in values:
                if own < 0 or value == own:
                    continue
                if value in answered:
                    kept.append((source, column, value))
                else:
                    dropped += 1
    array = np.array(sorted(kept), dtype=np.int64).reshape(len(kept), 3)
    return Queries(array[:, 0], array[:, 1], array[:, 2]), dropped


def draw_queries(groups: Sequence[Queries], protocol: Protocol) -> list[Queries]:
    """Choose queries without replacement from several galleries together.

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
        raise DatasetError(
            "No test image has a wished-for twin: nobody is shown under two values with all else"
            " equal, so there is nothing to ask"
        )
    order = np.random.default_rng(protocol.seed).permutation(total)[: protocol.queries]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    return [
        group.chosen(np.sort(order[(order >= start) & (order < end)]) - start)
        for group, start, end in zip(groups, starts[:-1], starts[1:], strict=True)
    ]


def _cells(labels: Labels, column: int) -> dict[tuple[int, ...], set[int]]:
    """Collect which values of an attribute each person shows, all else equal."""
    cells: dict[tuple[int, ...], set[int]] = {}
    for position in range(len(labels.identity)):
        cell = cells.setdefault(_key(labels, position, column), set())
        cell.add(int(labels.values[position, column]))
    return cells


def _key(labels: Labels, position: int, column: int) -> tuple[int, ...]:
    others = np.delete(labels.values[position], column)
    return (int(labels.identity[position]), *map(int, others))


def _value(space: AttributeSpace, name: str, condition: Condition) -> int:
    return space[name].index(condition[name]) if name in condition else -1
