"""From labels to records: the gallery, the people, the queries with all their right answers.

Shapes: N gallery images, A attributes, Q queries, R right images of all queries together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.errors import ConfigError
from gallery.faces import Face, FaceSet
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.protocol.queries import Labels, Queries
from retrieval.evaluation.protocol.wishes import Cells, number_combinations, wished_together
from retrieval.evaluation.records import Flags, GalleryTable, Integers, People, QueryTable


def known_space(faces: Iterable[Face], space: AttributeSpace) -> AttributeSpace:
    """Return the attributes of which some image has a known value."""
    known = {name for face in faces for name in face.condition}
    return space.only(name for name in space.names if name in known)


def restrict(faces: FaceSet, allowed: Mapping[str, Sequence[str]]) -> tuple[Face, ...]:
    """Return the images whose values a protocol admits to the gallery.

    Args:
        faces: The set.
        allowed: Values by attribute; "" stands for a value that is not known.

    Raises:
        ConfigError: The set has no such attribute or value.
    """
    wanted: dict[str, set[str | None]] = {}
    for name, values in allowed.items():
        if name not in faces.space:
            raise ConfigError(
                f"The protocol restricts {name!r}, which {faces.spec} says nothing of; it has:"
                f" {', '.join(faces.space.names) or 'no labels'}"
            )
        attribute = faces.space[name]
        wanted[name] = {attribute.values[attribute.index(v)] if v else None for v in values}
    return tuple(
        face
        for face in faces.faces
        if all(face.condition.get(name) in values for name, values in wanted.items())
    )


def about(faces: FaceSet, protocol: Protocol) -> FaceSet:
    """Return the images that a protocol is about, their values called as it calls them.

    Raises:
        ConfigError: The set has no such attribute or value.
    """
    renamed = faces.renamed(protocol.names)
    admitted = restrict(renamed, protocol.gallery)
    narrowed = (_admitted(a, protocol.gallery.get(a.name)) for a in renamed.space.attributes)
    space = AttributeSpace(tuple(one for one in narrowed if one is not None))
    return replace(renamed, faces=admitted, space=space)


def _admitted(attribute: Attribute, allowed: Sequence[str] | None) -> Attribute | None:
    """Return an attribute with the values that a protocol admits; None if there is none."""
    if allowed is None:
        return attribute
    kept = {attribute.index(value) for value in allowed if value}
    values = tuple(value for at, value in enumerate(attribute.values) if at in kept)
    return replace(attribute, values=values) if values else None


def describe_gallery(faces: Sequence[Face], labels: Labels) -> GalleryTable:
    """Return the gallery of one fold."""
    return GalleryTable(
        names=tuple(face.name for face in faces),
        identity=labels.identity,
        values=labels.values,
        fold=np.zeros(len(faces), dtype=np.int64),
        space=labels.space,
    )


def describe_people(faces: Sequence[Face], labels: Labels, face_set: FaceSet) -> People:
    """Return the people of a gallery, with what the collection knows of them."""
    names = [""] * (int(labels.identity.max(initial=-1)) + 1)
    for face, number in zip(faces, labels.identity.tolist(), strict=True):
        if number >= 0:
            names[number] = face.identity or ""
    if face_set.traits is None:
        return People(tuple(names))
    known = [face_set.traits(name) for name in names]
    traits = dict.fromkeys(trait for one in known for trait in one)
    return People(tuple(names), {t: tuple(one.get(t) for one in known) for t in traits})


def ask(labels: Labels, queries: Queries, subsets: Mapping[str, Condition]) -> QueryTable:
    """List the right images of every query.

    Args:
        labels: Labels of the gallery.
        queries: Each with a right answer under C1.
        subsets: Values of the source, by name of the part that is reported by itself.

    Raises:
        WishError: A subset names an unknown value.
    """
    right = [np.empty(0, dtype=np.int64)] * len(queries)
    strict = [np.empty(0, dtype=np.bool_)] * len(queries)
    for columns, asking in wished_together(queries.wished):
        answers = _Answers(labels, np.array(columns, dtype=np.int64))
        for query in np.flatnonzero(asking).tolist():
            right[query], strict[query] = answers.of(
                int(queries.sources[query]), queries.wished[query]
            )
    counts = [len(images) for images in right]
    return QueryTable(
        source=queries.sources,
        wished=queries.wished,
        right=np.concatenate([np.empty(0, dtype=np.int64), *right]),
        right_starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        right_strict=np.concatenate([np.empty(0, dtype=np.bool_), *strict]),
        subsets={
            name: flags[queries.sources]
            for name, condition in subsets.items()
            if (flags := _having(labels, condition)) is not None
        },
        copies=_copies(labels, queries.sources),
        hidden=labels.hidden,
    )


class _Answers:
    """The right images of queries that wish for the same attributes."""

    def __init__(self, labels: Labels, columns: Integers) -> None:
        self._columns = columns
        self._space = labels.space
        self._identity = labels.identity
        self._cells = Cells(labels.identity, labels.numbers(columns))
        self._others = np.delete(labels.compared, columns, axis=1)
        self._labels = labels

    def of(self, source: int, wished: Integers) -> tuple[Integers, Flags]:
        """Return the images that are right under C1, and which are under C2."""
        wish = wished[None, self._columns]
        number = number_combinations(wish, self._space, self._columns)[0]
        images = self._cells.images(int(self._identity[source]), int(number))
        images = images[~np.isin(images, self._labels.copies(source))]
        mine, theirs = self._others[source], self._others[images]
        return images, ((theirs == mine) & (theirs >= 0)).all(axis=1)


def _copies(labels: Labels, sources: Integers) -> dict[int, Integers]:
    """Return the copies of the sources that have some."""
    if labels.content is None:
        return {}
    found = {source: labels.copies(source) for source in np.unique(sources).tolist()}
    return {source: copies for source, copies in found.items() if len(copies)}


def _having(labels: Labels, condition: Condition) -> NDArray[np.bool_] | None:
    """Say which images have some values, (N,); None if the gallery knows nothing of them."""
    if any(name not in labels.names for name in condition):
        return None
    having = np.ones(len(labels.identity), dtype=np.bool_)
    for name, value in labels.space.check(condition).items():
        column = labels.names.index(name)
        having &= labels.values[:, column] == labels.space[name].index(value)
    return having
