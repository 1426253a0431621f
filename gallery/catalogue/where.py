"""The language of `--where`: parsed here, turned into a query by `filters`, never pasted into one.

    illumination=3 and expression!=happy
    identity in (s1, "Ann B.") or not (estimate.pose >= 30 and accessory is unknown)
    path ~ "/photos/2024/*"

A comparison is NAME OPERATOR VALUE, or NAME [not] in (VALUE, ...), or NAME is [not] known|unknown.
Operators: = != < <= > >= and ~ (a pattern: * stands for any text, ? for one letter). Values with
spaces, commas, parentheses or operators are quoted, "..." or '...'. `not` binds strongest, then
`and`, then `or`.

What is unknown equals nothing and differs from nothing: `pose != 45` asks for a known, other value.
`not pose = 45` is true of all other images, those of unknown pose among them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from gallery.errors import ConfigError, did_you_mean

MOST_CHARACTERS = 16_000_000  # a hundred thousand SHA-256 and more
SHOWN = 60  # characters before and after a mistake
DEEPEST = 40
OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "~")
TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<sign>!=|<=|>=|[=<>~(),])|(?P<word>[^\s"'=!<>~(),]+))""",
    re.DOTALL,
)
NO_TEXT = re.compile("[\0\ud800-\udfff]")
EXAMPLE = 'illumination=3 and expression!="happy"'


@dataclass(frozen=True, slots=True)
class Predicate:
    """One question about an image.

    Attributes:
        name: What is asked about: an attribute, "estimate.NAME", "condition.NAME", or a column.
        operator: One of OPERATORS, "in", or "known".
        values: To compare with: one, or several for "in", or none for "known".
        at: Where it stands, in characters from 0.
    """

    name: str
    operator: str
    values: tuple[str, ...]
    at: int = 0


@dataclass(frozen=True, slots=True)
class Not:
    """True where its part is not."""

    part: "Expression"


