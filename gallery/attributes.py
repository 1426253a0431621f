"""Attributes: what can be wished for, and what is known about an image.

An attribute is categorical: an ordered list of named values. A value may stand for a number with a
unit: the values of `pose` are yaws in degrees, and "45", "+45", "45.0" and "45°" name the same one.

An attribute with the unit "strength" is a number in [0, 1], such as `smile=0.6`: any number there
can be wished for and known. Its values are a grid: those in which gallery images are redrawn. A
strength between two of them is encoded as a mixture of both (`Attribute.code`), and counts as the
nearer one where values are counted (`Attribute.index`).

Sign of a yaw: that of Multi-PIE's cameras, -45 for camera 080 and 45 for camera 190; what it means
in a picture says POSE_SIDE.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gallery.errors import ConfigError, WishError, did_you_mean
from gallery.spelling import composed

POSE_SIDE = "pose=45: the nose points to the left edge of the picture; pose=-45: to its right edge."
STRENGTH = "strength"  # the unit of numbers in [0, 1]
STRENGTH_GRID = ("0", "0.25", "0.5", "0.75", "1")  # of labels, which may be any number there
STRENGTH_DIGITS = 4  # after the point
UNIT_SIGNS = {"degree": ("°", "degrees", "degree", "deg"), "year": ("years", "year", "y")}


class Condition(Mapping[str, str]):
    """One value for each attribute of an image: an immutable, hashable mapping.

    >>> Condition(pose="45", eyes="open").replace(eyes="sunglasses")
    Condition(pose='45', eyes='sunglasses')
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str] | None = None, /, **named: str) -> None:
        self._values: dict[str, str] = {**(values or {}), **named}

    def __getitem__(self, attribute: str) -> str:
        return self._values[attribute]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return f"Condition({', '.join(f'{name}={value!r}' for name, value in self.items())})"

    def __str__(self) -> str:
        return " ".join(f"{name}={value}" for name, value in self.items())

    def replace(self, values: Mapping[str, str] | None = None, /, **named: str) -> "Condition":
        """Return the condition with some values exchanged or added."""
        return Condition({**self._values, **(values or {}), **named})

    def without(self, attributes: Iterable[str]) -> "Condition":
        """Return the condition without some attributes; unknown ones are ignored."""
        left_out = set(attributes)
        return Condition({n: v for n, v in self._values.items() if n not in left_out})

    def only(self, attributes: Iterable[str]) -> "Condition":
        """Return the part of the condition that speaks of some attributes."""
        kept = set(attributes)
        return Condition({n: v for n, v in self._values.items() if n in kept})


