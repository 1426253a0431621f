"""Building and updating an embedding space: read, align, redraw, embed, append, publish.

Images are handled in batches. A batch is finished when its shard is on disk and the catalogue says
so, in this order; a build killed anywhere goes on with the first unfinished batch, and what it left
half-written is overwritten.

While one batch is drawn, the next one is read, decoded and aligned by several threads; never more
than these two are in memory. Results are those of one batch after the other.
"""

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from gallery.align import Landmarks
from gallery.catalogue.records import FileRecord, ImageState, ShardRow, SpaceRow
from gallery.errors import CatalogueError, ImageError, IndexFileError
from gallery.faces import Face, FaceSet
from gallery.files import file_sha256
from gallery.marks import FACELESS, FacelessError
from generator.canonical import Rule
from generator.engine import Engine
from generator.hypotheses import AUTO, ONE, Hypotheses
from index import store
from index.base import Ids
from index.contract import IndexContract
from retrieval.collection.collection import Collection
from retrieval.collection.ingest import AlignedFace, ReadFile, Reading
from retrieval.collection.own_weights import copy_card, copy_weights
from retrieval.collection.publish import publish, publishing
from retrieval.collection.shard_rewrite import drop_stale
from retrieval.scoring.profile import ScoreProfile
from retrieval.scoring.scorer import (
    GalleryVectors,
    Scoring,
    default_score,
    make_scoring,
    scoring_of,
)
from retrieval.scoring.terms import DRAWING, Score

BATCH = 256
ENDLESS = (
    "its embedding holds NaN or infinity: the weights are damaged, or their numbers overflow here"
)


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """How far a build is.

    Attributes:
        done: Files handled.
        total: Files of the SPEC.
        indexed: Images embedded by this build.
        known: Files whose image was in the space before.
        skipped: Files that this build could not use.
        lost: Images of other face sets whose shards are lost: they must be built again.
        duplicates: Files whose image was found at another place first.
        removed: Files whose image was removed by hand, and is not taken in again.
        phase: What is being done, if it is no longer the images; then of that are done and total.
        note: What the user should know, now.
        edited: Files whose landmarks were written by hand for other bytes; known at the end.
    """

    done: int
    total: int
    indexed: int
    known: int
    skipped: int
    lost: int = 0
    duplicates: int = 0
    removed: int = 0
    phase: str | None = None
    note: str | None = None
    edited: tuple[str, ...] = ()


def build(  # noqa: PLR0913  what a user says of a build
    collection: Collection,
    faces: FaceSet,
    engine: Engine,
    weights: Path,
    request: store.Request | None = None,
    *,
    refine_best: int | None = None,
    restore: bool = False,
    score: str | None = None,
    hypotheses: str | None = None,
    keep_faceless: bool | None = None,
) -> Iterator[BuildProgress]:
    """Bring a space up to date with a face set, and publish it.

    Closing the iterator ends the build with the batch in hand; nothing is published then.

    Args:
        collection: Where; it must be held for writing.
        faces: What is to be found.
        engine: Draws; its card names the space.
        weights: File that the engine was loaded from; the space keeps a copy.
        request: Kind of index, and what it may cost; None for that of the last generation.
        refine_best: See `Engine.closest`; part of the space's contract. None for what the space was
            built with, and for a new one all.
        restore: Whether images that were removed by hand are taken in again.
        score: One of `terms.SCORES`; part of the space's contract. None for what the space was
            built with, and for a new one the fullest that was fitted and can be had here.
        hypotheses: "1", "2", or like "2 within 1.5" (retrieval/scoring/hypotheses.py), or "auto"
        for what
            was fitted for the weights; part of the space's contract. None for what the space was
            built with, and for a new one "auto".
        keep_faceless: Whether images in which no face was found are taken in all the same. None for
            what was last said of the space, and for a new one False.

    Yields:
        Progress after each batch, then that of the publication; the last one counts the images.

    Raises:
        IndexFileError: The space was made under another contract.
        ConfigError: The weights, or what is installed here, cannot give this score; or it has no
            room for second hypotheses.
        WeightsError: Nothing was fitted for this score, or for these hypotheses.
        OSError: The disk is full or cannot be written; what was finished is kept.
    """
    stored = _contract(collection, engine.card.name)
    stored_score = None if stored is None else Score.parse(stored.projection).name
    name = score or stored_score or default_score(engine)
    many = _hypotheses(engine, name, stored, hypotheses)
    if stored is not None and name == stored_score and many == _stored_hypotheses(stored):
        scoring = scoring_of(engine, stored)
    else:
        scoring = make_scoring(engine, name, many)
    if refine_best is None and stored is not None:
        refine_best = Rule.parse(stored.canonicalisation).refine_best
    rule = replace(Rule.of(engine.card, refine_best), hypotheses=many)
    builder = _Builder(
        collection,
        faces,
        engine,
        weights,
        _How(rule=rule, scoring=scoring, restore=restore, keep_faceless=keep_faceless),
    )
    last = BuildProgress(0, 0, 0, 0, 0)
    for last in builder.batches():
        yield last
    noted = False
    for step in publishing(collection, engine.card.name, request):
        noted = True
        yield replace(last, phase=step.phase, done=step.done, total=step.total, note=step.note)
    if noted:
        yield replace(last, note=None)
    for space in collection.catalogue.spaces.all():
        if space.name != engine.card.name and space.generation is not None:
            with contextlib.suppress(IndexFileError):  # damage there is for its own build to mend
                publish(collection, space.name)  # an image may have been removed from every space


