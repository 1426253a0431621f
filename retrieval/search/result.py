"""What may be asked of a search, and what it brings.

Shapes: S side, C channels.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isnan

from gallery.align import Landmarks, Pixels
from gallery.arrays import Floats
from gallery.attributes import Condition
from gallery.errors import ConfigError
from gallery.wishes import Wishes
from retrieval.collection.domain_check import Doubt


@dataclass(frozen=True, slots=True)
class Found:
    """One answer to a query.

    Attributes:
        rank: From 1.
        score: Higher is better: the cosine of probe and image, at most 1; in a space of fused
            scores the sum of `parts`.
        path: Where the image is.
        identity: Whose face it shows, if known.
        condition: What is known of it.
        estimate: The values in which it was redrawn for comparison.
        sha256: Hash of the image's bytes.
        landmarks: Where the face is, if known.
        parts: What the score is the sum of, by name: drawing, log_p, identity, as weighted; and
            "not" where something is excluded.
        confidence: Probability that identity and wished value are right, as calibrated on people
            that the weights have not seen; None without a calibration, or where it is doubted.
        second: The values in which it was redrawn besides; None where it was redrawn once.
        wishes: What each wish added to the score, as the wish is spelt; empty where images are
            compared by drawings alone.
        id: Of the image, in the catalogue and in every index.
    """

    rank: int
    score: float
    path: str
    identity: str | None
    condition: Condition
    estimate: Condition
    sha256: str = ""
    landmarks: Landmarks | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    confidence: float | None = None
    second: Condition | None = None
    wishes: Mapping[str, float] = field(default_factory=dict)
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Among:
    """Which images may answer a query.

    Attributes:
        where: Only images of which this is true (gallery/catalogue/where.py); None for all.
        exclude: All but the images whose bytes have these SHA-256, wherever they were found.
        min_score: Only images that score at least as high.
    """

    where: str | None = None
    exclude: tuple[str, ...] = ()
    min_score: float | None = None

    def __post_init__(self) -> None:
        if self.min_score is not None and isnan(self.min_score):
            raise ConfigError(
                "--min-score is no number; of drawings alone 1 is the same image, 0 nothing alike"
            )


ALL = Among()


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the time of a query went.

    Attributes:
        draw: Drawing, milliseconds.
        embed: Making the probe of the drawing's features, milliseconds.
        search: Finding its neighbours, milliseconds.
    """

    draw: float
    embed: float
    search: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a query brought.

    Attributes:
        space: Name of the space that answered.
        wishes: What was wished for, spelt as in the space.
        source: The query image as the generator saw it, (S, S, C), 0..255.
        drawn: The drawn image, grey levels in [0, 255], (S, S, C).
        timings_ms: Where the time went.
        hits: Found images, best first.
        doubt: Why nothing is said of how sure they are, where it could be; else None.
        runtime: What drew, and in which precision, such as "openvino, float32".
    """

    space: str
    wishes: Wishes
    source: Pixels
    drawn: Floats
    timings_ms: Timings
    hits: tuple[Found, ...]
    doubt: Doubt | None = None
    runtime: str = ""

    @property
    def wish(self) -> Condition:
        """The values that shall be shown."""
        return self.wishes.values
