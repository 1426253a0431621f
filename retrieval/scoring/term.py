"""What a term of a score is: what is read from images, how it is stored, asked for and spelt.

A score is the drawing's cosine and a sum of terms. Of every term, a gallery vector holds what was
read from the image, and a probe holds what is asked of it; their inner product, times the term's
coefficient, is what the term adds. A term is one object; which there are says `TERMS` in
retrieval/scoring/terms.py.

Shapes: N or n gallery rows, Q queries, A values of all attributes, w numbers of a term, S side, C
channels, P side of a portrait.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from gallery.align import Pixels
from gallery.arrays import Floats

if TYPE_CHECKING:
    from generator.drawer import Drawer

LENGTH_TOLERANCE = 1e-3  # float32 rounds the length of a long vector by about 1e-5


class Reader(Protocol):
    """Reads from images what a term compares; opened for a set of weights."""

    @property
    def width(self) -> int:
        """Numbers of an image, w."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever other numbers would be read; empty where the weights alone read."""

    @property
    def detail(self) -> str:
        """What index contracts say of how is read: it begins with the fingerprint."""

    @property
    def needs_portraits(self) -> bool:
        """Whether it looks at portraits: faces in colour, larger than those that are drawn."""

    def read(self, pixels: Pixels, portraits: Pixels | None) -> Floats:
        """Read from aligned images (N, S, S, C), 0..255, or their portraits (N, P, P, 3), (N, w).

        Args:
            pixels: The images, as the generator sees them.
            portraits: The same faces; None where `needs_portraits` is false.
        """


@dataclass(frozen=True, slots=True)
class Part:
    """A term as a score has it.

    Attributes:
        name: Name of the term.
        width: Numbers that a vector holds of it, w.
        detail: What the contract says of its reader; empty for nothing.
    """

    name: str
    width: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TermQuestion:
    """What queries ask of a term.

    Attributes:
        wishes: One-hot over the wished values; attributes that are not wished for are 0, (Q, A).
        sources: Returns what the term's reader reads from the query images, (Q, w).
    """

    wishes: Floats
    sources: Callable[[], Floats]


class Term(ABC):
    """A part of a score.

    By default what is read is stored as it is, is of unit length, and is compared with what is read
    from the source.

    Attributes:
        name: What parts of answers are called, and what its spelling in contracts begins with.
        key: What cards call its coefficient.
        letter: What tables for people call it.
        what: What it reads, in the plural, for messages.
        grid: Coefficients that `weights fit` tries, rising, from 0; the drawing's is always 1.
    """

    name: str
    key: str
    letter: str
    what: str
    grid: tuple[float, ...]

    @abstractmethod
    def open(self, engine: "Drawer", wanted: str) -> Reader:
        """Open what reads it.

        Args:
            engine: Drawer of the weights.
            wanted: Name or fingerprint of what reads, where several could; empty for the usual one.

        Raises:
            MissingEmbedderError: What it needs is not installed; the message says how.
        """

    def spell(self, part: Part) -> str:
        """Name the part for an index contract; `parse` reads it."""
        return f"{self.name} {part.width}, {part.detail}"

    def parse(self, spelt: str, values: int) -> Part | None:
        """Read what `spell` wrote; None where it is of another term.

        Args:
            spelt: A term of a contract.
            values: Values of all attributes of the contract, A.
        """
        del values
        start, _, detail = spelt.partition(", ")
        name, _, width = start.rpartition(" ")
        if name != self.name or not width.isdecimal():
            return None
        return Part(self.name, int(width), detail)

    def longest(self, width: int) -> float:
        """Return the squared length that no stored part exceeds."""
        del width
        return 1.0

    def gallery(self, read: Floats) -> Floats:
        """Return what gallery vectors hold of what was read, (N, w) -> (N, w)."""
        return read

    def ask(self, question: TermQuestion) -> Floats:
        """Return what probes ask, (Q, w)."""
        return question.sources()

    def probe(self, asked: Floats, weight: float) -> Floats:
        """Return what probes hold of it under a coefficient, (Q, w) -> (Q, w)."""
        return weight * asked

    def valid(self, rows: Floats) -> NDArray[np.bool_]:
        """Say which rows of gallery vectors are what they should be, (n, w) -> (n,)."""
        return unit_or_zero(rows)


def is_about(lengths: Floats, expected: float) -> NDArray[np.bool_]:
    """Say which lengths are what is expected, but for rounding, (n,) -> (n,)."""
    return np.asarray(np.abs(lengths - expected) < LENGTH_TOLERANCE)


def unit_or_zero(rows: Floats) -> NDArray[np.bool_]:
    """Say which rows are of length 1, or zero throughout, (n, w) -> (n,)."""
    lengths = np.linalg.norm(rows, axis=1)
    return np.asarray(is_about(lengths, 1) | (lengths == 0))
