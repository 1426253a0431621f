"""Embeddings and indexes on disk.

A space directory (`spaces/<name>/` of a collection) holds what one set of weights made:

    contract.json                    the index contract: every key of `IndexContract`
    embeddings/000001.npy            shard 1: float32 (n, D), C order, .npy format; mapped, not read
    embeddings/000001.ids.npy        the image of each row: int64 (n,)
    index/000001/manifest.json       generation 1: every key of `Manifest`, see there
    index/000001/excluded.npy        images to leave out: int64 (e,), rising
    index/000001/flat.faiss          kind "flat" only: FAISS IndexIDMap of an IndexFlatIP

Shards are numbered from 1 and only ever added; a generation names the shards it is made of, in
gallery order, and never changes. Kind "exact" holds no copy of the vectors: it searches the shards.
Rows of excluded images stay in the shards and are left out of the generation.

Each file appears whole: it is written as `<name>.tmp`, synchronised, and renamed. Of a shard, the
ids come first and the embeddings last, so a shard exists if and only if its .npy does. A generation
is written as `index/.tmp-000001/` and renamed. Which shards and which generation count is for the
catalogue to say; what a killed run left under a number it did not commit is overwritten.

JSON is UTF-8. Nothing is ever pickled: .npy files with Python objects are refused.
Source of .npy: NumPy Enhancement Proposal 1, "A simple file format for NumPy arrays", 2007.

Shapes: N gallery rows, n rows of one shard, D dimensions of an embedding.
"""

import json
import shutil
import tokenize
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from gallery.errors import IndexFileError
from gallery.files import file_sha256, replacing, sync
from index.base import GalleryRows, Ids, Index, Vectors
from index.contract import IndexContract
from index.exact import ExactIndex
from index.faiss_index import FlatIndex

FORMAT = 1
KINDS = ("exact", "flat")
_AGAIN = "Build it again: mindseye index build"
# What NumPy raises for a torn or garbled .npy file; found by feeding it some.
_BAD_HEADER = (OSError, ValueError, EOFError, SyntaxError, OverflowError, tokenize.TokenError)


