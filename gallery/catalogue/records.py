"""What goes into the catalogue and comes out of it: plain records, no database in them."""

from dataclasses import dataclass, field

from gallery.align import Landmarks
from gallery.attributes import Condition


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file that is to be in the collection.

    Attributes:
        path: Absolute.
        sha256: SHA-256 of its bytes, or None if it could not be read.
        reason: Why it could not be read, or None.
        identity: Whose face it shows, if known.
        condition: What is known of it.
        size_bytes: Size of the file, or None if it is no file of its own.
        mtime_ns: When it was last changed, or None if it is no file of its own.
        landmarks: Where the face is, if known.
        by_hand: Whether that was written by hand for the file, whatever its bytes.
    """

    path: str
    sha256: str | None
    reason: str | None = None
    identity: str | None = None
    condition: Condition = field(default_factory=Condition)
    size_bytes: int | None = None
    mtime_ns: int | None = None
    landmarks: Landmarks | None = None
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class ImageState:
    """The state of an image in a space, to be recorded.

    Attributes:
        image_id: Which image.
        state: indexed or skipped.
        reason: Why it was skipped.
        estimate: Condition of the canonical view, if indexed.
        landmarks: With which it was cut out, if any.
        second: Condition of the second canonical view, if two vectors of it are stored.
        error: Mean squared distance of its canonical view to it, if indexed.
    """

    image_id: int
    state: str
    reason: str | None = None
    estimate: Condition | None = None
    landmarks: Landmarks | None = None
    second: Condition | None = None
    error: float | None = None


@dataclass(frozen=True, slots=True)
class ShardRow:
    """A shard as the catalogue knows it; see index.store.ShardId."""

    number: int
    rows: int
    embeddings_sha256: str
    ids_sha256: str


@dataclass(frozen=True, slots=True)
class SpaceRow:
    """A space as the catalogue knows it.

    Attributes:
        id: In the catalogue.
        name: Name of the space, and of its weights.
        contract_sha256: Digest of its contract.
        generation: That answers queries, or None before the first.
        published_at: When it was published, ISO 8601 in UTC.
        last_shard: Highest number that a shard ever had.
        removals: How often images were removed from it.
        keeps_faceless: Whether it takes in images in which no face was found.
    """

    id: int
    name: str
    contract_sha256: str
    generation: int | None
    published_at: str | None
    last_shard: int = 0
    removals: int = 0
    keeps_faceless: bool = False


@dataclass(frozen=True, slots=True)
class ImageRow:
    """An image as a search result shows it.

    Attributes:
        id: In the catalogue and in every index.
        path: Where it was found first, of the places that still hold it.
        identity: Whose face it shows, if known.
        condition: What is known of it.
        estimate: Condition of its canonical view in the space asked for.
        sha256: SHA-256 of its bytes.
        landmarks: Where the face is, if known.
        second: Condition of its second canonical view there; None without one.
    """

    id: int
    path: str
    identity: str | None
    condition: Condition
    estimate: Condition
    sha256: str = ""
    landmarks: Landmarks | None = None
    second: Condition | None = None
