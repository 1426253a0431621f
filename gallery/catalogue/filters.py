"""From an expression of `--where` to a query of the catalogue.

Every value travels as a parameter. Each comparison becomes "the image's id is among ...", so that
only true and false remain, and `not` is the complement.
"""

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Select, and_, false, not_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from gallery.attributes import as_number
from gallery.catalogue.chains import shorten
from gallery.catalogue.distinct import distinct
from gallery.catalogue.idsets import Common, Ids, Union, among
from gallery.catalogue.json_values import read_condition
from gallery.catalogue.tables import File, Identity, Image, Placement, Value
from gallery.catalogue.where import Every, Expression, Not, Predicate, Some
from gallery.errors import ConfigError, brief, did_you_mean
from gallery.spelling import composed, spellings

COLUMNS = ("id", "identity", "path", "sha256", "size_bytes", "mtime_ns", "state")
NUMBERS = ("id", "size_bytes", "mtime_ns")
ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
LARGEST = 2**63 - 1
MOST = 200  # comparisons in one statement
MOST_JOINED = 8  # of which PostgreSQL makes joins: with more it thinks for minutes


def images_where(session: Session, expression: Expression, space_id: int | None) -> Select[Any]:
    """Return the query for the ids of the images of which an expression is true.

    Args:
        session: Asked which names there are.
        expression: From `where.parse`.
        space_id: Whose estimates and states are meant; None where there is no space.

    Raises:
        ConfigError: A name is not known, or a value does not fit; the message lists those known.
    """
    return select(Image.id).where(_Compiler(session, space_id).clause(shorten(expression)).sql)


@dataclass(frozen=True, slots=True, eq=False)
class _Clause:
    """A condition in SQL, and about how many comparisons it makes."""

    sql: ColumnElement[bool]
    weight: int = 1


