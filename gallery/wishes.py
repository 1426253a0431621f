"""Wishes as people write them: a value to be shown, one that must not be, and how much each counts.

    pose=45                      the pose shall be 45
    pose=45 * 0.5                the same, and it counts half
    not accessory=sunglasses     whatever the accessory is, not sunglasses

The number behind the last "*" is the weight. A value whose own name ends in "*2" is written with a
weight behind it: "x=a*2 * 1".
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from gallery.attributes import AttributeSpace, Condition
from gallery.errors import WishError

MOST_WEIGHT = 10.0
NOT = "not"
_WEIGHED = re.compile(r"(.*\S)\s*\*\s*([^\s*]+)", re.DOTALL)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wish:
    """One wish.

    Attributes:
        attribute: What it is about.
        value: The value that shall be shown, or must not be.
        negated: Whether it must not be.
        weight: By how much the wish's part of the score is multiplied, in [0, MOST_WEIGHT].
    """

    attribute: str
    value: str
    negated: bool = False
    weight: float = 1.0

    def __str__(self) -> str:
        """Spell it as `Wishes.parse` reads it."""
        start, end = f"{NOT} " if self.negated else "", ""
        if self.weight != 1 or _weight_of(self.value):
            end = f" * {self.weight:g}"
        return f"{start}{self.attribute}={self.value}{end}"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is wished for together: at least one value that shall be shown.

    Attributes:
        shown: Wishes for a value, one of an attribute.
        excluded: Wishes that a value is not shown; those of an attribute have one weight.
    """

    shown: tuple[Wish, ...]
    excluded: tuple[Wish, ...] = ()

    def __post_init__(self) -> None:
        if not self.shown:
            raise WishError(_nothing_to_show(self.excluded))
        self._require_once()
        self._require_consistent()

    @classmethod
    def parse(cls, wishes: Iterable[str]) -> Self:
        """Read wishes as they are written, before it is known which space will answer them.

        Raises:
            WishError: One is not written as above, its weight is no number in [0, MOST_WEIGHT], an
                attribute is wished for twice, a value is wished for and excluded, nothing shall be
                shown, or exclusions of one attribute differ in weight.
        """
        read = [_parse(wish) for wish in wishes]
        shown = tuple(wish for wish in read if not wish.negated)
        return cls(shown, tuple(wish for wish in read if wish.negated))

    @classmethod
    def of(cls, wishes: "Wishes | Mapping[str, str] | Iterable[str]") -> "Wishes":
        """Return wishes; read where they come as written, weighing 1 where they are a condition."""
        if isinstance(wishes, Wishes):
            return wishes
        if isinstance(wishes, Mapping):
            return cls(tuple(Wish(name, value) for name, value in wishes.items()))
        return cls.parse(wishes)

    @property
    def values(self) -> Condition:
        """The values that shall be shown."""
        return Condition({wish.attribute: wish.value for wish in self.shown})

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each value that shall be shown, by attribute."""
        return {wish.attribute: wish.weight for wish in self.shown}

    @property
    def unwanted(self) -> dict[str, tuple[str, ...]]:
        """The values that must not be shown, by attribute."""
        found: dict[str, tuple[str, ...]] = {}
        for wish in self.excluded:
            found[wish.attribute] = (*found.get(wish.attribute, ()), wish.value)
        return found

    @property
    def plain(self) -> bool:
        """Whether these are values to be shown alone, that weigh 1."""
        return self.special is None

    @property
    def special(self) -> Wish | None:
        """The first wish that excludes, or weighs other than 1; None where there is none."""
        every = (*self.shown, *self.excluded)
        return next((wish for wish in every if wish.negated or wish.weight != 1), None)

    def unusual(self, space: AttributeSpace) -> Wish | None:
        """Return the first wish of a kind that nothing is fitted on; None where there is none.

        It excludes, has a weight, or is for a strength between two values of the grid.
        """
        between = (one for one in self.shown if one.value not in space[one.attribute].values)
        return self.special or next(between, None)

    @property
    def spelt(self) -> tuple[str, ...]:
        """Each wish as it is written."""
        return tuple(str(wish) for wish in (*self.shown, *self.excluded))

    def __str__(self) -> str:
        return ", ".join(self.spelt) if not self.plain else str(self.values)

    def within(self, space: AttributeSpace) -> Self:
        """Return the wishes, spelt and ordered as an attribute space does.

        Raises:
            WishError: An attribute or a value is unknown, no value of an attribute is left, or
                what `parse` raises: "45" and "45.0" are now one value.
        """
        for wish in (*self.shown, *self.excluded):
            space[wish.attribute]
        for wish in self.excluded:
            if space[wish.attribute].is_strength:
                raise WishError(
                    f"{str(wish)!r}: a strength is not excluded, as it is never exactly so; wish"
                    f" for another one, like {wish.attribute}=0.2"
                )
        found = type(self)(_within(self.shown, space), _within(self.excluded, space))
        for name, values in found.unwanted.items():
            if len(values) == len(space[name].values):
                raise WishError(f"No value of {name} is left: {', '.join(values)} are excluded")
        return found

    def showing(self, attribute: str, value: str) -> Self:
        """Return the same wishes, but for what shall be shown of one attribute.

        That value is then no longer excluded.
        """
        shown = tuple(
            replace(wish, value=value) if wish.attribute == attribute else wish
            for wish in self.shown
        )
        kept = (
            wish for wish in self.excluded if (wish.attribute, wish.value) != (attribute, value)
        )
        return type(self)(shown, tuple(kept))

    def without(self, attribute: str) -> Self | None:
        """Return the wishes that are about other attributes; None if nothing shall be shown."""
        shown = tuple(wish for wish in self.shown if wish.attribute != attribute)
        excluded = tuple(wish for wish in self.excluded if wish.attribute != attribute)
        return type(self)(shown, excluded) if shown else None

    def _require_once(self) -> None:
        seen: dict[tuple[str, str], str] = {}
        for wish in (*self.shown, *self.excluded):
            what = (wish.attribute, wish.value) if wish.negated else (wish.attribute, "")
            if what in seen:
                start = f"{NOT} " if wish.negated else ""
                raise WishError(
                    f"{start}{wish.attribute} is wished for twice: {seen[what]!r} and"
                    f" {wish.value!r}"
                )
            seen[what] = wish.value

    def _require_consistent(self) -> None:
        weights: dict[str, Wish] = {}
        wanted = self.values
        for wish in self.excluded:
            if wanted.get(wish.attribute) == wish.value:
                raise WishError(
                    f"{wish.attribute}={wish.value} is wished for and excluded; leave out one"
                )
            first = weights.setdefault(wish.attribute, wish)
            if first.weight != wish.weight:
                raise WishError(
                    f"What {wish.attribute} must not be is one part of the score, with one weight;"
                    f" got {str(first)!r} and {str(wish)!r}"
                )


def _within(wishes: Iterable[Wish], space: AttributeSpace) -> tuple[Wish, ...]:
    """Spell the values as a space does, and bring the attributes into its order."""
    spelt = [replace(wish, value=space[wish.attribute].spell(wish.value)) for wish in wishes]
    return tuple(sorted(spelt, key=lambda wish: space.names.index(wish.attribute)))


def _parse(wish: str) -> Wish:
    text, weight = wish.strip(), 1.0
    if (found := _weight_of(text)) is not None:
        text, said = found
        weight = _as_weight(said, wish)
    start, _, rest = text.partition(" ")
    negated = start.lower() == NOT and "=" in rest
    name, equals, value = (part.strip() for part in (rest if negated else text).partition("="))
    if not (name and equals and value):
        raise WishError(f"A wish is NAME=VALUE, like pose=45; got {wish!r}")
    return Wish(name, value, negated, weight)


def _weight_of(text: str) -> tuple[str, str] | None:
    """Split off what stands behind the last "*", where it is a number, or stands apart."""
    found = _WEIGHED.fullmatch(text)
    if found is None:
        return None
    apart = text[found.end(1) : found.start(2)].startswith(" ")
    return (found[1], found[2]) if apart or _NUMBER.fullmatch(found[2]) else None


def _as_weight(said: str, wish: str) -> float:
    weight = float(said) if _NUMBER.fullmatch(said) else math.nan
    if not 0 <= weight <= MOST_WEIGHT:
        raise WishError(
            f"A weight is a number from 0 to {MOST_WEIGHT:g}, like pose=45 * 0.5; got {wish!r}"
        )
    return weight


def _nothing_to_show(excluded: tuple[Wish, ...]) -> str:
    if not excluded:
        return "There is no wish; add --wish NAME=VALUE, like --wish pose=45"
    said = ", ".join(map(repr, map(str, excluded)))
    return f"{said} says what must not be shown; wish for a value that shall be, too, like pose=45"
