"""Rows of vectors as PostgreSQL's binary COPY sends them, read and written by NumPy.

Each row is (image_id bigint, place smallint, stored vector). Sources: PostgreSQL 18 documentation,
COPY, "Binary Format"; pgvector 0.8 src/vector.c, vector_send: dimensions (int16), 0 (int16), then
float4 each, all big-endian.

Shapes: n rows, D dimensions of an embedding.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from index.base import Ids, Vectors

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
PORTION = 8 * 2**20  # bytes that are read together


def _row(dimension: int) -> np.dtype[np.void]:
    return np.dtype(
        [
            ("columns", ">i2"),
            ("id_bytes", ">i4"),
            ("id", ">i8"),
            ("place_bytes", ">i4"),
            ("place", ">i2"),
            ("vector_bytes", ">i4"),
            ("dimension", ">i2"),
            ("unused", ">i2"),
            ("vector", ">f4", (dimension,)),
        ]
    )


def spell(ids: Ids, places: Ids, vectors: Vectors) -> bytes:
    """Return rows as COPY FROM wants them: images (n,), places (n,), vectors (n, D)."""
    rows = np.zeros(len(ids), _row(vectors.shape[1]))
    rows["columns"], rows["id_bytes"], rows["place_bytes"] = 3, 8, 2
    rows["vector_bytes"], rows["dimension"] = 4 + 4 * vectors.shape[1], vectors.shape[1]
    rows["id"], rows["place"], rows["vector"] = ids, places, vectors
    return HEADER + rows.tobytes() + TRAILER


def read(chunks: Iterable[bytes | memoryview], dimension: int) -> Iterator[tuple[Ids, Vectors]]:
    """Yield what COPY TO sends, in portions: images (n,), vectors (n, D)."""
    row = _row(dimension)
    rest, at_start = bytearray(), True
    for chunk in chunks:
        rest += chunk
        if at_start and len(rest) >= len(HEADER):
            del rest[: len(HEADER)]
            at_start = False
        if not at_start and len(rest) >= max(PORTION, row.itemsize):
            yield _take(rest, row)
    if len(rest) >= row.itemsize:
        yield _take(rest, row)


def _take(rest: bytearray, row: np.dtype[np.void]) -> tuple[Ids, Vectors]:
    count = len(rest) // row.itemsize
    rows = np.frombuffer(bytes(rest[: count * row.itemsize]), row)
    del rest[: count * row.itemsize]
    return rows["id"].astype(np.int64), rows["vector"].astype(np.float32)


def vector(content: bytes) -> Vectors:
    """Return one vector, as a binary cursor brings it: (D,)."""
    return np.frombuffer(content, ">f4", offset=4).astype(np.float32)