@dataclass(frozen=True, slots=True)
class Attribute:
    """One thing that can be wished for.

    Attributes:
        name: As it stands before the "=" of a wish.
        values: Names of the values, in the order of the one-hot encoding; at least two differ. Of a
            strength the grid, rising, in [0, 1].
        unit: What the values count ("degree", "year", "strength"), or None where they are names.
        equal: Groups of values that a collection declares to look alike under different names;
            who compares images by their values takes either for the other.
        side: Where a collection's own words for the sides differ from POSE_SIDE: how; else empty.
    """

    name: str
    values: tuple[str, ...]
    unit: str | None = None
    equal: tuple[tuple[str, ...], ...] = field(default=(), compare=False)
    side: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not self.name or not self.values:
            raise ValueError(f"an attribute needs a name and values, got {self!r}")
        if len(set(self.values)) != len(self.values):
            raise ValueError(f"values of {self.name!r} repeat: {', '.join(self.values)}")
        if self.unit is not None:
            numbers = [as_number(value) for value in self.values]
            if None in numbers:
                raise ValueError(f"values of {self.name!r} in {self.unit}s must be numbers")
            if len(set(numbers)) != len(numbers):
                raise ValueError(f"values of {self.name!r} repeat: {', '.join(self.values)}")
        if self.is_strength and (self.grid != sorted(self.grid) or not in_unit(self.grid)):
            raise ValueError(f"strengths of {self.name!r} must rise from 0 to 1: {self.values}")

    @property
    def is_strength(self) -> bool:
        """Whether its values are numbers in [0, 1], any of them."""
        return self.unit == STRENGTH

    @property
    def grid(self) -> list[float]:
        """The numbers that the values spell; of an attribute with a unit alone."""
        return [as_number(value) or 0.0 for value in self.values]

    def spell(self, value: str) -> str:
        """Return a value as this attribute spells it; see `index`.

        Raises:
            WishError: There is no such value.
        """
        place = self.index(value)
        if not self.is_strength:
            return self.values[place]
        return f"{round(self.strength(value), STRENGTH_DIGITS):g}"

    def strength(self, value: str) -> float:
        """Return the number in [0, 1] that a value of a strength spells.

        Raises:
            WishError: It spells none.
        """
        number = self._number(value)
        if number is None or not 0 <= number <= 1:
            raise WishError(
                f"{self.name} is a strength from 0 to 1, like {self.name}=0.6; got {value!r}"
            )
        return number

    def code(self, value: str) -> list[float]:
        """Encode a value: a 1 at its place, or shares of the two values that a strength is between.

        Raises:
            WishError: There is no such value.
        """
        if not self.is_strength:
            place = self.index(value)
            return [float(place == at) for at in range(len(self.values))]
        basis = np.eye(len(self.values))
        return [float(np.interp(self.strength(value), self.grid, one)) for one in basis]

    def index(self, value: str) -> int:
        """Return the position of a value, given by name or number; of a strength the nearest.

        Raises:
            WishError: There is no such value; the message lists the values.
        """
        if value in self.values:
            return self.values.index(value)
        if self.is_strength:
            wanted = self.strength(value)
            return int(np.abs(np.array(self.grid) - wanted).argmin())
        if not value.isascii() and (spelt := [*map(composed, self.values)]).count(composed(value)):
            return spelt.index(composed(value))
        number = self._number(value)
        if number is not None:
            for position, known in enumerate(self.values):
                if as_number(known) == number:
                    return position
        raise self._unknown(value, number)

    @property
    def alike(self) -> tuple[int, ...]:
        """Of every value the position of the first one that is declared equal: mostly its own."""
        firsts = {
            value: min(self.values.index(one) for one in group if one in self.values)
            for group in self.equal
            for value in group
            if value in self.values
        }
        return tuple(firsts.get(value, place) for place, value in enumerate(self.values))

    def knows(self, value: str) -> bool:
        """Say whether `index` finds a value."""
        try:
            self.index(value)
        except WishError:
            return False
        return True

    def _unknown(self, value: str, number: float | None) -> WishError:
        """Say that there is no such value, and which comes closest."""
        like, hint = self.values[0], did_you_mean(value, self.values)
        if number is not None:
            near = self.nearest(number)
            like, known = near[0], ", ".join(self.values)
            hint = f"did you mean {' or '.join(near)}? Known: {known}"
        return WishError(
            f"{self.name} has no value {value!r}; {hint}. Wish like {self.name}={like}"
        )

    def nearest(self, number: float) -> list[str]:
        """Return the value that comes closest to a number; two if both are as close.

        Of an attribute with a unit alone.
        """
        away = [abs((as_number(known) or 0.0) - number) for known in self.values]
        return [known for known, far in zip(self.values, away, strict=True) if far == min(away)]

    def _number(self, value: str) -> float | None:
        bare = None if self.unit is None else bare_number(value, self.unit)
        return None if bare is None else as_number(bare)


