"""Checking a collection: every file, hash, count and vector against the catalogue.

Shapes: n rows of a shard, D dimensions of an embedding.
"""

from collections.abc import Generator, Iterator
from dataclasses import asdict
from functools import partial

import numpy as np

from gallery.catalogue.records import ShardRow, SpaceRow
from gallery.errors import CatalogueError, ConfigError, IndexFileError, WeightsError
from gallery.files import file_sha256
from generator.canonical import Rule
from generator.student.seeing import student_path
from generator.weights_file import load_card
from index import store
from index.base import Ids, Vectors
from index.contract import IndexContract
from retrieval.collection import milvus_copy, verify_postgres
from retrieval.collection.collection import Collection
from retrieval.collection.finding import REPAIR, Checking, Finding
from retrieval.collection.leftovers import stray_files
from retrieval.collection.missing_files import MOVED, missing_files
from retrieval.collection.named_images import named
from retrieval.collection.shard_rewrite import images_with_all_rows, rows_told_of
from retrieval.scoring.sound_vectors import are_finite, are_sound
from retrieval.scoring.terms import Layout

BUILD = "mindseye index build of any SPEC with these weights"
MEND = f"--repair, or {BUILD}: it is derived"


def verify(collection: Collection) -> Generator[Checking, None, list[Finding]]:
    """Compare a collection with its catalogue.

    Nothing is changed. A build that is under way at the same time may be seen half done.

    Yields:
        Progress.

    Returns:
        What is not as it should be.
    """
    findings = [
        Finding(kind="catalogue-damaged", what=what, todo="put back a copy of catalogue.db")
        for what in collection.catalogue.check()
    ]
    try:
        for space in collection.catalogue.spaces.all():
            findings += yield from _Space(collection, space).check()
        findings += _files(collection)
    except CatalogueError:  # what was found says more than the first value that cannot be read
        if not findings:
            raise
    return findings


def _files(collection: Collection) -> Iterator[Finding]:
    gone = missing_files(collection)[1]
    if gone:
        yield Finding(
            kind="file-missing",
            what=f"{len(gone)} images are no longer on disk; they are still found",
            todo=f"{MOVED}; or, if they were deleted, mindseye index remove --missing",
            is_problem=False,
        )


