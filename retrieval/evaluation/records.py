"""What a benchmark measured, before any statistics: what was asked, and what each method answered.

Who fills what. The flow (retrieval/evaluation/benchmark.py) makes one `Record` for each fold, that
is, for each set of weights, and pools them with retrieval/evaluation/statistics/pooling.py:

- `GalleryTable`, `People`, `QueryTable`: once for each fold, when its queries are drawn;
- `MethodRecord`: one for each method and seed; of a method that could not run, only `skipped`.
  Chance ("random") is no record: it is computed from the query table (outcomes.py);
- `Drawings`, `ErrorMap`: while `ours` draws, block by block; further methods that draw (CPI) add a
  stage of their own to `squared_errors` (drawing_records.py, as the next two);
- `Estimate`: one for each attribute and each estimator of gallery values;
- `Example`: of the queries that `example_queries` names;
- `Editing`: once for each fold, if the command asks for it (editing/record.py);
- `Provenance`: once, at the end.

Everything that is printed follows from a record: hits, average precision, kinds of wrong answers,
intervals, breakdowns (outcomes.py, breakdowns.py, summary.py). No array here is larger than queries
x depth, so a gallery of 10^6 images needs no more than one of 10^4 but for `GalleryTable` itself.

Shapes: N gallery images, A attributes of the collection, Q queries, R right images of all queries
together, K depth of the rankings, S side of an image, C channels.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.arrays import Doubles
from gallery.attributes import AttributeSpace
from generator.card import DEFAULT_PROFILE
from retrieval.evaluation.drawing_records import Drawings, Estimate, Example, check_shape
from retrieval.evaluation.edit_records import Editing

REFERENCE = "ours"  # what every other method is compared with
CRITERIA = ("C1", "C2")
EXAMPLES = 400  # queries that pictures are kept of
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class BenchmarkProgress:
    """How far a benchmark is.

    Attributes:
        phase: What is being done.
        done: How much of this phase is done.
        total: How much there is of this phase.
    """

    phase: str
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryTable:
    """The images that can be found.

    Attributes:
        names: Names of the images, as the reader gives them.
        identity: Position in `People.names`; -1 where nobody knows, (N,).
        values: Position of the value of each attribute in `space`; -1 where nobody knows, (N, A).
        fold: Which fold's gallery an image stands in, from 0, (N,); each is searched by itself.
        space: Attributes of the collection, and their values.
    """

    names: tuple[str, ...]
    identity: Integers
    values: Integers
    fold: Integers
    space: AttributeSpace

    def __post_init__(self) -> None:
        count, attributes = len(self.names), len(self.space.names)
        check_shape("identity", self.identity, (count,))
        check_shape("values", self.values, (count, attributes))
        check_shape("fold", self.fold, (count,))

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True)
class People:
    """The identities of a gallery, and what is known of them.

    Attributes:
        names: Identities, as the reader gives them.
        traits: Values by trait ("ancestry", "gender", "age group"), one for each person; None where
            it is not known. A trait that the collection does not know at all is left out.
    """

    names: tuple[str, ...]
    traits: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for trait, values in self.traits.items():
            if len(values) != len(self.names):
                raise ValueError(
                    f"{trait!r} needs {len(self.names)} values, one for each person,"
                    f" got {len(values)}"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryTable:
    """What was asked, in one order for all methods.

    The right images of query q are `right[right_starts[q] : right_starts[q + 1]]`; each query has
    at least one under C1. It can be measured under C2 if one of them is `right_strict`.

    Attributes:
        source: Gallery position of the source image, (Q,).
        wished: Position of the wished value in the column of each wished attribute of the gallery's
            space, -1 in the others, (Q, A).
        right: Gallery positions of the images that are right under C1, rising within a query, (R,).
        right_starts: Where each query's right images begin, and R at the end, (Q + 1,).
        right_strict: Which of the right images are right under C2, too, (R,).
        subsets: Queries of a part that is reported by itself, by name ("neutral illumination"),
            each (Q,).
        copies: Images with the very bytes of a source, rising, by its gallery position; sources
            without any are left out. They answer nothing, and go out with the source.
        hidden: Gallery positions of images that are only asked about, rising: never ranked.
    """

    source: Integers
    wished: Integers
    right: Integers
    right_starts: Integers
    right_strict: Flags
    subsets: Mapping[str, Flags] = field(default_factory=dict)
    copies: Mapping[int, Integers] = field(default_factory=dict)
    hidden: Integers = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def __post_init__(self) -> None:
        count, right = len(self.source), len(self.right)
        check_shape("wished", self.wished, (count, *self.wished.shape[1:2]))
        check_shape("right_starts", self.right_starts, (count + 1,))
        check_shape("right_strict", self.right_strict, (right,))
        for name, flags in self.subsets.items():
            check_shape(f"subset {name!r}", flags, (count,))
        if self.right_starts[0] != 0 or self.right_starts[-1] != right:
            raise ValueError(f"right_starts must run from 0 to {right}")
        if count and np.diff(self.right_starts).min() < 1:
            raise ValueError("a query has no right image; such pairs are left out by protocol")

    def __len__(self) -> int:
        return len(self.source)

    def and_copies(self, query: int) -> Integers:
        """Return the source of a query, and the images that are copies of it."""
        source = int(self.source[query])
        return np.array([source, *self.copies.get(source, ())], dtype=np.int64)

    @property
    def copied(self) -> Integers:
        """How many copies of its source each query's gallery holds, (Q,)."""
        counts = [len(self.copies.get(source, ())) for source in self.source.tolist()]
        return np.array(counts, dtype=np.int64)

    @property
    def relevant(self) -> dict[str, Integers]:
        """How many images are right, by criterion, (Q,)."""
        starts = self.right_starts[:-1]
        strict = (
            np.add.reduceat(self.right_strict.astype(np.int64), starts) if len(self) else starts
        )
        return {"C1": np.diff(self.right_starts), "C2": strict}

    @property
    def measured(self) -> dict[str, Flags]:
        """Which queries a criterion is measured on: those that some image answers, (Q,)."""
        return {criterion: count > 0 for criterion, count in self.relevant.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodRecord:
    """What one method answered, or why it did not.

    Attributes:
        name: Like "two-step/pixels".
        note: What it does, in a few words, for tables.
        settings: JSON values; trials of the tuning, hash of trained weights and the like.
        seed: Seed of its training; 0 for a method that is not trained. Several seeds are several
            records of one name.
        source_excluded: Whether each query's own source image is taken out of its ranking, and all
            copies of it.
        skipped: Why it could not run; everything below is then empty. Empty if it ran.
        top: Gallery positions, best first; -1 where the gallery or the part that is searched has no
            more, (Q, K).
        right_ranks: Rank of every right image of the query table, from 0; -1 where it is not ranked
            at all (filtered out), (R,).
        confidence: How sure the first answer of each query is, in [0, 1], (Q,); NaN where a search
            would say nothing (retrieval/collection/domain_check.py); empty without a calibration.
        build_s: Seconds to prepare the gallery; None if nothing is prepared.
        query_s: Seconds for all queries, from pixels to ranks.
        index_bytes: Size of what is searched; None if nothing is kept.
    """

    name: str
    note: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    source_excluded: bool = False
    skipped: str = ""
    top: Integers = field(default_factory=lambda: np.empty((0, 0), dtype=np.int64))
    right_ranks: Integers = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    confidence: Doubles = field(default_factory=lambda: np.empty(0))
    build_s: float | None = None
    query_s: float | None = None
    index_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One set of weights and what it was tested on.

    Attributes:
        weights: Name.
        sha256: SHA-256 of the weights' file.
        identities: Test people that are known.
        gallery: Test images, the unlabelled too.
        dropped: Pairs left out because nothing in the gallery answers them, or their source cannot
            be read, by criterion.
        problems: Name and reason of each file that could not be used.
        duplicates: Test images whose content, to the byte or nearly, is among the training images;
            None if it was not checked (`duplicates_note` says why).
        duplicates_note: How it was checked, or why not.
        copies: Test images whose file is, byte for byte, that of another one before it.
        profile: Profile of the weights' card, that scores and confidence are of.
        poses_note: Why poses are not estimated by landmarks, though that was fitted; else empty.
    """

    weights: str
    sha256: str
    identities: int
    gallery: int
    dropped: Mapping[str, int]
    problems: tuple[tuple[str, str], ...] = ()
    duplicates: int | None = None
    duplicates_note: str = ""
    copies: int = 0
    profile: str = DEFAULT_PROFILE
    poses_note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """All that is needed to measure again.

    Attributes:
        command: The command, as it can be typed.
        created: ISO 8601, UTC.
        spec: What was searched, as the user wrote it.
        protocol: The protocol file's content as JSON values: name, split, gallery, queries, seed,
            criteria, cutoffs, exclude_source.
        hashes: SHA-256 by what it is of: "data", "protocol", "code", one for each set of weights.
        versions: Versions of mindseye, Python, NumPy, torch, by name.
        machine: Processor, cores, accelerator, in words.
        seconds: By phase: "read", "build", "answer", "train".
    """

    command: str
    created: str
    spec: str
    protocol: Mapping[str, Any]
    hashes: Mapping[str, str]
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def cutoffs(self) -> tuple[int, ...]:
        """Ranks K at which the hit rate is taken, rising."""
        return tuple(self.protocol["cutoffs"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a benchmark measured, of one fold or of several that were pooled.

    Attributes:
        provenance: How.
        folds: One for each set of weights.
        gallery: What could be found.
        people: Who is in it.
        queries: What was asked.
        methods: What was answered; `REFERENCE` comes first.
        drawings: Errors of the drawings.
        estimates: Estimates of gallery values.
        examples: Pictures of some queries.
        editing: Measures of the drawings as edits; None if they were not asked for.
    """

    provenance: Provenance
    folds: tuple[Fold, ...]
    gallery: GalleryTable
    people: People
    queries: QueryTable
    methods: tuple[MethodRecord, ...]
    drawings: Drawings = field(default_factory=Drawings)
    estimates: tuple[Estimate, ...] = ()
    examples: tuple[Example, ...] = ()
    editing: Editing | None = None

    def __post_init__(self) -> None:
        count, right = len(self.queries), len(self.queries.right)
        check_shape("wished", self.queries.wished, (count, len(self.gallery.space.names)))
        for method in self.methods:
            if method.skipped:
                continue
            check_shape(f"top of {method.name}", method.top[:, :0], (count, 0))
            check_shape(f"right_ranks of {method.name}", method.right_ranks, (right,))
            if len(method.confidence):
                check_shape(f"confidence of {method.name}", method.confidence, (count,))
        for stage, errors in self.drawings.squared_errors.items():
            check_shape(f"squared errors of {stage}", errors, (count,))
        for editor, values in (self.editing.values if self.editing else {}).items():
            for measure, numbers in values.items():
                check_shape(f"{measure} of {editor}", numbers, (count,))

    @property
    def identity(self) -> Integers:
        """Whom each query asks about: position in `people.names`, (Q,)."""
        return self.gallery.identity[self.queries.source]


def example_queries(count: int, seed: int, wanted: int = EXAMPLES) -> Integers:
    """Choose, before anything is answered, the queries that pictures are kept of.

    Args:
        count: Queries, Q.
        seed: Seed of the choice.
        wanted: How many; all if there are fewer.

    Returns:
        Positions, rising.
    """
    chosen = np.random.default_rng(seed).permutation(count)[:wanted]
    return np.sort(chosen)
