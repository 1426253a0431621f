"""Labels that are set by hand, of many images at once. What files say of them no longer counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from gallery.attributes import as_number
from gallery.catalogue.inserting import insert_rows
from gallery.catalogue.parts import parts
from gallery.catalogue.registering import identities_of
from gallery.catalogue.tables import Image, Value
from gallery.errors import ConfigError

LONGEST = 255  # letters of a label
LONGEST_NAME = 64
RESERVED = {"id", "identity", "path", "sha256", "size_bytes", "mtime_ns", "state"}  # of filters


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelChange:
    """What is to be changed.

    Attributes:
        identity: Whose face they show; "" takes the label away; None leaves it.
        values: Values by attribute; None takes a label away.
    """

    identity: str | None = None
    values: Mapping[str, str | None]

    def __post_init__(self) -> None:
        """Refuse what no label can be.

        Raises:
            ConfigError: Nothing is said, or a label is empty or too long.
        """
        if self.identity is None and not self.values:
            raise ConfigError("No label is given; say whose face it is, or a value")
        if self.identity is not None:
            _require("identity", self.identity, empty=True)
        for name, value in self.values.items():
            if name in RESERVED or not name.strip() or len(name) > LONGEST_NAME or "=" in name:
                raise ConfigError(f"{name!r:.80} cannot be the name of an attribute")
            if value is not None:
                _require(name, value, empty=False)


def _require(name: str, label: str, *, empty: bool) -> None:
    spelt = label.strip() == label and label.isprintable() and (empty or label)
    if len(label) > LONGEST or not spelt:
        raise ConfigError(
            f"{label!r:.80} cannot be a label of {name}: 1 to {LONGEST} printable letters,"
            " without spaces around them"
        )


def set_labels(session: Session, image_ids: Sequence[int], change: LabelChange) -> list[int]:
    """Set labels of images by hand.

    Returns:
        Those that were there: images that were removed are not.
    """
    found: list[int] = []
    for part in parts(sorted(set(image_ids))):
        here = Image.id.in_(part) & Image.removed_at.is_(None)
        found += session.scalars(select(Image.id).where(here).order_by(Image.id))
    fields: dict[str, Any] = {"labelled_at": datetime.now(UTC).isoformat(timespec="seconds")}
    if change.identity is not None:
        known = identities_of(session, [change.identity] if change.identity else [])
        fields["identity_id"] = known.get(change.identity)
    for part in parts(found):
        session.execute(update(Image).where(Image.id.in_(part)).values(fields))
        named = Value.image_id.in_(part) & Value.attribute.in_(list(change.values))
        session.execute(delete(Value).where(named))
    rows = [
        {"image_id": i, "attribute": name, "value": value, "number": as_number(value)}
        for i in found
        for name, value in change.values.items()
        if value is not None
    ]
    insert_rows(session, Value, rows, with_ids=False)
    return found