@dataclass(frozen=True, slots=True)
class AttributeSpace:
    """Ordered attributes: the vocabulary of wishes, and the layout of their one-hot encoding."""

    attributes: tuple[Attribute, ...]

    def __post_init__(self) -> None:
        names = self.names
        if len(set(names)) != len(names):
            raise ValueError(f"attributes repeat: {', '.join(names)}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the attributes, in order."""
        return tuple(attribute.name for attribute in self.attributes)

    @property
    def size(self) -> int:
        """Length of the one-hot encoding: the values of all attributes."""
        return sum(len(attribute.values) for attribute in self.attributes)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[Attribute]:
        return iter(self.attributes)

    def __getitem__(self, name: str) -> Attribute:
        """Return an attribute by name.

        Raises:
            WishError: There is no such attribute; the message lists those there are.
        """
        for attribute in self.attributes:
            if attribute.name == name:
                return attribute
        raise WishError(f"There is no attribute {name!r}; {did_you_mean(name, self.names)}")

    def only(self, names: Iterable[str]) -> Self:
        """Return the space of some of the attributes, in the order of `names`."""
        return type(self)(tuple(self[name] for name in names))

    def check(self, condition: Mapping[str, str]) -> Condition:
        """Return the condition with every value spelt as in this space, in this space's order.

        Attributes that the condition leaves out stay out.

        Raises:
            WishError: An attribute or a value is unknown.
        """
        for name in condition:
            self[name]
        named = [attribute for attribute in self.attributes if attribute.name in condition]
        return Condition({a.name: a.spell(condition[a.name]) for a in named})

    def one_hot(self, condition: Mapping[str, str]) -> NDArray[np.float32]:
        """Encode a condition: one 1 for each attribute, or two shares of a strength, (size,).

        Raises:
            WishError: An attribute is missing, or a value is unknown.
        """
        code = np.zeros(self.size, dtype=np.float32)
        start = 0
        for attribute in self.attributes:
            if attribute.name not in condition:
                raise WishError(f"No value is given for {attribute.name}; say {attribute.name}=…")
            end = start + len(attribute.values)
            code[start:end] = attribute.code(condition[attribute.name])
            start = end
        return code

    def conditions(self) -> Iterator[Condition]:
        """Yield every condition of a space of one attribute, in order of its values.

        Raises:
            ValueError: The space has several attributes: their product is never enumerated.
        """
        if len(self.attributes) != 1:
            raise ValueError("only the values of a single attribute are enumerated")
        attribute = self.attributes[0]
        for value in attribute.values:
            yield Condition({attribute.name: value})

    def to_json(self) -> list[dict[str, Any]]:
        """Return a form that `from_json` reads back."""
        return [
            {"name": a.name, "values": list(a.values)} | ({"unit": a.unit} if a.unit else {})
            for a in self.attributes
        ]

    @classmethod
    def from_json(cls, data: Any) -> Self:  # noqa: ANN401  JSON is what it is
        """Read what `to_json` wrote.

        Raises:
            ConfigError: The data has another form.
        """
        try:
            return cls(
                tuple(
                    Attribute(str(a["name"]), tuple(map(str, a["values"])), a.get("unit"))
                    for a in data
                )
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"This is not an attribute space: {data!r} ({error})") from error


def in_unit(numbers: Iterable[float]) -> bool:
    """Say whether all numbers lie in [0, 1]."""
    return all(0 <= number <= 1 for number in numbers)


def as_number(text: str) -> float | None:
    """Return the finite number that a text spells, or None."""
    if "_" in text:  # Python would read the ages "20_30" as 2030
        return None
    try:
        number = float(text.replace("\N{MINUS SIGN}", "-"))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def bare_number(text: str, unit: str) -> str | None:
    """Return the number that a text spells, without the sign of its unit ("45°": "45"), or None."""
    bare = text.strip()
    for sign in UNIT_SIGNS.get(unit, (unit,)):
        bare = bare.removesuffix(sign).strip()
    return None if as_number(bare) is None else bare


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key under which "s2" stands before "s10".

    Digits are compared as numbers, the rest letter by letter.
    """
    parts: list[tuple[int, int, str]] = []
    digits = ""
    for letter in text:
        if letter.isdecimal():
            digits += letter
            continue
        if digits:
            parts.append(_digits_key(digits))
            digits = ""
        parts.append((1, 0, letter))
    if digits:
        parts.append(_digits_key(digits))
    return tuple(parts)


def _digits_key(digits: str) -> tuple[int, int, str]:
    """Order runs of digits by their number, however long; int() refuses more than 4300 digits."""
    plain = "".join(str(int(digit)) for digit in digits).lstrip("0")
    return 0, len(plain), f"{plain} {digits}"


def space_of(
    conditions: Iterable[Mapping[str, str]], names: Iterable[str], units: Mapping[str, str]
) -> AttributeSpace:
    """Collect the values that occur: numbers in rising order, names in natural order.

    Args:
        conditions: What is known of each image.
        names: Attributes, in the order wanted; one that never occurs is left out.
        units: Unit of the attributes that have one; of these, "45" and "45.0" are one value. The
            values of strengths are STRENGTH_GRID, whatever occurs.
    """
    seen: dict[str, set[str]] = {name: set() for name in names}
    for condition in conditions:
        for name, value in condition.items():
            seen[name].add(value)
    return AttributeSpace(
        tuple(Attribute(n, _grid_of(v, units.get(n)), units.get(n)) for n, v in seen.items() if v)
    )


def _grid_of(values: set[str], unit: str | None) -> tuple[str, ...]:
    if unit == STRENGTH:
        return STRENGTH_GRID
    return _in_order(values if unit is None else _merged(values))


def _merged(values: set[str]) -> set[str]:
    """Keep one spelling of each number, the shortest; names stay."""
    spellings: dict[float | str, str] = {}
    for value in sorted(values, key=lambda value: (len(value), value)):
        number = as_number(value)
        spellings.setdefault(value if number is None else number, value)
    return set(spellings.values())


def _in_order(values: set[str]) -> tuple[str, ...]:
    numbers = {value: as_number(value) for value in values}
    if all(number is not None for number in numbers.values()):
        return tuple(sorted(values, key=lambda value: (numbers[value] or 0.0, value)))
    return tuple(sorted(values, key=natural_key))
