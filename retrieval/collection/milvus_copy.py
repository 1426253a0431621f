"""The copy of a space's vectors that Milvus searches: brought up to date with the folder's.

The folder keeps the vectors, in shards, and its catalogue says which count. What Milvus holds is
derived: rows that are new or have changed are sent, those that no longer count are deleted, and
then the generation is published. So a publication that was killed is finished by the next one, and
a Milvus that has lost its data is filled again.

`milvus.json` in the folder of a space says how it is searched.

Shapes: n rows, P probes, D dimensions of an embedding.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gallery.catalogue.records import ImageRow, SpaceRow
from gallery.errors import CatalogueError, ConfigError, IndexFileError
from gallery.files import write_whole
from gallery.json_files import read, spell
from gallery.spelling import composed
from index import store
from index.backend import ranked_images, rows_wanted
from index.base import GalleryRows, Ids, Vectors
from index.contract import IndexContract
from index.exact import ExactIndex
from index.milvus.vectors import MilvusVectors, collection_name, digest, row_numbers
from index.probing import QueryShape
from retrieval.collection.collection import Collection

NOTE = "milvus.json"
ASKED = ("exact", "hnsw", "auto")
SMALL_ROWS = 5000  # fewer are compared one by one
BREADTHS = (40, 80, 160, 320, 640, 1280)
PROBES, TEN = 60, 10
GROWN = 1.25  # times the rows that it was tuned with: it is tuned again
SENT = 1000  # rows together


@dataclass(frozen=True, slots=True, kw_only=True)
class MilvusSettings:
    """How Milvus searches a space.

    Attributes:
        asked: Kind that was asked for: one of `ASKED`.
        accuracy: Neighbour overlap @10 with exact search that was asked for.
        kind: "exact" or "hnsw".
        breadth: Rows that a walk through the graph keeps in view; 0 without one.
        overlap: Overlap @10 that was measured, or None.
        probes: With how many probes.
        shape: What these looked like: `QueryShape.name`.
        rows: Rows there were when it was last tuned.
    """

    asked: str = "auto"
    accuracy: float = 0.99
    kind: str = "exact"
    breadth: int = 0
    overlap: float | None = None
    probes: int = 0
    shape: str = "rows"
    rows: int = 0


def read_settings(directory: Path) -> MilvusSettings | None:
    """Read how a space is searched; None of one that was not published yet."""
    try:
        return MilvusSettings(**read(directory / NOTE, IndexFileError, "It can be deleted"))
    except (IndexFileError, TypeError):
        return None


def open_vectors(
    collection: Collection, space: SpaceRow, contract: IndexContract, breadth: int = 0
) -> MilvusVectors:
    """Return a space's vectors in Milvus; nothing is connected yet.

    Raises:
        CatalogueError: Milvus does not search this collection.
    """
    if collection.engine is None or not collection.in_milvus:
        raise CatalogueError(f"Milvus does not search the collection {collection.root}")
    uri, prefix = collection.engine.milvus
    return MilvusVectors(uri, collection_name(prefix, space.name, contract), contract, breadth)


def request_of(directory: Path, request: store.Request | None) -> store.Request:
    """Return what is asked for, or what was asked for before.

    Raises:
        ConfigError: Milvus is not asked for such a kind here.
    """
    if request is None:
        before = read_settings(directory) or MilvusSettings()
        return store.Request(kind=before.asked, accuracy=before.accuracy)
    if request.kind not in ASKED:
        raise ConfigError(
            f"In Milvus there is no index of kind {request.kind} here; there are"
            f" {', '.join(ASKED)}. The others are FAISS's, for vectors in the folder"
        )
    return request


def bringing_up_to_date(
    collection: Collection, space: SpaceRow, request: store.Request, shape: QueryShape
) -> Generator[store.PublicationStep, None, bool]:
    """Send to Milvus what it lacks, take out what no longer counts, and tune how it is searched.

    Args:
        collection: Held for writing.
        space: Which space.
        request: Kind of index and accuracy.
        shape: What queries look like.

    Yields:
        How far it is.

    Returns:
        Whether anything has changed.
    """
    directory, contract = collection.space_dir(space.name), collection.contract(space)
    before = read_settings(directory)
    vectors = open_vectors(collection, space, contract)
    try:
        ids, blocks = _rows(collection, space, contract)
        kind = request.kind
        if kind == "auto":
            kind = "hnsw" if len(ids) >= SMALL_ROWS else "exact"
        _prepare(vectors, kind, before)
        changed = yield from _send(collection, space, vectors, ids, blocks)
        made = MilvusSettings(asked=request.kind, accuracy=request.accuracy, kind=kind)
        made = replace(made, rows=len(ids), shape=shape.name)
        if kind == "hnsw" and len(ids):
            tuned = before is not None and _is_tuned(before, made)
            made = (
                replace(before, rows=before.rows)
                if tuned and before
                else _tuned(vectors, GalleryRows(ids, blocks), made, shape)
            )
            yield store.PublicationStep("tuning", 1, 1, _told(made))
    finally:
        vectors.close()
    if made != before:
        write_whole(directory / NOTE, spell(asdict(made)).encode("utf-8"))
    return changed or made != before


def _is_tuned(before: MilvusSettings, now: MilvusSettings) -> bool:
    same = (before.asked, before.accuracy, before.kind, before.shape)
    grown = now.rows > GROWN * before.rows
    return same == (now.asked, now.accuracy, now.kind, now.shape) and not grown


def _prepare(vectors: MilvusVectors, kind: str, before: MilvusSettings | None) -> None:
    if not vectors.exists():
        vectors.create(kind)
    elif before is None or before.kind != kind:
        vectors.change_index(kind)


def _rows(
    collection: Collection, space: SpaceRow, contract: IndexContract
) -> tuple[Ids, list[Vectors]]:
    """Return the rows that count: images (n,), and their vectors in blocks."""
    spaces = collection.catalogue.spaces
    indexed = np.array(spaces.placed_ids(space.id, "indexed"), dtype=np.int64)
    every, blocks = [np.empty(0, np.int64)], [np.empty((0, contract.dimension), np.float32)]
    for row in spaces.shards(space.id):
        shard = store.ShardId(row.number, row.rows, row.embeddings_sha256, row.ids_sha256)
        ids, embeddings = store.open_known(collection.space_dir(space.name), shard)
        counts = np.isin(ids, indexed)
        every.append(ids[counts])
        blocks.append(embeddings if counts.all() else embeddings[counts])
    return np.concatenate(every), blocks


def _send(
    collection: Collection,
    space: SpaceRow,
    vectors: MilvusVectors,
    ids: Ids,
    blocks: Sequence[Vectors],
) -> Generator[store.PublicationStep, None, bool]:
    """Send rows that are new or changed, delete those that are gone; say whether there were any."""
    there, wanted, done, sent = vectors.digests(), set(row_numbers(ids).tolist()), 0, 0
    gone = np.array(sorted({number // 2 for number in there if number not in wanted}), np.int64)
    vectors.delete(gone)
    for number in gone.tolist():
        there.pop(2 * number, None)
    for images, rows in _whole_images(ids, blocks):
        known = collection.catalogue.images.rows(space.id, np.unique(images).tolist())
        terms = [terms_of(known[image]) for image in images.tolist()]
        numbers = row_numbers(images).tolist()
        told = zip(numbers, rows, terms, strict=True)
        other = [there.get(number) != digest(row, said) for number, row, said in told]
        new = np.isin(images, images[np.array(other, dtype=np.bool_)])
        if new.any():
            said = [
                {"terms": one} for one, is_new in zip(terms, new.tolist(), strict=True) if is_new
            ]
            vectors.upsert(images[new], rows[new], said)
        sent, done = sent + int(new.sum()), done + len(images)
        yield store.PublicationStep("sending to Milvus", done, len(ids))
    return bool(sent or len(gone))


def _whole_images(ids: Ids, blocks: Sequence[Vectors]) -> Iterator[tuple[Ids, Vectors]]:
    """Yield rows in portions, those of one image together: they lie side by side in a shard."""
    start = 0
    for block in blocks:
        own, first = ids[start : start + len(block)], 0
        while first < len(own):
            end = min(first + SENT, len(own))
            while end < len(own) and own[end] == own[end - 1]:
                end += 1
            yield own[first:end], block[first:end]
            first = end
        start += len(block)


def terms_of(row: ImageRow) -> list[str]:
    """Return what Milvus is told of an image: what filters ask for (milvus_filter.py)."""
    said = [] if row.identity is None else ["i", f"i={composed(row.identity)}"]
    for mark, condition in (("c", row.condition), ("e", row.estimate)):
        for name, value in condition.items():
            said += [f"{mark}:{name}", f"{mark}:{name}={value}"]
    return said


def _tuned(
    vectors: MilvusVectors, gallery: GalleryRows, made: MilvusSettings, shape: QueryShape
) -> MilvusSettings:
    """Choose the least breadth that is good enough with half of the probes; measure the others."""
    chosen = np.random.default_rng(PROBES).permutation(len(gallery.ids))[:PROBES]
    probes = shape.probes(gallery.gather(np.sort(chosen)))
    exact = ExactIndex(gallery.ids, gallery.blocks)
    truth = exact.search(probes, min(TEN, exact.size)).ids
    for breadth in BREADTHS:
        vectors.breadth = breadth
        made = replace(made, breadth=breadth)
        if _overlap(vectors, probes[::2], truth[::2]) >= made.accuracy:
            break
    overlap = round(_overlap(vectors, probes[1::2], truth[1::2]), 5)
    return replace(made, overlap=overlap, probes=len(probes[1::2]))


def _overlap(vectors: MilvusVectors, probes: Vectors, truth: Ids) -> float:
    shares = []
    for probe, wanted in zip(probes, truth, strict=True):
        found = ranked_images(vectors.ranked(probe, rows_wanted(TEN)), probe, TEN)[0]
        shares.append(np.isin(wanted, found).mean())
    return float(np.mean(shares)) if shares else 1.0


def _told(made: MilvusSettings) -> str:
    said = f"hnsw in Milvus: overlap @10 with exact search {made.overlap:.4f}"
    if made.overlap is not None and made.overlap < made.accuracy:
        return f"Warning: {said}, less than --accuracy {made.accuracy:g}; --kind exact finds all"
    return f"{said} on {made.probes} held-out images"


def described(collection: Collection, space: SpaceRow) -> dict[str, Any]:
    """Describe it, as `index show` prints it of a manifest; Milvus is not asked."""
    contract = collection.contract(space)
    settings = read_settings(collection.space_dir(space.name)) or MilvusSettings()
    rows = sum(collection.catalogue.spaces.shard_rows(space.id).values())
    index = None
    if settings.kind != "exact":
        overlap = settings.overlap or 0.0
        index = {
            "rows": rows,
            "bytes": 4 * rows * contract.dimension,
            "effort": {"breadth": settings.breadth},
            "measured": {
                "overlap": overlap,
                "probes": settings.probes,
                "reached": overlap >= settings.accuracy,
            },
            "probes": settings.shape,
        }
    told = {"kind": settings.kind, "vectors": rows, "dimension": contract.dimension}
    return {**told, "index": index}


def lacking(collection: Collection, space: SpaceRow) -> int:
    """Count the rows that Milvus lacks, has in another form, or should not have.

    Raises:
        DatabaseFailedError: Milvus is away.
    """
    contract = collection.contract(space)
    vectors = open_vectors(collection, space, contract)
    try:
        there = vectors.digests() if vectors.exists() else {}
        ids, blocks = _rows(collection, space, contract)
        wanted: dict[int, str] = {}
        for images, rows in _whole_images(ids, blocks):
            known = collection.catalogue.images.rows(space.id, np.unique(images).tolist())
            told = zip(row_numbers(images).tolist(), images.tolist(), rows, strict=True)
            wanted |= {number: digest(row, terms_of(known[i])) for number, i, row in told}
    finally:
        vectors.close()
    return len(set(there.items()) ^ set(wanted.items()))
