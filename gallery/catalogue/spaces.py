"""Questions and changes that concern embedding spaces."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from gallery.catalogue.images import NOWHERE, Images
from gallery.catalogue.parts import parts
from gallery.catalogue.records import Placed, ShardRow, SpaceRow
from gallery.catalogue.tables import Placement, Shard, Space
from gallery.errors import CatalogueError, did_you_mean


class Spaces:
    """The embedding spaces of a collection, and the state of every image in them."""

    def __init__(self, session: Session, images: Images) -> None:
        self._session = session
        self._images = images

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

    def add(self, name: str, contract_sha256: str) -> SpaceRow:
        """Record a new space, still empty."""
        with self._session.begin():
            self._session.add(Space(name=name, contract_sha256=contract_sha256))
        return self.get(name)

    def states(self, space_id: int, image_ids: Sequence[int]) -> dict[int, str]:
        """Return the states of images in a space; those pending are left out."""
        query = select(Placement.image_id, Placement.state).where(Placement.space_id == space_id)
        found: dict[int, str] = {}
        for part in parts(image_ids):
            rows = self._session.execute(query.where(Placement.image_id.in_(part)))
            found.update((image_id, state) for image_id, state in rows)
        self._session.rollback()
        return found

    def place(self, space_id: int, placed: Sequence[Placed], shard: ShardRow | None) -> None:
        """Record what became of a batch of images, and the shard that holds their vectors."""
        with self._session.begin():
            for part in parts([one.image_id for one in placed]):
                self._session.execute(
                    delete(Placement).where(
                        Placement.space_id == space_id, Placement.image_id.in_(part)
                    )
                )
            if shard is not None:
                self._session.add(
                    Shard(
                        space_id=space_id,
                        number=shard.number,
                        rows=shard.rows,
                        embeddings_sha256=shard.embeddings_sha256,
                        ids_sha256=shard.ids_sha256,
                    )
                )
            for one in placed:
                self._session.add(
                    Placement(
                        space_id=space_id,
                        image_id=one.image_id,
                        state=one.state,
                        reason=one.reason,
                        shard=shard.number if shard and one.state == "indexed" else None,
                        estimate=json.dumps(dict(one.estimate)) if one.estimate else None,
                    )
                )

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
        with self._session.begin():
            ids = list(self._session.scalars(select(Placement.image_id).where(held)))
            self._session.execute(delete(Placement).where(held))
            self._session.execute(
                delete(Shard).where(Shard.space_id == space_id, Shard.number == number)
            )
        return ids

    def publish(self, space_id: int, generation: int) -> None:
        """Let a generation answer the queries of a space."""
        with self._session.begin():
            space = self._session.get_one(Space, space_id)
            space.generation = generation
            space.published_at = datetime.now(UTC).isoformat(timespec="microseconds")

    def state_counts(self, space_id: int) -> dict[str, int]:
        """Count the images in each state of a space; all four states are named."""
        query = (
            select(Placement.state, func.count())
            .where(Placement.space_id == space_id)
            .group_by(Placement.state)
        )
        counted = {state: int(count) for state, count in self._session.execute(query)}
        self._session.rollback()
        pending = self._images.count() - sum(counted.values())
        known = {state: counted.get(state, 0) for state in ("indexed", "skipped", "removed")}
        return known | {"pending": pending}

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
        space.id, space.name, space.contract_sha256, space.generation, space.published_at
    )