@dataclass(frozen=True, slots=True)
class Every:
    """True where all of its parts are."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """True where one of its parts is."""

    parts: tuple["Expression", ...]


Expression = Predicate | Not | Every | Some


def names(expression: Expression) -> set[str]:
    """Return all that an expression asks about."""
    match expression:
        case Predicate(name):
            return {name}
        case Not(part):
            return names(part)
        case Every(parts) | Some(parts):
            return set().union(*map(names, parts))


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.lower() in words

    def is_sign(self, *signs: str) -> bool:
        return self.kind == "sign" and self.text in signs


def parse(text: str) -> Expression:
    """Read an expression.

    Raises:
        ConfigError: It is none; the message says where, and what was expected there.
    """
    if len(text) > MOST_CHARACTERS:
        raise ConfigError(
            f"--where takes at most {MOST_CHARACTERS:,} characters, got {len(text):,}"
        )
    _require_text(text)
    parser = _Parser(text)
    found = parser.some(0)
    if parser.token.kind != "end":
        parser.fail(f"expected `and`, `or` or the end{_maybe(parser.token.text, ('and', 'or'))}")
    return found


def _require_text(text: str) -> None:
    """Refuse what no catalogue can hold.

    Raises:
        ConfigError: There is a NUL in the text, or a byte that is not UTF-8.
    """
    if bad := NO_TEXT.search(text):
        raise ConfigError(
            f"--where: character {bad.start() + 1} is {bad[0]!r}, which no catalogue holds: its"
            " texts are UTF-8 without NUL. Say ~ and ? instead, or rename the file"
        )


def _maybe(given: str, known: tuple[str, ...]) -> str:
    hint = did_you_mean(given, known)
    return f"; {hint.partition('?')[0]}?" if "?" in hint else ""


class _Parser:
    """Reads from left to right, one token ahead."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = self._cut()
        self.token = next(self._tokens)

    def fail(self, why: str) -> NoReturn:
        where = "at the end" if self.token.kind == "end" else f"at {self._here()!r}"
        raise ConfigError(
            f"--where {self._around()!r}: {where} (character {self.token.at + 1}) {why}."
            f" Write like {EXAMPLE}"
        )

    def _here(self) -> str:
        return self.text[self.token.at : self.token.at + SHOWN].split()[0][:20]

    def _around(self) -> str:
        """Return the text, or of a long one what stands around the place."""
        start, end = max(0, self.token.at - SHOWN), self.token.at + SHOWN
        if len(self.text) <= 2 * SHOWN:
            return self.text
        before, after = ("…" if start else ""), ("…" if end < len(self.text) else "")
        return f"{before}{self.text[start:end]}{after}"

    def _cut(self) -> Iterator[_Token]:
        at, end = 0, len(self.text.rstrip())
        while at < end:
            found = TOKEN.match(self.text, at)
            if found is None:
                rest = self.text[at:]
                at += len(rest) - len(rest.lstrip())
                self.token = _Token("bad", self.text[at], at)
                self.fail("a quotation mark is not closed" if self.text[at] in "\"'" else "no word")
            kind = found.lastgroup or ""
            content = found[kind]
            start, at = found.start(kind), found.end()
            if kind == "quoted":
                content = re.sub(r"\\(.)", r"\1", content[1:-1], flags=re.DOTALL)
            yield _Token(kind, content, start)
        yield _Token("end", "", end)

    def take(self) -> _Token:
        taken, self.token = self.token, self.token
        if taken.kind != "end":
            self.token = next(self._tokens)
        return taken

    def some(self, depth: int) -> Expression:
        parts = [self.every(depth)]
        while self.token.is_word("or"):
            self.take()
            parts.append(self.every(depth))
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def every(self, depth: int) -> Expression:
        parts = [self.one(depth)]
        while self.token.is_word("and"):
            self.take()
            parts.append(self.one(depth))
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def one(self, depth: int) -> Expression:
        if depth > DEEPEST:
            self.fail(f"parentheses and `not` are nested more than {DEEPEST} deep")
        if self.token.is_word("not"):
            self.take()
            return Not(self.one(depth + 1))
        if not self.token.is_sign("("):
            return self.comparison()
        self.take()
        inside = self.some(depth + 1)
        if not self.token.is_sign(")"):
            self.fail(f"expected `)`, `and` or `or`{_maybe(self.token.text, ('and', 'or'))}")
        self.take()
        return inside

    def comparison(self) -> Expression:
        if self.token.kind not in ("word", "quoted") or self.token.is_word("and", "or"):
            self.fail("expected a name, such as identity or pose")
        name = self.take()
        if self.token.is_sign(*OPERATORS):
            operator = self.take().text
            return Predicate(name.text, operator, (self.value(),), name.at)
        if self.token.is_word("is"):
            return self._known(name)
        denied = self.token.is_word("not")
        if denied:
            self.take()
        if not self.token.is_word("in"):
            self.fail("expected =, !=, <, <=, >, >=, ~, `in (...)` or `is known`")
        self.take()
        found = Predicate(name.text, "in", self._values(), name.at)
        return Every((_is_known(name), Not(found))) if denied else found

    def _known(self, name: _Token) -> Expression:
        self.take()
        denied = self.token.is_word("not")
        if denied:
            self.take()
        if not self.token.is_word("known", "unknown"):
            self.fail("expected `known` or `unknown`")
        known = _is_known(name)
        return known if (self.take().text.lower() == "known") != denied else Not(known)

    def value(self) -> str:
        if self.token.kind not in ("word", "quoted"):
            self.fail("expected a value; quote it if it holds signs")
        return self.take().text

    def _values(self) -> tuple[str, ...]:
        if not self.token.is_sign("("):
            self.fail("expected `(`, then values with commas between, then `)`")
        self.take()
        values = [self.value()]
        while self.token.is_sign(","):
            self.take()
            values.append(self.value())
        if not self.token.is_sign(")"):
            self.fail("expected `,` or `)`")
        self.take()
        return tuple(values)


def _is_known(name: _Token) -> Predicate:
    return Predicate(name.text, "known", (), name.at)
