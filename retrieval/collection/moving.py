"""Moving a collection to another place: a folder, or an engine; counted and compared at the end.

The new place is filled beside the old one, which is only read. Images, files and labels go first,
then each space, batch after batch: vectors together with what became of their images. A move that
was killed goes on with what is not there yet. Nothing is drawn. Only when counts and a fingerprint
of all vectors agree is the new one published.

Shapes: n rows, D dimensions of an embedding.
"""

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Table as SqlTable
from sqlalchemy import insert, select, text

from gallery.catalogue.json_values import read_condition, read_landmarks
from gallery.catalogue.parts import parts
from gallery.catalogue.records import ImageState, SpaceRow
from gallery.catalogue.tables import Placement, Shard, Space, Table
from gallery.errors import CatalogueError, IndexFileError
from gallery.files import sync, write_whole
from gallery.json_files import read, spell
from index import store
from index.backend import fingerprint
from index.base import Ids, Vectors
from retrieval.collection import shared_files
from retrieval.collection.collection import Collection
from retrieval.collection.publish import publishing
from retrieval.collection.shard_rewrite import rows_told_of
from retrieval.collection.storing import add_space, keep

NOTE = "moving.json"  # in the new folder, until all is there
PAGE = 10_000
OF_SPACES = {Space.__tablename__, Placement.__tablename__, Shard.__tablename__}
Rows = tuple[Ids, Vectors]


@dataclass(frozen=True, slots=True)
class MovingStep:
    """How far a move is.

    Attributes:
        phase: What is being done.
        done: How much of this phase is done.
        total: How much there is of it.
        note: What the user should know, now.
    """

    phase: str
    done: int
    total: int
    note: str | None = None


def move(source: Collection, root: Path, engine: str | None) -> Iterator[MovingStep]:
    """Fill a new place with a collection, or go on with that, and publish it.

    Args:
        source: Held, so that nothing changes meanwhile.
        root: Folder of the new one; it must not exist, or be empty, or be of a move of this one.
        engine: Address of the engine of the new one; None for its folder.

    Yields:
        Progress.

    Raises:
        CatalogueError: There is something else at the new place, or what is there at the end is not
            what was to be moved.
        IndexFileError: A shard is missing or damaged.
        ConfigError: The engine cannot keep these vectors.
    """
    target = _open_target(source, root, engine)
    try:
        with target.writing():
            yield from _copy_catalogue(source, target)
            spaces = list(reversed(source.catalogue.spaces.all()))  # the last one is published last
            for space in spaces:
                yield from _copy_space(source, target, space)
            yield from _compare(source, target)
            for space in spaces:
                for step in publishing(target, space.name):
                    yield MovingStep(step.phase, step.done, step.total, step.note)
        (root / NOTE).unlink()
        sync(root)
    finally:
        target.close()


def _open_target(source: Collection, root: Path, engine: str | None) -> Collection:
    """Open the new place: empty, or as an earlier move of the same collection left it."""
    note = {"from": str(source.root.absolute()), "engine": engine}
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        if _note(root) != note:
            raise CatalogueError(
                f"{root} exists, and is not what an earlier move of {source.root} left; name a new"
                " folder"
            )
        return Collection.open_or_create(root, engine=engine)
    target = Collection.open_or_create(root, engine=engine)
    if target.catalogue.spaces.all() or target.catalogue.images.count():
        target.close()
        shutil.rmtree(root)
        raise CatalogueError(f"{engine} holds a collection already; name an empty database")
    write_whole(root / NOTE, spell(note).encode("utf-8"))
    return target


def _note(root: Path) -> Any:  # noqa: ANN401  JSON is what it is
    try:
        return read(root / NOTE, CatalogueError, "Name a new folder")
    except CatalogueError:
        return None


def _copy_catalogue(source: Collection, target: Collection) -> Iterator[MovingStep]:
    """Copy images, files and what is known of them, a table after the other; each as a whole.

    Raises:
        CatalogueError: What an earlier move copied is no longer what is here.
    """
    tables = _of_images()
    for done, table in enumerate(tables):
        yield MovingStep("copying the catalogue", done, len(tables))
        if _is_empty(target, table):
            _copy_table(source, target, table)
        elif _content(source, table) != _content(target, table):
            raise _differ(target, f"the table {table.name} is another one")


def _of_images() -> list[SqlTable]:
    """Return the tables that are about images, whatever the space."""
    return [table for table in Table.metadata.sorted_tables if table.name not in OF_SPACES]


def _copy_table(source: Collection, target: Collection, table: SqlTable) -> None:
    with source.catalogue.reading() as asked, target.catalogue.changing() as session:
        rows = asked.execute(select(table).order_by(*table.primary_key.columns)).mappings()
        while page := rows.fetchmany(PAGE):
            session.execute(insert(table), [dict(row) for row in page])
        if session.get_bind().dialect.name == "postgresql" and "id" in table.columns:
            session.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'),"  # noqa: S608
                    f" max(id)) FROM {table.name} HAVING max(id) IS NOT NULL"
                )
            )


def _is_empty(collection: Collection, table: SqlTable) -> bool:
    with collection.catalogue.reading() as session:
        return session.execute(select(table).limit(1)).first() is None


