"""Errors a user can cause and a user can put right.

UserError
├── ConfigError      a setting or an option is unknown or out of range
├── WishError        a wish names an attribute or a value that is not there
├── DatasetError     a folder, file or SPEC is not the data it should be
│   └── ImageError   one file cannot be used as an image
│       ├── UnknownFormatError  it is no image, or of no known format
│       └── TooManyPixelsError  it is larger than is decoded
├── CatalogueError   the collection is missing, outdated, in use, or lacks something
│   ├── DatabaseFailedError  its database does not work: disk full, lock, damage
│   ├── MissingImageError    it holds no such image
│   └── BeingWrittenError    another process or thread changes it
├── IndexFileError   an index file is missing, damaged, or made under another contract
└── WeightsError     weights are missing, damaged, or do not fit

Every message says what is wrong, with the value; what was expected; and the next step.
A mistake in the calling code raises ValueError or TypeError instead.
"""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Base of every error that the command line shows in one line, without a traceback."""


class ConfigError(UserError):
    """A setting or an option is unknown or out of range."""


class WishError(UserError):
    """A wish names an attribute or a value that is not there."""


class DatasetError(UserError):
    """A folder, file or SPEC is not the data it should be."""


class ImageError(DatasetError):
    """One file cannot be used as an image; the message is the reason."""


class UnknownFormatError(ImageError):
    """A file is no image, or one of no known format."""


class TooManyPixelsError(ImageError):
    """An image is larger than is decoded."""


class CatalogueError(UserError):
    """The collection is missing, outdated, in use, or lacks something."""


class DatabaseFailedError(CatalogueError):
    """The database of a collection does not work: its disk is full, it is locked or damaged."""


class MissingImageError(CatalogueError):
    """The collection holds no such image."""


class BeingWrittenError(CatalogueError):
    """Another process or thread changes the collection."""


class IndexFileError(UserError):
    """An index file is missing, damaged, or made under another contract."""


class WeightsError(UserError):
    """Weights are missing, damaged, or do not fit."""


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return a hint for a mistyped name: the nearest known one, and the list of all.

    >>> did_you_mean("sunglases", ["open", "sunglasses"])
    "did you mean 'sunglasses'? Known: open, sunglasses"
    """
    known = list(known)
    lowered = {name.lower(): name for name in known}
    close = difflib.get_close_matches(given.lower(), list(lowered), n=1)
    hint = f"did you mean {lowered[close[0]]!r}? " if close else ""
    return f"{hint}Known: {', '.join(known)}" if known else f"{hint}None is known"


def brief(text: str, most: int = 60) -> str:
    """Quote a text in a message, cut where it is long.

    >>> brief("abcdef", 3)
    "'abc…'"
    """
    return repr(text if len(text) <= most else f"{text[:most]}…")


def name_not_utf8(error: UnicodeEncodeError) -> str:
    """Say of which text that is no UTF-8 an error speaks, from a little before what is wrong."""
    start = max(0, error.start - 30)
    return f"{brief(('…' if start else '') + error.object[start:])} is not UTF-8"
