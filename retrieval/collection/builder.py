"""The builder of a space: batch after batch, read, aligned, drawn, written, told to the catalogue.

Images are handled in batches. A batch is finished when its shard is on disk and the catalogue says
so, in this order; a build killed anywhere goes on with the first unfinished batch, and what it left
half-written is overwritten.

While one batch is drawn, the next one is read, decoded and aligned by several threads; never more
than these two are in memory. Results are those of one batch after the other.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from gallery.align import Landmarks
from gallery.catalogue.records import FileRecord, ImageState, ShardRow
from gallery.errors import ImageError, IndexFileError
from gallery.faces import Face, FaceSet
from generator.canonical import Rule
from generator.engine import Engine
from index import store
from index.base import Ids
from retrieval.collection.admission import Admission
from retrieval.collection.build_progress import BuildProgress
from retrieval.collection.collection import Collection
from retrieval.collection.ingest import AlignedFace, Reading
from retrieval.collection.shard_rewrite import drop_stale
from retrieval.collection.space_folder import open_space
from retrieval.scoring.scorer import GalleryVectors, Scoring

BATCH = 256
ENDLESS = (
    "its embedding holds NaN or infinity: the weights are damaged, or their numbers overflow here"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How images are made into vectors."""

    rule: Rule
    scoring: Scoring
    restore: bool
    keep_faceless: bool | None = None


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


class Builder:
    """Brings one space up to date with a face set; see `retrieval.collection.build`."""

    def __init__(
        self,
        collection: Collection,
        faces: FaceSet,
        engine: Engine,
        weights: Path,
        how: How,
    ) -> None:
        self.collection = collection
        self.catalogue = collection.catalogue
        self.faces = faces
        self.engine = engine
        self.how = how
        self.contract = how.scoring.contract(engine.card, how.rule)
        self.directory = collection.space_dir(engine.card.name)
        self.space = open_space(collection, engine.card, self.contract, weights)
        self.admission = Admission(
            self.catalogue,
            faces,
            self.space,
            restore=how.restore,
            keeps_faceless=self._remember_faceless(how.keep_faceless),
        )
        self.next_shard = 1
        self.lost: set[int] = set()
        self.has_dropped = False  # shards, that were written anew
        self.noted: dict[str, list[str]] = {}  # not told yet: names of files, by note
        problems = len(faces.problems)
        total = len(faces) + problems
        self.progress = BuildProgress(problems, total, 0, 0, skipped=problems)

    def _remember_faceless(self, asked: bool | None) -> bool:
        """Return whether images without a face are taken in: as asked, or as asked before."""
        if asked is None or asked == self.space.keeps_faceless:
            return self.space.keeps_faceless
        self.catalogue.spaces.keep_faceless(self.space.id, keeps=asked)
        return asked

    def _forget_lost_shards(self) -> None:
        """Let the images of missing or torn shards be embedded again."""
        self.next_shard = self.catalogue.spaces.get(self.space.name).last_shard + 1
        for row in self.catalogue.spaces.shards(self.space.id):
            try:
                store.open_known(self.directory, store.ShardId(**asdict(row)))
            except IndexFileError:
                self.lost |= set(self.catalogue.spaces.forget_shard(self.space.id, row.number))

    def batches(self) -> Iterator[BuildProgress]:
        """Go through all files; yield progress after each batch."""
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
        self.has_dropped = drop_stale(self.collection, self.space)
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
        elsewhere = self.admission.elsewhere
        places = self.catalogue.images.paths_of([image_id for _, image_id in elsewhere])
        late = [
            face
            for face, image_id in elsewhere
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
        self.catalogue.images.forget(
            [path for path in here if path not in self.admission.bad_paths]
        )

    def _report_problems(self) -> None:
        problems = [
            FileRecord(str((self.faces.root / problem.name).absolute()), None, problem.reason)
            for problem in self.faces.problems
        ]
        self.catalogue.images.register(problems)
        self.admission.bad_paths |= {problem.path for problem in problems}

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
        chosen = self.admission.choose(read, set(waiting.ids.tolist()) if waiting else set())
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
