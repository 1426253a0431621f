"""Images whose files, equal byte for byte, are labelled as different people."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from gallery.catalogue.registering import labelling_paths
from gallery.catalogue.tables import File, Identity, Image
from gallery.spelling import composed


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A file whose label does not count, since an equal file with a label was found first.

    Attributes:
        image_id: The image that both hold.
        path: Path of the file.
        identity: Whom its label names.
        first: Path of the equal file whose labels count.
        counts: Whom those name, or None.
    """

    image_id: int
    path: str
    identity: str
    first: str
    counts: str | None

    def __str__(self) -> str:
        """Say it as a line."""
        who = "nobody" if self.counts is None else self.counts
        return f"{self.path} ({self.identity}) is equal to {self.first} ({who}), whose label counts"


def contradictions(session: Session) -> list[Contradiction]:
    """List them by path; images removed by hand are left out."""
    rows = session.execute(_query()).all()
    first = labelling_paths(session, {row.image_id for row in rows})
    return [
        Contradiction(row.image_id, row.path, row.identity, first[row.image_id], row.label)
        for row in rows
        if row.path != first[row.image_id]
    ]


def labelled(session: Session, label: str) -> list[int]:
    """Return the images of which a file is labelled as a person, rising."""
    query = select(File.image_id).join(Image, File.image_id == Image.id)
    query = query.where(File.identity == composed(label), Image.labelled_at.is_(None))
    return sorted({image_id for image_id in session.scalars(query) if image_id is not None})


def among(found: Sequence[Contradiction], image_ids: Sequence[int]) -> list[Contradiction]:
    """Return those that are about some images."""
    wanted = set(image_ids)
    return [one for one in found if one.image_id in wanted]


def _query() -> Select[int | None, str, str | None, str]:
    differs = File.identity != func.coalesce(Identity.composed, "")
    return (
        select(File.image_id, File.path, File.identity, Identity.label)
        .join(Image, File.image_id == Image.id)
        .outerjoin(Identity, Image.identity_id == Identity.id)
        .where(File.identity.is_not(None), differs, Image.removed_at.is_(None))
        .where(Image.labelled_at.is_(None))
        .order_by(File.path)
    )
