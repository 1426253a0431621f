"""Removing images: from every answer at once, from the catalogue when it is compacted.

What was removed by hand is remembered by the SHA-256 of its bytes alone: no build takes it in again
unless it is restored.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from gallery.catalogue.parts import parts
from gallery.catalogue.tables import File, Identity, Image, Placement, Space, Value

BY_HAND = "removed by hand"
RESTORED = "restored; the next build indexes it"


def remove(session: Session, image_ids: Sequence[int]) -> list[int]:
    """Remove images by hand from every space.

    Returns:
        Those that were there to be removed.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    removed: list[int] = []
    for part in parts(image_ids):
        here = Image.id.in_(part) & Image.removed_at.is_(None)
        removed += session.scalars(select(Image.id).where(here).order_by(Image.id))
        session.execute(update(Image).where(here).values(removed_at=now))
    leave_spaces(session, removed, BY_HAND)
    return removed


def leave_spaces(session: Session, image_ids: Sequence[int], reason: str) -> None:
    """Mark images as removed in every space that has a state for them."""
    if not image_ids:
        return
    for space in session.scalars(select(Space)):
        gone = 0
        for part in parts(image_ids):
            done = session.execute(
                update(Placement)
                .where(Placement.space_id == space.id, Placement.image_id.in_(part))
                .values(
                    state="removed", reason=reason, shard=None, removed_in=space.generation or 0
                )
            )
            gone += done.rowcount  # type: ignore[attr-defined]  # an UPDATE has it
        if gone:
            space.removals += 1


def restore(session: Session, image_ids: Sequence[int]) -> None:
    """Let images that were removed by hand be indexed again, by the next build of each space."""
    for part in parts(image_ids):
        by_hand = Image.id.in_(part) & Image.removed_at.is_not(None)
        back = list(session.scalars(select(Image.id).where(by_hand)))
        session.execute(update(Image).where(by_hand).values(removed_at=None))
        was_removed = Placement.image_id.in_(back) & (Placement.reason == BY_HAND)
        session.execute(update(Placement).where(was_removed).values(reason=RESTORED))


def purge(session: Session) -> int:
    """Forget all but the SHA-256 of images removed by hand: places, labels, names nobody has.

    Returns:
        How many such images there are.
    """
    gone = list(session.scalars(select(Image.id).where(Image.removed_at.is_not(None))))
    for part in parts(gone):
        session.execute(delete(File).where(File.image_id.in_(part)))
        session.execute(delete(Value).where(Value.image_id.in_(part)))
        forgotten = {"estimate": None, "second_estimate": None, "error": None}
        session.execute(update(Placement).where(Placement.image_id.in_(part)).values(forgotten))
        session.execute(
            update(Image)
            .where(Image.id.in_(part))
            .values(identity_id=None, landmarks=None, labelled_at=None)
        )
    named = select(Image.identity_id).where(Image.identity_id.is_not(None))
    session.execute(delete(Identity).where(Identity.id.not_in(named)))
    return len(gone)


def place_removed(session: Session, space_id: int, image_ids: Sequence[int]) -> None:
    """Record images removed by hand as removed in a space that had no state for them."""
    rows = [
        {"space_id": space_id, "image_id": i, "state": "removed", "reason": BY_HAND}
        for i in dict.fromkeys(image_ids)
    ]
    if rows:
        session.execute(insert(Placement), rows)
