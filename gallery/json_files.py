"""JSON from disk, in one way: bounded, finite, without surprises; and what shape it must have.

A file from elsewhere may be nested a hundred thousand deep, hold numbers that are none (NaN,
Infinity, 1e999), integers of a million digits, one key twice, or letters that no file name and no
terminal takes. None of it gets past `parse`; what comes back is plain data of a bounded size.

    again = "Build it again: mindseye index build"
    data = read(path, IndexFileError, again)   # plain data: dict, list, str, int, float, bool, None
    origin = Origin("what the message calls it", IndexFileError, again)
    data = parse(text, origin)                 # the same, of a text
    shard = shaped(data, ShardList, origin)    # of what was read, a dataclass, every type checked
    check(data, ShardList, origin)             # the same, with nothing returned

The last two need pydantic, imported when first asked. On a bare training machine (torch, NumPy,
Pillow, safetensors) `check` does nothing and `shaped` is not called (docs/adr/0013).

Source: ECMA-404, "The JSON data interchange syntax", 2nd edition, 2017.
"""

import importlib.util
import json
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from gallery.errors import UserError

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")
MOST_BITS = 64
_SURROGATE = re.compile(r"[\ud800-\udc7f\udd00-\udfff\x00]")  # the others stand for a path's bytes
_SHOWN = 60  # letters of a value in a message


@dataclass(frozen=True, slots=True)
class JsonLimits:
    """What a JSON text may hold.

    Attributes:
        size_bytes: Most bytes.
        depth: Deepest nesting of lists and objects.
        values: Most commas and opening brackets, of which no fewer stand than there are values;
            a value of three letters takes some 70 bytes of memory.
    """

    size_bytes: int = 16 * 2**20
    depth: int = 32
    values: int = 1_000_000


USUAL = JsonLimits()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a text comes from, for the message.

    Attributes:
        where: File, or part of one.
        error: What is raised.
        advice: The next step, a sentence without its full stop.
        fault: What is wrong, before the reason.
    """

    where: str
    error: type[UserError]
    advice: str
    fault: str = "is damaged"

    def refuse(self, why: str) -> NoReturn:
        """Raise `error`: the text is not what it should be."""
        raise self.error(f"{self.where} {self.fault}: {why}. {self.advice}")


def read(path: Path, error: type[UserError], advice: str, limits: JsonLimits = USUAL) -> Any:  # noqa: ANN401  JSON is what it is
    """Read a JSON file; see `parse`.

    Args:
        path: Path of the file.
        error: What is raised if it cannot be used.
        advice: The next step, for the message.
        limits: What it may hold.

    Raises:
        UserError: An error of the given kind: it is missing, no plain file, or no such JSON.
    """
    return parse(read_text(path, error, advice, limits), Origin(str(path), error, advice), limits)


def read_text(path: Path, error: type[UserError], advice: str, limits: JsonLimits = USUAL) -> bytes:
    """Return the bytes of a file that is no longer than limits allow, for `parse`.

    Raises:
        UserError: An error of the given kind: it is missing, no plain file, or too long.
    """
    try:
        with open(path, "rb", opener=_open_plain) as file:  # Path.open takes no opener
            text = file.read(limits.size_bytes + 1)
    except FileNotFoundError as cause:
        raise error(f"{path} is missing. {advice}") from cause
    except (OSError, ValueError) as cause:  # a name may hold a zero
        raise error(f"{path} cannot be read ({cause}). {advice}") from cause
    return text


def _open_plain(path: str, flags: int) -> int:
    """Open a file, but none that would keep the reader waiting, as a pipe does."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError("it is no plain file")


def parse(text: bytes | str, origin: Origin, limits: JsonLimits = USUAL) -> Any:  # noqa: ANN401  JSON is what it is
    """Read JSON: at most so large and so deep, finite numbers, every key once, letters that print.

    Args:
        text: UTF-8, if it is bytes.
        origin: For the message.
        limits: What it may hold.

    Raises:
        UserError: An error of the origin's kind: it is no such JSON.
    """
    try:
        text = text if isinstance(text, str) else text.decode("utf-8")
        _require_bounded(text, limits)
        data = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_integer,
            object_pairs_hook=_once,
        )
        _walk(data, limits)
    except RecursionError:
        origin.refuse(_too_deep(limits))
    except ValueError as error:
        origin.refuse(_cut(str(error), 200))
    return data


