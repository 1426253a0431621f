"""Generations read and opened for search: every file is compared with its hash before.

Shapes: N gallery rows, e images left out, D dimensions of an embedding.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.errors import IndexFileError
from gallery.json_files import read
from index.approximate import ApproximateIndex, Parts
from index.base import Ids, Index
from index.contract import IndexContract
from index.exact import ExactIndex
from index.faiss_library import read_faiss
from index.files import AGAIN, open_array
from index.integrity import checked_files
from index.manifest import MAIN, Effort, Manifest, read_manifest_file
from index.row_store import StoredRows
from index.shards import ShardId, open_embeddings, open_shards, read_ids


def read_contract(space_dir: Path) -> IndexContract:
    """Read the contract of a space.

    Raises:
        IndexFileError: The file is missing or damaged.
    """
    path = space_dir / "contract.json"
    data = read(path, IndexFileError, AGAIN)
    try:
        return IndexContract.from_json(data)
    except IndexFileError as error:
        raise IndexFileError(f"{path}: {error}") from error


def read_manifest(space_dir: Path, generation: int) -> Manifest:
    """Read what a generation is made of.

    Raises:
        IndexFileError: The generation is missing, damaged, or of another format or kind.
    """
    return read_manifest_file(generation_dir(space_dir, generation) / "manifest.json")


def require_unchanged(space_dir: Path, generation: int, manifest: Manifest) -> None:
    """Read every file that a generation has to itself, and compare it with what was written.

    Raises:
        IndexFileError: One is missing or damaged.
    """
    for file in manifest.listed():
        path = generation_dir(space_dir, generation) / file.name
        checked_files(space_dir).require(path, file.sha256, file.bytes, anew=True)


def findable_ids(space_dir: Path, generation: int, manifest: Manifest) -> Ids:
    """Return the images that a generation can find, rising.

    Raises:
        IndexFileError: A file of the generation, or a shard, is missing or damaged.
    """
    ids = known_ids(space_dir, generation, manifest)
    if ids is None:
        ids = shard_ids(space_dir, manifest.shards)
    return np.setdiff1d(ids, read_excluded(space_dir, generation, manifest))


def open_index(
    space_dir: Path, generation: int, contract: IndexContract, device: str = "cpu"
) -> Index:
    """Open a generation for search.

    Every file is compared with its length and hash before it is opened, unless that was done since
    it last changed (index/integrity.py). What FAISS holds is mapped into memory where it can be; of
    the kinds of FAISS, a shard is compared and opened when one of its rows is first needed.

    Args:
        space_dir: Space that holds it.
        generation: Its number.
        contract: Terms of the probes that will search.
        device: Where to compute: "cpu", or "cuda", which FAISS uses where it can.

    Raises:
        IndexFileError: The contract is another, the generation holds no images, or a file is
            missing, damaged, or of another format or kind.
        ConfigError: The kind needs FAISS, which is not installed.
    """
    contract.require_same(read_contract(space_dir), what=f"The space {space_dir}")
    manifest = read_manifest(space_dir, generation)
    directory = generation_dir(space_dir, generation)
    if manifest.contract != contract.digest() or manifest.dimension != contract.dimension:
        raise IndexFileError(
            f"{directory} was made under another contract: {manifest.contract[:12]}…, the space"
            f" has {contract.digest()[:12]}…. {AGAIN}"
        )
    if manifest.vectors == 0:
        raise IndexFileError(
            f"{directory} holds no images. Add some, then build: mindseye index build"
        )
    excluded = read_excluded(space_dir, generation, manifest)
    if manifest.kind == "exact":
        return _open_exact(space_dir, directory, manifest, excluded, device)
    return _open_approximate(space_dir, directory, manifest, excluded, device)


def read_excluded(space_dir: Path, generation: int, manifest: Manifest) -> Ids:
    """Read the images that a generation leaves out, (e,), rising.

    Raises:
        IndexFileError: The file is missing or damaged.
    """
    path = generation_dir(space_dir, generation) / "excluded.npy"
    _require_listed(space_dir, path, manifest)
    excluded: Ids = np.array(open_array(path, np.int64, ndim=1))
    if len(excluded) != manifest.excluded or (excluded[1:] <= excluded[:-1]).any():
        raise IndexFileError(
            f"{path} is damaged: it should hold {manifest.excluded} images, rising. {AGAIN}"
        )
    return excluded


def known_ids(space_dir: Path, generation: int, manifest: Manifest) -> Ids | None:
    """Read the image of every row that a generation knows, (N,); None if it wrote none down.

    Nor are those of a format without hashes believed.

    Raises:
        IndexFileError: The file is missing or damaged.
    """
    if not manifest.is_hashed or manifest.main is None:
        return None
    path = generation_dir(space_dir, generation) / "ids.npy"
    _require_listed(space_dir, path, manifest)
    ids: Ids = open_array(path, np.int64, ndim=1)
    expected = sum(shard.rows for shard in manifest.shards)
    if len(ids) != expected:
        raise IndexFileError(f"{path} holds {len(ids)} rows, expected {expected}. {AGAIN}")
    return ids


def open_main(space_dir: Path, generation: int, manifest: Manifest) -> Any:  # noqa: ANN401  FAISS ships no types
    """Map what FAISS holds into memory, once length and hash are right: not a byte is read before.

    Raises:
        IndexFileError: There is none, or it is missing, damaged, or of another shape.
        ConfigError: FAISS is not installed, or twice.
    """
    main, path = manifest.main, generation_dir(space_dir, generation) / MAIN
    if main is None:  # of format 1
        raise IndexFileError(
            f"{path.parent} has format 1, whose kind {manifest.kind!r} is read no longer. {AGAIN}"
        )
    checked_files(space_dir).require(path, main.sha256, main.bytes)
    index = read_faiss(path, main.bytes, manifest.kind, mapped=True)
    if (int(index.ntotal), int(index.d)) != (main.rows, manifest.dimension):
        raise IndexFileError(
            f"{path} holds {index.ntotal} vectors of dimension {index.d}, the manifest says"
            f" {main.rows} of {manifest.dimension}. {AGAIN}"
        )
    return index


def _require_listed(space_dir: Path, path: Path, manifest: Manifest) -> None:
    for file in manifest.files:
        if file.name == path.name:
            checked_files(space_dir).require(path, file.sha256, file.bytes)


def _open_exact(
    space_dir: Path, directory: Path, manifest: Manifest, excluded: Ids, device: str
) -> Index:
    ids, blocks = open_shards(space_dir, manifest.shards, manifest.dimension)
    kept = _kept(ids, excluded, manifest, directory)
    index = ExactIndex(ids, blocks, kept, device=device)
    if index.size != manifest.images:
        raise IndexFileError(
            f"{directory} holds {index.size} images of dimension {index.dimension}, its manifest"
            f" says {manifest.images} of {manifest.dimension}. {AGAIN}"
        )
    return index


def _open_approximate(
    space_dir: Path, directory: Path, manifest: Manifest, excluded: Ids, device: str
) -> Index:
    generation = int(directory.name)
    ids = known_ids(space_dir, generation, manifest)
    if ids is None:
        ids = shard_ids(space_dir, manifest.shards)
    kept = _kept(ids, excluded, manifest, directory)
    parts = Parts(
        main=open_main(space_dir, generation, manifest),
        effort=Effort() if manifest.main is None else manifest.main.effort,
        ids=ids,
        kept=kept if len(excluded) else None,
        stored=StoredRows(
            [shard.rows for shard in manifest.shards],
            lambda place: open_embeddings(space_dir, manifest.shards[place], manifest.dimension),
            manifest.dimension,
        ),
        images=manifest.images,
    )
    return ApproximateIndex(parts, device)


def _kept(ids: Ids, excluded: Ids, manifest: Manifest, directory: Path) -> NDArray[np.bool_]:
    """Say which rows can be found, (N,): as many as the manifest says."""
    kept: NDArray[np.bool_] = ~np.isin(ids, excluded)
    if int(kept.sum()) != manifest.vectors:
        raise IndexFileError(
            f"{directory} holds {int(kept.sum())} vectors, its manifest says {manifest.vectors}."
            f" {AGAIN}"
        )
    return kept


def shard_ids(space_dir: Path, shards: Sequence[ShardId]) -> Ids:
    """Read the image of every row of some shards, (N,), in gallery order.

    Raises:
        IndexFileError: A shard is missing or damaged.
    """
    read_one = (read_ids(space_dir, shard) for shard in shards)
    return np.concatenate([np.empty(0, dtype=np.int64), *read_one])


def generation_dir(space_dir: Path, generation: int) -> Path:
    """Return the folder of a generation."""
    if generation < 1:
        raise ValueError(f"generations are numbered from 1, got {generation}")
    return space_dir / "index" / f"{generation:06d}"
