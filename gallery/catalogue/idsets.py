"""Sets of ids that were found by several questions, and asked about as one value."""

import json

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ARRAY, BigInteger, ColumnElement, any_, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

Ids = NDArray[np.int64]
LOOSE = 4_000_000  # ids kept with repetitions


class Common:
    """The ids that are in each of some sets."""

    def __init__(self) -> None:
        self._ids: Ids | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no set was added yet."""
        return self._ids is None

    @property
    def ids(self) -> Ids:
        """The ids, rising."""
        return np.empty(0, np.int64) if self._ids is None else self._ids

    def add(self, ids: Ids) -> None:
        """Add a set of ids, rising."""
        before = self._ids
        self._ids = ids if before is None else np.intersect1d(before, ids, assume_unique=True)


class Union:
    """The ids that are in any of some sets."""

    def __init__(self) -> None:
        self._sets: list[Ids] = []

    @property
    def is_empty(self) -> bool:
        """Whether no set was added yet."""
        return not self._sets

    @property
    def ids(self) -> Ids:
        """The ids, rising."""
        return np.unique(np.concatenate([np.empty(0, np.int64), *self._sets]))

    def add(self, ids: Ids) -> None:
        """Add a set of ids."""
        self._sets.append(ids)
        if sum(map(len, self._sets[1:])) > LOOSE:
            self._sets = [self.ids]


def among(session: Session, column: InstrumentedAttribute[int], ids: Ids) -> ColumnElement[bool]:
    """Ask whether a column is among any number of ids; they travel as one value."""
    database = session.get_bind().dialect.name
    if database == "sqlite":
        listed = func.json_each(json.dumps(ids.tolist())).table_valued("value")
        return column.in_(select(listed.c.value))
    if database == "postgresql":
        return column == any_(literal(ids.tolist(), ARRAY(BigInteger)))
    return column.in_(ids.tolist())
