"""The protocol of the papers: which queries are asked, and which answers are right.

A query is a test image and a value that it does not have, wished for one attribute. Under criterion
C1 an image is right if it shows the same identity under the wished value; under C2, every other
attribute must be as in the source image too. What is not known equals nothing: an image of unknown
identity is never right, nor, under C2, one with another attribute unknown in it or in the source.

Source: arXiv 1511.08446, section 4.1.2; BMVC 2016, section 4.1.

Shapes: N gallery images, Q queries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.attributes import AttributeSpace, Condition
from gallery.errors import ConfigError, DatasetError, did_you_mean
from gallery.faces import Face
from retrieval.evaluation.records import CRITERIA

QUICK = ("ours*", "two-step-true/pixels", "two-step-true/features", "random")


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How a benchmark is run; docs/protocol.md describes the files it is read from.

    Attributes:
        name: For tables.
        train_identities: Who may have been trained on: the first N people, or a share; everybody
            else is tested on, and weights that have seen one of them are refused. Empty: whoever
            stands on the weights' card.
        gallery: Values that images of the gallery may have, by attribute; "" is an unknown one.
            Attributes that are not named restrict nothing.
        names: What the weights call the collection's values, by attribute: own value -> name; the
            images with a value that is not listed are left out. For weights that were trained on
            another collection. Attributes that are not named keep theirs.
        attributes: What is wished for; empty: everything that the weights draw.
        queries: How many are drawn, without replacement; all, if there are fewer.
        seed: Of that choice.
        criteria: Which are reported.
        cutoffs: Ranks K at which the hit rate is taken, rising.
        exclude_source: Whether the source image is taken out of its own ranking.
        subsets: Parts of the queries that are reported by themselves: values of the source, by
            attribute, by name.
        methods: Names or patterns of what is compared, if the command says nothing; by default
            what needs no training and no package of others.
    """

    name: str = "default"
    train_identities: str = ""
    gallery: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    queries: int = 10_000
    seed: int = 0
    criteria: tuple[str, ...] = CRITERIA
    cutoffs: tuple[int, ...] = (1, 5, 10, 20)
    exclude_source: bool = False
    subsets: Mapping[str, Condition] = field(default_factory=dict)
    methods: tuple[str, ...] = QUICK

    def __post_init__(self) -> None:
        if self.queries < 1:
            raise ConfigError(f"The number of queries must be at least 1, got {self.queries}")
        if self.seed < 0:
            raise ConfigError(f"The seed must not be negative, got {self.seed}")
        rising = list(self.cutoffs) == sorted(set(self.cutoffs)) and bool(self.cutoffs)
        if not rising or min(self.cutoffs) < 1:
            raise ConfigError(f"Cut-offs must rise from at least 1, got {list(self.cutoffs)}")
        for criterion in self.criteria:
            if criterion not in CRITERIA:
                raise ConfigError(
                    f"There is no criterion {criterion!r}; {did_you_mean(criterion, CRITERIA)}"
                )
        if not self.criteria or not self.methods:
            raise ConfigError("A protocol needs at least one criterion and one method")

    def to_json(self) -> dict[str, Any]:
        """Return all settings as JSON values; what is hashed and written into results."""
        return {
            "name": self.name,
            "split": {"train_identities": self.train_identities},
            "gallery": {name: list(values) for name, values in self.gallery.items()},
            "names": {name: dict(values) for name, values in self.names.items()},
            "attributes": list(self.attributes),
            "queries": self.queries,
            "seed": self.seed,
            "criteria": list(self.criteria),
            "cutoffs": list(self.cutoffs),
            "exclude_source": self.exclude_source,
            "subsets": {name: dict(values) for name, values in self.subsets.items()},
            "methods": list(self.methods),
        }


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of N gallery images, as numbers that can be compared.

    Attributes:
        identity: -1 where it is not known, (N,).
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
        people: dict[str | None, int] = {None: -1}
        identity = np.array(
            [people.setdefault(face.identity, len(people) - 1) for face in faces], dtype=np.int64
        )
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
        wished = self.values[:, column] == value
        c1 = wished & (self.identity == self.identity[source]) & (self.identity >= 0)
        others = np.delete(self.values, column, axis=1)
        c2 = c1 & ((others == others[source]) & (others >= 0)).all(axis=1)
        return {"C1": c1, "C2": c2}

    def groups(self, column: int) -> dict[str, NDArray[np.int64]]:
        """Number, under each criterion, the images that may answer queries about one another, (N,).

        Images of one number are alike in all that the criterion asks for but the wished attribute;
        -1 is alike to none.

        Args:
            column: Position of the wished attribute in `names`.
        """
        alike = np.column_stack([self.identity, np.delete(self.values, column, axis=1)])
        cells = np.unique(alike, axis=0, return_inverse=True)[1].reshape(-1)
        return {"C1": self.identity, "C2": np.where((alike >= 0).all(axis=1), cells, -1)}