def _require_bounded(text: str, limits: JsonLimits) -> None:
    if len(text) > limits.size_bytes:
        raise ValueError(
            f"it has more than {limits.size_bytes:,} letters, as none of its kind does"
        )
    if sum(map(text.count, ",[{")) > limits.values:
        raise ValueError(f"it has more than {limits.values:,} values, as none of its kind does")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, expected finite numbers")


def _finite(digits: str) -> float:
    number = float(digits)
    if number - number != 0:
        raise ValueError(f"it holds {_cut(digits)}, expected finite numbers")
    return number


def _integer(digits: str) -> int:
    # The length first: to read a million digits takes long, and Python refuses.
    if len(digits) > 20 or abs(number := int(digits)) >= 2**MOST_BITS:
        raise ValueError(f"it holds the number {_cut(digits)}, expected at most {MOST_BITS} bits")
    return number


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {_cut(twice)!r} stands twice in one object")
    return found


def _walk(data: object, limits: JsonLimits) -> None:
    """Look at everything, level by level: `depth`, and strings that hold what none should."""
    level = [data]
    for _ in range(limits.depth + 1):
        below: list[object] = []
        for value in level:
            if isinstance(value, dict):
                _require_letters(value)
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
            elif isinstance(value, str):
                _require_letters((value,))
        if not below:
            return
        level = below
    raise ValueError(_too_deep(limits))


def _require_letters(texts: Iterable[str]) -> None:
    for text in texts:
        if not text.isprintable() and _SURROGATE.search(text):
            raise ValueError(f"the text {_cut(text)!a} holds a letter that is none")


def _too_deep(limits: JsonLimits) -> str:
    return f"it is nested deeper than {limits.depth}, as none of its kind is"


def _cut(text: str, most: int = _SHOWN) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def shaped(data: object, shape: type[T], origin: Origin) -> T:
    """Return what `parse` returned as a dataclass (or what else pydantic knows).

    Types are held strictly: no text for a number, no number with a point for an integer, no 1 for
    true; a list may become a tuple, and an integer a float. Keys that the shape does not name are
    left out. `__post_init__` may raise ValueError.

    Args:
        data: From `parse`, which bounds it; pydantic alone would not.
        shape: What comes out.
        origin: For the message.

    Raises:
        UserError: Of the origin's kind: it has another shape; the message names the place.
    """
    return _validated(spell(data), shape, origin)


def check(data: object, shape: type[object], origin: Origin) -> None:
    """Refuse data of another shape; see `shaped`. Without pydantic this does nothing.

    Raises:
        UserError: An error of the origin's kind.
    """
    if _installed():  # bytes of a path that are no UTF-8 are escaped in a way pydantic refuses
        _validated(spell(data, ascii_only=False).encode("utf-8", "replace"), shape, origin)


def _validated(text: bytes | str, shape: type[T], origin: Origin) -> T:
    from pydantic import ValidationError  # noqa: PLC0415  tells apart only what was read

    try:
        known: Any = shape  # mypy does not believe that a type is hashable
        found: T = _adapter(known).validate_json(text, strict=True)
    except ValidationError as error:
        origin.refuse(_first_of(error))
    return found


@cache
def _installed() -> bool:
    return importlib.util.find_spec("pydantic") is not None


@cache
def _adapter(shape: Any) -> "TypeAdapter[Any]":  # noqa: ANN401  any type
    from pydantic import TypeAdapter  # noqa: PLC0415  as above

    return TypeAdapter(shape)


def _first_of(error: "ValidationError") -> str:
    found = error.errors(include_url=False, include_context=False)
    first = found[0]
    place = ".".join(_cut(str(key)) for key in first["loc"]) or "the whole"
    more = f" ({len(found) - 1} more such)" if len(found) > 1 else ""
    expected = first["msg"][:1].lower() + first["msg"][1:]
    if first["type"] == "missing":
        return f"{place} is lacking{more}"
    return f"{place}: {expected}, got {_cut(ascii(first['input']))}{more}"


def spell(data: object, *, indent: int | None = None, ascii_only: bool = True) -> str:
    """Write JSON that every reader takes: no NaN, no Infinity.

    Args:
        data: What to write.
        indent: Spaces a level; None for one line.
        ascii_only: Whether letters beyond ASCII are escaped.

    Raises:
        ValueError: It holds a number that is not finite, which is a fault of the program.
    """
    return json.dumps(data, indent=indent, ensure_ascii=ascii_only, allow_nan=False)
