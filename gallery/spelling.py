"""Names that are written in two ways and mean one thing.

A letter with an accent is one code point, or a letter and a mark (é, or e and U+0301): phones,
disks and spreadsheets differ in which they write. Names are kept as given, and compared composed
(NFC).
"""

import difflib
import unicodedata
from collections.abc import Callable, Iterable
from functools import cached_property

ALIKE = 0.8  # of 1: how similar a name must be to be meant
MOST_COMPARED = 2_000  # names among which a nearest one is looked for letter by letter


def composed(text: str) -> str:
    """Return a text in the form in which texts are compared (Unicode's NFC)."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def spellings(text: str) -> tuple[str, ...]:
    """Return a text as given, composed, and decomposed; each once."""
    forms = (text, composed(text), unicodedata.normalize("NFD", text))
    return tuple(dict.fromkeys(forms))


class Spellings:
    """The first spelling of every text that was met: it stands for the others."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self.others: dict[str, str] = {}

    def of(self, text: str) -> str:
        """Return the first spelling of a text; others are kept in `others`, with the first."""
        first = self._first.setdefault(composed(text), text)
        if first != text:
            self.others[text] = first
        return first


class Names:
    """Names of files, relative to one folder: found in whatever way they are written."""

    def __init__(self, names: Iterable[str]) -> None:
        self._exact = dict.fromkeys(names)

    def find(self, given: str) -> str | None:
        """Return the name that is meant: the same, or the same composed; or None."""
        for name in (given, given.replace("\\", "/")):
            if name in self._exact:
                return name
            if (found := self._by_composed.get(composed(name))) is not None:
                return found
        return None

    def nearest(self, given: str) -> str | None:
        """Return the name that a wrong one probably means.

        The same but for case or separators; the end of an absolute path; a file of that name in
        another folder, if there is one alone; or, of few names, the most similar.
        """
        plain = _plain(given)
        parts = plain.split("/")
        for start in range(len(parts)):
            if found := self._by_plain.get("/".join(parts[start:])):
                return found
        namesakes = self._by_own_name.get(parts[-1], [])
        if len(namesakes) == 1:
            return namesakes[0]
        if len(self._exact) > MOST_COMPARED:
            return None
        close = difflib.get_close_matches(plain, list(self._by_plain), n=1, cutoff=ALIKE)
        return self._by_plain[close[0]] if close else None

    @cached_property
    def _by_composed(self) -> dict[str, str]:
        return _by(composed, self._exact)

    @cached_property
    def _by_plain(self) -> dict[str, str]:
        return _by(_plain, self._exact)

    @cached_property
    def _by_own_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self._exact:
            found.setdefault(_plain(name).rpartition("/")[2], []).append(name)
        return found


def _by(key: Callable[[str], str], names: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(key(name), name)
    return found


def _plain(name: str) -> str:
    """Return a name without regard to case, and whatever separates folders in it."""
    text = composed(name).casefold()
    for sign in ("\\", ":", "|"):
        text = text.replace(sign, "/")
    return text.removeprefix("./").strip("/")
