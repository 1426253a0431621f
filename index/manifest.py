"""What a generation is made of, and how its manifest says so.

Format 1 knew the kinds "exact" and "flat" alone. Its manifests are read; of its kind "flat" the
file of vectors is not: such a generation is built again from its shards. Since format 3 a manifest
holds length and hash of every file of its generation, and a hash of itself; of those before, the
files but `index.faiss` have none, and the next build makes a generation that has. It also says what
probes an index was tuned with: before, they were rows of the gallery.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from gallery.errors import IndexFileError
from gallery.json_files import JsonLimits, Origin, read, shaped, spell
from index.files import AGAIN, write_json
from index.integrity import FileId
from index.kinds import ACCURACY, ASKED, KINDS, MEMORY
from index.probing import UNKNOWN
from index.shards import ShardId

FORMAT = 3
FORMATS = (1, 2, FORMAT)
HASHED = 3  # the first format with a hash of every file
ARRAYS = ("excluded.npy", "ids.npy")
MAIN = "index.faiss"
OWN_HASH = "sha256"
LONGEST = JsonLimits(size_bytes=256 * 2**20, values=8_000_000)  # a line of 200 bytes for each shard


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

    def __post_init__(self) -> None:
        if min(self.lists, self.breadth, self.depth) < 0:
            raise ValueError(f"effort counts from 0 on, got {self!r}")


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
        imbalance: Imbalance of the lists at the training: 1 if all are equally long.
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
        sha256: SHA-256 of the file, in hexadecimal.
        effort: How it is searched.
        measured: How well that does.
        drift: How far the rows have moved since.
        probes: What it was tuned and measured with: `QueryShape.name`.
    """

    rows: int
    lists: int
    bytes: int
    sha256: str
    effort: Effort
    measured: Measured
    drift: Drift
    probes: str = UNKNOWN


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
        files: Its files but `index.faiss`: those of `ARRAYS` that there are. None before format 3.
    """

    format: int
    kind: str
    contract: str
    dimension: int
    vectors: int
    images: int
    excluded: int
    shards: tuple[ShardId, ...]
    asked: str
    memory: int
    accuracy: float
    main: Main | None = None
    files: tuple[FileId, ...] = ()

    def __post_init__(self) -> None:
        total = sum(shard.rows for shard in self.shards)
        held = 0 if self.main is None else self.main.rows
        if self.dimension < 1 or not 0 <= self.images <= self.vectors <= total >= held >= 0:
            raise ValueError("its counts do not fit together")
        if self.excluded < 0 or not 0 < self.accuracy <= 1:
            raise ValueError("a count or the accuracy is out of range")
        names = {file.name for file in self.files}
        expected = {"excluded.npy"} | ({"ids.npy"} if self.main is not None else set())
        if names != (expected if self.is_hashed else set()) or len(names) != len(self.files):
            raise ValueError(f"it lists other files than {' and '.join(sorted(expected))}")

    @property
    def is_hashed(self) -> bool:
        """Whether length and hash of every file are known."""
        return self.format >= HASHED

    def listed(self) -> tuple[FileId, ...]:
        """Return what is known of the files of the generation, that of FAISS among them."""
        if self.main is None:
            return self.files
        main = FileId(name=MAIN, bytes=self.main.bytes, sha256=self.main.sha256)
        return (*self.files, main)


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write `manifest.json` into the folder of a generation."""
    data = asdict(manifest)
    write_json(directory / "manifest.json", data | {OWN_HASH: own_hash(data)})


def own_hash(data: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest as JSON with sorted keys, without this hash itself."""
    text = spell({name: data[name] for name in sorted(data) if name != OWN_HASH})
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def read_manifest_file(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        IndexFileError: The file is missing, damaged, or of another format or kind.
    """
    origin = Origin(str(path), IndexFileError, AGAIN)
    data = read(path, IndexFileError, AGAIN, LONGEST)
    found = data.get("format") if isinstance(data, dict) else None
    if found not in FORMATS or type(found) is not int:
        raise IndexFileError(
            f"{path} has format {found!r:.40}, this version of mindseye reads format {FORMAT}."
            f" {AGAIN}"
        )
    if found >= HASHED and data.pop(OWN_HASH, None) != own_hash(data):
        origin.refuse("it has another SHA-256 than it says")
    if found == 1 and "kind" in data:
        data |= {"asked": data["kind"], "memory": MEMORY, "accuracy": ACCURACY}
    unknown = sorted(set(data) - {field.name for field in fields(Manifest)})
    if unknown:
        origin.refuse(f"it has the unknown key {unknown[0]!r:.40}")
    manifest = shaped(data, Manifest, origin)
    if manifest.kind not in KINDS or manifest.asked not in ASKED:
        raise IndexFileError(
            f"{path} has kind {manifest.kind!r:.40}, expected one of {', '.join(KINDS)}. {AGAIN}"
        )
    return manifest
