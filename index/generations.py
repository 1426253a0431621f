"""Generations: what some shards hold, made ready for search and published in one step.

Shapes: N gallery rows, n rows of one shard, D dimensions of an embedding.
"""

import contextlib
import shutil
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gallery.errors import IndexFileError
from gallery.files import sync
from index import faiss_file
from index.base import GalleryRows, Ids, Vectors
from index.contract import IndexContract
from index.faiss_file import PublicationStep
from index.faiss_library import has_faiss, require_faiss
from index.files import make_directory, write_array, write_json
from index.integrity import describe
from index.kinds import APPROXIMATE, IndexPlan, Request, choose
from index.loader import (
    generation_dir,
    known_ids,
    open_main,
    read_contract,
    read_manifest,
    shard_ids,
)
from index.manifest import ARRAYS, FORMAT, Main, Manifest, write_manifest
from index.probing import ROWS, UNKNOWN, QueryShape
from index.shards import ShardId, open_embeddings, open_shards

Publication = Generator[PublicationStep, None, Manifest]


def write_contract(space_dir: Path, contract: IndexContract) -> None:
    """Make a space directory of this contract; an existing one must have the same.

    Raises:
        IndexFileError: The space has another contract.
    """
    if (space_dir / "contract.json").exists():
        contract.require_same(read_contract(space_dir), what=f"The space {space_dir}")
        return
    make_directory(space_dir)
    write_json(space_dir / "contract.json", contract.to_json())


def publishing(  # noqa: PLR0913  what a generation is made of
    space_dir: Path,
    generation: int,
    request: Request,
    contract: IndexContract,
    shards: Sequence[ShardId],
    excluded_ids: Ids,
    *,
    previous: int | None = None,
    shape: QueryShape = ROWS,
) -> Publication:
    """Make a generation of some shards; it appears in one step, complete.

    A generation of the same number is removed first: the catalogue never committed it.

    Args:
        space_dir: Space that holds the shards.
        generation: Its number, from 1.
        request: Kind of index, and what it may cost.
        contract: Terms of the embeddings; must be those of the space.
        shards: In gallery order. There may be none.
        excluded_ids: Images to leave out, (e,), in any order.
        previous: Generation whose index is taken over, if that is intact, holds the first of these
            shards and nothing else was asked for; None makes all anew.
        shape: What queries look like: the index is tuned and measured with such.

    Yields:
        How far it is; the first step says what the index will cost.

    Returns:
        The manifest.

    Raises:
        ValueError: excluded_ids are no int64 (e,).
        IndexFileError: The space has another contract, or a shard is missing or damaged.
        ConfigError: The kind needs FAISS, which is not installed; or no kind fits the memory.
    """
    if excluded_ids.ndim != 1 or excluded_ids.dtype != np.int64:
        raise ValueError(
            f"excluded_ids must be int64 (e,), got {excluded_ids.dtype} {excluded_ids.shape}"
        )
    contract.require_same(read_contract(space_dir), what=f"The space {space_dir}")
    before = _continued(space_dir, previous, request, contract, shards)
    target = generation_dir(space_dir, generation)
    temporary = target.with_name(f".tmp-{target.name}")
    for leftover in (temporary, target):
        if leftover.exists():
            shutil.rmtree(leftover)
    make_directory(target.parent)
    make_directory(temporary)
    excluded = np.unique(excluded_ids)
    write_array(temporary / ARRAYS[0], excluded)
    ids, blocks = _rows(space_dir, shards, contract.dimension, before)
    kept = ~np.isin(ids, excluded)
    vectors = int(kept.sum())
    plan = _plan(request, before, len(ids), contract.dimension)
    main = None
    if vectors and plan.kind != "exact":
        require_faiss(plan.kind)
        write_array(temporary / ARRAYS[1], ids)
        every = _Rows(ids, blocks, kept)
        main = yield from _main(every, plan, (request, shape), before, temporary)
    manifest = Manifest(
        format=FORMAT,
        kind=plan.kind,
        contract=contract.digest(),
        dimension=contract.dimension,
        vectors=vectors,
        images=_count(ids, kept),
        excluded=len(excluded),
        shards=tuple(shards),
        asked=request.kind,
        memory=request.memory,
        accuracy=request.accuracy,
        main=main,
        files=tuple(describe(temporary / name) for name in ARRAYS[: 1 if main is None else 2]),
    )
    write_manifest(temporary, manifest)
    temporary.rename(target)
    sync(target.parent)
    return manifest


Before = tuple[Path, Manifest]


