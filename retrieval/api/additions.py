"""Taking images into the spaces of a collection: which weights, which score, what came of it."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gallery.errors import ConfigError, did_you_mean
from gallery.faces import FaceSet
from generator.device import pick_device, worth_compiling
from generator.engine import Engine
from generator.weights_file import find_weights
from generator.zoo import fitting
from index.store import Request
from retrieval.api.progress import Callback, Progress, follow
from retrieval.collection import build as building
from retrieval.collection.build_progress import BuildProgress
from retrieval.collection.canonical_choice import choose_canonical
from retrieval.collection.collection import Collection
from retrieval.collection.domain_check import misfit, strangers_in
from retrieval.collection.profile_choice import ProfileChoice, profile_of_space
from retrieval.collection.workers.opening import Workers
from retrieval.estimation.landmark_pose import why_not
from retrieval.scoring.choice import choose_score, refuse_score
from retrieval.scoring.terms import DRAWING, Score
from retrieval.splits import SPLITS, part_of

Paths = str | Path | Sequence[str | Path]
NAMED = 5  # files that a warning names


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What came of adding images to a space.

    Attributes:
        space: Its name.
        indexed: Images embedded now.
        known: Files whose image was in the space before.
        duplicates: Files whose image was found at another place first.
        removed: Files whose image was removed by hand, and is not taken in again.
        skipped: Files that could not be used.
        lost: Images of other face sets whose shards are lost: they must be built again.
        edited: Files whose landmarks were written by hand for other bytes.
        warnings: What the user should put right.
    """

    space: str
    indexed: int
    known: int
    duplicates: int
    removed: int
    skipped: int
    lost: int
    edited: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AddOptions:
    """How images are taken in; see `Gallery.add`."""

    split: str = "all"
    request: Request | None = None
    refine_best: int | None = None
    score: str | None = None
    hypotheses: str | None = None
    profile: str | None = None
    restore: bool = False
    keep_faceless: bool | None = None
    workers: Workers | None = None
    canonical: str | None = None

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise ConfigError(
                f"--split cannot be {self.split!r}; {did_you_mean(self.split, SPLITS)}"
            )


@dataclass(frozen=True, slots=True)
class SpaceSource:
    """Weights that draw in a space.

    Attributes:
        path: Their file.
        engine: Opened.
    """

    path: Path
    engine: Engine = field(repr=False)


def choose_weights(faces: FaceSet, weights: Paths | None, attributes: Sequence[str]) -> list[Path]:
    """Return the weights that make or update spaces; none where nobody says which.

    Raises:
        WeightsError: There are no such weights.
        ConfigError: No packaged weights fit.
    """
    if weights is None:
        return packaged_for(faces, attributes) if attributes else []
    given = [weights] if isinstance(weights, str | Path) else weights
    return [find_weights(str(one)) for one in given]


def packaged_for(faces: FaceSet, attributes: Sequence[str] = ()) -> list[Path]:
    """Choose packaged weights that fit images; see `generator.zoo.fitting`."""
    return [one.path for one in fitting(faces.space, attributes)]


def open_engine(path: Path, device: str, images: int = 1) -> Engine:
    """Open weights to draw so many images.

    Raises:
        ConfigError: There is no such device.
        WeightsError: The weights are missing or damaged.
    """
    chosen = pick_device(device)
    return Engine.open(path, chosen, compiled=worth_compiling(chosen, images))


def require_score(sources: Sequence[SpaceSource], options: AddOptions, *, is_new: bool) -> None:
    """Refuse a score that cannot be had, before anything is made; see `refuse_score`."""
    engines = [one.engine for one in sources]
    if options.profile is not None:
        engines = [one.under(options.profile) for one in engines]
    refuse_score(options.score, options.hypotheses, engines, is_new=is_new)


def add_to_space(
    collection: Collection,
    faces: FaceSet,
    source: SpaceSource,
    options: AddOptions,
    progress: Callback | None,
) -> Added:
    """Bring one space up to date with a face set; it is made if it is not there.

    Args:
        collection: Held for writing.
        faces: What is to be found.
        source: The weights of the space.
        options: How.
        progress: Told how far it is.
    """
    name = source.engine.card.name
    part = part_of(faces, source.engine.card, options.split)
    phase = f"indexing with {name}"
    known = {space.name for space in collection.catalogue.spaces.all()}
    is_new = name not in known
    if options.profile is not None:
        profile = ProfileChoice(options.profile)
    else:
        profile = profile_of_space(collection, source.engine, part, is_new=is_new)
    engine = source.engine.under(profile.profile)
    choice = choose_score(options.score, options.hypotheses, engine, is_new=is_new)
    alone = why_not(engine.card) if is_new else ""
    stored = building.contract_of_space(collection, name)
    scored = choice.score or (DRAWING if stored is None else Score.of(stored).name)
    views = choose_canonical(options.canonical, stored, engine, scored)
    told = {
        "Profile": profile.why,
        "Score": choice.why,
        "Canonical views": views.why,
        "Poses": alone,
    }
    for what, why in told.items():
        if why and progress is not None:
            progress(Progress(phase=phase, done=0, total=len(part), note=f"{what}: {why}"))
    steps = building.build(
        collection,
        part,
        engine,
        source.path,
        options.request,
        refine_best=options.refine_best,
        restore=options.restore,
        score=choice.score,
        hypotheses=options.hypotheses,
        keep_faceless=options.keep_faceless,
        workers=options.workers,
        canonical=options.canonical,
    )
    last = follow(_last_of(steps), progress, phase, len(part))
    return Added(
        space=name,
        indexed=last.indexed,
        known=last.known,
        duplicates=last.duplicates,
        removed=last.removed,
        skipped=last.skipped,
        lost=last.lost,
        edited=last.edited,
        warnings=tuple(_warnings(collection, name, last)),
    )


def _last_of(
    steps: Iterator[BuildProgress],
) -> Generator[BuildProgress, None, BuildProgress]:
    """Yield all steps, and return the last one."""
    last = BuildProgress(0, 0, 0, 0, 0)
    try:
        for last in steps:
            yield last
    finally:
        getattr(steps, "close", lambda: None)()
    return last


def _warnings(collection: Collection, name: str, last: BuildProgress) -> Iterator[str]:
    """Say what the user should put right after a build."""
    if last.edited:
        named = ", ".join(last.edited[:NAMED]) + (", …" if len(last.edited) > NAMED else "")
        yield (
            f"{len(last.edited)} photographs have changed since landmarks were written"
            f" for them by hand, and are cut by these: {named}. Check their lines"
        )
    found = collection.catalogue.images.contradictions()
    if found:
        yield (
            f"labels that do not count, as equal files are labelled otherwise:"
            f" {len(found)}. {found[0]}. All: mindseye index show --collection {collection.root}"
        )
    strangers = strangers_in(collection, collection.catalogue.spaces.get(name))
    if strangers is not None and not strangers.fit:
        yield misfit(name, strangers)