@dataclass(frozen=True, slots=True)
class Queries:
    """Queries about one gallery, each with a right answer under C1.

    Attributes:
        sources: Position of the source image, (Q,).
        attributes: Position of the wished attribute in `Labels.names`, (Q,).
        values: Wished value, (Q,).
        strict: Whether there is a right answer under C2, too, (Q,).
    """

    sources: NDArray[np.int64]
    attributes: NDArray[np.int64]
    values: NDArray[np.int64]
    strict: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.sources)

    def chosen(self, which: NDArray[np.int64]) -> "Queries":
        """Return some of the queries."""
        return Queries(
            self.sources[which], self.attributes[which], self.values[which], self.strict[which]
        )

    def counted(self) -> dict[str, int]:
        """Count the queries that have a right answer, by criterion."""
        return {"C1": len(self), "C2": int(self.strict.sum())}


def count_pairs(labels: Labels, wishable: Mapping[str, Sequence[int]]) -> int:
    """Count the pairs of an image and another value, whether or not an image answers them.

    Args:
        labels: Of the images; those of unknown identity or value are no sources.
        wishable: Positions of the values that can be wished for, by attribute.
    """
    pairs = 0
    for attribute, values in wishable.items():
        own = labels.values[labels.identity >= 0, labels.names.index(attribute)]
        pairs += int((own >= 0).sum()) * len(values) - int(np.isin(own, values).sum())
    return pairs


def all_queries(labels: Labels, wishable: Mapping[str, Sequence[int]]) -> Queries:
    """List every query that has a right answer under C1, in order of source, attribute, value.

    Args:
        labels: Of the gallery.
        wishable: Positions of the values that can be wished for, by attribute.
    """
    kept = []
    for attribute, values in wishable.items():
        column = labels.names.index(attribute)
        own = labels.values[:, column]
        shown = {c: _shown(groups, own) for c, groups in labels.groups(column).items()}
        for source in np.flatnonzero((labels.identity >= 0) & (own >= 0)).tolist():
            loose, strict = shown["C1"][source], shown["C2"][source]
            wishes = [value for value in values if value in loose and value != own[source]]
            kept += [(source, column, value, value in strict) for value in wishes]
    array = np.array(sorted(kept), dtype=np.int64).reshape(len(kept), 4)
    return Queries(array[:, 0], array[:, 1], array[:, 2], array[:, 3] == 1)


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
        raise DatasetError(
            "No test image has a wished-for twin: nobody is shown under two values of an attribute"
            " that the weights draw, so there is nothing to ask"
        )
    order = np.random.default_rng(protocol.seed).permutation(total)[: protocol.queries]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    return [
        group.chosen(np.sort(order[(order >= start) & (order < end)]) - start)
        for group, start, end in zip(groups, starts[:-1], starts[1:], strict=True)
    ]


def _shown(groups: NDArray[np.int64], own: NDArray[np.int64]) -> list[set[int]]:
    """Return for every image the values of an attribute that its group shows."""
    shown: dict[int, set[int]] = {-1: set()}
    for group, value in zip(groups.tolist(), own.tolist(), strict=True):
        values = shown.setdefault(group, set())
        if group >= 0 and value >= 0:
            values.add(value)
    return [shown[group] for group in groups.tolist()]


def _value(space: AttributeSpace, name: str, condition: Condition) -> int:
    return space[name].index(condition[name]) if name in condition else -1
