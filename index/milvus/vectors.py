"""The vectors of a space in Milvus, searched by inner product.

Each row is (row, image, vector, terms, digest): `row` is twice the image's id, and one more of its
second hypothesis; `terms` are what is known of the image, which filters ask for; `digest` tells a
row that has changed from one that has not. The contract is a part of the collection's name there:
vectors of another contract are another collection.

Milvus gives a vector that was written to searches at once with the consistency level "Strong",
which is the one that is asked for. What a search finds is compared again with the stored vectors,
which come along.

Source: Milvus 3.0 documentation, "Consistency Level", "Filtering", "ARRAY Operators".
Shapes: Q probes, K results, n rows, D dimensions of an embedding.
"""

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any

import numpy as np

from gallery.errors import ConfigError, DatabaseFailedError
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

CONSISTENCY = "Strong"
LINKS, BREADTH = 32, 80  # of the graph, while it is made: those of FAISS's (index/kinds.py)
TERMS, TERM = 128, 1024  # the most that an image has, and bytes of each
PORTION = 1000  # rows that are sent together: below the 64 MB of a message
WAIT_S = 20.0
MOST_FOUND = 16_384  # rows that Milvus returns at most


class MilvusVectors:
    """The vectors of one space; see `index.backend.Backend`.

    Attributes:
        name: Of its collection in Milvus.
        dimension: Length D of an embedding.
        breadth: Rows that a walk through the graph keeps in view (`ef`); 0 compares all.
        found: The rows among which the last search found its images.
    """

    def __init__(self, uri: str, name: str, contract: IndexContract, breadth: int = 0) -> None:
        """Connect to nothing yet.

        Args:
            uri: What Milvus's client connects to: http://host:19530, or a file of Milvus Lite.
            name: See `collection_name`.
            contract: Terms of the vectors.
            breadth: How much a search does.
        """
        self.name = name
        self.dimension = contract.dimension
        self.breadth = breadth
        self.found = StoredVectors(np.empty(0, np.int64), np.empty((0, self.dimension), np.float32))
        self._uri = uri
        self._connected: Any = None

    def exists(self) -> bool:
        """Say whether there is such a collection."""
        return bool(self._call(lambda client: client.has_collection(self.name)))

    def create(self, kind: str) -> None:
        """Make the collection, empty; what there was is dropped.

        Args:
            kind: "exact" or "hnsw".
        """
        from pymilvus import DataType, MilvusClient  # noqa: PLC0415  of the extra "milvus"

        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("row", DataType.INT64, is_primary=True)
        schema.add_field("image", DataType.INT64)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=self.dimension)
        schema.add_field(
            "terms",
            DataType.ARRAY,
            element_type=DataType.VARCHAR,
            max_capacity=TERMS,
            max_length=TERM,
        )
        schema.add_field("digest", DataType.VARCHAR, max_length=32)
        self.drop()
        self._call(
            lambda client: client.create_collection(
                self.name,
                schema=schema,
                index_params=_index(kind),
                consistency_level=CONSISTENCY,
            )
        )

    def change_index(self, kind: str) -> None:
        """Search otherwise from now on: "exact" or "hnsw"."""

        def change(client: Any) -> None:  # noqa: ANN401  Milvus's client
            client.release_collection(self.name)
            client.drop_index(self.name, "vector")
            client.create_index(self.name, _index(kind))
            client.load_collection(self.name)

        self._call(change)

    def upsert(
        self, ids: Ids, vectors: Vectors, attributes: Sequence[Attributes] | None = None
    ) -> None:
        """Put vectors in; see `VectorStore.upsert`. Of the attributes "terms" is kept: texts."""
        if vectors.shape != (len(ids), self.dimension) or not np.isfinite(vectors).all():
            raise ValueError(f"vectors must be finite ({len(ids)}, {self.dimension})")
        known = [list(one.get("terms", ())) for one in attributes or [{}] * len(ids)]
        numbers = row_numbers(ids)
        rows = [
            {
                "row": number,
                "image": image,
                "vector": vector,
                "terms": terms,
                "digest": digest(vector, terms),
            }
            for number, image, vector, terms in zip(
                numbers.tolist(), ids.tolist(), vectors, known, strict=True
            )
        ]
        singles = np.setdiff1d(2 * np.unique(ids) + 1, numbers)  # second hypotheses of before
        if len(singles):
            self._delete_rows(singles.tolist())
        for start in range(0, len(rows), PORTION):
            self._upsert_rows(rows[start : start + PORTION])

    def delete(self, ids: Ids) -> None:
        """Take vectors out; see `VectorStore.delete`."""
        for start in range(0, len(ids), PORTION):
            gone = ids[start : start + PORTION]
            self._delete_rows(np.concatenate([2 * gone, 2 * gone + 1]).tolist())

    def _delete_rows(self, numbers: list[int]) -> None:
        self._call(lambda client: client.delete(self.name, ids=numbers))

    def _upsert_rows(self, rows: list[dict[str, Any]]) -> None:
        self._call(lambda client: client.upsert(self.name, rows))

    def search(self, probes: Vectors, k: int, limit: Limit = EVERYTHING) -> Neighbours:
        """Find the k best images for each probe, as far as Milvus brings so many rows.

        See `VectorSearch.search`; whoever needs all that fit compares with what is stored.
        """
        if probes.ndim != 2 or probes.shape[1] != self.dimension or probes.dtype != np.float32:
            raise ValueError(
                f"probes must be float32 (Q, {self.dimension}), got {probes.dtype} {probes.shape}"
            )
        if k < 1 or not np.isfinite(probes).all():
            raise ValueError("k must be at least 1, and probes finite")
        where = _condition(limit)
        answers = []
        for probe in probes:
            self.found = self.ranked(probe, rows_wanted(k), where)
            answers.append(ranked_images(self.found, probe, k))
        return side_by_side(answers)

    def ranked(self, probe: Vectors, rows: int, where: str = "") -> StoredVectors:
        """Return the rows that Milvus ranks first."""
        rows = min(rows, MOST_FOUND)
        more = {"params": {"ef": max(self.breadth, rows)}} if self.breadth else {}
        found = self._call(
            lambda client: client.search(
                self.name,
                [probe],
                limit=rows,
                filter=where,
                search_params={"metric_type": "IP", **more},
                output_fields=["image", "vector"],
                consistency_level=CONSISTENCY,
            )
        )
        return self._rows([hit["entity"] for hit in found[0]])

    def stored(self, images: Ids) -> StoredVectors:
        """Copy the vectors of some images; see `VectorSearch.stored`."""
        asked = np.sort(np.concatenate([2 * images, 2 * images + 1])).tolist()
        found = self._call(
            lambda client: client.get(
                self.name, ids=asked, output_fields=["image", "vector", "row"]
            )
        )
        return self._rows(sorted(found, key=lambda one: int(one["row"])))

    def _rows(self, found: Sequence[Mapping[str, Any]]) -> StoredVectors:
        vectors = np.array([one["vector"] for one in found], dtype=np.float32)
        ids = np.array([one["image"] for one in found], dtype=np.int64)
        return StoredVectors(ids, vectors.reshape(len(found), self.dimension))

    def rows(self) -> Iterator[tuple[Ids, Vectors]]:
        """Yield all rows; see `VectorStore.rows`."""
        for portion in self._portions(["image", "vector"]):
            found = self._rows(portion)
            yield found.ids, found.vectors

    def digests(self) -> dict[int, str]:
        """Return the digest of each row, by its number."""
        every = self._portions(["row", "digest"])
        return {int(one["row"]): str(one["digest"]) for portion in every for one in portion}

    def _portions(self, fields: list[str]) -> Iterator[list[Mapping[str, Any]]]:
        iterator = self._call(
            lambda client: client.query_iterator(
                self.name, batch_size=PORTION, filter="", output_fields=fields
            )
        )
        try:
            while portion := self._call(lambda _: iterator.next()):
                yield portion
        finally:
            with suppress(Exception):  # why it failed was said above
                iterator.close()

    def count(self) -> int:
        """Count the images that have a vector."""
        return sum(1 for number in self.digests() if number % 2 == 0)

    def fingerprint(self) -> str:
        """Return what tells these rows from any others; see `index.backend.fingerprint`."""
        return fingerprint(self.rows())

    def drop(self) -> None:
        """Take away the collection, if there is one."""
        self._call(lambda client: client.drop_collection(self.name))

    def close(self) -> None:
        """Disconnect."""
        connected, self._connected = self._connected, None
        if connected is not None:
            connected.close()

    def _call(self, asked: Callable[[Any], Any]) -> Any:  # noqa: ANN401  what Milvus's client returns
        """Ask Milvus.

        Raises:
            ConfigError: Its client is not installed.
            DatabaseFailedError: It is away, or refuses.
        """
        try:
            from pymilvus.exceptions import MilvusException  # noqa: PLC0415  of an extra
        except ImportError as error:
            raise ConfigError(
                'Milvus needs its client, which is not installed: pip install "mindseye[milvus]"'
            ) from error
        try:
            if self._connected is None:
                self._connected = _connect(self._uri)
            return asked(self._connected)
        except MilvusException as error:
            said = " ".join(str(error.message).split())[:200]
            raise DatabaseFailedError(
                f"Milvus at {self._uri} does not do what it is asked: {said}. Start it, or put this"
                " right, and try again; mindseye index build makes anew what it has lost"
            ) from error


