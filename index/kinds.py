"""Kinds of index: what can be asked for, what it will cost, and which kind `auto` takes.

Shapes: N gallery rows, D dimensions of an embedding.
"""

import re
import time
from dataclasses import dataclass

import numpy as np

from gallery.errors import ConfigError, did_you_mean

QUANTISED = ("fp16", "sq8", "pq", "rabitq")  # what they find is compared again
DIVIDED = ("ivf", *QUANTISED)  # into lists
APPROXIMATE = ("ivf", "hnsw", *QUANTISED)
KINDS = ("exact", "flat", *APPROXIMATE)
ASKED = (*KINDS, "auto")

MEMORY = 2 * 10**9  # bytes, where nothing else is asked for
ACCURACY = 0.99
SMALL_BYTES = 64 * 10**6  # of embeddings that `auto` compares one by one
LINKS = 32  # of each row in an HNSW graph: 64 neighbours on its lowest level
BREADTH = 80  # of the search that finds a row's neighbours while the graph is made
ROUNDS = 10  # of k-means
TRAINING_ROWS = 64  # for each list
TRAINING_BYTES = 256 * 10**6  # of embeddings that k-means sees
PQ_WIDTH = 4  # dimensions that one code of 4 bits stands for
ID_BYTES = 8

_UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_UNITS |= {f"{name[0]}ib": 2 ** (10 * power) for power, name in enumerate(_UNITS) if name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a user asks of an index.

    Attributes:
        kind: One of `ASKED`.
        memory: Bytes that the opened index may hold, for kind "auto"; the embeddings themselves
            stay on disk, mapped into memory, and do not count.
        accuracy: Neighbour overlap @10 with exact search, in (0, 1], that approximate kinds are
            tuned for.
    """

    kind: str = "exact"
    memory: int = MEMORY
    accuracy: float = ACCURACY

    def __post_init__(self) -> None:
        if self.kind not in ASKED:
            raise ValueError(f"kind must be one of {', '.join(ASKED)}, got {self.kind!r}")
        if not 0 < self.accuracy <= 1:
            raise ConfigError(
                f"An accuracy lies above 0 and is at most 1, got {self.accuracy:g}; 0.99 means that"
                " of ten neighbours 9.9 are those of exact search"
            )
        if self.memory < 1:
            raise ConfigError(f"--memory must be at least one byte, got {self.memory}")


def request_for(kind: str | None, memory: str | None, accuracy: float | None) -> Request | None:
    """Return what is asked of an index, or None for what was asked of it before.

    Args:
        kind: As for `--kind`; None where nothing is asked.
        memory: As `parse_bytes` reads it; None for the default.
        accuracy: In (0, 1]; None for the default.

    Raises:
        ConfigError: There is no such kind, something is asked of none, or it cannot be met.
    """
    if kind is None:
        if memory is not None or accuracy is not None:
            raise ConfigError("--memory and --accuracy belong to a kind of index; add --kind auto")
        return None
    if kind not in ASKED:
        raise ConfigError(f"--kind cannot be {kind!r}; {did_you_mean(kind, ASKED)}")
    return Request(
        kind=kind,
        memory=MEMORY if memory is None else parse_bytes(memory),
        accuracy=ACCURACY if accuracy is None else accuracy,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPlan:
    """A kind of index, and what it is expected to cost.

    Attributes:
        kind: One of `KINDS`.
        bytes: In memory, once opened and searched.
        seconds: To build, on this machine as it is now.
    """

    kind: str
    bytes: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.kind}: about {spell_bytes(self.bytes)}, about {self.seconds:.0f} s to build"


def parse_bytes(text: str) -> int:
    """Read an amount of memory, such as "2GB", "500 MB" or "1.5GiB".

    Raises:
        ConfigError: It is none.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text.lower())
    if match is None or match[2] not in _UNITS:
        raise ConfigError(f"{text!r} is no amount of memory; write it like 2GB, 500MB or 1.5GiB")
    return int(float(match[1]) * _UNITS[match[2]])