class _Compiler:
    """Makes clauses. Chains that no statement could hold are asked in pieces of MOST comparisons.

    SQLite takes expressions 1,000 deep and, before 3.32, 999 values in a statement; PostgreSQL
    65,535 values. https://www.sqlite.org/limits.html
    """

    def __init__(self, session: Session, space_id: int | None) -> None:
        self._session = session
        self._space_id = space_id
        self._attributes: list[str] | None = None
        self._conditions: dict[str, dict[str, str]] | None = None
        self._judged: dict[tuple[str, ...], _Clause] = {}

    def clause(self, expression: Expression) -> _Clause:
        match expression:
            case Every(parts):
                return self._chain(parts, and_, Common())
            case Some(parts):
                return self._chain(parts, or_, Union())
            case Not(part):
                inside = self.clause(part)
                return _Clause(not_(inside.sql), inside.weight)
            case Predicate(name, "in", values, at) if len(values) > MOST and not _is_judged(name):
                pieces = (values[n : n + MOST] for n in range(0, len(values), MOST))
                parts = tuple(Predicate(name, "in", piece, at) for piece in pieces)
                return self._chain(parts, or_, Union())
            case Predicate():
                return self._comparison(expression)

    def _chain(
        self,
        parts: Sequence[Expression],
        join: Callable[..., ColumnElement[bool]],
        found: Common | Union,
    ) -> _Clause:
        """Join clauses in one; in many, each of which is asked, where there are too many."""
        clauses: list[ColumnElement[bool]] = []
        joined = isinstance(found, Common) and self._session.get_bind().dialect.name != "sqlite"
        weight = 0
        for one in _each_once(map(self.clause, parts)):
            full = weight + one.weight > MOST or (joined and len(clauses) == MOST_JOINED)
            if clauses and full:
                found.add(self._ids(join(*clauses)))
                clauses, weight = [], 0
            clauses.append(one.sql)
            weight += one.weight
        if found.is_empty:
            return _Clause(join(*clauses), weight)
        found.add(self._ids(join(*clauses)))
        return _Clause(among(self._session, Image.id, found.ids))

    def _ids(self, clause: ColumnElement[bool]) -> Ids:
        query = select(Image.id).where(clause).order_by(Image.id)
        return np.fromiter(self._session.scalars(query), np.int64)

    def _comparison(self, asked: Predicate) -> _Clause:
        kind, _, rest = asked.name.partition(".")
        if kind == "estimate" and rest:
            return self._estimate(rest, asked)
        weight = max(1, len(asked.values))
        if asked.name in COLUMNS:
            return _Clause(self._column(asked), weight)
        name = rest if kind == "condition" and rest else asked.name
        if name not in self.attributes:
            known = [*self.attributes, *COLUMNS, *self._estimated()]
            hint = did_you_mean(name, known)
            raise ConfigError(f"--where: nothing is named {brief(asked.name)}; {hint}")
        of_name = select(Value.image_id).where(Value.attribute == name)
        compared = _compare(Value.value, Value.number, asked)
        return _Clause(Image.id.in_(of_name.where(compared)), weight)

    @property
    def attributes(self) -> list[str]:
        """Names of the attributes of which something is known."""
        if self._attributes is None:
            self._attributes = distinct(self._session, Value.attribute)
        return self._attributes

    def _column(self, asked: Predicate) -> ColumnElement[bool]:
        match asked.name:
            case "identity":
                people = select(Identity.id).where(
                    _compare(Identity.composed, None, _composed(asked))
                )
                return and_(Image.identity_id.is_not(None), Image.identity_id.in_(people))
            case "sha256":
                return _compare(Image.sha256, None, asked)
            case "id":
                return _compare_number(Image.id, asked)
            case "state":
                return self._state(asked)
            case "path":
                clause = _compare(File.path, None, asked)
            case name:
                clause = _compare_number(getattr(File, name), asked)
        return Image.id.in_(select(File.image_id).where(File.image_id.is_not(None), clause))

    def _state(self, asked: Predicate) -> ColumnElement[bool]:
        """Compare the state in the space; without a row of its own an image is pending."""
        placed = select(Placement.image_id).where(Placement.space_id == self._space_id)
        states = holding(("indexed", "skipped", "removed", "pending"), asked)
        clause = Image.id.in_(placed.where(Placement.state.in_(states)))
        return or_(clause, Image.id.not_in(placed)) if "pending" in states else clause

    def _estimate(self, name: str, asked: Predicate) -> _Clause:
        """Compare an estimate. There are few different ones, so they are compared one by one."""
        known = sorted({key for values in self.conditions.values() for key in values})
        if name not in known:
            raise ConfigError(
                f"--where: no estimate is named {brief(asked.name)}; {did_you_mean(name, known)}"
            )
        values = {values[name] for values in self.conditions.values() if name in values}
        fitting = set(holding(sorted(values), asked))
        texts = [text for text, values in self.conditions.items() if values.get(name) in fitting]
        return self._estimated_as(tuple(texts))

    def _estimated_as(self, texts: tuple[str, ...]) -> _Clause:
        """Ask for images of some estimates: one clause, however many comparisons come to it."""
        if texts not in self._judged:
            here = Placement.space_id == self._space_id
            placed = select(Placement.image_id).where(here, Placement.estimate.in_(texts))
            clause = Image.id.in_(placed) if texts else false()
            self._judged[texts] = _Clause(clause, 1 + len(texts))
        return self._judged[texts]

    @property
    def conditions(self) -> dict[str, dict[str, str]]:
        """The different estimates of the space, as texts and as what those say."""
        if self._conditions is None:
            here = Placement.space_id == self._space_id
            texts = distinct(self._session, Placement.estimate, here)
            self._conditions = {text: dict(read_condition(text)) for text in texts}
        return self._conditions

    def _estimated(self) -> list[str]:
        return sorted({f"estimate.{name}" for names in self.conditions.values() for name in names})


def _each_once(clauses: Iterable[_Clause]) -> Iterator[_Clause]:
    seen: set[_Clause] = set()
    for clause in clauses:
        if clause not in seen:
            seen.add(clause)
            yield clause


def _is_judged(name: str) -> bool:
    """Say whether values of a name are compared in Python, however many are asked for."""
    return name == "state" or name.startswith("estimate.")


