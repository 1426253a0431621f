"""Making a space in PostgreSQL ready for search: its index made, its breadth tuned, both noted.

Vectors are found as soon as they are committed; publishing says how they are searched from then on.
The breadth is the least whose overlap with exact comparison, of probes that look like queries, is
as good as was asked for (docs/adr/0012). Half of the probes choose it, the other half says how good
it then is.

Shapes: P probes, D dimensions of an embedding.
"""

import time
from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from gallery.errors import ConfigError
from index.backend import ranked_images, rows_wanted
from index.base import Vectors
from index.faiss_file import PublicationStep
from index.kinds import Request
from index.postgres.settings import ASKED, PostgresSettings
from index.postgres.vectors import MOST_BREADTH, PostgresVectors, table_of
from index.probing import QueryShape

SMALL_ROWS = 5000  # fewer are compared one by one
LINKS, BREADTH = 24, 100  # of the graph, while it is made: pgvector's m and ef_construction
BREADTHS = (40, 80, 160, 320, 640, MOST_BREADTH)
PROBES = 60
SEED = 20_160_919
TEN = 10
GROWN = 1.25  # times the rows that it was tuned with: it is tuned again
MAKING = 0x6D656D616B6E67  # the lock that keeps two programs from making one index
PATIENCE = 1.0  # seconds between two looks whether another program has made it


def require_kind(request: Request) -> None:
    """Refuse a kind of index that PostgreSQL has not.

    Raises:
        ConfigError: It has not.
    """
    if request.kind not in ASKED:
        raise ConfigError(
            f"PostgreSQL has no index of kind {request.kind}; it has {', '.join(ASKED)}. The others"
            " are FAISS's, for vectors in the folder"
        )


def publishing(
    space_id: int, vectors: PostgresVectors, request: Request, shape: QueryShape
) -> Generator[PublicationStep, None, PostgresSettings]:
    """Make the index that is asked for, and tune it.

    Args:
        space_id: Which space.
        vectors: Its vectors.
        request: Kind of index and accuracy; what it may hold in memory is the server's business.
        shape: What queries look like.

    Yields:
        How far it is.

    Returns:
        How it is searched from now on; `note` writes it down.

    Raises:
        ConfigError: PostgreSQL has no such kind.
        DatabaseFailedError: The server is away, or its disk is full.
    """
    require_kind(request)
    ask = vectors.reading.ask
    rows = int(ask(f"SELECT count(*) FROM {table_of(space_id)}")[0][0])  # noqa: S608
    kind = request.kind
    if kind == "auto":
        kind = "hnsw" if rows >= SMALL_ROWS else "exact"
    before = vectors.settings
    made = replace(before, kind=kind, asked=request.kind, accuracy=request.accuracy)
    if kind == "hnsw":
        yield PublicationStep("planning", 0, 1, f"Index of kind hnsw in PostgreSQL: {rows} rows")
        _make_index(vectors, table_of(space_id))
    else:
        ask(f"DROP INDEX CONCURRENTLY IF EXISTS {table_of(space_id)}_hnsw")
    ask(f"ANALYZE {table_of(space_id)}")
    if kind != "hnsw" or not rows:
        return replace(made, breadth=0, overlap=None, probes=0, rows=rows, shape=shape.name)
    if made == before and before.shape == shape.name and rows <= GROWN * before.rows:
        return made
    vectors.settings = replace(made, rows=rows, shape=shape.name)
    yield PublicationStep("tuning", 0, 1)
    made = _tuned(vectors, space_id, shape)
    yield PublicationStep("tuning", 1, 1, _told(made))
    return made


