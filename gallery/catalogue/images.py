"""Questions and changes that concern files and images."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from gallery.attributes import Condition
from gallery.catalogue.parts import parts
from gallery.catalogue.records import ImageRow, Offer
from gallery.catalogue.tables import File, Identity, Image, Placement, Value

NOWHERE = "(no longer on file)"


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

    def register(self, offers: Sequence[Offer]) -> list[int | None]:
        """Record files, and the images that they hold.

        An image found before, here or elsewhere, is not recorded twice. Labels offered with the
        path it was first found at replace those known; an offer without labels changes none. An
        image whose only file now holds another one is removed from every space.

        Returns:
            The image of each offer, or None for files that could not be read.
        """
        with self._session.begin():
            images = self._images([offer.sha256 for offer in offers if offer.sha256])
            identities = self._identities([o.identity for o in offers if o.identity])
            files = self._files([offer.path for offer in offers])
            first_paths = self._first_paths(image.id for image in images.values())
            labels: dict[int, Offer] = {}
            registered: list[int | None] = []
            displaced: set[int] = set()
            for offer in offers:
                image = images[offer.sha256] if offer.sha256 else None
                if image and first_paths.setdefault(image.id, offer.path) == offer.path:
                    labels[image.id] = offer
                before = files[offer.path].image_id if offer.path in files else None
                if before is not None and (image is None or before != image.id):
                    displaced.add(before)
                self._record_file(offer, image, files)
                registered.append(image.id if image else None)
            said = {i: offer for i, offer in labels.items() if offer.identity or offer.condition}
            self._label({image.id: image for image in images.values()}, said, identities)
            self._retire(displaced)
        return registered

    def _retire(self, displaced: set[int]) -> None:
        self._session.flush()
        still = self._first_paths(displaced)
        for part in parts([image_id for image_id in displaced if image_id not in still]):
            self._session.execute(
                update(Placement)
                .where(Placement.image_id.in_(part))
                .values(state="removed", reason="its file now holds another image", shard=None)
            )

    def _label(
        self, images: dict[int, Image], labels: dict[int, Offer], identities: dict[str, Identity]
    ) -> None:
        """Write down labels, where they differ from those known."""
        known: dict[int, dict[str, str]] = defaultdict(dict)
        values = select(Value.image_id, Value.attribute, Value.value)
        for part in parts(list(labels)):
            for image_id, name, value in self._session.execute(
                values.where(Value.image_id.in_(part))
            ):
                known[image_id][name] = value
        changed = [i for i, offer in labels.items() if known[i] != dict(offer.condition)]
        for part in parts(changed):
            self._session.execute(delete(Value).where(Value.image_id.in_(part)))
        for image_id in changed:
            for name, value in labels[image_id].condition.items():
                self._session.add(Value(image_id=image_id, attribute=name, value=value))
        for image_id, offer in labels.items():
            who = identities[offer.identity].id if offer.identity else None
            images[image_id].identity_id = who

    def _record_file(self, offer: Offer, image: Image | None, files: dict[str, File]) -> None:
        if offer.path not in files:
            files[offer.path] = File(path=offer.path)
            self._session.add(files[offer.path])
        file = files[offer.path]
        file.image_id = image.id if image else None
        file.reason = offer.reason
        file.size_bytes, file.mtime_ns = offer.size_bytes, offer.mtime_ns

    def forget(self, paths: Sequence[str]) -> None:
        """Forget places that no longer hold what they held; their images stay."""
        with self._session.begin():
            for part in parts(paths):
                self._session.execute(delete(File).where(File.path.in_(part)))

    def at(self, path: str) -> int | None:
        """Return the image that was found at a path, or None of a path that is not known."""
        found: int | None = self._session.scalar(select(File.image_id).where(File.path == path))
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

    def count(self) -> int:
        """Count the images of the collection."""
        count = self._session.scalar(select(func.count(Image.id))) or 0
        self._session.rollback()
        return count

    def rows(self, space_id: int, image_ids: Sequence[int]) -> dict[int, ImageRow]:
        """Return images by id, with their estimates in a space."""
        paths = self.paths_of(image_ids)
        conditions: dict[int, dict[str, str]] = defaultdict(dict)
        people: dict[int, str | None] = {}
        estimates: dict[int, Condition] = {}
        for part in parts(image_ids):
            values = select(Value.image_id, Value.attribute, Value.value)
            for image_id, attribute, value in self._session.execute(
                values.where(Value.image_id.in_(part))
            ):
                conditions[image_id][attribute] = value
            who = select(Image.id, Identity.label).outerjoin(Identity)
            people.update((i, w) for i, w in self._session.execute(who.where(Image.id.in_(part))))
            estimate = select(Placement.image_id, Placement.estimate).where(
                Placement.space_id == space_id, Placement.image_id.in_(part)
            )
            for image_id, text in self._session.execute(estimate):
                estimates[image_id] = Condition(json.loads(text)) if text else Condition()
        self._session.rollback()
        return {
            i: ImageRow(
                id=i,
                path=paths.get(i, [NOWHERE])[0],
                identity=people[i],
                condition=Condition(conditions[i]),
                estimate=estimates.get(i, Condition()),
            )
            for i in image_ids
            if i in people
        }

    def _images(self, digests: Sequence[str]) -> dict[str, Image]:
        found: dict[str, Image] = {}
        for part in parts(digests):
            for image in self._session.scalars(select(Image).where(Image.sha256.in_(part))):
                found[image.sha256] = image
        for digest in dict.fromkeys(digests):
            if digest not in found:
                found[digest] = Image(sha256=digest)
                self._session.add(found[digest])
        self._session.flush()
        return found

    def _identities(self, labels: Sequence[str]) -> dict[str, Identity]:
        found: dict[str, Identity] = {}
        for part in parts(labels):
            for who in self._session.scalars(select(Identity).where(Identity.label.in_(part))):
                found[who.label] = who
        for label in dict.fromkeys(labels):
            if label not in found:
                found[label] = Identity(label=label)
                self._session.add(found[label])
        self._session.flush()
        return found

    def _files(self, paths: Sequence[str]) -> dict[str, File]:
        found: dict[str, File] = {}
        for part in parts(paths):
            for file in self._session.scalars(select(File).where(File.path.in_(part))):
                found[file.path] = file
        return found

    def _first_paths(self, image_ids: Iterable[int]) -> dict[int, str]:
        first: dict[int, str] = {}
        query = select(File.image_id, File.path).order_by(File.id)
        for part in parts(list(image_ids)):
            for image_id, path in self._session.execute(query.where(File.image_id.in_(part))):
                if image_id is not None:
                    first.setdefault(image_id, path)
        return first
