"""The vectors of a space in PostgreSQL: float32 as stored, searched through half-precision copies.

The table `embedding` has a partition for each space. Its rows are float32; the HNSW index, where
there is one, is of their halves (`halfvec`, up to 4,000 numbers), and brings candidates alone. What
is found is compared again with the rows.

A filter that leaves few images is answered by comparing these one by one. With one that leaves many
the graph is walked on until enough have been found (pgvector's iterative scan); if it gives up
before, they are compared one by one, too.

Source: pgvector 0.8, README, "Iterative Index Scans", "Half-Precision Indexing", "Filtering".
Shapes: Q probes, K results, n rows, D dimensions of an embedding.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from gallery.errors import ConfigError, DatabaseFailedError, IndexFileError
from index.backend import (
    EVERYTHING,
    Attributes,
    Limit,
    fingerprint,
    ranked_images,
    rows_wanted,
    side_by_side,
)
from index.base import Ids, Neighbours, StoredVectors, Vectors
from index.contract import IndexContract
from index.merge import places_among_equals
from index.postgres import wire
from index.postgres.reading import SearchConnection, spell_vector
from index.postgres.settings import PostgresSettings, read_settings

MOST_BREADTH = 1000  # hnsw.ef_search, at most
MOST_NUMBERS = 4000  # of a halfvec that an HNSW index takes
FEW = 4000  # images that are compared one by one
NO_SETTINGS: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """Which rows may be found.

    Attributes:
        where: A condition in SQL; "" of none.
        values: For its placeholders, and those of `among`.
        among: A query for the images that may be found; None for all.
    """

    where: str
    values: dict[str, Any]
    among: str | None

    @property
    def every(self) -> str:
        """All of it, as one condition."""
        if self.among is None:
            return self.where
        # IS TRUE: asked once and kept in a hash table, not made a join of
        chosen = f"(image_id IN ({self.among})) IS TRUE"
        return f"{self.where} AND {chosen}" if self.where else chosen


EVERY_ROW = Asked("", {}, None)


class PostgresVectors:
    """The vectors of one space; see `index.backend.Backend`.

    Attributes:
        settings: How it is searched.
        dimension: Length D of an embedding.
        found: The rows among which the last search found its images.
        mark: Generation and count of removals of the space when it did, or None if nothing was
            found.
    """

    def __init__(
        self, session: Session, space_id: int, settings: PostgresSettings, shown: str = "PostgreSQL"
    ) -> None:
        self.settings = settings
        self.dimension = settings.dimension
        self.found = StoredVectors(np.empty(0, np.int64), np.empty((0, self.dimension), np.float32))
        self.mark: tuple[int | None, int] | None = None
        self._is_few = False  # whether the filter of the last search left few images
        self._session = session
        self._space_id = int(space_id)
        self._table = table_of(space_id)
        self._reading = SearchConnection(_engine_of(session), shown)

    @classmethod
    def create(cls, session: Session, space_id: int, name: str, contract: IndexContract) -> None:
        """Make room for a space of some name, in the transaction of the session.

        Raises:
            ConfigError: Its vectors have more numbers than pgvector's indexes take.
        """
        require_numbers(name, contract.dimension)
        session.execute(
            text(
                "INSERT INTO embedding_space (space_id, contract, dimension, asked, accuracy)"
                " VALUES (:space, :contract, :dimension, 'auto', 0.99) ON CONFLICT DO NOTHING"
            ),
            {
                "space": space_id,
                "contract": json.dumps(contract.to_json(), sort_keys=True),
                "dimension": contract.dimension,
            },
        )
        session.execute(
            text(
                f"CREATE TABLE IF NOT EXISTS {table_of(space_id)} PARTITION OF embedding"
                f" FOR VALUES IN ({int(space_id)})"
            )
        )

    @classmethod
    def open(
        cls, session: Session, space_id: int, contract: IndexContract | None, shown: str
    ) -> "PostgresVectors":
        """Open the vectors of a space.

        Args:
            session: Of the catalogue.
            space_id: Id of the space there.
            contract: Terms of whoever opens it; None takes it as it is.
            shown: How messages call the database.

        Raises:
            IndexFileError: It has none, or was made under another contract.
        """
        settings = read_settings(session, space_id)
        if settings is None:
            raise IndexFileError(
                f"{shown} holds no vectors of space {space_id}; build it: mindseye index build"
            )
        if contract is not None:
            settings.contract.require_same(contract, what=f"The space {space_id} in {shown}")
        return cls(session, space_id, settings, shown)

    def refresh(self) -> None:
        """Take over how it is searched now."""
        self.settings = read_settings(self._session, self._space_id) or self.settings

    def upsert(
        self, ids: Ids, vectors: Vectors, attributes: Sequence[Attributes] | None = None
    ) -> None:
        """Put vectors in, in the transaction of the session; see `VectorStore.upsert`.

        Those of images that are not indexed, as the catalogue says within the same transaction, are
        left out: they were removed meanwhile. Attributes are not needed: the catalogue is here.
        """
        del attributes
        if vectors.shape != (len(ids), self.dimension) or not np.isfinite(vectors).all():
            raise ValueError(f"vectors must be finite ({len(ids)}, {self.dimension})")
        found = self._session.scalars(
            text(
                "SELECT image_id FROM placement WHERE space_id = :space AND state = 'indexed'"
                " AND image_id = ANY (:ids)"
            ),
            {"space": self._space_id, "ids": np.unique(ids).tolist()},
        )
        wanted = np.isin(ids, np.fromiter(found, np.int64))
        ids, vectors = ids[wanted], vectors[wanted]
        self.delete(ids)
        if not len(ids):
            return
        rows = wire.spell(ids, places_among_equals(ids), vectors)
        self._copy(rows)

    def _copy(self, rows: bytes) -> None:
        """Send rows through a table of the transaction: COPY takes no constant for a column."""
        import psycopg  # noqa: PLC0415  of the extra "postgres"

        name = f"arriving_{self._space_id}"
        self._session.connection().exec_driver_sql(
            f"CREATE TEMP TABLE IF NOT EXISTS {name}"
            " (image_id bigint, place smallint, stored vector) ON COMMIT DELETE ROWS"
        )
        driver: Any = self._session.connection().connection.driver_connection
        sent = f"COPY {name} (image_id, place, stored) FROM STDIN (FORMAT BINARY)"
        try:
            with driver.cursor() as cursor:
                with cursor.copy(sent) as copy:
                    copy.write(rows)
                cursor.execute(
                    f"INSERT INTO {self._table} (space_id, image_id, place, stored)"  # noqa: S608  numbers
                    f" SELECT {self._space_id}, image_id, place, stored FROM {name}"
                )
                cursor.execute(f"DELETE FROM {name}")  # noqa: S608
        except psycopg.Error as error:  # past SQLAlchemy, which would have said so
            raise self._reading.failed(error) from error

    def delete(self, ids: Ids) -> None:
        """Take vectors out, in the transaction of the session; see `VectorStore.delete`."""
        gone = f"DELETE FROM {self._table} WHERE image_id = ANY (:ids)"  # noqa: S608
        self._session.execute(text(gone), {"ids": np.unique(ids).tolist()})
        changed = "UPDATE embedding_space SET changes = changes + 1 WHERE space_id = :space"
        self._session.execute(text(changed), {"space": self._space_id})

    def search(self, probes: Vectors, k: int, limit: Limit = EVERYTHING) -> Neighbours:
        """Find the k best images for each probe; see `VectorSearch.search`."""
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        if probes.ndim != 2 or probes.shape[1] != self.dimension or probes.dtype != np.float32:
            raise ValueError(
                f"probes must be float32 (Q, {self.dimension}), got {probes.dtype} {probes.shape}"
            )
        if not np.isfinite(probes).all():
            raise ValueError("probes must be finite, got infinite values or NaN")
        asked = self._condition(limit)
        answers = []
        for probe in probes:
            self.found = self._best(probe, k, asked)
            answers.append(ranked_images(self.found, probe, k))
        return side_by_side(answers)

    def _condition(self, limit: Limit) -> Asked:
        """Return which rows may be found."""
        where = ""
        among: str | None = None
        values: dict[str, Any] = {}
        if len(limit.excluded):
            where = "image_id <> ALL (%(excluded)s::bigint[])"
            values["excluded"] = limit.excluded.tolist()
        if limit.among is not None:
            compiled = limit.among.select().compile(
                self._session.get_bind(), compile_kwargs={"render_postcompile": True}
            )
            among, values = str(compiled), values | dict(compiled.params)
        return Asked(where, values, among)

    def _best(self, probe: Vectors, k: int, asked: Asked) -> StoredVectors:
        """Return rows among which the k best images are."""
        rows = rows_wanted(k)
        if self.settings.kind == "hnsw":
            found = self.ranked(probe, rows, asked, exactly=False)
            if self._is_few or len(found.ids) == rows:  # else the walk was given up
                return found
        return self.ranked(probe, 2 * k, asked, exactly=True)

    def ranked(
        self, probe: Vectors, rows: int, asked: Asked = EVERY_ROW, *, exactly: bool
    ) -> StoredVectors:
        """Return the rows that PostgreSQL ranks first, by the stored numbers or by their halves.

        Args:
            probe: (D,).
            rows: How many, at most.
            asked: Which may be found.
            exactly: Whether all are compared, as they are stored; few that a filter leaves are.
        """
        if asked.among is None:
            best = self._ranking(asked.where, rows, exactly=exactly)
        else:
            best = self._either(asked, rows, exactly=exactly)
        breadth = min(MOST_BREADTH, max(rows, self.settings.breadth))  # all rows in one walk
        found = self._reading.ask(  # one statement: a second one would cost as much again
            f"SELECT best.image_id, best.stored, best.few, space.generation, space.removals"  # noqa: S608
            f" FROM ({best}) AS best, space WHERE space.id = {self._space_id}",
            asked.values | {"probe": spell_vector(probe)},
            NO_SETTINGS if exactly else (f"SET hnsw.ef_search = {breadth}",),
        )
        self._is_few = bool(found and found[0][2])
        self.mark = (found[0][3], int(found[0][4])) if found else None
        return self._vectors_of([row[:2] for row in found])

    def _ranking(self, where: str, rows: int, *, exactly: bool, few: bool = False) -> str:
        """Spell what ranks the rows of which a condition is true."""
        kind = f"vector({self.dimension})" if exactly else f"halfvec({self.dimension})"
        return (
            f"SELECT image_id, stored, {few} AS few FROM {self._table}"  # noqa: S608  numbers
            f"{where and f' WHERE {where}'}"
            f" ORDER BY stored::{kind} <#> %(probe)s::{kind} LIMIT {int(rows)}"
        )

    def _either(self, asked: Asked, rows: int, *, exactly: bool) -> str:
        """Spell what looks up few images by their ids, and for many in the graph, or in all rows.

        How many a filter leaves is counted once, in the same statement, up to FEW; the other half
        of the statement is not run.
        """
        one_by_one = "(SELECT yes FROM few) AND image_id = ANY (ARRAY(SELECT id FROM chosen))"
        if asked.where:
            one_by_one += f" AND {asked.where}"
        walk = f"NOT (SELECT yes FROM few) AND {asked.every}"  # noqa: S608
        return (
            f"WITH chosen AS MATERIALIZED"  # noqa: S608  compiled, and numbers
            f" (SELECT id FROM ({asked.among}) AS asked (id) LIMIT {FEW + 1}),"
            f" few AS MATERIALIZED (SELECT count(*) <= {FEW} AS yes FROM chosen)"
            f" (({self._ranking(one_by_one, rows, exactly=True, few=True)})"
            f" UNION ALL ({self._ranking(walk, rows, exactly=exactly)}))"
        )

    def stored(self, images: Ids) -> StoredVectors:
        """Copy the vectors of some images; see `VectorSearch.stored`."""
        query = (
            f"SELECT image_id, stored FROM {self._table}"  # noqa: S608
            " WHERE image_id = ANY (%(ids)s::bigint[]) ORDER BY image_id, place"
        )
        return self._vectors_of(self._reading.ask(query, {"ids": images.tolist()}))

    def _vectors_of(self, found: Sequence[tuple[Any, ...]]) -> StoredVectors:
        vectors = np.empty((len(found), self.dimension), dtype=np.float32)
        for place, (_, content) in enumerate(found):
            vectors[place] = wire.vector(content)
        return StoredVectors(np.array([one for one, _ in found], dtype=np.int64), vectors)

    def rows(self) -> Iterator[tuple[Ids, Vectors]]:
        """Yield all rows; see `VectorStore.rows`."""
        every = (
            f"COPY (SELECT image_id, place, stored FROM {self._table} ORDER BY image_id, place)"  # noqa: S608
            " TO STDOUT (FORMAT BINARY)"
        )
        yield from wire.read(self._reading.copied(every), self.dimension)

    def ids(self) -> Ids:
        """Return the image of each row, rising."""
        query = f"SELECT image_id FROM {self._table} ORDER BY image_id"  # noqa: S608
        return np.array([one for (one,) in self._reading.ask(query)], dtype=np.int64)

    def count(self) -> int:
        """Count the images that have a vector."""
        query = f"SELECT count(DISTINCT image_id) FROM {self._table}"  # noqa: S608
        return int(self._reading.ask(query)[0][0])

    def described(self) -> dict[str, Any]:
        """Describe it, as `index show` prints it of a manifest."""
        sizes = (
            f"SELECT count(*), pg_relation_size(to_regclass('{self._table}_hnsw')::oid)"  # noqa: S608
            f" FROM {self._table}"
        )
        rows, size = self._reading.ask(sizes)[0]
        settings, index = self.settings, None
        if settings.kind != "exact":
            overlap = settings.overlap or 0.0
            index = {
                "rows": int(rows),
                "bytes": int(size or 0),
                "effort": {"breadth": settings.breadth},
                "measured": {
                    "overlap": overlap,
                    "probes": settings.probes,
                    "reached": overlap >= settings.accuracy,
                },
                "probes": settings.shape,
            }
        vectors = {"kind": settings.kind, "vectors": int(rows), "dimension": self.dimension}
        return {**vectors, "index": index}

    def fingerprint(self) -> str:
        """Return what tells these rows from any others; see `index.backend.fingerprint`."""
        return fingerprint(self.rows())

    def drop(self) -> None:
        """Take away the space's vectors, in the transaction of the session."""
        self._session.execute(text(f"DROP TABLE IF EXISTS {self._table}"))
        gone = "DELETE FROM embedding_space WHERE space_id = :space"
        self._session.execute(text(gone), {"space": self._space_id})

    def close(self) -> None:
        """Give the connection up."""
        self._reading.close()

    @property
    def reading(self) -> SearchConnection:
        """What statements are asked through."""
        return self._reading


def table_of(space_id: int) -> str:
    """Name the partition of a space."""
    return f"embedding_{int(space_id)}"


def require_numbers(name: str, dimension: int) -> None:
    """Refuse vectors that are too long for pgvector, made by the weights of some name.

    Raises:
        ConfigError: They are.
    """
    if dimension > MOST_NUMBERS:
        raise ConfigError(
            f"PostgreSQL's pgvector indexes at most {MOST_NUMBERS:,} numbers a vector, and the"
            f" weights {name} give {dimension:,}. Take weights with a projection (mindseye weights"
            " list), or keep these vectors in the folder: leave out --engine"
        )


def _engine_of(session: Session) -> Engine:
    bound = session.get_bind()
    if not isinstance(bound, Engine):
        raise DatabaseFailedError("The catalogue's session has no database of its own")
    return bound
