"""Shards: embeddings on disk, with the image of each row. They are only ever added.

Of a shard, the ids are written first and the embeddings last, so that it exists if and only if its
.npy does. Shards are numbered from 1; which of them count is for the catalogue to say.

Shapes: N gallery rows, n rows of one shard, D dimensions of an embedding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gallery.errors import IndexFileError
from gallery.files import sync
from index.base import GalleryRows, Ids, Vectors
from index.files import AGAIN, make_directory, open_array, write_array
from index.integrity import checked_files


@dataclass(frozen=True, slots=True)
class ShardId:
    """What identifies a shard.

    Attributes:
        number: Its place in the space, from 1.
        rows: Embeddings n it holds.
        embeddings_sha256: SHA-256 of the file of embeddings, in hexadecimal.
        ids_sha256: SHA-256 of the file of ids.
    """

    number: int
    rows: int
    embeddings_sha256: str
    ids_sha256: str

    def __post_init__(self) -> None:
        if self.number < 1 or self.rows < 1:
            raise ValueError(
                f"a shard has a number and rows from 1 on, got {self.number} {self.rows}"
            )


def append_shard(space_dir: Path, number: int, ids: Ids, embeddings: Vectors) -> ShardId:
    """Write a shard; what a killed run left under its number is overwritten.

    Args:
        space_dir: Space to write to.
        number: The first that the catalogue does not know, from 1.
        ids: Image of each row, (n,).
        embeddings: Finite embeddings, (n, D).

    Raises:
        ValueError: Shapes or types do not fit together, there is no row, or a value is not finite.
    """
    GalleryRows(ids, [embeddings])
    if not np.isfinite(embeddings).all():
        raise ValueError("embeddings must be finite, got infinite values or NaN")
    embeddings_path, ids_path = shard_paths(space_dir, number)
    make_directory(embeddings_path.parent)
    embeddings_path.unlink(missing_ok=True)  # no instant with old embeddings beside new ids
    sync(embeddings_path.parent)
    ids_sha256 = write_array(ids_path, ids)
    return ShardId(number, len(ids), write_array(embeddings_path, embeddings), ids_sha256)


def open_shard(space_dir: Path, number: int) -> tuple[Ids, Vectors]:
    """Open a shard: its ids (n,) and its embeddings (n, D), a memory map.

    Writing to the map changes memory only. (It is not read-only because torch would copy it.)

    Raises:
        IndexFileError: A file is missing or damaged, or the two do not fit together.
    """
    embeddings_path, ids_path = shard_paths(space_dir, number)
    ids = np.array(open_array(ids_path, np.int64, ndim=1))
    embeddings = open_array(embeddings_path, np.float32, ndim=2)
    if len(ids) != len(embeddings):
        raise IndexFileError(
            f"{ids_path} holds {len(ids)} ids for the {len(embeddings)} rows of"
            f" {embeddings_path.name}. {AGAIN}"
        )
    return ids, embeddings


def open_known(space_dir: Path, shard: ShardId) -> tuple[Ids, Vectors]:
    """Open a shard that is the one the catalogue knows: its rows, and every byte of both files.

    Bytes are not compared again while the files are unchanged (index/integrity.py); for that there
    is `verify_shard`.

    Raises:
        IndexFileError: A file is missing, torn or damaged.
    """
    ids = read_ids(space_dir, shard)
    path = shard_paths(space_dir, shard.number)[0]
    checked_files(space_dir).require(path, shard.embeddings_sha256)
    embeddings = open_array(path, np.float32, ndim=2)
    _require_rows(len(embeddings), shard, path)
    return ids, embeddings


def read_ids(space_dir: Path, shard: ShardId) -> Ids:
    """Read the image of each row of a known shard, (n,); its embeddings are not looked at.

    Raises:
        IndexFileError: The file is missing, torn or damaged.
    """
    path = shard_paths(space_dir, shard.number)[1]
    checked_files(space_dir).require(path, shard.ids_sha256)
    ids = np.array(open_array(path, np.int64, ndim=1))
    _require_rows(len(ids), shard, path)
    return ids


def _require_rows(found: int, shard: ShardId, path: Path) -> None:
    if found != shard.rows:
        raise IndexFileError(f"{path} holds {found} rows, expected {shard.rows}. {AGAIN}")


def open_embeddings(space_dir: Path, shard: ShardId, dimension: int) -> Vectors:
    """Map the embeddings of a known shard, (n, D), checked as by `open_known`; no ids are read.

    Raises:
        IndexFileError: The file is missing, torn, damaged, or of another shape.
    """
    path = shard_paths(space_dir, shard.number)[0]
    checked_files(space_dir).require(path, shard.embeddings_sha256)
    embeddings = open_array(path, np.float32, ndim=2)
    if embeddings.shape != (shard.rows, dimension):
        raise IndexFileError(
            f"{path} has shape {embeddings.shape}, expected {(shard.rows, dimension)}. {AGAIN}"
        )
    return embeddings


def open_shards(
    space_dir: Path, shards: Sequence[ShardId], dimension: int
) -> tuple[Ids, list[Vectors]]:
    """Open known shards: all ids (N,), and the embeddings of each.

    Raises:
        IndexFileError: One is missing, damaged, or of another dimension.
    """
    opened = [open_known(space_dir, shard) for shard in shards]
    for shard, (_, embeddings) in zip(shards, opened, strict=True):
        if embeddings.shape[1] != dimension:
            path = shard_paths(space_dir, shard.number)[0]
            raise IndexFileError(
                f"{path} has dimension {embeddings.shape[1]}, expected {dimension}. {AGAIN}"
            )
    ids = np.concatenate([np.empty(0, dtype=np.int64), *(ids for ids, _ in opened)])
    return ids, [embeddings for _, embeddings in opened]


def verify_shard(space_dir: Path, shard: ShardId) -> None:
    """Read both files of a shard and compare them with what was written.

    Raises:
        IndexFileError: A file is missing or damaged; the message says which.
    """
    paths = shard_paths(space_dir, shard.number)
    for path, sha256 in zip(paths, (shard.embeddings_sha256, shard.ids_sha256), strict=True):
        checked_files(space_dir).require(path, sha256, anew=True)
    open_known(space_dir, shard)


def shard_paths(space_dir: Path, number: int) -> tuple[Path, Path]:
    """Return where the embeddings and the ids of a shard are."""
    if number < 1:
        raise ValueError(f"shards are numbered from 1, got {number}")
    directory = space_dir / "embeddings"
    return directory / f"{number:06d}.npy", directory / f"{number:06d}.ids.npy"
