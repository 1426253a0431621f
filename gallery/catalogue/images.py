"""Questions and changes that concern files and images."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from gallery.align import Landmarks
from gallery.attributes import Condition
from gallery.catalogue import removal
from gallery.catalogue.changing import changing
from gallery.catalogue.contradictions import Contradiction, contradictions, labelled
from gallery.catalogue.distinct import distinct
from gallery.catalogue.filters import images_where
from gallery.catalogue.json_values import read_condition, read_landmarks
from gallery.catalogue.labelling import LabelChange, set_labels
from gallery.catalogue.parts import parts
from gallery.catalogue.records import FileRecord, ImageRow
from gallery.catalogue.registering import register
from gallery.catalogue.tables import File, Identity, Image, Placement, Value
from gallery.catalogue.where import Expression, parse
from gallery.spelling import spellings

NOWHERE = "(no longer on file)"
NOT_PLACED: tuple[Condition, Condition | None] = (Condition(), None)


class Images:
    """The images of a collection, and where they were found."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def known(self, paths: Sequence[str]) -> dict[str, tuple[str, int, int]]:
        """Return SHA-256, size and time of modification of files that were read before."""
        query = select(File.path, Image.sha256, File.size_bytes, File.mtime_ns).join(
            Image, File.image_id == Image.id
        )
        found: dict[str, tuple[str, int, int]] = {}
        for part in parts(paths):
            for path, sha256, size, mtime in self._session.execute(
                query.where(File.path.in_(part))
            ):
                if size is not None and mtime is not None:
                    found[path] = (sha256, size, mtime)
        self._session.rollback()
        return found

    def register(self, offers: Sequence[FileRecord]) -> list[int | None]:
        """Record files, and the images that they hold.

        An image found before, here or elsewhere, is not recorded twice. Labels offered with the
        path it was first found at replace those known; an offer without labels changes none, nor
        does one without landmarks change landmarks. An image whose only file now holds another one
        is removed from every space.

        Returns:
            The image of each offer, or None for files that could not be read.
        """
        with changing(self._session):
            return register(self._session, offers)

    def remove(self, image_ids: Sequence[int]) -> list[int]:
        """Remove images by hand from every space; return those that were there to be removed.

        Open searchers leave them out from their next query on. `purge` forgets the rest.
        """
        with changing(self._session):
            return removal.remove(self._session, image_ids)

    def label(self, image_ids: Sequence[int], change: LabelChange) -> list[int]:
        """Set labels of images by hand; return those that were there.

        What their files say no longer counts, also when these are read again.
        """
        with changing(self._session):
            return set_labels(self._session, image_ids, change)

    def restore(self, image_ids: Sequence[int]) -> None:
        """Let images that were removed by hand be indexed again."""
        with changing(self._session):
            removal.restore(self._session, image_ids)

    def purge(self) -> int:
        """Forget all but the SHA-256 of images removed by hand; return how many those are."""
        with changing(self._session):
            return removal.purge(self._session)

    def forget(self, paths: Sequence[str]) -> None:
        """Forget places that no longer hold what they held; their images stay."""
        with changing(self._session):
            for part in parts(paths):
                self._session.execute(delete(File).where(File.path.in_(part)))

    def at(self, path: str) -> int | None:
        """Return the image that was found at a path, or None of a path that is not known.

        The path may be composed otherwise than on disk (gallery/spelling.py).
        """
        found: int | None = None
        for spelling in spellings(path):
            query = select(File.image_id).where(File.path == spelling)
            found = self._session.scalar(query) if found is None else found
        self._session.rollback()
        return found

    def holding(self, contents: Sequence[str]) -> dict[str, int]:
        """Return the images whose bytes have these SHA-256, by SHA-256; others are left out."""
        found: dict[str, int] = {}
        for part in parts(contents):
            query = select(Image.sha256, Image.id).where(Image.sha256.in_(part))
            found.update((sha256, image_id) for sha256, image_id in self._session.execute(query))
        self._session.rollback()
        return found

    def matching(
        self,
        where: str | Expression,
        space_id: int | None = None,
        *,
        removed: bool = True,
        one_each: bool = False,
    ) -> NDArray[np.int64]:
        """Return the images of which an expression is true, rising.

        Args:
            where: In the language of gallery/catalogue/where.py, or read from it.
            space_id: Whose estimates and states are meant.
            removed: Whether images removed by hand, or from this space, are among them.
            one_each: Of each person the first image alone; those that nobody named are all kept.

        Raises:
            ConfigError: It is no such expression, or names what the catalogue does not know.
        """
        try:
            asked = parse(where) if isinstance(where, str) else where
            query = images_where(self._session, asked, space_id)
            if not removed:
                query = query.where(Image.removed_at.is_(None), Image.id.not_in(_gone(space_id)))
            query = _first_of_each(query) if one_each else query.order_by(Image.id)
            found = np.fromiter(self._session.scalars(query), np.int64)
        finally:
            self._session.rollback()
        return found

    def matching_query(self, where: str, space_id: int | None) -> Select[Any]:
        """Return the query for the ids of the images of which an expression is true.

        For whoever asks the same database in a statement of its own; see `matching`.
        """
        try:
            return images_where(self._session, parse(where), space_id)
        finally:
            self._session.rollback()

    def values(self, attribute: str | None) -> list[str]:
        """List the different values of an attribute, in order; of None the names of people."""
        if attribute is None:
            found = distinct(self._session, Identity.composed)
        else:
            found = distinct(self._session, Value.value, Value.attribute == attribute)
        self._session.rollback()
        return found

    def estimated(self, space_id: int) -> dict[str, list[str]]:
        """List the different values in which a space redrew images, in order, by attribute."""
        here = Placement.space_id == space_id
        texts = distinct(self._session, Placement.estimate, here)
        self._session.rollback()
        found: dict[str, set[str]] = defaultdict(set)
        for text in texts:
            for name, value in read_condition(text).items():
                found[name].add(value)
        return {name: sorted(values) for name, values in found.items()}

    def removed_by_hand(self, image_ids: Sequence[int]) -> set[int]:
        """Return those of the images that were removed by hand."""
        found: set[int] = set()
        for part in parts(image_ids):
            gone = select(Image.id).where(Image.id.in_(part), Image.removed_at.is_not(None))
            found.update(self._session.scalars(gone))
        self._session.rollback()
        return found

    def landmarks(self, image_ids: Sequence[int]) -> dict[int, Landmarks]:
        """Return where the faces are, of the images of which that is known."""
        found: dict[int, Landmarks] = {}
        query = select(Image.id, Image.landmarks).where(Image.landmarks.is_not(None))
        for part in parts(image_ids):
            for image_id, text in self._session.execute(query.where(Image.id.in_(part))):
                if (landmarks := read_landmarks(text)) is not None:
                    found[image_id] = landmarks
        self._session.rollback()
        return found

    def has_landmarks(self) -> bool:
        """Say whether it is known of any image where the face is."""
        query = select(Image.id).where(Image.landmarks.is_not(None)).limit(1)
        found = self._session.scalar(query) is not None
        self._session.rollback()
        return found

    def below(self, path: str) -> list[int]:
        """Return the images found at a path, or below a folder of that path, rising."""
        found: set[int] = set()
        for spelling in spellings(path):
            folder = spelling.rstrip("/") + "/"
            inside = (File.path >= folder) & (File.path < folder[:-1] + "0")  # "0" follows "/"
            query = select(File.image_id).where((File.path == spelling) | inside)
            found.update(i for i in self._session.scalars(query) if i is not None)
        self._session.rollback()
        return sorted(found)

    def files(self) -> list[tuple[int, str, bool]]:
        """List every place of an image: image, path, whether it is a file of its own."""
        query = select(File.image_id, File.path, File.size_bytes).order_by(File.id)
        rows = self._session.execute(query.where(File.image_id.is_not(None)))
        found = [(i, path, size is not None) for i, path, size in rows if i is not None]
        self._session.rollback()
        return found

    def paths_of(self, image_ids: Sequence[int]) -> dict[int, list[str]]:
        """Return every place at which each image was found, the first one first."""
        paths: dict[int, list[str]] = defaultdict(list)
        query = select(File.image_id, File.path).order_by(File.id)
        for part in parts(image_ids):
            for image_id, path in self._session.execute(query.where(File.image_id.in_(part))):
                if image_id is not None:
                    paths[image_id].append(path)
        self._session.rollback()
        return dict(paths)

    def unreadable(self) -> list[tuple[str, str]]:
        """List files that could not be read: path and reason."""
        query = select(File.path, File.reason).where(File.reason.is_not(None)).order_by(File.path)
        rows = [(path, reason or "") for path, reason in self._session.execute(query)]
        self._session.rollback()
        return rows

    def edited(self) -> list[str]:
        """List files whose landmarks were written by hand and first used with other bytes."""
        query = select(File.path).join(Image, File.image_id == Image.id).order_by(File.id)
        changed = query.where(File.marked_sha256.is_not(None), File.marked_sha256 != Image.sha256)
        found = list(self._session.scalars(changed))
        self._session.rollback()
        return found

    def duplicates(self) -> list[tuple[str, str]]:
        """List files whose image was found before: path, and path of the first."""
        first = (
            select(File.image_id, func.min(File.id).label("first"))
            .where(File.image_id.is_not(None))
            .group_by(File.image_id)
            .subquery()
        )
        query = (
            select(File.path, File.image_id)
            .join(first, File.image_id == first.c.image_id)
            .where(File.id != first.c.first)
            .order_by(File.path)
        )
        rows = [(path, image_id) for path, image_id in self._session.execute(query) if image_id]
        self._session.rollback()
        paths = self.paths_of(sorted({image_id for _, image_id in rows}))
        return [(path, paths[image_id][0]) for path, image_id in rows]

    def contradictions(self) -> list[Contradiction]:
        """List files whose labels name somebody else than those of an equal file found first."""
        found = contradictions(self._session)
        self._session.rollback()
        return found

    def labelled(self, label: str) -> list[int]:
        """Return the images of which any file is labelled as a person, rising."""
        found = labelled(self._session, label)
        self._session.rollback()
        return found

    def labels(self, most: int) -> dict[str, Any]:
        """List the labels of images that were not removed: "identities", and "attributes"' values.

        Args:
            most: At most so many people, and values of each attribute, in their order.
        """
        here = Image.removed_at.is_(None)
        people = select(Identity.label).join(Image).where(here).distinct().order_by(Identity.label)
        found = list(self._session.scalars(people.limit(most)))
        names = list(self._session.scalars(select(Value.attribute).distinct()))
        values = {}
        for name in sorted(names):
            query = select(Value.value, Value.number).join(Image, Image.id == Value.image_id)
            rows = self._session.execute(
                query.where(here, Value.attribute == name)
                .distinct()
                .order_by(Value.number, Value.value)
                .limit(most)
            )
            values[name] = [value for value, _ in rows]
        self._session.rollback()
        return {"identities": found, "attributes": {n: v for n, v in values.items() if v}}

    def count(self) -> int:
        """Count the images of the collection, but those removed by hand."""
        query = select(func.count(Image.id)).where(Image.removed_at.is_(None))
        count = self._session.scalar(query) or 0
        self._session.rollback()
        return count

    def rows(self, space_id: int, image_ids: Sequence[int]) -> dict[int, ImageRow]:
        """Return images by id, with their estimates in a space."""
        paths = self.paths_of(image_ids)
        conditions: dict[int, dict[str, str]] = defaultdict(dict)
        people: dict[int, tuple[str | None, str, Landmarks | None]] = {}
        estimates: dict[int, tuple[Condition, Condition | None]] = {}
        for part in parts(image_ids):
            values = select(Value.image_id, Value.attribute, Value.value)
            for image_id, attribute, value in self._session.execute(
                values.where(Value.image_id.in_(part))
            ):
                conditions[image_id][attribute] = value
            who = select(Image.id, Image.sha256, Image.landmarks, Identity.label)
            for row in self._session.execute(who.outerjoin(Identity).where(Image.id.in_(part))):
                people[row.id] = (row.label, row.sha256, read_landmarks(row.landmarks))
            estimate = select(
                Placement.image_id, Placement.estimate, Placement.second_estimate
            ).where(Placement.space_id == space_id, Placement.image_id.in_(part))
            for image_id, text, second in self._session.execute(estimate):
                estimates[image_id] = (
                    read_condition(text) if text else Condition(),
                    read_condition(second) if second else None,
                )
        self._session.rollback()
        return {
            i: ImageRow(
                id=i,
                path=paths.get(i, [NOWHERE])[0],
                identity=people[i][0],
                condition=Condition(conditions[i]),
                estimate=estimates.get(i, NOT_PLACED)[0],
                sha256=people[i][1],
                landmarks=people[i][2],
                second=estimates.get(i, NOT_PLACED)[1],
            )
            for i in image_ids
            if i in people
        }


def _first_of_each(query: Select[Any]) -> Select[Any]:
    """Return the query for the first image of each person, and each that nobody named, rising."""
    first = func.min(Image.id)
    who = func.coalesce(Image.identity_id, -Image.id)
    return select(first).where(Image.id.in_(query)).group_by(who).order_by(first)


def _gone(space_id: int | None) -> Select[Any]:
    """Return the query for the images that were removed from a space."""
    return select(Placement.image_id).where(
        Placement.space_id == space_id, Placement.state == "removed"
    )
