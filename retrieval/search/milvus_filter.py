"""From an expression of `--where` to what Milvus is asked.

Milvus holds what is known of an image as a list of terms (retrieval/collection/milvus_copy.py):
"c:pose=45" for a label, "e:pose=45" for an estimate, "i=ann" for who it is, and "c:pose", "e:pose",
"i" for that something is known at all. The catalogue knows which values there are: those of which
a comparison is true are listed, so that numbers, patterns and what is unknown mean what they mean
everywhere. Nothing but ids and lists of terms is left for Milvus to compare.
"""

import json
from collections.abc import Sequence

from gallery.catalogue.filters import ORDER, holding, whole
from gallery.catalogue.store import Catalogue
from gallery.catalogue.where import Every, Expression, Not, Predicate, Some, parse
from gallery.errors import ConfigError, brief, did_you_mean
from gallery.spelling import composed

MOST_TERMS = 10_000  # in one comparison
ALL, NONE = "image >= 0", "image < 0"
UNKNOWN = ("path", "sha256", "size_bytes", "mtime_ns")


def spell(catalogue: Catalogue, where: str, space_id: int) -> str:
    """Spell an expression for Milvus.

    Args:
        catalogue: Asked which values there are.
        where: The expression.
        space_id: Whose estimates are meant.

    Raises:
        ConfigError: It is none, names what nobody knows, or asks for what Milvus is not told.
    """
    return _Speller(catalogue, space_id).spelt(parse(where))


class _Speller:
    def __init__(self, catalogue: Catalogue, space_id: int) -> None:
        self._values = catalogue.images.values
        self._estimates = catalogue.images.estimated(space_id)

    def spelt(self, expression: Expression) -> str:
        match expression:
            case Every(parts):
                return " and ".join(f"({self.spelt(part)})" for part in parts)
            case Some(parts):
                return " or ".join(f"({self.spelt(part)})" for part in parts)
            case Not(part):
                return f"not ({self.spelt(part)})"
            case Predicate():
                return self._compared(expression)

    def _compared(self, asked: Predicate) -> str:
        kind, _, rest = asked.name.partition(".")
        if kind == "estimate" and rest:
            if rest not in self._estimates:
                hint = did_you_mean(rest, self._estimates)
                raise ConfigError(f"--where: no estimate is named {brief(asked.name)}; {hint}")
            return _terms(f"e:{rest}", self._estimates[rest], asked)
        match asked.name:
            case "id":
                return _ids(asked)
            case "state":
                return ALL if holding(("indexed",), asked) else NONE
            case "identity":
                named = Predicate(asked.name, asked.operator, tuple(map(composed, asked.values)))
                return _terms("i", self._values(None), named)
            case name if name in UNKNOWN:
                raise ConfigError(
                    f"--where: Milvus is not told the {name} of images; ask for labels, estimates,"
                    " identity or id. A collection in its folder or in PostgreSQL knows them all"
                )
        name = rest if kind == "condition" and rest else asked.name
        values = self._values(name)
        if not values:
            raise ConfigError(f"--where: nothing is named {brief(asked.name)}")
        return _terms(f"c:{name}", values, asked)


def _terms(mark: str, values: Sequence[str], asked: Predicate) -> str:
    """Ask for images with one of the values of which a comparison is true."""
    if asked.operator == "known":
        return f"array_contains(terms, {json.dumps(mark, ensure_ascii=False)})"
    terms = [f"{mark}={value}" for value in holding(values, asked)]
    if len(terms) > MOST_TERMS:
        raise ConfigError(
            f"--where: {asked.name} {asked.operator} … is true of {len(terms):,} values, more than"
            f" the {MOST_TERMS:,} that Milvus is asked for at once; ask for less"
        )
    listed = json.dumps(terms, ensure_ascii=False)
    return f"array_contains_any(terms, {listed})" if terms else NONE


def _ids(asked: Predicate) -> str:
    if asked.operator == "known":
        return ALL
    if asked.operator == "~":
        raise ConfigError("--where: id is a number; ~ compares texts")
    numbers = [whole(asked.name, value) for value in asked.values]
    if asked.operator == "in":
        return f"image in {numbers}"
    sign = "==" if asked.operator == "=" else asked.operator
    return f"image {sign} {numbers[0]}" if asked.operator in ORDER else NONE
