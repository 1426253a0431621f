"""Questions and changes that concern embedding spaces."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from gallery.catalogue.changing import changing
from gallery.catalogue.images import NOWHERE, Images
from gallery.catalogue.inserting import insert_rows
from gallery.catalogue.json_values import spell_condition, spell_landmarks
from gallery.catalogue.parts import parts
from gallery.catalogue.records import ImageState, ShardRow, SpaceRow
from gallery.catalogue.removal import BY_HAND, place_removed
from gallery.catalogue.tables import Image, Placement, Shard, Space
from gallery.errors import CatalogueError, did_you_mean

MARK = select(Space.generation, Space.removals).where(Space.id == bindparam("space_id"))


class Spaces:
    """The embedding spaces of a collection, and the state of every image in them."""

    def __init__(self, session: Session, images: Images) -> None:
        self._session = session
        self._images = images
        self.watching: Connection | None = None

    def all(self) -> list[SpaceRow]:
        """List all spaces, the most recently published first."""
        query = select(Space).order_by(Space.published_at.desc(), Space.id.desc())
        rows = [_space_row(space) for space in self._session.scalars(query)]
        self._session.rollback()
        return sorted(rows, key=lambda row: row.published_at is None)

    def get(self, name: str) -> SpaceRow:
        """Return a space by name.

        Raises:
            CatalogueError: There is none of that name.
        """
        spaces = {space.name: space for space in self.all()}
        if name not in spaces:
            raise CatalogueError(f"There is no space {name!r}; {did_you_mean(name, spaces)}")
        return spaces[name]

    def mark(self, space_id: int) -> tuple[int | None, int] | None:
        """Return the generation of a space and how often images were removed; None without it.

        An open searcher asks this before every search, so it goes through a connection of its own,
        where nothing has to be begun or ended, and to the database's driver itself: a ninth of the
        time. What the driver cannot do is asked again through SQLAlchemy, which says why. After a
        failure the next one is asked through a new connection.
        """
        try:
            if self.watching is None:
                self.watching = self._watch()
            return self._looked_up(self.watching, space_id)
        except Exception:  # noqa: BLE001  whatever the driver raises
            if self.watching is not None:
                self.watching.invalidate()  # or the pool would hand it out again
            self.close()
            with self._session.get_bind().engine.connect() as connection:
                row = connection.execute(MARK, {"space_id": space_id}).first()
            return None if row is None else (row.generation, row.removals)

    def _watch(self) -> Connection:
        engine = self._session.get_bind().engine
        connection: Connection = engine.connect()
        if engine.dialect.name != "sqlite":  # its driver begins nothing by itself
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        return connection

    def _looked_up(self, watching: Connection, space_id: int) -> tuple[int | None, int] | None:
        cursor = watching.connection.cursor()
        try:
            cursor.execute(f"SELECT generation, removals FROM space WHERE id = {int(space_id)}")  # noqa: S608
            row = cursor.fetchone()
        finally:
            cursor.close()
        return None if row is None else (row[0], int(row[1]))

    def close(self) -> None:
        """Give back the connection that `mark` asks through."""
        watching, self.watching = self.watching, None
        if watching is not None:
            watching.close()

    def add(self, name: str, contract_sha256: str) -> SpaceRow:
        """Record a new space, still empty."""
        with changing(self._session):
            self._session.add(Space(name=name, contract_sha256=contract_sha256))
        return self.get(name)

    def add_within(self, name: str, contract_sha256: str) -> int | None:
        """Record a new space as a part of a change; return its id, or None where it is there."""
        if self._session.scalar(select(Space.id).where(Space.name == name)) is not None:
            return None
        made = Space(name=name, contract_sha256=contract_sha256)
        self._session.add(made)
        self._session.flush()
        return made.id

    def keep_faceless(self, space_id: int, *, keeps: bool) -> None:
        """Record whether a space takes in images in which no face was found."""
        with changing(self._session):
            self._session.get_one(Space, space_id).keeps_faceless = int(keeps)

    def left_out(self, image_ids: Sequence[int], reason: str) -> set[int]:
        """Return those of the images that any space left out, for a reason that begins so."""
        query = select(Placement.image_id).where(
            Placement.state == "skipped", Placement.reason.startswith(reason, autoescape=True)
        )
        found: set[int] = set()
        for part in parts(image_ids):
            found.update(self._session.scalars(query.where(Placement.image_id.in_(part))))
        self._session.rollback()
        return found

    def states(self, space_id: int, image_ids: Sequence[int]) -> dict[int, str]:
        """Return the states of images in a space; those pending are left out."""
        query = select(Placement.image_id, Placement.state).where(Placement.space_id == space_id)
        found: dict[int, str] = {}
        for part in parts(image_ids):
            rows = self._session.execute(query.where(Placement.image_id.in_(part)))
            found.update((image_id, state) for image_id, state in rows)
        self._session.rollback()
        return found

    def place(self, space_id: int, placed: Sequence[ImageState], shard: ShardRow | None) -> None:
        """Record what became of a batch of images, and the shard that holds their vectors.

        On a server an image may have been removed by hand while it was drawn: it stays removed.
        """
        number = shard.number if shard else None
        rows = [_placement(space_id, one, number) for one in placed]
        with changing(self._session):
            self._leave_removed(rows)
            for part in parts([one.image_id for one in placed]):
                self._session.execute(
                    delete(Placement).where(
                        Placement.space_id == space_id, Placement.image_id.in_(part)
                    )
                )
            if shard is not None:
                self._add_shard(space_id, shard)
            self._session.flush()
            insert_rows(self._session, Placement, rows, with_ids=False)

    def _leave_removed(self, rows: Sequence[dict[str, Any]]) -> None:
        if self._session.get_bind().dialect.name == "sqlite":
            return  # whose one writer looked before it drew
        gone: set[int] = set()
        for part in parts([row["image_id"] for row in rows]):
            by_hand = select(Image.id).where(Image.id.in_(part), Image.removed_at.is_not(None))
            gone.update(self._session.scalars(by_hand))
        for row in rows:
            if row["image_id"] in gone:
                row |= {"state": "removed", "reason": BY_HAND, "shard": None}

    def _add_shard(self, space_id: int, shard: ShardRow) -> None:
        self._session.add(
            Shard(
                space_id=space_id,
                number=shard.number,
                rows=shard.rows,
                embeddings_sha256=shard.embeddings_sha256,
                ids_sha256=shard.ids_sha256,
            )
        )
        space = self._session.get_one(Space, space_id)
        space.last_shard = max(space.last_shard, shard.number)

    def replace_shards(self, space_id: int, old: Sequence[int], new: ShardRow | None) -> None:
        """Record that one shard, or none, holds what some others held of indexed images."""
        number = new.number if new else None
        with changing(self._session):
            for part in parts(old):
                held = Placement.shard.in_(part) & (Placement.space_id == space_id)
                self._session.execute(update(Placement).where(held).values(shard=number))
                self._session.execute(
                    delete(Shard).where(Shard.space_id == space_id, Shard.number.in_(part))
                )
            if new is not None:
                self._add_shard(space_id, new)

    def place_removed(self, space_id: int, image_ids: Sequence[int]) -> None:
        """Record that images removed by hand are not in a space which had no state for them."""
        with changing(self._session):
            place_removed(self._session, space_id, image_ids)

    def cut_anew(self, space_id: int, image_ids: Sequence[int]) -> set[int]:
        """Return the indexed images that were cut out with other landmarks than are known now."""
        query = (
            select(Placement.image_id)
            .join(Image, Image.id == Placement.image_id)
            .where(
                Placement.space_id == space_id,
                Placement.state == "indexed",
                Placement.landmarks.is_distinct_from(Image.landmarks),
            )
        )
        found: set[int] = set()
        for part in parts(image_ids):
            found.update(self._session.scalars(query.where(Placement.image_id.in_(part))))
        self._session.rollback()
        return found

    def shard_rows(self, space_id: int) -> dict[int, int]:
        """Count the vectors of indexed images in each shard; shards of none are left out.

        Images are counted in an index alone; then those with two vectors, in one of these alone.
        """
        counted: Counter[int] = Counter()
        placed = (Placement.space_id == space_id) & Placement.shard.is_not(None)
        for which in (placed, placed & Placement.second_estimate.is_not(None)):
            query = select(Placement.shard, func.count()).where(which).group_by(Placement.shard)
            for number, count in self._session.execute(query):
                if number is not None:
                    counted[number] += int(count)
        self._session.rollback()
        return dict(counted)

    def held_by(self, space_id: int, number: int) -> NDArray[np.int64]:
        """Return the indexed images whose vectors a shard holds, rising."""
        query = (
            select(Placement.image_id)
            .where(Placement.space_id == space_id, Placement.shard == number)
            .order_by(Placement.image_id)
        )
        found = np.fromiter(self._session.scalars(query), np.int64)
        self._session.rollback()
        return found

    def doubled_in(self, space_id: int, number: int) -> NDArray[np.int64]:
        """Return the indexed images of which a shard holds two vectors, rising."""
        query = (
            select(Placement.image_id)
            .where(
                Placement.space_id == space_id,
                Placement.shard == number,
                Placement.second_estimate.is_not(None),
            )
            .order_by(Placement.image_id)
        )
        found = np.fromiter(self._session.scalars(query), np.int64)
        self._session.rollback()
        return found

    def doubled(self, space_id: int) -> NDArray[np.int64]:
        """Return the indexed images of which two vectors are kept, rising."""
        query = select(Placement.image_id).where(
            Placement.space_id == space_id,
            Placement.state == "indexed",
            Placement.second_estimate.is_not(None),
        )
        found = np.fromiter(self._session.scalars(query.order_by(Placement.image_id)), np.int64)
        self._session.rollback()
        return found

    def removed_since(self, space_id: int, generation: int) -> NDArray[np.int64]:
        """Return the images removed from a space since a generation was published, rising."""
        query = (
            select(Placement.image_id)
            .where(
                Placement.space_id == space_id,
                Placement.removed_in >= generation,
                Placement.state == "removed",
            )
            .order_by(Placement.image_id)
        )
        found = np.fromiter(self._session.scalars(query), np.int64)
        self._session.rollback()
        return found

    def shards(self, space_id: int) -> list[ShardRow]:
        """List the shards of a space, in order."""
        query = select(Shard).where(Shard.space_id == space_id).order_by(Shard.number)
        rows = [
            ShardRow(shard.number, shard.rows, shard.embeddings_sha256, shard.ids_sha256)
            for shard in self._session.scalars(query)
        ]
        self._session.rollback()
        return rows

    def forget_shard(self, space_id: int, number: int) -> list[int]:
        """Forget a shard that is lost; its images, which are returned, are pending again."""
        held = (Placement.space_id == space_id) & (Placement.shard == number)
        with changing(self._session):
            ids = list(self._session.scalars(select(Placement.image_id).where(held)))
            self._session.execute(delete(Placement).where(held))
            self._session.execute(
                delete(Shard).where(Shard.space_id == space_id, Shard.number == number)
            )
        return ids

    def forget_placements(self, space_id: int, image_ids: Sequence[int]) -> None:
        """Forget the states of images in a space: they are pending again."""
        with changing(self._session):
            for part in parts(image_ids):
                here = (Placement.space_id == space_id) & Placement.image_id.in_(part)
                self._session.execute(delete(Placement).where(here))

    def publish(self, space_id: int, generation: int) -> None:
        """Let a generation answer the queries of a space."""
        with changing(self._session):
            _publish(self._session.get_one(Space, space_id), generation)

    def publish_next(self, space_id: int) -> None:
        """Count a generation on, where what answers is not a generation of files."""
        with changing(self._session):
            space = self._session.get_one(Space, space_id, with_for_update=True)
            _publish(space, (space.generation or 0) + 1)

    def state_counts(self, space_id: int) -> dict[str, int]:
        """Count the images in each state of a space; all four states are named."""
        query = (
            select(Placement.state, func.count())
            .where(Placement.space_id == space_id)
            .group_by(Placement.state)
        )
        counted = {state: int(count) for state, count in self._session.execute(query)}
        self._session.rollback()
        placed = (
            select(func.count())
            .select_from(Placement)
            .join(Image, Image.id == Placement.image_id)
            .where(Placement.space_id == space_id, Image.removed_at.is_(None))
        )
        pending = self._images.count() - int(self._session.scalar(placed) or 0)
        self._session.rollback()
        known = {state: counted.get(state, 0) for state in ("indexed", "skipped", "removed")}
        return known | {"pending": pending}

    def errors_above(self, space_id: int, limit: float) -> tuple[int, int]:
        """Count the indexed images with an error above a limit, and all whose error is known.

        Args:
            space_id: Id of the space.
            limit: Mean squared error.
        """
        error = Placement.error
        indexed = (Placement.space_id == space_id) & (Placement.state == "indexed")
        found = [
            int(self._session.scalar(select(func.count()).where(indexed, which)) or 0)
            for which in (error > limit, error.is_not(None))  # each in an index alone
        ]
        self._session.rollback()
        return found[0], found[1]

    def placed_ids(self, space_id: int, state: str) -> list[int]:
        """List the images in one state of a space, by id."""
        query = select(Placement.image_id).where(
            Placement.space_id == space_id, Placement.state == state
        )
        ids = list(self._session.scalars(query.order_by(Placement.image_id)))
        self._session.rollback()
        return ids

    def skipped(self, space_id: int) -> list[tuple[str, str]]:
        """List the images that a space left out, at every place: path and reason."""
        query = select(Placement.image_id, Placement.reason).where(
            Placement.space_id == space_id, Placement.state == "skipped"
        )
        reasons = {image_id: reason or "" for image_id, reason in self._session.execute(query)}
        self._session.rollback()
        paths = self._images.paths_of(list(reasons))
        return sorted(
            (path, reason) for i, reason in reasons.items() for path in paths.get(i, [NOWHERE])
        )


def _space_row(space: Space) -> SpaceRow:
    return SpaceRow(
        space.id,
        space.name,
        space.contract_sha256,
        space.generation,
        space.published_at,
        space.last_shard,
        space.removals,
        bool(space.keeps_faceless),
    )


def _placement(space_id: int, one: ImageState, shard: int | None) -> dict[str, Any]:
    return {
        "space_id": space_id,
        "image_id": one.image_id,
        "state": one.state,
        "reason": one.reason,
        "shard": shard if one.state == "indexed" else None,
        "estimate": spell_condition(one.estimate),
        "second_estimate": spell_condition(one.second),
        "landmarks": spell_landmarks(one.landmarks),
        "error": one.error if one.state == "indexed" else None,
    }


def _publish(space: Space, generation: int) -> None:
    """Let a generation answer from now on."""
    space.generation = generation
    space.published_at = datetime.now(UTC).isoformat(timespec="microseconds")
