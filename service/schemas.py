"""What is sent and received, as OpenAPI describes it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

LARGEST_ID = 2**31 - 1


class Told(BaseModel):
    """What an answer holds."""

    model_config = ConfigDict(extra="forbid")


class LimitsTold(Told):
    """What is refused."""

    upload_bytes: int
    request_bytes: int
    pixels: int
    files: int
    k: int


class SystemTold(Told):
    """What this service is."""

    version: str
    read_only: bool
    uploads: bool
    token_for_reading: bool
    demo: bool
    collections: list[str]
    limits: LimitsTold
    kept: str


class SpaceTold(Told):
    """A space: what one set of weights made of the images."""

    name: str
    attributes: dict[str, list[str]]
    score: str
    profile: str
    images: int
    generation: int | None
    published_at: str | None
    confidence: bool
    min_score: dict[str, Any] | None
    strangers: dict[str, Any] | None
    advice: str | None
    several_images: bool


class CollectionTold(Told):
    """A collection, and what can be wished for."""

    name: str
    images: int
    default: bool
    uploads: bool
    attributes: dict[str, list[str]]
    labels: list[str]
    spaces: list[SpaceTold]


class CollectionsTold(Told):
    """All collections that are served."""

    collections: list[CollectionTold]


class ImageTold(Told):
    """An image of a collection."""

    id: int
    identity: str | None
    condition: dict[str, str]
    estimate: dict[str, str]
    sha256: str
    name: str
    thumbnail: str


class ImagesTold(Told):
    """A page of images."""

    images: list[ImageTold]
    next: str | None = Field(description="Cursor of the next page, or null")
    total: int = Field(description="How many images there are of which the expression is true")


class LabelsTold(Told):
    """Which labels there are."""

    identities: list[str]
    attributes: dict[str, list[str]]


class TimingsTold(Told):
    """Where the time went, milliseconds; a drawing that was kept says what it once took."""

    draw: float
    embed: float
    search: float


class HitTold(ImageTold):
    """An image that was found."""

    rank: int
    score: float
    parts: dict[str, float]
    confidence: float | None
    wishes: dict[str, float] = Field(description="What each wish added to the score")
    second_estimate: dict[str, str] | None = None


class AnswerTold(Told):
    """An answer to a query."""

    space: str
    wish: dict[str, str]
    wishes: list[str] = Field(description="All that was wished for, as written")
    drawn: str = Field(description="PNG as a data URI")
    source: str | None
    timings_ms: TimingsTold
    no_confidence: str | None
    notes: list[str]
    hits: list[HitTold]
    missing: list[int] = Field(description="Hits whose files are gone")


class FacePlaceTold(Told):
    """Where the face is in a picture, in pixels of the upright picture."""

    width: int
    height: int
    crop: tuple[float, float, float, float] = Field(description="Left, top, width, height")
    found: bool
    note: str | None
    preview: str = Field(description="The whole picture, JPEG as a data URI")


class DrawingTold(Told):
    """A drawing."""

    value: str | None
    wish: dict[str, str]
    image: str = Field(description="PNG as a data URI")
    cached: bool


class DrawingsTold(Told):
    """Drawings of one face."""

    space: str
    attribute: str | None
    estimate: dict[str, str]
    source: str
    notes: list[str]
    drawings: list[DrawingTold]


Ids = Annotated[
    list[Annotated[int, Field(ge=1, le=LARGEST_ID)]], Field(min_length=1, max_length=100_000)
]


class RemoveImages(BaseModel):
    """Which images are to be removed: by id, or by what is true of them."""

    model_config = ConfigDict(extra="forbid")

    ids: Ids | None = None
    where: Annotated[str | None, Field(max_length=100_000)] = None
    space: Annotated[str | None, Field(max_length=64)] = None
    dry_run: bool = False


class RemovedTold(Told):
    """Which images were removed, or would be."""

    removed: list[int]
    notes: list[str]


class LabelChanges(BaseModel):
    """Which labels are to be set."""

    model_config = ConfigDict(extra="forbid")

    ids: Ids
    identity: Annotated[
        str | None, Field(description="Whose face; null takes the label away", max_length=255)
    ] = None
    labels: Annotated[
        dict[str, str | None], Field(description="Values; null takes one away", max_length=64)
    ] = {}


class ChangedTold(Told):
    """Which images were labelled."""

    changed: list[int]


class JobTold(Told):
    """A job, and how far it is."""

    id: str
    kind: str
    collection: str
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    phase: str
    done: int
    total: int
    notes: list[str]
    result: dict[str, Any] | None
    problem: str | None
    created_at: str
    finished_at: str | None


class JobsTold(Told):
    """The jobs, the newest first."""

    jobs: list[JobTold]


class ProblemTold(BaseModel):
    """An error: RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[dict[str, str]] | None = None


class HealthTold(Told):
    """Whether it is alive."""

    status: Literal["ok"]


class ReadyTold(Told):
    """Whether it answers."""

    status: Literal["ready", "starting", "stopping"]
    problem: str | None = None
