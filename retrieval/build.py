"""Building and updating an embedding space: read, align, redraw, embed, append, publish.

Images are handled in batches. A batch is finished when its shard is on disk and the catalogue says
so, in this order; a build killed anywhere goes on with the first unfinished batch, and what it left
half-written is overwritten.
"""

import contextlib
import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from gallery.align import Pixels
from gallery.catalogue.records import Offer, Placed, ShardRow, SpaceRow
from gallery.errors import ImageError, IndexFileError, WeightsError
from gallery.faces import Face, FaceSet
from gallery.files import file_sha256, replacing
from gallery.images import decode
from generator.engine import Engine
from index import store
from retrieval.canonical import Rule, canonicalise
from retrieval.collection import Collection
from retrieval.embedding import contract_of
from retrieval.publishing import publish

BATCH = 256


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """How far a build is.

    Attributes:
        done: Files handled.
        total: Files of the SPEC.
        indexed: Images embedded by this build.
        known: Files whose image was in the space before, or earlier in this build.
        skipped: Files that this build could not use.
        lost: Images of other face sets whose shards are lost: they must be built again.
    """

    done: int
    total: int
    indexed: int
    known: int
    skipped: int
    lost: int = 0


def build(
    collection: Collection,
    faces: FaceSet,
    engine: Engine,
    weights: Path,
    kind: str | None = None,
    *,
    refine_best: int | None = None,
) -> Iterator[BuildProgress]:
    """Bring a space up to date with a face set, and publish it.

    Args:
        collection: Where; it must be held for writing.
        faces: What is to be found.
        engine: Draws; its card names the space.
        weights: File that the engine was loaded from; the space keeps a copy.
        kind: Of index: "exact", "flat", or None for that of the last generation.
        refine_best: See `Engine.closest`; part of the space's contract.

    Yields:
        Progress after each batch.

    Raises:
        IndexFileError: The space was made under another contract.
        OSError: The disk is full or cannot be written; what was finished is kept.
    """
    builder = _Builder(collection, faces, engine, weights, refine_best)
    yield from builder.batches()
    publish(collection, engine.card.name, kind)
    for space in collection.catalogue.spaces.all():
        if space.name != engine.card.name and space.generation is not None:
            with contextlib.suppress(IndexFileError):  # damage there is for its own build to mend
                publish(collection, space.name)  # an image may have been removed from every space


