"""Embeddings and indexes on disk: the format, and the names that the rest of the house uses.

A space directory (`spaces/<name>/` of a collection) holds what one set of weights made:

    contract.json                    the index contract: every key of `IndexContract`
    embeddings/000001.npy            shard 1: float32 (n, D), C order, .npy format; mapped, not read
    embeddings/000001.ids.npy        the image of each row: int64 (n,)
    index/000001/manifest.json       generation 1: every key of `Manifest`, see there
    index/000001/excluded.npy        images to leave out: int64 (e,), rising
    index/000001/ids.npy             kinds of FAISS only: the image of every row: int64 (N,)
    index/000001/index.faiss         kinds of FAISS only: the first rows, ids are row numbers

Shards are numbered from 1 and only ever added; a generation names the shards it is made of, in
gallery order, and never changes. Kind "exact" holds no copy of the vectors: it searches the shards.
Rows of excluded images stay in the shards, and in index.faiss, and are never found. One
index.faiss may have several names (hard links): it is the same for generations that differ in what
they exclude, and in the rows after those it holds.

Each file appears whole: it is written as `<name>.tmp`, synchronised, and renamed. Of a shard, the
ids come first and the embeddings last, so a shard exists if and only if its .npy does. A generation
is written as `index/.tmp-000001/` and renamed. Which shards and which generation count is for the
catalogue to say; what a killed run left under a number it did not commit is overwritten.

JSON is UTF-8. Nothing is ever pickled: .npy files with Python objects are refused.
"""

from index.faiss_file import PublicationStep
from index.generations import (
    needs_tuning,
    publishing,
    remove_generations,
    row_ids,
    write_contract,
)
from index.kinds import ASKED, KINDS, Request, parse_bytes
from index.loader import (
    findable_ids,
    open_index,
    read_contract,
    read_excluded,
    read_manifest,
    require_unchanged,
)
from index.manifest import FORMAT, Manifest
from index.shards import ShardId, append_shard, open_known, open_shard, verify_shard

__all__ = [
    "ASKED",
    "FORMAT",
    "KINDS",
    "Manifest",
    "PublicationStep",
    "Request",
    "ShardId",
    "append_shard",
    "findable_ids",
    "needs_tuning",
    "open_index",
    "open_known",
    "open_shard",
    "parse_bytes",
    "publishing",
    "read_contract",
    "read_excluded",
    "read_manifest",
    "remove_generations",
    "require_unchanged",
    "row_ids",
    "verify_shard",
    "write_contract",
]