@dataclass(frozen=True, slots=True)
class Shard:
    """What identifies a shard.

    Attributes:
        number: Its place in the space, from 1.
        rows: Embeddings n it holds.
        embeddings_sha256: Of the file of embeddings, in hexadecimal.
        ids_sha256: Of the file of ids.
    """

    number: int
    rows: int
    embeddings_sha256: str
    ids_sha256: str

    def __post_init__(self) -> None:
        if self.number < 1 or self.rows < 1:
            raise ValueError(f"a shard has a number and rows from 1 on, got {self!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a generation is made of.

    Attributes:
        format: Version of this layout.
        kind: How it is searched: "exact" or "flat".
        contract: Digest of the index contract.
        dimension: Length D of an embedding.
        vectors: Rows that can be found.
        images: Distinct images among them.
        excluded: Images left out.
        shards: Where the rows come from, in gallery order.
    """

    format: int
    kind: str
    contract: str
    dimension: int
    vectors: int
    images: int
    excluded: int
    shards: tuple[Shard, ...]


def write_contract(space_dir: Path, contract: IndexContract) -> None:
    """Make a space directory of this contract; an existing one must have the same.

    Raises:
        IndexFileError: The space has another contract.
    """
    if (space_dir / "contract.json").exists():
        contract.require_same(read_contract(space_dir), what=f"The space {space_dir}")
        return
    _make_directory(space_dir)
    _write_json(space_dir / "contract.json", contract.to_json())


def read_contract(space_dir: Path) -> IndexContract:
    """Read the contract of a space.

    Raises:
        IndexFileError: The file is missing or damaged.
    """
    path = space_dir / "contract.json"
    data = _read_json(path)
    try:
        return IndexContract.from_json(data)
    except IndexFileError as error:
        raise IndexFileError(f"{path}: {error}") from error


def append_shard(space_dir: Path, number: int, ids: Ids, embeddings: Vectors) -> Shard:
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
    embeddings_path, ids_path = _shard_paths(space_dir, number)
    _make_directory(embeddings_path.parent)
    embeddings_path.unlink(missing_ok=True)  # no instant with old embeddings beside new ids
    sync(embeddings_path.parent)
    ids_sha256 = _write_array(ids_path, ids)
    return Shard(number, len(ids), _write_array(embeddings_path, embeddings), ids_sha256)


def open_shard(space_dir: Path, number: int) -> tuple[Ids, Vectors]:
    """Open a shard: its ids (n,) and its embeddings (n, D), a memory map.

    Writing to the map changes memory only. (It is not read-only because torch would copy it.)

    Raises:
        IndexFileError: A file is missing or damaged, or the two do not fit together.
    """
    embeddings_path, ids_path = _shard_paths(space_dir, number)
    ids = np.array(_open_array(ids_path, np.int64, ndim=1))
    embeddings = _open_array(embeddings_path, np.float32, ndim=2)
    if len(ids) != len(embeddings):
        raise IndexFileError(
            f"{ids_path} holds {len(ids)} ids for the {len(embeddings)} rows of"
            f" {embeddings_path.name}. {_AGAIN}"
        )
    return ids, embeddings


def verify_shard(space_dir: Path, shard: Shard) -> None:
    """Read both files of a shard and compare them with what was written.

    Raises:
        IndexFileError: A file is missing or damaged; the message says which.
    """
    open_known(space_dir, shard)
    path = _shard_paths(space_dir, shard.number)[0]
    _require_sha256(path, shard.embeddings_sha256)


def publish(
    space_dir: Path,
    generation: int,
    kind: str,
    contract: IndexContract,
    shards: Sequence[Shard],
    excluded_ids: Ids,
) -> Manifest:
    """Make a generation of some shards; it appears in one step, complete.

    A generation of the same number is removed first: the catalogue never committed it.

    Args:
        space_dir: Space that holds the shards.
        generation: Its number, from 1.
        kind: "exact" or "flat".
        contract: Terms of the embeddings; must be those of the space.
        shards: In gallery order. There may be none.
        excluded_ids: Images to leave out, (e,), in any order.

    Raises:
        ValueError: The kind is unknown, or excluded_ids are no int64 (e,).
        IndexFileError: The space has another contract, or a shard is missing or damaged.
        ConfigError: Kind "flat" without FAISS.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if excluded_ids.ndim != 1 or excluded_ids.dtype != np.int64:
        raise ValueError(
            f"excluded_ids must be int64 (e,), got {excluded_ids.dtype} {excluded_ids.shape}"
        )
    contract.require_same(read_contract(space_dir), what=f"The space {space_dir}")
    target = _generation_dir(space_dir, generation)
    temporary = target.with_name(f".tmp-{target.name}")
    for leftover in (temporary, target):
        if leftover.exists():
            shutil.rmtree(leftover)
    _make_directory(target.parent)
    _make_directory(temporary)
    manifest = _write_generation(space_dir, temporary, kind, contract, shards, excluded_ids)
    temporary.rename(target)
    sync(target.parent)
    return manifest


def remove_generations(space_dir: Path, *, before: int) -> None:
    """Delete old generations; a reader that has one open keeps what it has.

    Args:
        space_dir: Space that holds them.
        before: Every generation with a smaller number goes.
    """
    for directory in sorted((space_dir / "index").glob("[0-9]*")):
        if directory.name.isdecimal() and int(directory.name) < before:
            shutil.rmtree(directory, ignore_errors=True)


def read_manifest(space_dir: Path, generation: int) -> Manifest:
    """Read what a generation is made of.

    Raises:
        IndexFileError: The generation is missing, damaged, or of another format or kind.
    """
    path = _generation_dir(space_dir, generation) / "manifest.json"
    data = _read_json(path)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        found = data.get("format") if isinstance(data, dict) else None
        raise IndexFileError(
            f"{path} has format {found!r}, this version of mindseye reads format {FORMAT}. {_AGAIN}"
        )
    try:
        manifest = _manifest(data)
    except (KeyError, TypeError, ValueError) as error:
        raise IndexFileError(f"{path} is damaged ({error}). {_AGAIN}") from error
    if manifest.kind not in KINDS:
        raise IndexFileError(
            f"{path} has kind {manifest.kind!r}, expected {' or '.join(KINDS)}. {_AGAIN}"
        )
    return manifest


def open_index(
    space_dir: Path, generation: int, contract: IndexContract, device: str = "cpu"
) -> Index:
    """Open a generation for search.

    Sizes, ids and contract are checked; that no byte of the embeddings has changed is not
    (`verify_shard` does it, and reads them all).

    Args:
        space_dir: Space that holds it.
        generation: Its number.
        contract: Terms of the probes that will search.
        device: Where kind "exact" computes; "flat" always uses the CPU.

    Raises:
        IndexFileError: The contract is another, the generation holds no images, or a file is
            missing, damaged, or of another format or kind.
        ConfigError: Kind "flat" without FAISS.
    """
    contract.require_same(read_contract(space_dir), what=f"The space {space_dir}")
    manifest = read_manifest(space_dir, generation)
    directory = _generation_dir(space_dir, generation)
    if manifest.contract != contract.digest() or manifest.dimension != contract.dimension:
        raise IndexFileError(
            f"{directory} was made under another contract: {manifest.contract[:12]}…, the space"
            f" has {contract.digest()[:12]}…. {_AGAIN}"
        )
    if manifest.vectors == 0:
        raise IndexFileError(
            f"{directory} holds no images. Add some, then build: mindseye index build"
        )
    index = _open_kind(space_dir, directory, manifest, device)
    if (index.size, index.dimension) != (manifest.images, manifest.dimension):
        raise IndexFileError(
            f"{directory} holds {index.size} images of dimension {index.dimension}, its manifest"
            f" says {manifest.images} of {manifest.dimension}. {_AGAIN}"
        )
    return index


def _open_kind(space_dir: Path, directory: Path, manifest: Manifest, device: str) -> Index:
    if manifest.kind == "flat":
        return FlatIndex.load(directory / "flat.faiss")
    excluded = np.array(_open_array(directory / "excluded.npy", np.int64, ndim=1))
    ids, blocks = _open_all(space_dir, manifest.shards, manifest.dimension)
    return ExactIndex(ids, blocks, ~np.isin(ids, excluded), device=device)


def _write_generation(
    space_dir: Path,
    directory: Path,
    kind: str,
    contract: IndexContract,
    shards: Sequence[Shard],
    excluded_ids: Ids,
) -> Manifest:
    ids, blocks = _open_all(space_dir, shards, contract.dimension)
    excluded = np.unique(excluded_ids)
    kept = ~np.isin(ids, excluded)
    manifest = Manifest(
        format=FORMAT,
        kind=kind,
        contract=contract.digest(),
        dimension=contract.dimension,
        vectors=int(kept.sum()),
        images=len(np.unique(ids[kept])),
        excluded=len(excluded),
        shards=tuple(shards),
    )
    _write_array(directory / "excluded.npy", excluded)
    if kind == "flat" and manifest.vectors:
        FlatIndex(ids, blocks, kept).save(directory / "flat.faiss")
    _write_json(directory / "manifest.json", asdict(manifest))
    return manifest


def _open_all(
    space_dir: Path, shards: Sequence[Shard], dimension: int
) -> tuple[Ids, list[Vectors]]:
    """Open shards: all ids (N,), and the embeddings of each."""
    opened = [open_known(space_dir, shard) for shard in shards]
    for shard, (_, embeddings) in zip(shards, opened, strict=True):
        if embeddings.shape[1] != dimension:
            path = _shard_paths(space_dir, shard.number)[0]
            raise IndexFileError(
                f"{path} has dimension {embeddings.shape[1]}, expected {dimension}. {_AGAIN}"
            )
    ids = np.concatenate([np.empty(0, dtype=np.int64), *(ids for ids, _ in opened)])
    return ids, [embeddings for _, embeddings in opened]


def open_known(space_dir: Path, shard: Shard) -> tuple[Ids, Vectors]:
    """Open a shard and check that it is the one the catalogue knows: its rows and its ids.

    That no byte of the embeddings has changed is for `verify_shard`, which reads them all.

    Raises:
        IndexFileError: A file is missing, torn or damaged.
    """
    ids, embeddings = open_shard(space_dir, shard.number)
    path = _shard_paths(space_dir, shard.number)[1]
    if len(ids) != shard.rows:
        raise IndexFileError(f"{path} holds {len(ids)} rows, expected {shard.rows}. {_AGAIN}")
    _require_sha256(path, shard.ids_sha256)
    return ids, embeddings


def _shard_paths(space_dir: Path, number: int) -> tuple[Path, Path]:
    if number < 1:
        raise ValueError(f"shards are numbered from 1, got {number}")
    directory = space_dir / "embeddings"
    return directory / f"{number:06d}.npy", directory / f"{number:06d}.ids.npy"


def _generation_dir(space_dir: Path, generation: int) -> Path:
    if generation < 1:
        raise ValueError(f"generations are numbered from 1, got {generation}")
    return space_dir / "index" / f"{generation:06d}"


def _make_directory(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True)
    sync(path.parent)


def _write_array(path: Path, array: NDArray[Any]) -> str:
    """Write a .npy file, and return its SHA-256."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, np.ascontiguousarray(array), allow_pickle=False)
    return file_sha256(path)


def _open_array(path: Path, dtype: type[np.generic], ndim: int) -> NDArray[Any]:
    """Map a .npy file into memory, copied where it is written to."""
    try:
        array = open_memmap(path, mode="c")
    except FileNotFoundError as error:
        raise IndexFileError(f"{path} is missing. {_AGAIN}") from error
    except _BAD_HEADER as error:
        raise IndexFileError(f"{path} is damaged ({error}). {_AGAIN}") from error
    if array.dtype != dtype or array.ndim != ndim or not array.flags.c_contiguous:
        raise IndexFileError(
            f"{path} holds {array.dtype} {array.shape}, expected {dtype.__name__} with"
            f" {ndim} axes in C order. {_AGAIN}"
        )
    return array


def _require_sha256(path: Path, expected: str) -> None:
    found = file_sha256(path)
    if found != expected:
        raise IndexFileError(
            f"{path} has SHA-256 {found[:12]}…, expected {expected[:12]}…: it is damaged. {_AGAIN}"
        )


def _write_json(path: Path, data: dict[str, Any]) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(data, indent=2) + "\n", "utf-8")


def _read_json(path: Path) -> Any:  # noqa: ANN401  JSON is what it is
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise IndexFileError(f"{path} is missing. {_AGAIN}") from error
    except (OSError, ValueError) as error:
        raise IndexFileError(f"{path} is damaged ({error}). {_AGAIN}") from error


def _manifest(data: dict[str, Any]) -> Manifest:
    """Read the JSON of a manifest; KeyError, TypeError or ValueError if it is anything else."""
    shards = tuple(Shard(**shard) for shard in data["shards"])
    manifest = Manifest(**data | {"shards": shards})
    parts: list[Manifest | Shard] = [manifest, *shards]
    for part in parts:
        for field in fields(part):
            value = getattr(part, field.name)
            if field.name != "shards" and type(value) is not field.type:
                raise TypeError(f"{field.name} is {value!r}")
    return manifest