def note(session: Session, space_id: int, made: PostgresSettings) -> None:
    """Write down, in the session's transaction, how a space is searched from now on."""
    session.execute(
        text(
            "UPDATE embedding_space SET asked = :asked, accuracy = :accuracy, kind = :kind,"
            " breadth = :breadth, overlap = :overlap, probes = :probes, shape = :shape,"
            " rows = :rows, published = changes WHERE space_id = :space"
        ),
        {
            "space": space_id,
            "asked": made.asked,
            "accuracy": made.accuracy,
            "kind": made.kind,
            "breadth": made.breadth,
            "overlap": made.overlap,
            "probes": made.probes,
            "shape": made.shape,
            "rows": made.rows,
        },
    )


def _make_index(vectors: PostgresVectors, table: str) -> None:
    """Make the graph if there is none, or none that was finished; others go on writing meanwhile.

    A program that waits for the lock within a statement would keep the index from being finished:
    CREATE INDEX CONCURRENTLY waits for every statement that began before. So it asks now and then.
    """
    ask, name = vectors.reading.ask, f"{table}_hnsw"
    while not ask("SELECT pg_try_advisory_lock(%(key)s::bigint)", {"key": MAKING})[0][0]:
        time.sleep(PATIENCE)
    try:
        found = ask(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%(name)s::text)",
            {"name": name},
        )
        if found and found[0][0]:
            return
        ask(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")  # of a program that was killed
        half = f"halfvec({vectors.dimension})"
        ask(
            f"CREATE INDEX CONCURRENTLY {name} ON {table} USING hnsw"
            f" ((stored::{half}) halfvec_ip_ops)"
            f" WITH (m = {LINKS}, ef_construction = {BREADTH})"
        )
    finally:
        ask("SELECT pg_advisory_unlock(%(key)s::bigint)", {"key": MAKING})


@dataclass(frozen=True, slots=True)
class _Probe:
    """A probe, (D,), and the ten nearest images by exact comparison."""

    vector: Vectors
    truth: frozenset[int]


def _tuned(vectors: PostgresVectors, space_id: int, shape: QueryShape) -> PostgresSettings:
    """Choose the least breadth that is good enough, and measure it with other probes."""
    sampled = vectors.reading.ask(
        f"SELECT image_id FROM (SELECT DISTINCT image_id FROM {table_of(space_id)}) AS every"  # noqa: S608
        " ORDER BY hashint8(image_id) LIMIT %(count)s",
        {"count": PROBES},
    )
    ids = np.array(sorted(image_id for (image_id,) in sampled), dtype=np.int64)
    found = vectors.stored(ids)
    first = np.unique(found.ids, return_index=True)[1]
    asked = shape.probes(found.vectors[first])
    probes = [_Probe(one, _truth(vectors, one)) for one in asked]
    settings = vectors.settings
    for breadth in BREADTHS:
        vectors.settings = settings = replace(settings, breadth=breadth)
        if _overlap(vectors, probes[::2]) >= settings.accuracy:
            break
    rest = probes[1::2]
    overlap = round(_overlap(vectors, rest), 5)
    return replace(settings, overlap=overlap, probes=len(rest))


def _truth(vectors: PostgresVectors, probe: Vectors) -> frozenset[int]:
    found = vectors.ranked(probe, 2 * TEN, exactly=True)
    return frozenset(ranked_images(found, probe, TEN)[0].tolist())


def _overlap(vectors: PostgresVectors, probes: list[_Probe]) -> float:
    """Return the mean share of the ten nearest that an approximate search brings."""
    shares = []
    for one in probes:
        found = vectors.ranked(one.vector, rows_wanted(TEN), exactly=False)
        ids = ranked_images(found, one.vector, TEN)[0].tolist()
        shares.append(len(one.truth.intersection(ids)) / max(1, len(one.truth)))
    return float(np.mean(shares)) if shares else 1.0


def _told(made: PostgresSettings) -> str:
    said = f"hnsw in PostgreSQL: overlap @10 with exact search {made.overlap:.4f}"
    if made.overlap is not None and made.overlap < made.accuracy:
        return f"Warning: {said}, less than --accuracy {made.accuracy:g}; --kind exact finds all"
    return f"{said} on {made.probes} held-out images"