def _content(collection: Collection, table: SqlTable) -> str:
    """Return a hash of all rows of a table, in the order of their keys."""
    found = hashlib.sha256()
    asked = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=PAGE)
    with collection.catalogue.reading() as session:
        for row in session.execute(asked):
            found.update(f"{tuple(row)!r}\n".encode())
    return found.hexdigest()


def _copy_space(source: Collection, target: Collection, space: SpaceRow) -> Iterator[MovingStep]:
    """Copy what a space knows of its images, with their vectors."""
    mine = _make_space(source, target, space)
    phase, spaces = f"moving {space.name}", target.catalogue.spaces
    total = len(source.catalogue.spaces.placed_ids(space.id, "indexed"))
    there = np.array(spaces.placed_ids(mine.id, "indexed"), dtype=np.int64)
    number, done = spaces.get(space.name).last_shard + 1, len(there)
    yield MovingStep(phase, done, total)
    for ids, vectors in _whole_images(stored_rows(source, space)):
        new = ~np.isin(ids, there)
        if new.any():
            images = np.unique(ids[new])
            placed = _states(source, space, images.tolist())
            number += keep(target, mine, placed, (ids[new], vectors[new]), number)
            done += len(images)
            yield MovingStep(phase, done, total)
    for state in ("skipped", "removed"):
        others = source.catalogue.spaces.placed_ids(space.id, state)
        for part in parts(others):
            keep(target, mine, _states(source, space, part), None, number)


def _make_space(source: Collection, target: Collection, space: SpaceRow) -> SpaceRow:
    """Make a space of the same contract and weights, unless it is there."""
    spaces = target.catalogue.spaces
    if space.name not in {one.name for one in spaces.all()}:
        contract = source.contract(space)
        source.weights_path(space.name)  # fetched, if it is elsewhere
        folder = target.space_dir(space.name)
        folder.mkdir(parents=True, exist_ok=True)
        for name in shared_files.NAMES:
            path = source.space_dir(space.name) / name
            if path.is_file():
                write_whole(folder / name, path.read_bytes())
        add_space(target, space.name, contract)
    mine = spaces.get(space.name)
    if mine.keeps_faceless != space.keeps_faceless:
        spaces.keep_faceless(mine.id, keeps=space.keeps_faceless)
    return mine


def stored_rows(collection: Collection, space: SpaceRow) -> Iterator[Rows]:
    """Yield the vectors that count, in portions."""
    if collection.in_postgres:
        yield from collection.vectors(space).rows()
        return
    directory = collection.space_dir(space.name)
    for row in collection.catalogue.spaces.shards(space.id):
        ids, vectors = store.open_known(directory, store.ShardId(**asdict(row)))
        needed = rows_told_of(collection, space.id, row.number, ids)
        if needed.any():
            yield ids[needed], np.asarray(vectors[needed], dtype=np.float32)


def _whole_images(portions: Iterator[Rows]) -> Iterator[Rows]:
    """Yield portions in which no image is torn: its two vectors are in one."""
    rest: Rows | None = None
    for portion in portions:
        ids, vectors = portion if rest is None else _joined(rest, portion)
        last = ids == ids[-1]
        rest = ids[last], vectors[last]
        if not last.all():
            yield ids[~last], vectors[~last]
    if rest is not None:
        yield rest


def _joined(one: Rows, other: Rows) -> Rows:
    return np.concatenate([one[0], other[0]]), np.concatenate([one[1], other[1]])


def _states(collection: Collection, space: SpaceRow, ids: Sequence[int]) -> list[ImageState]:
    """Return what a space knows of images."""
    found = []
    query = select(Placement).where(Placement.space_id == space.id)
    with collection.catalogue.reading() as session:
        for part in parts(list(ids)):
            for row in session.scalars(query.where(Placement.image_id.in_(part))):
                second = row.second_estimate
                found.append(
                    ImageState(
                        row.image_id,
                        row.state,
                        row.reason,
                        read_condition(row.estimate) if row.estimate else None,
                        read_landmarks(row.landmarks),
                        read_condition(second) if second else None,
                        row.error,
                    )
                )
    return found


def _compare(source: Collection, target: Collection) -> Iterator[MovingStep]:
    """Compare both places.

    Raises:
        CatalogueError: They differ; the message says in what.
    """
    spaces = {space.name: space for space in target.catalogue.spaces.all()}
    for done, space in enumerate(source.catalogue.spaces.all()):
        yield MovingStep("comparing", done, len(spaces))
        mine = spaces[space.name]
        here = source.catalogue.spaces.state_counts(space.id)
        there = target.catalogue.spaces.state_counts(mine.id)
        if here != there:
            raise _differ(target, f"of {space.name} there are {here} here, and {there} there")
        if fingerprint(stored_rows(source, space)) != fingerprint(stored_rows(target, mine)):
            raise _differ(target, f"the vectors of {space.name} are others")
        if target.contract(mine).digest() != source.contract(space).digest():
            raise IndexFileError(f"The contract of {space.name} is another one there")
    for table in _of_images():
        if _content(source, table) != _content(target, table):
            raise _differ(target, f"the table {table.name} is another one")


def _differ(target: Collection, what: str) -> CatalogueError:
    return CatalogueError(
        f"What was moved to {target.root} is not what is here: {what}. Did somebody change the"
        " collection meanwhile? Move it again, to a new place"
    )
