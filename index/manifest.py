"""What a generation is made of, and how its manifest says so.

Format 1 knew the kinds "exact" and "flat" alone. Its manifests are read; of its kind "flat" the
file of vectors is not: such a generation is built again from its shards.
"""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from gallery.errors import IndexFileError
from index.files import AGAIN, read_json, write_json
from index.kinds import ACCURACY, ASKED, KINDS, MEMORY
from index.shards import Shard

FORMAT = 2
FORMATS = (1, FORMAT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much an approximate search does.

    Attributes:
        lists: Lists that are visited, of those that the gallery is divided into; 0 if it is not.
        breadth: Rows that a walk through the graph keeps in view; 0 without a graph.
        depth: Rows compared again with their stored embeddings, for each row wanted; 0 for none.
    """

    lists: int = 0
    breadth: int = 0
    depth: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """How well an index was found to do when it was made.

    Attributes:
        overlap: Neighbour overlap @10 with exact search, on held-out images that it was neither
            trained nor tuned on; the image itself does not count.
        probes: How many there were; 0 if the gallery was too small to hold any out.
        reached: Whether the accuracy asked for was reached.
        seconds: It took to build, in this run.
    """

    overlap: float
    probes: int
    reached: bool
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How far the rows have moved from those that the lists and codes were fitted to.

    Attributes:
        trained: Rows there were when it was trained.
        error: Mean squared distance of rows from the centres of their lists, held-out rows, then.
        added: Rows added to the lists since, without training.
        added_error: Mean squared distance of these.
        imbalance: Of the lists at the training: 1 if all are equally long.
        imbalance_now: After the rows were added.
    """

    trained: int
    error: float
    added: int
    added_error: float
    imbalance: float
    imbalance_now: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Main:
    """The file `index.faiss` of a generation.

    Attributes:
        rows: It holds the first so many rows of the gallery; those after them are compared one
            by one.
        lists: Lists that the gallery is divided into; 0 if the kind has none.
        bytes: Length of the file.
        sha256: Of the file, in hexadecimal.
        effort: How it is searched.
        measured: How well that does.
        drift: How far the rows have moved since.
    """

    rows: int
    lists: int
    bytes: int
    sha256: str
    effort: Effort
    measured: Measured
    drift: Drift


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a generation is made of.

    Attributes:
        format: Version of this layout.
        kind: How it is searched: one of `KINDS`.
        contract: Digest of the index contract.
        dimension: Length D of an embedding.
        vectors: Rows that can be found.
        images: Distinct images among them.
        excluded: Images left out.
        shards: Where the rows come from, in gallery order.
        asked: Kind that was asked for: one of `ASKED`.
        memory: Bytes that were allowed, for kind "auto".
        accuracy: Neighbour overlap @10 that was asked for.
        main: What FAISS holds; None for kind "exact", and for a gallery without rows.
    """

    format: int
    kind: str
    contract: str
    dimension: int
    vectors: int
    images: int
    excluded: int
    shards: tuple[Shard, ...]
    asked: str
    memory: int
    accuracy: float
    main: Main | None = None


T = TypeVar("T", Shard, Manifest, Main, Effort, Measured, Drift)


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write `manifest.json` into the folder of a generation."""
    write_json(directory / "manifest.json", asdict(manifest))


def read_manifest_file(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        IndexFileError: The file is missing, damaged, or of another format or kind.
    """
    data = read_json(path)
    if not isinstance(data, dict) or data.get("format") not in FORMATS:
        found = data.get("format") if isinstance(data, dict) else None
        raise IndexFileError(
            f"{path} has format {found!r}, this version of mindseye reads format {FORMAT}. {AGAIN}"
        )
    try:
        manifest = _manifest(data)
    except (KeyError, TypeError, ValueError) as error:
        raise IndexFileError(f"{path} is damaged ({error}). {AGAIN}") from error
    if manifest.kind not in KINDS or manifest.asked not in ASKED:
        raise IndexFileError(
            f"{path} has kind {manifest.kind!r}, expected one of {', '.join(KINDS)}. {AGAIN}"
        )
    return manifest


def _manifest(data: dict[str, Any]) -> Manifest:
    """Read the JSON of a manifest; KeyError, TypeError or ValueError if it is anything else."""
    if data["format"] == 1:
        data = {**data, "asked": data["kind"], "memory": MEMORY, "accuracy": ACCURACY}
    shards = tuple(_read(Shard, shard) for shard in data["shards"])
    main = None if data.get("main") is None else _main(data["main"])
    return _read(Manifest, {**data, "shards": shards, "main": main})


def _main(data: dict[str, Any]) -> Main:
    effort, measured = _read(Effort, data["effort"]), _read(Measured, data["measured"])
    drift = _read(Drift, data["drift"])
    return _read(Main, data | {"effort": effort, "measured": measured, "drift": drift})


def _read(part: type[T], data: dict[str, Any]) -> T:
    """Make a dataclass of JSON; TypeError if a value is not what its annotation says."""
    made = part(**data)
    for field in fields(made):
        value = getattr(made, field.name)
        plain = field.type in (int, float, str, bool)
        if plain and type(value) is not field.type and (field.type, type(value)) != (float, int):
            raise TypeError(f"{field.name} is {value!r}")
    return made