def _contract(collection: Collection, name: str) -> IndexContract | None:
    """Read the contract of a space, or None of one that is not made yet."""
    known = {space.name: space for space in collection.catalogue.spaces.all()}
    return collection.contract(known[name]) if name in known else None


def _hypotheses(
    engine: Engine, score: str, stored: IndexContract | None, asked: str | None
) -> Hypotheses:
    """Return what is asked for, or what a space has, or what was fitted for the score."""
    if asked is None and stored is not None and score != DRAWING:
        return _stored_hypotheses(stored)
    if asked is None or asked == AUTO:
        return ONE if score == DRAWING else ScoreProfile.of(engine.card).chosen(score)
    return Hypotheses.parse(asked)


def _stored_hypotheses(stored: IndexContract) -> Hypotheses:
    return Rule.parse(stored.canonicalisation).hypotheses


@dataclass(frozen=True, slots=True, kw_only=True)
class _How:
    """How images are made into vectors."""

    rule: Rule
    scoring: Scoring
    restore: bool
    keep_faceless: bool | None = None


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What is to be done about a batch of files.

    Attributes:
        todo: Images to embed, with the file that each is read from.
        refused: Images that are left out although they could be read, with reasons.
        counts: The others.
    """

    todo: dict[int, ReadFile]
    refused: dict[int, str]
    counts: BuildProgress


def _note(note: str, names: Sequence[str]) -> str:
    others = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}{others}: {note}"


@dataclass(frozen=True, slots=True)
class _Batch:
    """A batch that is aligned and being drawn.

    Attributes:
        files: How many.
        ids: Images that could be used, (n,).
        landmarks: The landmarks by which each image was cut out.
        drawing: Their vectors, in the making; None where n is 0.
        bad: Images that could not be used, with reasons.
        counts: What this batch adds to the build's progress.
    """

    files: int
    ids: Ids
    landmarks: tuple[Landmarks | None, ...]
    drawing: Future[GalleryVectors] | None
    bad: tuple[ImageState, ...]
    counts: BuildProgress


class _Builder:
    def __init__(
        self,
        collection: Collection,
        faces: FaceSet,
        engine: Engine,
        weights: Path,
        how: _How,
    ) -> None:
        self.collection = collection
        self.catalogue = collection.catalogue
        self.faces = faces
        self.engine = engine
        self.how = how
        self.contract = how.scoring.contract(engine.card, how.rule)
        self.directory = collection.space_dir(engine.card.name)
        self.space = self._open_space(collection, weights)
        self.keeps_faceless = self._remember_faceless(how.keep_faceless)
        self.faceless: set[int] = set()  # images that this build left out for that
        self.next_shard = 1
        self.lost: set[int] = set()
        self.bad_paths: set[str] = set()
        self.noted: dict[str, list[str]] = {}  # not told yet: names of files, by note
        self.elsewhere: list[tuple[Face, int]] = []  # whose image was found at another place first
        problems = len(faces.problems)
        total = len(faces) + problems
        self.progress = BuildProgress(problems, total, 0, 0, skipped=problems)

    def _open_space(self, collection: Collection, weights: Path) -> SpaceRow:
        """Find the space of these weights, or make it: folder first, catalogue last."""
        name = self.engine.card.name
        known = {space.name: space for space in self.catalogue.spaces.all()}
        if name in known:
            store.read_contract(self.directory).require_same(
                self.contract, what=f"The space {name} of {collection.root}"
            )
            copy = collection.weights_path(name)
            intact = copy.is_file() and copy.with_suffix(".json").is_file()
            if not intact or file_sha256(copy) != self.engine.card.sha256:
                copy_weights(weights, copy, self.engine.card.sha256)
            elif weights.resolve() != copy.resolve():  # a card may have been fitted anew
                copy_card(weights, copy)
            return known[name]
        self._require_no_shards()
        shutil.rmtree(self.directory, ignore_errors=True)  # of a build killed before it began
        self.directory.mkdir(parents=True, exist_ok=True)
        copy_weights(weights, collection.weights_path(name), self.engine.card.sha256)
        store.write_contract(self.directory, self.contract)
        return self.catalogue.spaces.add(name, self.contract.digest())

    def _remember_faceless(self, asked: bool | None) -> bool:
        """Return whether images without a face are taken in: as asked, or as asked before."""
        if asked is None or asked == self.space.keeps_faceless:
            return self.space.keeps_faceless
        self.catalogue.spaces.keep_faceless(self.space.id, keeps=asked)
        return asked

    def _require_no_shards(self) -> None:
        """Refuse to make a space where shards lie that the catalogue knows nothing of."""
        if any((self.directory / "embeddings").glob("*.npy")):
            raise CatalogueError(
                f"{self.directory} holds embeddings of a space that the catalogue does not know;"
                " was the catalogue lost, or is it another one? Put the right one back, or build in"
                " another --collection"
            )

    def _forget_lost_shards(self) -> None:
        """Let the images of missing or torn shards be embedded again."""
        self.next_shard = self.catalogue.spaces.get(self.space.name).last_shard + 1
        for row in self.catalogue.spaces.shards(self.space.id):
            try:
                store.open_known(self.directory, store.ShardId(**asdict(row)))
            except IndexFileError:
                self.lost |= set(self.catalogue.spaces.forget_shard(self.space.id, row.number))

    def batches(self) -> Iterator[BuildProgress]:
        self._forget_lost_shards()
        self._report_problems()
        faces = iter(self.faces.faces)
        waiting: _Batch | None = None
        aligner = self.engine.card.aligner
        portraits = self.how.scoring.portraits(aligner)
        with (
            ThreadPoolExecutor(1) as pencil,
            Reading(self.faces, aligner, portraits) as reading,
        ):
            while batch := list(islice(faces, BATCH)):
                following = self._start(batch, waiting, reading, pencil)
                if waiting is not None:
                    self._finish(waiting)
                    waiting = following
                    try:
                        yield self._shown()
                    except GeneratorExit:
                        self._finish(waiting)
                        raise
                waiting = following
            if waiting is not None:
                self._finish(waiting)
            self._look_again(reading, pencil)
        self._forget_unreadable()
        drop_stale(self.collection, self.space)
        yield self._shown()

    def _shown(self) -> BuildProgress:
        told = [_note(note, names) for note, names in self.noted.items()]
        self.noted = {}
        shown = replace(self.progress, note="\n".join(told) or None)
        if shown.done < shown.total:
            return shown
        root = f"{self.faces.root.absolute()}/"
        edited = [path for path in self.catalogue.images.edited() if path.startswith(root)]
        return replace(shown, lost=len(self.lost), edited=tuple(edited))

    def _look_again(self, reading: Reading, pencil: ThreadPoolExecutor) -> None:
        """Take over labels and landmarks of files that hold their image first, now.

        While a batch was in hand, a file of a later one was still known to hold that image.
        """
        places = self.catalogue.images.paths_of([image_id for _, image_id in self.elsewhere])
        late = [
            face
            for face, image_id in self.elsewhere
            if places.get(image_id, [""])[0] == str(self.faces.path(face).absolute())
        ]
        for start in range(0, len(late), BATCH):
            part = late[start : start + BATCH]
            batch = self._start(part, None, reading, pencil)
            counts = replace(batch.counts, duplicates=batch.counts.duplicates - len(part))
            self._finish(replace(batch, files=0, counts=counts))

    def _forget_unreadable(self) -> None:
        """Forget files below this root that could not be read once and are not there now."""
        root = f"{self.faces.root.absolute()}/"
        unreadable = [path for path, _ in self.catalogue.images.unreadable()]
        here = [path for path in unreadable if path.startswith(root)]
        self.catalogue.images.forget([path for path in here if path not in self.bad_paths])

    def _report_problems(self) -> None:
        problems = [
            FileRecord(str((self.faces.root / problem.name).absolute()), None, problem.reason)
            for problem in self.faces.problems
        ]
        self.catalogue.images.register(problems)
        self.bad_paths |= {problem.path for problem in problems}

    def _start(
        self,
        batch: Sequence[Face],
        waiting: _Batch | None,
        reading: Reading,
        pencil: ThreadPoolExecutor,
    ) -> _Batch:
        """Read, register and align a batch, and have it drawn."""
        paths = [str(self.faces.path(face).absolute()) for face in batch]
        read = reading.look(batch, self.catalogue.images.known(paths))
        chosen = self._choose(read, set(waiting.ids.tolist()) if waiting else set())
        todo, landmarks = chosen.todo, self.catalogue.images.landmarks(list(chosen.todo))
        asked = [(one, landmarks.get(image_id)) for image_id, one in todo.items()]
        good: list[tuple[int, Landmarks | None, AlignedFace]] = []
        bad = [
            ImageState(image_id, "skipped", reason) for image_id, reason in chosen.refused.items()
        ]
        for image_id, (_, where), found in zip(todo, asked, reading.align(asked), strict=True):
            if isinstance(found, ImageError):
                bad.append(ImageState(image_id, "skipped", str(found)))
            else:
                good.append((image_id, where, found))
                for note in found.notes:
                    self.noted.setdefault(note, []).append(todo[image_id].face.name)
        drawing = None
        if good:
            drawing = pencil.submit(self._drawn, [found for _, _, found in good])
        return _Batch(
            files=len(batch),
            ids=np.array([image_id for image_id, _, _ in good], dtype=np.int64),
            landmarks=tuple(where for _, where, _ in good),
            drawing=drawing,
            bad=tuple(bad),
            counts=chosen.counts,
        )

    def _drawn(self, cuts: Sequence[AlignedFace]) -> GalleryVectors:
        """Make the vectors of some faces."""
        portraits = [cut.portrait for cut in cuts if cut.portrait is not None]
        return self.how.scoring.gallery(
            self.engine,
            np.stack([cut.pixels for cut in cuts]),
            np.stack(portraits) if portraits else None,
            self.how.rule,
        )

    def _choose(self, read: Sequence[ReadFile], in_hand: set[int]) -> _Chosen:
        """Register files; return the images to embed, and count the others."""
        offers = [one.offer for one in read]
        image_ids = self.catalogue.images.register(offers)
        if self._forget_moved(offers, image_ids):
            self.catalogue.images.register(offers)  # labels count at the first place: now the new
        present = [image_id for image_id in image_ids if image_id is not None]
        places = self.catalogue.images.paths_of(present)
        there = self._there(present) | in_hand
        removed = self._removed(present)
        refused = self._refused(read, image_ids)
        left_out: dict[int, str] = {}
        todo: dict[int, ReadFile] = {}
        known = duplicates = unreadable = gone = 0
        for one, image_id in zip(read, image_ids, strict=True):
            if image_id is None:
                unreadable += 1
                self.bad_paths.add(one.offer.path)
            elif image_id in removed:
                gone += 1
            elif image_id in refused and image_id not in left_out:
                left_out[image_id] = refused[image_id]
            elif image_id not in left_out and image_id not in todo and image_id not in there:
                todo[image_id] = one
            elif places[image_id][0] != one.offer.path:
                duplicates += 1
                self.elsewhere.append((one.face, image_id))
            else:
                known += 1
        counts = BuildProgress(
            len(read), 0, 0, known, unreadable, duplicates=duplicates, removed=gone
        )
        return _Chosen(todo, left_out, counts)

    def _refused(self, read: Sequence[ReadFile], image_ids: Sequence[int | None]) -> dict[int, str]:
        """Return why images are left out whose face nobody knows: none was found, or elsewhere.

        That bytes hold no face is known of them in whichever folder they lie.
        """
        reasons: dict[int, ImageError] = {}
        present = [image_id for image_id in image_ids if image_id is not None]
        if not self.keeps_faceless:
            looked_at = self.catalogue.spaces.left_out(present, FACELESS)
            looked_at |= self.faceless & set(present)
            reasons = {image_id: FacelessError() for image_id in looked_at}
        for one, image_id in zip(read, image_ids, strict=True):
            if image_id is not None and one.refused is not None and not self._keeps(one.refused):
                reasons[image_id] = one.refused
        known = self.catalogue.images.landmarks(list(reasons))
        refused = {image_id: why for image_id, why in reasons.items() if image_id not in known}
        self.faceless |= {i for i, why in refused.items() if isinstance(why, FacelessError)}
        return {image_id: str(why) for image_id, why in refused.items()}

    def _keeps(self, refused: ImageError) -> bool:
        return self.keeps_faceless and isinstance(refused, FacelessError)

    def _there(self, image_ids: Sequence[int]) -> set[int]:
        """Return the images that are indexed, and cut out as they would be now."""
        states = self.catalogue.spaces.states(self.space.id, image_ids)
        indexed = {image_id for image_id, state in states.items() if state == "indexed"}
        return indexed - self.catalogue.spaces.cut_anew(self.space.id, image_ids)

    def _removed(self, image_ids: Sequence[int]) -> set[int]:
        """Return the images that were removed by hand and stay so."""
        removed = self.catalogue.images.removed_by_hand(image_ids)
        if removed and self.how.restore:
            self.catalogue.images.restore(sorted(removed))
            return set()
        if removed:
            known = self.catalogue.spaces.states(self.space.id, sorted(removed))
            self.catalogue.spaces.place_removed(self.space.id, sorted(removed - known.keys()))
        return removed

    def _forget_moved(self, offers: Sequence[FileRecord], image_ids: Sequence[int | None]) -> bool:
        """Forget the old places of images that were found at a new one; say if there were any."""
        if self.faces.reader is not None:
            return False
        offered = {i: offer.path for i, offer in zip(image_ids, offers, strict=True) if i}
        gone = [
            path
            for image_id, paths in self.catalogue.images.paths_of(list(offered)).items()
            for path in paths
            if path != offered[image_id] and not Path(path).exists()
        ]
        self.catalogue.images.forget(gone)
        return bool(gone)

    def _finish(self, batch: _Batch) -> None:
        """Wait until a batch is drawn; write its shard, then tell the catalogue."""
        placed = list(batch.bad)
        shard = None
        finite = np.ones(0, dtype=np.bool_)
        if batch.drawing is not None:
            made = batch.drawing.result()
            finite = made.finite()
            rows = finite[made.of]
            if rows.any():
                shard = self._append(batch.ids[made.of[rows]], made.vectors[rows])
            which, where = batch.ids.tolist(), batch.landmarks
            views = zip(made.estimates, made.seconds, made.errors.tolist(), strict=True)
            placed += [
                ImageState(image_id, "indexed", None, estimate, landmarks, second, error)
                if good
                else ImageState(image_id, "skipped", ENDLESS)
                for good, image_id, landmarks, (estimate, second, error) in zip(
                    finite, which, where, views, strict=True
                )
            ]
        self.catalogue.spaces.place(self.space.id, placed, shard)
        self.lost -= {one.image_id for one in placed}
        before, added = self.progress, batch.counts
        self.progress = replace(
            before,
            done=before.done + batch.files,
            indexed=before.indexed + int(finite.sum()),
            known=before.known + added.known,
            skipped=before.skipped + added.skipped + len(batch.bad) + int((~finite).sum()),
            duplicates=before.duplicates + added.duplicates,
            removed=before.removed + added.removed,
        )

    def _append(self, ids: Ids, embeddings: np.ndarray) -> ShardRow:
        shard = store.append_shard(self.directory, self.next_shard, ids, embeddings)
        self.next_shard += 1
        return ShardRow(**asdict(shard))
