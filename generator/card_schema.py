"""What a card of weights may hold: the types of everything that is read from one, and their ranges.

`Card.from_json` compares every card with `CardShape`, so that what uses a card need not look again
whether a number is one. What is not listed is left alone: newer versions may say more.

Fields are optional where a card may lack them: a run that was never fitted has neither `fusion` nor
`calibration`, and older weights have fewer.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

LARGEST_SIDE = 1024  # pixels of a drawing
LARGEST = 1e12  # of weights and slopes
MOST_VALUES = 4096  # of all attributes
MOST_PROFILES = 16  # kinds of faces that something was fitted for
# The measures that a calibration of a score may speak of (retrieval/scoring/confidence.py).
MEASURES = {
    "drawing": ("drawing", "lead"),
    "drawing+values": ("drawing", "log_p", "lead"),
    "fused": ("drawing", "log_p", "identity", "lead"),
}
HYPOTHESES = re.compile(r"1|2(?: within ([0-9]{1,9}(?:\.[0-9]{1,9})?))?")  # as they are spelt
QUANTILES = (
    "0.5",
    "0.9",
    "0.99",
)  # of the errors of redrawings (generator/reconstruction_error.py)


def _first_beyond(found: Iterable[str], known: Iterable[str]) -> str:
    return next((f"{one!s}"[:40] or "nothing" for one in found if one not in tuple(known)), "")


def _require_words(most: int, *texts: str) -> None:
    """Refuse texts that fill a message, or break it in two."""
    for one in texts:
        what = f"names and values have at most {most} letters that print, not {one[:20]!a}"
        _require(len(one) <= most and one.isprintable(), what)


def _require_moderate(*numbers: float) -> None:
    """Refuse numbers that are finite, but whose products need not be."""
    for one in numbers:
        _require(abs(one) <= LARGEST, f"numbers must lie within ±{LARGEST:g}, not {one:g}")


def _require(met: bool, what: str) -> None:
    if not met:
        raise ValueError(what)


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Mean and deviation of every channel, grey levels."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def __post_init__(self) -> None:
        _require_moderate(*self.mean, *self.deviation, *(1 / one for one in self.deviation if one))


@dataclass(frozen=True, slots=True)
class AttributeShape:
    """An attribute and its values."""

    name: str
    values: tuple[str, ...]
    unit: str | None = None

    def __post_init__(self) -> None:
        _require_words(64, self.name, self.unit or "")
        _require_words(255, *self.values)  # as the catalogue holds them


@dataclass(frozen=True, slots=True)
class AlignerShape:
    """How faces are cut out."""

    size: int
    channels: int
    crop: str | None
    eye_line: float
    chin_line: float

    def __post_init__(self) -> None:
        _require(1 <= self.size <= LARGEST_SIDE, f"size must lie in 1..{LARGEST_SIDE}")


@dataclass(frozen=True, slots=True)
class Data:
    """What weights were trained on."""

    spec: str | None = None
    sha256: str | None = None
    validation: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecipeShape:
    """Name and settings of a training, those that are read again."""

    name: str | None = None
    steps: int = 0
    tune_steps: int = 0
    batch_size: int = 1

    def __post_init__(self) -> None:
        least = min(self.steps, self.tune_steps, self.batch_size - 1)
        _require(least >= 0, "steps and tune_steps must not be negative, batch_size positive")


@dataclass(frozen=True, slots=True)
class Heldout:
    """Squared errors of drawings of people that weights have not seen."""

    mse_stage_2: float | None = None


@dataclass(frozen=True, slots=True)
class Metrics:
    """What was measured after training."""

    headline: str | None = None
    heldout: Heldout | None = None


@dataclass(frozen=True, slots=True)
class Canonicalisation:
    """How canonical views are chosen."""

    rule: Literal["reconstruction", "estimator", "expected", "both"] = "reconstruction"
    temperature: float = 0.0

    def __post_init__(self) -> None:
        _require(self.temperature >= 0, "temperature must not be negative")
        _require_moderate(self.temperature)


@dataclass(frozen=True, slots=True)
class FittedOn:
    """Whom something was fitted on."""

    people: tuple[str, ...] = ()
    spec: str = ""
    images: int = 0
    queries: int = 0


@dataclass(frozen=True, slots=True)
class FittedWeights:
    """Weights of a score, and what they reached."""

    log_probability: float = 0.0
    identity: float = 0.0
    others: Mapping[str, float] = field(default_factory=dict)
    rows: float | None = None
    hit_rate: Mapping[str, float | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require_moderate(self.log_probability, self.identity, *self.others.values())


@dataclass(frozen=True, slots=True)
class Tried:
    """What second hypotheses bring to a score."""

    chosen: str = "1"
    tried: Mapping[str, FittedWeights] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for spelt in (self.chosen, *self.tried):
            right = HYPOTHESES.fullmatch(spelt) is not None
            _require(right, f"hypotheses are 1, 2, or like '2 within 1.5', not {spelt[:40]!r}")


@dataclass(frozen=True, slots=True)
class FusionShape:
    """How much the parts of a score weigh."""

    log_probability: float = 0.0
    identity: float = 0.0
    without_identity: FittedWeights = FittedWeights()
    without_log_probability: FittedWeights = FittedWeights()
    scores: Mapping[str, FittedWeights] = field(default_factory=dict)
    hypotheses: Mapping[str, Tried] = field(default_factory=dict)
    hit_rate: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    recogniser: str = ""
    readers: Mapping[str, str] = field(default_factory=dict)
    fitted_on: FittedOn | None = None

    def __post_init__(self) -> None:
        _require_moderate(self.log_probability, self.identity)


@dataclass(frozen=True, slots=True)
class LogisticShape:
    """A logistic regression."""

    bias: float
    slopes: tuple[float, ...]

    def __post_init__(self) -> None:
        _require_moderate(self.bias, *self.slopes)


@dataclass(frozen=True, slots=True)
class LeastScoreShape:
    """What first answers about strangers seldom score."""

    score: float
    strangers: float
    kept: float

    def __post_init__(self) -> None:
        _require_moderate(self.score)
        shares = (self.strangers, self.kept)
        _require(0 <= min(shares) <= max(shares) <= 1, "strangers and kept are shares")


@dataclass(frozen=True, slots=True)
class CalibrationShape:
    """How sure answers of one score are."""

    measures: tuple[str, ...]
    first: LogisticShape
    others: LogisticShape
    expected_calibration_error: float | None = None
    min_score: LeastScoreShape | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.measures), len(self.first.slopes), len(self.others.slopes)}
        _require(len(lengths) == 1, "first and others must have a slope for each measure")


def _require_measures(calibration: Mapping[str, CalibrationShape]) -> None:
    """Refuse measures that a score does not have."""
    for score, one in calibration.items():
        known = MEASURES.get(score.partition(",")[0])
        strange = known and _first_beyond(one.measures, known)
        expected = ", ".join(known or ())
        _require(not strange, f"{score} is calibrated by {strange!r}, not some of {expected}")


@dataclass(frozen=True, slots=True)
class MeasuredOn:
    """Whom usual errors were measured on."""

    people: tuple[str, ...] = ()
    spec: str = ""


@dataclass(frozen=True, slots=True)
class RedrawingShape:
    """How far redrawings usually are from their images; nothing at all where nobody measured."""

    quantiles: Mapping[str, float] | None = None
    images: int | None = None
    measured_on: MeasuredOn | None = None

    def __post_init__(self) -> None:
        if (self.quantiles, self.images, self.measured_on) == (None, None, None):
            return
        if self.quantiles is None or self.images is None:
            raise ValueError("it must have quantiles and images")
        found = [self.quantiles.get(share, -1.0) for share in QUANTILES]
        rising = found == sorted(found) and found[0] >= 0
        _require(rising, f"quantiles {', '.join(QUANTILES)} must rise from 0")
        _require(self.images >= 0, "images must not be negative")


@dataclass(frozen=True, slots=True)
class LandmarksShape:
    """What poses read off landmarks are worth; nothing at all where nothing was fitted."""

    slope: float | None = None
    offset: float | None = None
    spread: float | None = None
    growth: float | None = None
    freedom: float | None = None
    doubt: float | None = None
    exponent: float | None = None
    network: float | None = None
    student: float = 0.0
    student_sha256: str = ""
    mesh: str = ""
    without_drawing: FittedWeights = FittedWeights()
    measured: Mapping[str, float] = field(default_factory=dict)
    fitted_on: FittedOn | None = None

    def __post_init__(self) -> None:
        least = (self.growth, self.exponent, self.network)
        numbers = (self.slope, self.offset, self.spread, self.freedom, self.doubt, *least)
        known = [one for one in numbers if one is not None]
        if not known and not self.mesh:
            return
        _require(len(known) == len(numbers), "slope, offset, spread and the others must be there")
        _require(bool(self.mesh), "mesh must say what finds the landmarks")
        _require_moderate(*known)
        positive = (self.slope or 0) > 0 and (self.spread or 0) > 0 and (self.freedom or 0) > 0
        _require(positive, "slope, spread and freedom must be above 0")
        _require((self.doubt or 0) >= 1, "doubt must be at least 1")
        _require(min(one or 0 for one in least) >= 0, "growth and exponents must not be negative")
        asked = bool(re.fullmatch("[0-9a-f]{16}", self.student_sha256))
        _require(
            self.student == 0 or (0 < self.student < LARGEST and asked),
            "student must be an exponent, and student_sha256 16 digits of its file's hash",
        )


@dataclass(frozen=True, slots=True)
class LossShape:
    """What a student loses to its teacher: hit rates @1 under C2 of both, and the difference."""

    drawn: float
    student: float
    loss: float
    upper: float
    drawn_5: float
    student_5: float

    def __post_init__(self) -> None:
        shares = (self.drawn, self.student, self.drawn_5, self.student_5)
        _require(0 <= min(shares) <= max(shares) <= 1, "hit rates are shares")
        _require(-1 <= self.loss <= 1 and -1 <= self.upper <= 1, "losses lie in -1..1")


@dataclass(frozen=True, slots=True)
class AgreementShape:
    """How well a student agrees with its teacher on some faces."""

    bound: float
    cosine: float
    scores: Mapping[str, LossShape] = field(default_factory=dict)
    spec: str = ""
    people: int = 0
    images: int = 0
    queries: int = 0


@dataclass(frozen=True, slots=True)
class StudentShape:
    """A student beside the weights; nothing at all where there is none."""

    sha256: str = ""
    network: Mapping[str, int] = field(default_factory=dict)
    dimension: int = 0
    learnt_from: FittedOn | None = None
    agreement: Mapping[str, AgreementShape] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require_words(64, self.sha256, *self.agreement)
        _require(len(self.agreement) <= MOST_PROFILES, f"more than {MOST_PROFILES} agreements")


@dataclass(frozen=True, slots=True)
class ProfileShape:
    """What was fitted for one kind of faces."""

    fusion: FusionShape = FusionShape()
    calibration: Mapping[str, CalibrationShape] = field(default_factory=dict)
    redrawing: RedrawingShape = RedrawingShape()
    landmarks: LandmarksShape = LandmarksShape()

    def __post_init__(self) -> None:
        _require_measures(self.calibration)


@dataclass(frozen=True, slots=True)
class CardShape:
    """A whole card; see `generator.card.Card` for what each field means."""

    name: str
    architecture: str
    network: Mapping[str, bool | int | float | str]
    attributes: tuple[AttributeShape, ...]
    aligner: AlignerShape
    normalisation: Normalisation
    train_identities: tuple[str, ...]
    data: Data
    recipe: RecipeShape
    seed: int
    metrics: Metrics
    sha256: str
    licence: str
    canonicalisation: Canonicalisation = Canonicalisation()
    fusion: FusionShape = FusionShape()
    calibration: Mapping[str, CalibrationShape] = field(default_factory=dict)
    redrawing: RedrawingShape = RedrawingShape()
    landmarks: LandmarksShape = LandmarksShape()
    profile: str = "default"
    profiles: Mapping[str, ProfileShape] = field(default_factory=dict)
    student: StudentShape = StudentShape()
    notes: str = ""

    def __post_init__(self) -> None:
        _require_words(255, self.name, self.architecture, self.sha256, *self.network)
        _require_words(64, self.profile, *self.profiles)
        _require(len(self.profiles) <= MOST_PROFILES, f"more than {MOST_PROFILES} profiles")
        values = sum(len(one.values) for one in self.attributes)
        _require(values <= MOST_VALUES, f"attributes have more than {MOST_VALUES} values")
        _require_measures(self.calibration)
