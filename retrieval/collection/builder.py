"""The builder of a space: batch after batch, read, aligned, drawn, written, told to the catalogue.

Images are handled in batches. A batch is finished when its shard is on disk and the catalogue says
so, in this order; a build killed anywhere goes on with the first unfinished batch, and what it left
half-written is overwritten.

While one batch is drawn, the next one is read, decoded and aligned by several threads; never more
than these two are in memory. Results are those of one batch after the other. Several workers
(retrieval/collection/workers) draw several batches; each is finished as soon as it is drawn.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from gallery.catalogue.records import FileRecord, ImageState
from gallery.errors import IndexFileError
from gallery.faces import Face, FaceSet
from generator.canonical import Rule
from generator.drawer import Drawer
from index import store
from retrieval.collection.admission import Admission
from retrieval.collection.batch import BuildBatch
from retrieval.collection.build_progress import BuildProgress
from retrieval.collection.collection import Collection
from retrieval.collection.ingest import Reading
from retrieval.collection.shard_rewrite import drop_stale
from retrieval.collection.space_folder import open_space
from retrieval.collection.storing import keep
from retrieval.collection.workers.block import GalleryEmbedder
from retrieval.collection.workers.here import EmbedderHere, Embedders
from retrieval.collection.workers.opening import Workers, open_pool
from retrieval.scoring.scorer import Scoring

BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How images are made into vectors."""

    rule: Rule
    scoring: Scoring
    restore: bool
    keep_faceless: bool | None = None
    workers: Workers | None = None


def _note(note: str, names: Sequence[str]) -> str:
    if not names:
        return note
    others = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}{others}: {note}"


class Builder:
    """Brings one space up to date with a face set; see `retrieval.collection.build`."""

    def __init__(
        self,
        collection: Collection,
        faces: FaceSet,
        engine: Drawer,
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
        flying: list[BuildBatch] = []
        with ExitStack() as stack:
            aligner = self.engine.card.aligner
            portraits = self.how.scoring.portraits(aligner)
            reading = stack.enter_context(Reading(self.faces, aligner, portraits))
            embedders = stack.enter_context(self._embedders(reading))
            while batch := list(islice(faces, BATCH)):
                flying.append(self._start(batch, flying, reading, embedders))
                yield from self._settle(flying, embedders, wait=False)
            yield from self._settle(flying, embedders, wait=True)
            self._look_again(reading, embedders)
        self._forget_unreadable()
        self.has_dropped = drop_stale(self.collection, self.space)
        yield self._shown()

    def _embedders(self, reading: Reading) -> AbstractContextManager[Embedders]:
        """Open what embeds the batches."""
        embedder, workers = (
            GalleryEmbedder(self.engine, self.how.rule, self.how.scoring),
            self.how.workers,
        )
        if workers is None:
            return EmbedderHere(embedder, reading)
        weights = self.collection.weights_path(self.space.name)
        return open_pool(workers, embedder, self.contract, weights, self.faces)

    def _settle(
        self, flying: list[BuildBatch], embedders: Embedders, *, wait: bool
    ) -> Iterator[BuildProgress]:
        """Finish batches that are due; yield progress after each but the very last.

        Args:
            flying: The batches in hand; those that are finished are taken out.
            embedders: They are given to.
            wait: Finish all.
        """
        given = [batch.embedding for batch in flying]
        while (place := embedders.due(given, wait=wait)) is not None:
            self._finish(flying.pop(place))
            del given[place]
            for note in embedders.notes():
                self.noted.setdefault(note, [])
            if wait and not flying:
                return
            try:
                yield self._shown()
            except GeneratorExit:
                for batch in flying:
                    if batch.embedding is None or not embedders.drop(batch.embedding):
                        self._finish(batch)
                raise

    def _shown(self) -> BuildProgress:
        told = [_note(note, names) for note, names in self.noted.items()]
        self.noted = {}
        shown = replace(self.progress, note="\n".join(told) or None)
        if shown.done < shown.total:
            return shown
        root = f"{self.faces.root.absolute()}/"
        edited = [path for path in self.catalogue.images.edited() if path.startswith(root)]
        return replace(shown, lost=len(self.lost), edited=tuple(edited))

    def _look_again(self, reading: Reading, embedders: Embedders) -> None:
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
            batch = self._start(part, [], reading, embedders)
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
        flying: Sequence[BuildBatch],
        reading: Reading,
        embedders: Embedders,
    ) -> BuildBatch:
        """Read and register a batch, and have it embedded."""
        paths = [str(self.faces.path(face).absolute()) for face in batch]
        read = reading.look(batch, self.catalogue.images.known(paths))
        in_hand = {image_id for other in flying for image_id in other.ids.tolist()}
        chosen = self.admission.choose(read, in_hand)
        todo, landmarks = chosen.todo, self.catalogue.images.landmarks(list(chosen.todo))
        block = [(one, landmarks.get(image_id)) for image_id, one in todo.items()]
        return BuildBatch(
            files=len(batch),
            ids=np.array(list(todo), dtype=np.int64),
            names=tuple(one.face.name for one in todo.values()),
            landmarks=tuple(where for _, where in block),
            embedding=embedders.submit(block) if block else None,
            bad=tuple(ImageState(i, "skipped", reason) for i, reason in chosen.refused.items()),
            counts=chosen.counts,
        )

    def _finish(self, batch: BuildBatch) -> None:
        """Wait until a batch is embedded; keep its vectors, and tell the catalogue."""
        placed, rows = list(batch.bad), None
        if batch.embedding is not None:
            made = batch.embedding.result()
            for position, notes in made.notes.items():
                for note in notes:
                    self.noted.setdefault(note, []).append(batch.names[position])
            told, rows = batch.states(made)
            placed += told
        self.next_shard += keep(self.collection, self.space, placed, rows, self.next_shard)
        self.lost -= {one.image_id for one in placed}
        before, added = self.progress, batch.counts
        indexed = sum(one.state == "indexed" for one in placed)
        self.progress = replace(
            before,
            done=before.done + batch.files,
            indexed=before.indexed + indexed,
            known=before.known + added.known,
            skipped=before.skipped + added.skipped + len(placed) - indexed,
            duplicates=before.duplicates + added.duplicates,
            removed=before.removed + added.removed,
        )