def _continued(
    space_dir: Path,
    previous: int | None,
    request: Request,
    contract: IndexContract,
    shards: Sequence[ShardId],
) -> Before | None:
    """Return the generation before, if this one can begin with what that holds."""
    if previous is None:
        return None
    manifest = read_manifest(space_dir, previous)
    same = (manifest.asked, manifest.accuracy) == (request.kind, request.accuracy)
    begins = manifest.shards == tuple(shards[: len(manifest.shards)])
    fits = request.kind != "auto" or manifest.memory == request.memory
    comparable = manifest.contract == contract.digest()
    if not (same and begins and fits and comparable) or manifest.main is None:
        return None
    try:
        open_main(space_dir, previous, manifest)
    except IndexFileError:  # it is derived: made anew
        return None
    return generation_dir(space_dir, previous), manifest


def row_ids(space_dir: Path, shards: Sequence[ShardId], previous: int | None = None) -> Ids:
    """Return the image of every row of some shards, (N,).

    Args:
        space_dir: Space that holds the shards.
        shards: In gallery order.
        previous: Intact generation that may know the first of them already; None reads all.

    Raises:
        IndexFileError: A shard is missing or damaged.
    """
    known, start = np.empty(0, dtype=np.int64), 0
    if previous is not None:
        manifest = read_manifest(space_dir, previous)
        found = known_ids(space_dir, previous, manifest)
        if found is not None and manifest.shards == tuple(shards[: len(manifest.shards)]):
            known, start = found, len(manifest.shards)
    return np.concatenate([known, shard_ids(space_dir, shards[start:])])


def _rows(
    space_dir: Path, shards: Sequence[ShardId], dimension: int, before: Before | None
) -> tuple[Ids, Callable[[], list[Vectors]]]:
    """Return the ids of all rows (N,), and what opens the embeddings of each shard.

    Of shards that the generation before holds, neither ids nor embeddings are read again.
    """
    if before is None:
        ids, opened = open_shards(space_dir, shards, dimension)
        return ids, lambda: opened
    directory, manifest = before
    known = None
    with contextlib.suppress(IndexFileError):  # they are derived
        known = known_ids(space_dir, int(directory.name), manifest)
    if known is None:
        known = shard_ids(space_dir, manifest.shards)
    ids, new = open_shards(space_dir, shards[len(manifest.shards) :], dimension)

    def blocks() -> list[Vectors]:
        return [open_embeddings(space_dir, shard, dimension) for shard in manifest.shards] + new

    return np.concatenate([known, ids]), blocks


def _count(ids: Ids, kept: NDArray[np.bool_]) -> int:
    """Count the distinct images among the rows kept."""
    kept_ids = ids[kept]
    rising = (kept_ids[1:] > kept_ids[:-1]).all()
    return len(kept_ids) if rising else len(np.unique(kept_ids))


def _plan(request: Request, before: Before | None, rows: int, dimension: int) -> IndexPlan:
    """Choose the kind: that of the generation before, as long as its index is taken over."""
    if before is not None:
        request = replace(request, kind=before[1].kind)
    return choose(request, rows, dimension, faiss=has_faiss())


def needs_tuning(manifest: Manifest, shape: QueryShape) -> bool:
    """Say whether queries look otherwise now than when an index was tuned."""
    return (
        manifest.main is not None
        and manifest.kind in APPROXIMATE
        and shape.name not in (UNKNOWN, manifest.main.probes)
    )


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of a generation: embeddings are opened where they are needed."""

    ids: Ids
    blocks: Callable[[], list[Vectors]]
    kept: NDArray[np.bool_]

    def open(self) -> GalleryRows:
        return GalleryRows(self.ids, self.blocks(), self.kept)


def _main(
    rows: _Rows,
    plan: IndexPlan,
    wanted: tuple[Request, QueryShape],
    before: Before | None,
    directory: Path,
) -> Generator[PublicationStep, None, Main]:
    """Take over what the generation before holds, or add to it, or make it anew."""
    request, shape = wanted
    if before is not None and faiss_file.is_short_tail(before[1], len(rows.ids)):
        main = faiss_file.take_over(before[1], before[0], directory)
        if needs_tuning(before[1], shape):
            main = yield from faiss_file.tuned_again(rows.open(), before[1], main, directory, shape)
        return main
    gallery = rows.open()
    if before is not None:
        added = yield from faiss_file.extend(gallery, before[1], before[0], directory, shape)
        if added is not None:
            return added
    yield PublicationStep("planning", 0, 1, f"Index of kind {plan}")
    made = yield from faiss_file.make(gallery, plan, request, directory, shape)
    return made


def remove_generations(space_dir: Path, *, before: int) -> None:
    """Delete old generations; a reader that has one open keeps what it has.

    Args:
        space_dir: Space that holds them.
        before: Every generation with a smaller number goes.
    """
    for directory in sorted((space_dir / "index").glob("[0-9]*")):
        if directory.name.isdecimal() and int(directory.name) < before:
            shutil.rmtree(directory, ignore_errors=True)