class _Space:
    def __init__(self, collection: Collection, space: SpaceRow) -> None:
        self._collection = collection
        self._spaces = collection.catalogue.spaces
        self._space = space
        self._directory = collection.space_dir(space.name)
        self._find = partial(Finding, space=space.name)

    def check(self) -> Generator[Checking, None, list[Finding]]:
        findings = list(self._weights())
        try:
            contract = store.read_contract(self._directory)
        except IndexFileError as error:
            todo = f"put back {self._directory}/contract.json from a copy, or build anew"
            return [*findings, self._find(kind="contract-damaged", what=str(error), todo=todo)]
        if contract.digest() != self._space.contract_sha256:
            what = "contract.json is not the one the catalogue knows"
            todo = "put the right contract.json back, or build anew in another --collection"
            return [*findings, self._find(kind="contract-changed", what=what, todo=todo)]
        findings += self._student(contract)
        if self._collection.in_postgres:
            return [*findings, *verify_postgres.findings(self._collection, self._space)]
        shards = self._spaces.shards(self._space.id)
        seen: list[Ids] = [np.empty(0, np.int64)]
        for done, shard in enumerate(shards, start=1):
            ids, found = self._shard(shard, contract)
            seen.append(ids)
            findings += found
            yield Checking(f"checking {self._space.name}", done, len(shards))
        findings += self._rows_without_vector(np.concatenate(seen))
        findings += self._index(contract, shards)
        if self._collection.in_milvus and self._space.generation is not None:
            findings += self._milvus()
        findings += self._leftovers()
        return findings

    def _milvus(self) -> Iterator[Finding]:
        """Compare what Milvus holds with what it should hold, row by row."""
        wrong = milvus_copy.lacking(self._collection, self._space)
        if wrong:
            what = f"Milvus lacks rows, has them in another form or too many: {wrong}"
            yield self._find(kind="milvus-outdated", what=what, todo=MEND)

    def _weights(self) -> Iterator[Finding]:
        path = self._collection.weights_path(self._space.name)
        try:
            card = load_card(path)
            if file_sha256(path) == card.sha256:
                return
            what = f"{path} is not what its card says"
        except (WeightsError, OSError) as error:
            what = str(error)
        todo = "mindseye index build with the same weights; it puts them back"
        yield self._find(kind="weights-damaged", what=what, todo=todo)

    def _student(self, contract: IndexContract) -> Iterator[Finding]:
        """Check the student that views or poses are asked of, if one is."""
        told = Rule.parse(contract.canonicalisation).asks_student
        if not told:
            return
        path = student_path(self._collection.weights_path(self._space.name))
        if not path.is_file() or not file_sha256(path).startswith(told):
            what = f"{path} is missing, or not the student that the contract names"
            todo = "mindseye index build with the same weights; it puts it back"
            yield self._find(kind="student-damaged", what=what, todo=todo)

    def _shard(self, row: ShardRow, contract: IndexContract) -> tuple[Ids, list[Finding]]:
        """Check one shard; return the images that are as the catalogue says, and what is wrong.

        The images of a shard that is lost count as such: they are part of that finding.
        """
        shard = store.ShardId(**asdict(row))
        find = partial(self._find, number=row.number)
        held = self._spaces.held_by(self._space.id, row.number)
        try:
            store.verify_shard(self._directory, shard)
            ids, embeddings = store.open_shard(self._directory, row.number)
        except IndexFileError as error:
            is_gone = " is missing" in str(error)
            kind = "shard-missing" if is_gone else "shard-damaged"
            what = f"{str(error).partition('. Build')[0]}; it held {len(held)} images"
            return held, [find(kind=kind, what=what, todo=REPAIR)]
        findings = []
        if embeddings.shape[1] != contract.dimension:
            what = f"shard {row.number} has dimension {embeddings.shape[1]}, not that of the space"
            findings.append(find(kind="shard-damaged", what=what, todo=REPAIR))
        elif what := self._unsound(ids, embeddings, Layout.of_contract(contract)):
            what = f"shard {row.number}: {what}"
            findings.append(find(kind="vector-damaged", what=what, todo=REPAIR))
        told = rows_told_of(self._collection, self._space.id, row.number, ids)
        whole = images_with_all_rows(self._collection, self._space.id, row.number, ids)
        strangers = self._strangers(row.number, ids[~told], held)
        return whole, [*findings, *strangers]

    def _unsound(self, ids: Ids, embeddings: Vectors, layout: Layout) -> str:
        """Say which vectors are not what they should be; nothing if all are."""
        bad = ids[~are_sound(embeddings, layout)]
        if not len(bad):
            return ""
        endless = ids[~are_finite(embeddings)]
        if len(endless):
            return (
                f"{len(endless)} vectors hold NaN or infinity: {named(self._collection, endless)}"
            )
        return f"{len(bad)} vectors are not of their length: {named(self._collection, bad)}"

    def _strangers(self, number: int, others: Ids, held: Ids) -> Iterator[Finding]:
        """Say what the vectors in a shard are that the catalogue does not place there.

        Args:
            number: Number of the shard.
            others: Image of each such vector.
            held: Images of which it places vectors there: others of these are one too many.
        """
        states = self._spaces.states(self._space.id, np.setdiff1d(others, held).tolist())
        unknown = len(others) - int(np.isin(others, list(states)).sum())
        if unknown:
            yield self._find(
                kind="vector-without-row",
                what=f"shard {number} holds {unknown} vectors that no row of the catalogue is for",
                todo="mindseye index verify --repair",
                number=number,
            )
        if len(others) > unknown:
            yield self._find(
                kind="rows-to-drop",
                what=f"shard {number} still holds {len(others) - unknown} vectors not needed now",
                todo="mindseye index compact, to take them from disk",
                number=number,
                is_problem=False,
            )

    def _rows_without_vector(self, seen: Ids) -> Iterator[Finding]:
        indexed = np.array(self._spaces.placed_ids(self._space.id, "indexed"), dtype=np.int64)
        without = np.setdiff1d(indexed, seen).tolist()
        if without:
            shown = ", ".join(map(str, without[:5]))
            yield self._find(
                kind="row-without-vector",
                what=f"{len(without)} images are said to be indexed and lack a vector: id {shown}",
                todo=REPAIR,
            )

    def _index(self, contract: IndexContract, shards: list[ShardRow]) -> Iterator[Finding]:
        generation = self._space.generation
        if generation is None:
            what, todo = "nothing was published yet", "mindseye index build … --resume"
            yield self._find(kind="index-missing", what=what, todo=todo, is_problem=bool(shards))
            return
        find = partial(self._find, number=generation)
        try:
            manifest = store.read_manifest(self._directory, generation)
            store.require_unchanged(self._directory, generation, manifest)
            if manifest.vectors:
                store.open_index(self._directory, generation, contract)
            found = store.findable_ids(self._directory, generation, manifest)
        except IndexFileError as error:
            other = "another contract" in str(error)
            kind = "index-of-another-contract" if other else "index-damaged"
            yield find(kind=kind, what=str(error), todo=MEND)
            return
        except ConfigError as error:
            yield find(kind="index-unread", what=str(error), todo="install it", is_problem=False)
            return
        yield from self._told_of(generation, manifest, found)
        if [asdict(one) for one in manifest.shards] != [asdict(row) for row in shards]:
            what = "the published index is not made of the shards that count now"
            todo = f"mindseye index compact, or {BUILD}"
            yield find(kind="index-outdated", what=what, todo=todo, is_problem=False)

    def _told_of(self, generation: int, manifest: store.Manifest, found: Ids) -> Iterator[Finding]:
        """Compare what a generation can find with the catalogue; say if it has no hashes."""
        find = partial(self._find, number=generation)
        gone = self._gone_but_found(generation, found)
        if gone:
            what = f"the published index would find {gone} images that are not in the space"
            yield find(kind="index-damaged", what=what, todo=MEND)
        if not manifest.is_hashed:
            what = f"index/{generation:06d} was made before files of an index had hashes"
            todo = "nothing; the next build or compaction writes them"
            yield find(kind="index-without-hashes", what=what, todo=todo, is_problem=False)

    def _gone_but_found(self, generation: int, found: Ids) -> int:
        """Count the images that an index would find although they were removed, or never known."""
        left_out = self._spaces.removed_since(self._space.id, generation)
        left = np.setdiff1d(found, left_out, assume_unique=True).tolist()
        states = self._spaces.states(self._space.id, left)
        stateless = [image_id for image_id in left if image_id not in states]
        pending = self._collection.catalogue.images.rows(self._space.id, stateless)
        gone = sum(state == "removed" for state in states.values())
        return gone + len(stateless) - len(pending)

    def _leftovers(self) -> Iterator[Finding]:
        stray = stray_files(self._collection, self._space)
        if stray:
            yield self._find(
                kind="stray-file",
                what=f"{len(stray)} files belong to nothing: {stray[0].name} …",
                todo="mindseye index compact, to remove them",
                is_problem=False,
            )