def spell_bytes(count: int) -> str:
    """Spell an amount for people: 1.2 GB, 34 MB."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"


def list_count(rows: int, dimension: int) -> int:
    """Return how many lists a gallery is divided into: a power of 2 near twice the root of N.

    A gallery of less than 5,000 rows is not divided. k-means wants 40 rows for each list or more.
    """
    if rows < 5000:
        return 1
    affordable = TRAINING_BYTES // (4 * dimension * 40)
    most = max(1, min(2 * int(np.sqrt(rows)), affordable, rows // 40))
    return int(2 ** int(np.log2(most)))


def row_bytes(kind: str, dimension: int) -> int:
    """Return the bytes of memory that a row takes: its vector or code, its number, its links."""
    codes = {
        "exact": 0,
        "flat": 4 * dimension,
        "ivf": 4 * dimension + ID_BYTES,
        "hnsw": 4 * dimension + 4 * (2 * LINKS + 3) + 8,
        "fp16": 2 * dimension + ID_BYTES,
        "sq8": dimension + ID_BYTES,
        "pq": -(-dimension // PQ_WIDTH) // 2 + 2 + ID_BYTES,
        "rabitq": -(-dimension // 8) + 10 + ID_BYTES,
    }
    return codes[kind] + ID_BYTES  # the image of the row


def estimate(kind: str, rows: int, dimension: int, speed: float | None = None) -> IndexPlan:
    """Say what an index will cost.

    Args:
        kind: One of `KINDS`.
        rows: Gallery rows N.
        dimension: D.
        speed: Multiplications a second in matrix products; None measures it (some milliseconds).
    """
    speed = speed or multiplications()
    lists = list_count(rows, dimension)
    size = rows * row_bytes(kind, dimension)
    work = 0.0
    if kind in DIVIDED:
        size += 4 * dimension * lists
        work += float(rows + ROUNDS * min(rows, TRAINING_ROWS * lists)) * lists * dimension
    if kind == "hnsw":  # about that many comparisons a row, each ten times dearer than in a product
        work += 10.0 * rows * BREADTH * LINKS * dimension
    if kind != "exact":
        work += 700.0 * rows * dimension  # copying, and exact neighbours of the held-out probes
    return IndexPlan(kind=kind, bytes=size, seconds=work / speed)


def choose(request: Request, rows: int, dimension: int, *, faiss: bool = True) -> IndexPlan:
    """Choose a kind of index for a request, and say what it will cost.

    `auto` takes "exact" where the gallery is small or FAISS is missing, "flat" or "exact" where
    nothing but the exact neighbours will do, and else the first of "ivf", "sq8", "pq" that fits
    into the memory. It never takes "hnsw", which is built many times more slowly, "fp16", which is
    between two of them in size and faster than neither, or "rabitq", which is a little larger than
    "pq" and has not been measured on large galleries.

    Args:
        request: What is wanted.
        rows: Gallery rows N.
        dimension: D.
        faiss: Whether FAISS is there.

    Raises:
        ConfigError: No kind but "exact" fits into the memory.
    """
    speed = multiplications()
    plans = {kind: estimate(kind, rows, dimension, speed) for kind in KINDS}
    if request.kind != "auto":
        return plans[request.kind]
    if not faiss or 4 * rows * dimension <= SMALL_BYTES:
        return plans["exact"]
    if request.accuracy == 1:
        return plans["flat"] if plans["flat"].bytes <= request.memory else plans["exact"]
    for kind in ("ivf", "sq8", "pq"):
        if plans[kind].bytes <= request.memory:
            return plans[kind]
    raise ConfigError(
        f"{rows} embeddings of dimension {dimension} take {spell_bytes(plans['pq'].bytes)} in the"
        f" smallest kind of index, more than --memory {spell_bytes(request.memory)}. Allow more, or"
        " say --kind exact, which reads the embeddings from disk"
    )


def multiplications() -> float:
    """Measure how many multiplications a second a matrix product does here and now."""
    one = np.ones((512, 256), dtype=np.float32)
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        one @ one.T
        seconds.append(time.perf_counter() - started)
    return 512 * 512 * 256 / min(seconds)