def _connect(uri: str) -> Any:  # noqa: ANN401  Milvus's client
    from pymilvus import MilvusClient  # noqa: PLC0415  of an extra

    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # what it logs is raised, too
    return MilvusClient(uri, timeout=WAIT_S)


def _index(kind: str) -> Any:  # noqa: ANN401
    from pymilvus import MilvusClient  # noqa: PLC0415  of an extra

    index = MilvusClient.prepare_index_params()
    if kind == "hnsw":
        params = {"M": LINKS, "efConstruction": BREADTH}
        index.add_index("vector", index_type="HNSW", metric_type="IP", params=params)
    else:
        index.add_index("vector", index_type="FLAT", metric_type="IP")
    return index


def _condition(limit: Limit) -> str:
    parts = []
    if limit.among is not None:
        parts.append(f"({limit.among.milvus()})")
    if len(limit.excluded):
        parts.append(f"not (image in {limit.excluded.tolist()})")
    return " and ".join(parts)


def row_numbers(ids: Ids) -> Ids:
    """Return the number of each row in Milvus, (n,), of images that stand side by side."""
    return 2 * ids + places_among_equals(ids)


def digest(vector: Vectors, terms: Sequence[str]) -> str:
    """Return what tells a row that has changed, vector (D,) or terms, from one that has not."""
    said = "\n".join(terms).encode("utf-8")
    return sha256(vector.astype("<f4").tobytes() + said).hexdigest()[:32]


def collection_name(prefix: str, space: str, contract: IndexContract) -> str:
    """Name a space's collection in Milvus: letters, digits and `_`, at most 255."""
    plain = re.sub(r"\W", "_", space, flags=re.ASCII)
    return f"{prefix}_{plain}_{sha256(space.encode()).hexdigest()[:6]}_{contract.digest()[:12]}"