class _Builder:
    def __init__(
        self,
        collection: Collection,
        faces: FaceSet,
        engine: Engine,
        weights: Path,
        refine_best: int | None,
    ) -> None:
        self.catalogue = collection.catalogue
        self.faces = faces
        self.engine = engine
        self.rule = Rule.of(engine.card, refine_best)
        self.contract = contract_of(engine, str(self.rule))
        self.directory = collection.space_dir(engine.card.name)
        self.space = self._open_space(collection, weights)
        self.indexed = self.known = self.skipped = 0
        self.next_shard = 1
        self.lost: set[int] = set()
        self.bad_paths: set[str] = set()

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
            return known[name]
        shutil.rmtree(self.directory, ignore_errors=True)  # of a build killed before it began
        self.directory.mkdir(parents=True, exist_ok=True)
        copy_weights(weights, collection.weights_path(name), self.engine.card.sha256)
        store.write_contract(self.directory, self.contract)
        return self.catalogue.spaces.add(name, self.contract.digest())

    def _forget_lost_shards(self) -> None:
        """Let the images of missing or torn shards be embedded again."""
        for row in self.catalogue.spaces.shards(self.space.id):
            try:
                store.open_known(self.directory, store.Shard(**asdict(row)))
            except IndexFileError:
                self.lost |= set(self.catalogue.spaces.forget_shard(self.space.id, row.number))
            else:
                self.next_shard = row.number + 1

    def batches(self) -> Iterator[BuildProgress]:
        self._forget_lost_shards()
        total = len(self.faces) + len(self.faces.problems)
        self._report_problems()
        done = len(self.faces.problems)
        faces = iter(self.faces.faces)
        while batch := list(islice(faces, BATCH)):
            self._batch(batch)
            done += len(batch)
            yield self._progress(done, total)
        self._forget_unreadable()
        if not self.faces.faces:
            yield self._progress(done, total)

    def _progress(self, done: int, total: int) -> BuildProgress:
        lost = len(self.lost) if done == total else 0
        return BuildProgress(done, total, self.indexed, self.known, self.skipped, lost)

    def _forget_unreadable(self) -> None:
        """Forget files below this root that could not be read once and are not there now."""
        root = f"{self.faces.root.absolute()}/"
        unreadable = [path for path, _ in self.catalogue.images.unreadable()]
        here = [path for path in unreadable if path.startswith(root)]
        self.catalogue.images.forget([path for path in here if path not in self.bad_paths])

    def _report_problems(self) -> None:
        problems = [
            Offer(str((self.faces.root / problem.name).absolute()), None, problem.reason)
            for problem in self.faces.problems
        ]
        self.catalogue.images.register(problems)
        self.bad_paths |= {problem.path for problem in problems}
        self.skipped += len(problems)

    def _batch(self, batch: Sequence[Face]) -> None:
        offers = self._offers(batch)
        image_ids = self.catalogue.images.register(offers)
        if self._forget_moved(offers, image_ids):
            self.catalogue.images.register(offers)  # labels count at the first place: now the new
        present = [image_id for image_id in image_ids if image_id is not None]
        states = self.catalogue.spaces.states(self.space.id, present)
        todo: dict[int, tuple[Face, str]] = {}
        for face, offer, image_id in zip(batch, offers, image_ids, strict=True):
            if image_id is None or offer.sha256 is None:
                self.skipped += 1
                self.bad_paths.add(offer.path)
            elif image_id in todo or states.get(image_id) == "indexed":
                self.known += 1
            else:
                todo[image_id] = (face, offer.sha256)
        self._embed(todo)

    def _offers(self, batch: Sequence[Face]) -> list[Offer]:
        """Read and hash what has changed since the last time; the bytes are let go again."""
        paths = [str(self.faces.path(face).absolute()) for face in batch]
        known = self.catalogue.images.known(paths)
        return [
            self._offer(face, path, known.get(path))
            for face, path in zip(batch, paths, strict=True)
        ]

    def _offer(self, face: Face, path: str, known: tuple[str, int, int] | None) -> Offer:
        size, mtime = _stat(path) if self.faces.reader is None else (None, None)
        labels = (face.identity, face.condition, size, mtime)
        if known is not None and known[1:] == (size, mtime):
            return Offer(path, known[0], None, *labels)
        try:
            return Offer(path, _sha256(self.faces.read(face)), None, *labels)
        except ImageError as error:
            return Offer(path, None, str(error), *labels)

    def _forget_moved(self, offers: Sequence[Offer], image_ids: Sequence[int | None]) -> bool:
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

    def _embed(self, todo: dict[int, tuple[Face, str]]) -> None:
        placed: list[Placed] = []
        good: list[tuple[int, Pixels]] = []
        for image_id, (face, sha256) in todo.items():
            try:
                good.append((image_id, self._align(face, sha256)))
            except ImageError as error:
                placed.append(Placed(image_id, "skipped", str(error)))
        shard = None
        if good:
            pixels = np.stack([aligned for _, aligned in good])
            canonical = canonicalise(self.engine, pixels, self.rule)
            ids = np.array([image_id for image_id, _ in good], dtype=np.int64)
            shard = self._append(ids, canonical.embeddings)
            for image_id, estimate in zip(ids.tolist(), canonical.estimates, strict=True):
                placed.append(Placed(image_id, "indexed", estimate=estimate))
        self.catalogue.spaces.place(self.space.id, placed, shard)
        self.indexed += len(good)
        self.lost -= set(todo)
        self.skipped += len(todo) - len(good)

    def _align(self, face: Face, sha256: str) -> Pixels:
        content = self.faces.read(face)
        if _sha256(content) != sha256:
            raise ImageError("changed while it was being read; build again")
        return self.engine.card.aligner.align(decode(content), face.landmarks)

    def _append(self, ids: np.ndarray, embeddings: np.ndarray) -> ShardRow:
        shard = store.append_shard(self.directory, self.next_shard, ids, embeddings)
        self.next_shard += 1
        return ShardRow(**asdict(shard))


def copy_weights(source: Path, target: Path, sha256: str) -> None:
    """Copy weights and card, card last, unless they are there.

    Raises:
        WeightsError: The source has changed since it was loaded.
    """
    if source.resolve() == target.resolve():
        return
    for suffix in (".safetensors", ".json"):
        with replacing(target.with_suffix(suffix)) as partial:
            shutil.copyfile(source.with_suffix(suffix), partial)
            if suffix == ".safetensors" and file_sha256(partial) != sha256:
                raise WeightsError(f"{source} has changed while it was in use; build again")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _stat(path: str) -> tuple[int | None, int | None]:
    try:
        status = Path(path).lstat()
    except OSError:
        return None, None
    return status.st_size, status.st_mtime_ns
