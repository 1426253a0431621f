"""From an expression of `--where` to a query of the catalogue.

Every value travels as a parameter. Each comparison becomes "the image's id is among ...", so that
only true and false remain, and `not` is the complement.
"""

import json
import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, not_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from gallery.attributes import as_number
from gallery.catalogue.distinct import distinct
from gallery.catalogue.tables import File, Identity, Image, Placement, Value
from gallery.catalogue.where import Comparison, Every, Expression, Not, Some
from gallery.errors import ConfigError, did_you_mean
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


def images_where(session: Session, expression: Expression, space_id: int | None) -> Select[Any]:
    """Return the query for the ids of the images of which an expression is true.

    Args:
        session: Asked which names there are.
        expression: From `where.parse`.
        space_id: Whose estimates and states are meant; None where there is no space.

    Raises:
        ConfigError: A name is not known, or a value does not fit; the message lists those known.
    """
    return select(Image.id).where(_Compiler(session, space_id).clause(expression))


class _Compiler:
    def __init__(self, session: Session, space_id: int | None) -> None:
        self._session = session
        self._space_id = space_id
        self._attributes: list[str] | None = None

    def clause(self, expression: Expression) -> ColumnElement[bool]:
        match expression:
            case Every(parts):
                return and_(*(self.clause(part) for part in parts))
            case Some(parts):
                return or_(*(self.clause(part) for part in parts))
            case Not(part):
                return not_(self.clause(part))
            case Comparison():
                return self._comparison(expression)

    def _comparison(self, asked: Comparison) -> ColumnElement[bool]:
        kind, _, rest = asked.name.partition(".")
        if kind == "estimate" and rest:
            return self._estimate(rest, asked)
        if asked.name in COLUMNS:
            return self._column(asked)
        name = rest if kind == "condition" and rest else asked.name
        if name not in self.attributes:
            known = [*self.attributes, *COLUMNS, *self._estimated()]
            hint = did_you_mean(name, known)
            raise ConfigError(f"--where: nothing is named {asked.name!r}; {hint}")
        of_name = select(Value.image_id).where(Value.attribute == name)
        return Image.id.in_(of_name.where(_compare(Value.value, Value.number, asked)))

    @property
    def attributes(self) -> list[str]:
        """Names of the attributes of which something is known."""
        if self._attributes is None:
            self._attributes = distinct(self._session, Value.attribute)
        return self._attributes

    def _column(self, asked: Comparison) -> ColumnElement[bool]:
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

    def _state(self, asked: Comparison) -> ColumnElement[bool]:
        """Compare the state in the space; without a row of its own an image is pending."""
        placed = select(Placement.image_id).where(Placement.space_id == self._space_id)
        states = [s for s in ("indexed", "skipped", "removed") if _holds(s, asked)]
        clause = Image.id.in_(placed.where(Placement.state.in_(states)))
        return or_(clause, Image.id.not_in(placed)) if _holds("pending", asked) else clause

    def _estimate(self, name: str, asked: Comparison) -> ColumnElement[bool]:
        """Compare an estimate. There are few different ones, so they are compared one by one."""
        here = Placement.space_id == self._space_id
        texts = distinct(self._session, Placement.estimate, here)
        conditions = {text: json.loads(text) for text in texts}
        known = sorted({key for values in conditions.values() for key in values})
        if name not in known:
            raise ConfigError(
                f"--where: no estimate is named {asked.name!r}; {did_you_mean(name, known)}"
            )
        fitting = [t for t, c in conditions.items() if name in c and _holds(c[name], asked)]
        if not fitting:
            return false()
        placed = select(Placement.image_id).where(here, Placement.estimate.in_(fitting))
        return Image.id.in_(placed)

    def _estimated(self) -> list[str]:
        texts = distinct(self._session, Placement.estimate, Placement.space_id == self._space_id)
        return sorted({f"estimate.{name}" for text in texts for name in json.loads(text)})


def _compare(
    text: InstrumentedAttribute[Any], number: InstrumentedAttribute[Any] | None, asked: Comparison
) -> ColumnElement[bool]:
    """Compare a column of texts; where both sides spell numbers, as numbers."""
    if asked.operator == "known":
        return text.is_not(None)
    if asked.operator == "~":
        return text.like(_like(asked.values[0]), escape="\\")
    if asked.operator in ("in", "=", "!="):
        equal = or_(*(_equal(text, number, value) for value in asked.values))
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
    text: InstrumentedAttribute[Any], number: InstrumentedAttribute[Any] | None, value: str
) -> ColumnElement[bool]:
    spelt = as_number(value) if number is not None else None
    if spelt is None or number is None:
        return text == value if value.isascii() else text.in_(spellings(value))
    return and_(number.is_not(None), number == spelt)


def _composed(asked: Comparison) -> Comparison:
    """Ask for a name in the form in which names are compared."""
    return replace(asked, values=tuple(map(composed, asked.values)))


def _compare_number(column: InstrumentedAttribute[Any], asked: Comparison) -> ColumnElement[bool]:
    if asked.operator == "known":
        return column.is_not(None)
    if asked.operator == "~":
        raise ConfigError(f"--where: {asked.name} is a number; ~ compares texts")
    numbers = [_whole(asked.name, value) for value in asked.values]
    if asked.operator == "in":
        return column.in_(numbers)
    return and_(column.is_not(None), ORDER[asked.operator](column, numbers[0]))


def _whole(name: str, value: str) -> int:
    try:
        number = int(value)
    except ValueError:
        number = LARGEST + 1
    if abs(number) > LARGEST:
        raise ConfigError(f"--where: {name} is a whole number, got {value!r}")
    return number


def _holds(text: str, asked: Comparison) -> bool:
    """Compare a text in Python by the rules of `_compare`."""
    if asked.operator == "known":
        return True
    if asked.operator == "in":
        return any(_same(text, value) for value in asked.values)
    (value,) = asked.values
    if asked.operator == "~":
        return fnmatchcase(text, value.replace("[", "[[]"))
    if asked.operator in ("=", "!="):
        return _same(text, value) == (asked.operator == "=")
    left, right = as_number(text), as_number(value)
    if (left is None) != (right is None):
        return False
    sides: Sequence[Any] = (text, value) if left is None else (left, right)
    return bool(ORDER[asked.operator](*sides))


def _same(text: str, value: str) -> bool:
    left, right = as_number(text), as_number(value)
    return text == value if left is None or right is None else left == right


def _like(pattern: str) -> str:
    for sign in ("\\", "%", "_"):
        pattern = pattern.replace(sign, f"\\{sign}")
    return pattern.replace("*", "%").replace("?", "_")