def _compare(
    text: InstrumentedAttribute[Any], number: InstrumentedAttribute[Any] | None, asked: Predicate
) -> ColumnElement[bool]:
    """Compare a column of texts; where both sides spell numbers, as numbers."""
    if asked.operator == "known":
        return text.is_not(None)
    if asked.operator == "~":
        return text.like(_like(asked.values[0]), escape="\\")
    if asked.operator in ("in", "=", "!="):
        equal = _equal(text, number, asked.values)
        return not_(equal) if asked.operator == "!=" else equal
    (value,) = asked.values
    compare: Callable[[Any, Any], ColumnElement[bool]] = ORDER[asked.operator]
    if number is None:
        return compare(text, value)
    spelt = as_number(value)
    if spelt is None:
        return and_(number.is_(None), compare(text, value))
    return and_(number.is_not(None), compare(number, spelt))


def _equal(
    text: InstrumentedAttribute[Any],
    number: InstrumentedAttribute[Any] | None,
    values: Sequence[str],
) -> ColumnElement[bool]:
    spelt = {value: as_number(value) if number is not None else None for value in values}
    texts = [value for value in values if spelt[value] is None]
    numbers = [one for one in spelt.values() if one is not None]
    equal = [_one_of(text, texts)] if texts else []
    if number is not None and numbers:
        equal.append(and_(number.is_not(None), number.in_(numbers)))
    return or_(*equal)


def _one_of(text: InstrumentedAttribute[Any], values: Sequence[str]) -> ColumnElement[bool]:
    """Ask for any of some texts, composed or decomposed."""
    if len(values) == 1 and values[0].isascii():
        return text == values[0]
    forms = ((value,) if value.isascii() else spellings(value) for value in values)
    return text.in_([form for some in forms for form in some])


def _composed(asked: Predicate) -> Predicate:
    """Ask for a name in the form in which names are compared."""
    return replace(asked, values=tuple(map(composed, asked.values)))


def _compare_number(column: InstrumentedAttribute[Any], asked: Predicate) -> ColumnElement[bool]:
    if asked.operator == "known":
        return column.is_not(None)
    if asked.operator == "~":
        raise ConfigError(f"--where: {asked.name} is a number; ~ compares texts")
    numbers = [whole(asked.name, value) for value in asked.values]
    if asked.operator == "in":
        return column.in_(numbers)
    return and_(column.is_not(None), ORDER[asked.operator](column, numbers[0]))


def whole(name: str, value: str) -> int:
    """Read a whole number that a column is compared with.

    Raises:
        ConfigError: It is none, or too long for a column.
    """
    try:
        number = int(value)
    except ValueError:
        number = LARGEST + 1
    if abs(number) > LARGEST:
        raise ConfigError(f"--where: {name} is a whole number, got {brief(value)}")
    return number


def holding(texts: Sequence[str], asked: Predicate) -> list[str]:
    """Return the texts of which a comparison is true, by the rules of `_compare`."""
    if asked.operator == "known":
        return list(texts)
    if asked.operator in ("in", "=", "!="):
        numbers = {as_number(value) for value in asked.values} - {None}
        same = {*asked.values}
        equal = [text for text in texts if text in same or as_number(text) in numbers]
        return equal if asked.operator != "!=" else [text for text in texts if text not in equal]
    (value,) = asked.values
    if asked.operator == "~":
        pattern = value.replace("[", "[[]")
        return [text for text in texts if fnmatchcase(text, pattern)]
    return [text for text in texts if _is_ordered(text, asked.operator, value)]


def _is_ordered(text: str, sign: str, value: str) -> bool:
    left, right = as_number(text), as_number(value)
    if (left is None) != (right is None):
        return False
    sides: Sequence[Any] = (text, value) if left is None else (left, right)
    return bool(ORDER[sign](*sides))


def _like(pattern: str) -> str:
    for sign in ("\\", "%", "_"):
        pattern = pattern.replace(sign, f"\\{sign}")
    return pattern.replace("*", "%").replace("?", "_")
