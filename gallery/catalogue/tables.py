"""Tables of the catalogue.

An image is known by the SHA-256 of its bytes; a file is a place where such bytes were found. In a
space an image without a row of its own is pending.
"""

from typing import ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from gallery.catalogue.columns import LongWords, Number, Whole, Words

# Constraints carry names so that a migration can drop them on any database.
NAMING = {
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
}

LONG = BigInteger().with_variant(Whole(), "sqlite")  # where every integer is as long as it must be
PLAIN = LongWords().with_variant(
    Text(collation="C"), "postgresql"
)  # in the order of its code points
PATH = LongWords(needed=True).with_variant(Text(collation="C"), "postgresql")
NAME = Words(255).with_variant(String(255, collation="C"), "postgresql")
DOUBLED = text("second_estimate IS NOT NULL")  # few rows, where any are
CUT = text("landmarks IS NOT NULL")
REVISION = "0009"  # the newest of migrations/versions


class Table(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar = {int: Whole, float: Number}


class Identity(Table):
    """A person. The same label means the same person, whichever SPEC it came from.

    Attributes:
        label: As it was first given.
        composed: Its form to compare by (Unicode's NFC); older catalogues may have it twice.
    """

    __tablename__ = "identity"

    id: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(NAME, unique=True)
    composed: Mapped[str] = mapped_column(NAME, index=True, server_default="")


class Image(Table):
    """One image; its id is also its id in every index.

    Attributes:
        removed_at: When it was removed by hand, ISO 8601 in UTC, or null. No space takes it in
            again unless it is restored.
        landmarks: Where the face is: eyes' x and y, chin's x and y as a JSON list, or null.
        labelled_at: When its labels were set by hand, ISO 8601 in UTC, or null: then those of its
            files count.
    """

    __tablename__ = "image"
    __table_args__ = (Index("ix_image_cut", "id", sqlite_where=CUT),)

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(Words(64, needed=True), unique=True)
    identity_id: Mapped[int | None] = mapped_column(ForeignKey("identity.id"), index=True)
    removed_at: Mapped[str | None] = mapped_column(Words(32))
    landmarks: Mapped[str | None] = mapped_column(LongWords)
    labelled_at: Mapped[str | None] = mapped_column(Words(32))


class Value(Table):
    """What is known of an image's condition: one row for each attribute.

    Attributes:
        number: That the value spells, or null.
    """

    __tablename__ = "value"
    __table_args__ = (
        Index("ix_value_attribute_value", "attribute", "value", "image_id"),
        Index("ix_value_attribute_number", "attribute", "number", "image_id"),
    )

    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"), primary_key=True)
    attribute: Mapped[str] = mapped_column(
        Words(64).with_variant(String(64, collation="C"), "postgresql"),
        primary_key=True,
    )
    value: Mapped[str] = mapped_column(NAME)
    number: Mapped[float | None]


class File(Table):
    """A place where an image was found, or a file that could not be read.

    Attributes:
        path: Absolute; of an image inside a drawn set, the set's folder and the image's name.
        image_id: What it holds, or null if it could not be read.
        reason: Why it could not be read, or null.
        size_bytes: Its size when it was last read; this and mtime_ns tell whether it must be read
            again.
        mtime_ns: When it had last been changed, when it was last read.
        landmarks: Written by hand for this file, as in `Image`, or null.
        marked_sha256: SHA-256 of the bytes with which these were first used.
        identity: Whom the labels of this file name, composed, or null; `Image` has whom those of
            the first of its files do.
    """

    __tablename__ = "file"

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(PATH, unique=True)
    image_id: Mapped[int | None] = mapped_column(ForeignKey("image.id"), index=True)
    reason: Mapped[str | None] = mapped_column(LongWords)
    size_bytes: Mapped[int | None] = mapped_column(LONG)
    mtime_ns: Mapped[int | None] = mapped_column(LONG)
    landmarks: Mapped[str | None] = mapped_column(Text)
    marked_sha256: Mapped[str | None] = mapped_column(String(64))
    identity: Mapped[str | None] = mapped_column(NAME)


class Space(Table):
    """An embedding space: what one set of weights made of the images.

    Attributes:
        contract_sha256: Digest of its index contract.
        generation: The generation of its index that answers queries, or null before the first.
        published_at: When that was, ISO 8601 in UTC.
        last_shard: Highest number that a shard ever had.
        removals: How often images were removed from it; tells an open searcher to look again.
        keeps_faceless: 1 if it takes in images in which no face was found, else 0.
    """

    __tablename__ = "space"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Words(64, needed=True), unique=True)
    contract_sha256: Mapped[str] = mapped_column(Words(64, needed=True))
    generation: Mapped[int | None]
    published_at: Mapped[str | None] = mapped_column(Words(32))
    last_shard: Mapped[int] = mapped_column(Whole(needed=True), server_default="0")
    removals: Mapped[int] = mapped_column(Whole(needed=True), server_default="0")
    keeps_faceless: Mapped[int] = mapped_column(Whole(needed=True), server_default="0")


class Placement(Table):
    """The state of an image in a space.

    Attributes:
        state: indexed, skipped or removed; an image without a row is pending.
        reason: Why it was skipped or removed.
        shard: Number of the shard that holds its vectors, if indexed.
        estimate: The condition of its canonical view, as a JSON object, if indexed.
        second_estimate: The condition of its second canonical view, likewise, or null. An image
            with one has two vectors in its shard.
        removed_in: The generation that answered queries when it was removed, if it was.
        landmarks: With which it was cut out, as in `Image`.
        error: Mean squared distance of its canonical view to it, squared grey levels; null of
            images that were indexed before this was kept.
    """

    __tablename__ = "placement"
    __table_args__ = (
        CheckConstraint("state IN ('indexed', 'skipped', 'removed')", name="known_state"),
        Index("ix_placement_space_id_shard", "space_id", "shard"),
        Index("ix_placement_space_id_removed_in", "space_id", "removed_in"),
        Index("ix_placement_space_id_estimate", "space_id", "estimate"),
        Index("ix_placement_error", "space_id", "state", "error"),
        Index(
            "ix_placement_doubled",
            *("space_id", "shard", "image_id"),
            sqlite_where=DOUBLED,
        ),
    )

    space_id: Mapped[int] = mapped_column(ForeignKey("space.id"), primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"), primary_key=True, index=True)
    state: Mapped[str] = mapped_column(Words(8, needed=True))
    reason: Mapped[str | None] = mapped_column(LongWords)
    shard: Mapped[int | None]
    estimate: Mapped[str | None] = mapped_column(PLAIN)
    removed_in: Mapped[int | None]
    landmarks: Mapped[str | None] = mapped_column(LongWords)
    error: Mapped[float | None]
    second_estimate: Mapped[str | None] = mapped_column(LongWords)


class Shard(Table):
    """A file of embeddings that belongs to a space."""

    __tablename__ = "shard"

    space_id: Mapped[int] = mapped_column(ForeignKey("space.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rows: Mapped[int] = mapped_column(Whole(needed=True))
    embeddings_sha256: Mapped[str] = mapped_column(Words(64, needed=True))
    ids_sha256: Mapped[str] = mapped_column(Words(64, needed=True))


def tell_postgresql() -> None:
    """Say which rows partial indexes hold to PostgreSQL, too, before its tables are made.

    Where they are declared it would import its dialect, which no other database waits for.
    """
    for table in Table.metadata.tables.values():
        for index in table.indexes:
            index.dialect_kwargs["postgresql_where"] = index.dialect_options["sqlite"]["where"]
