"""Tables of the catalogue.

An image is known by the SHA-256 of its bytes; a file is a place where such bytes were found. In a
space an image without a row of its own is pending.
"""

from sqlalchemy import CheckConstraint, ForeignKey, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# Constraints carry names so that a migration can drop them on any database.
NAMING = {
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
}

SCHEMA_VERSION = 1


class Table(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(naming_convention=NAMING)


class Version(Table):
    """One row: the version of these tables."""

    __tablename__ = "version"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class Identity(Table):
    """A person. The same label means the same person, whichever SPEC it came from."""

    __tablename__ = "identity"

    id: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(String(255), unique=True)


class Image(Table):
    """One image; its id is also its id in every index."""

    __tablename__ = "image"

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    identity_id: Mapped[int | None] = mapped_column(ForeignKey("identity.id"), index=True)


class Value(Table):
    """What is known of an image's condition: one row for each attribute."""

    __tablename__ = "value"

    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"), primary_key=True)
    attribute: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(String(255), index=True)


class File(Table):
    """A place where an image was found, or a file that could not be read.

    Attributes:
        path: Absolute; of an image inside a drawn set, the set's folder and the image's name.
        image_id: What it holds, or null if it could not be read.
        reason: Why it could not be read, or null.
        size_bytes: When it was last read; with mtime_ns, tells whether it must be read again.
        mtime_ns: Likewise.
    """

    __tablename__ = "file"

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(Text, unique=True)
    image_id: Mapped[int | None] = mapped_column(ForeignKey("image.id"), index=True)
    reason: Mapped[str | None] = mapped_column(Text)
    size_bytes: Mapped[int | None]
    mtime_ns: Mapped[int | None]


class Space(Table):
    """An embedding space: what one set of weights made of the images.

    Attributes:
        contract_sha256: Digest of its index contract.
        generation: The generation of its index that answers queries, or null before the first.
        published_at: When that was, ISO 8601 in UTC.
    """

    __tablename__ = "space"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    contract_sha256: Mapped[str] = mapped_column(String(64))
    generation: Mapped[int | None]
    published_at: Mapped[str | None] = mapped_column(String(32))


class Placement(Table):
    """The state of an image in a space.

    Attributes:
        state: indexed, skipped or removed; an image without a row is pending.
        reason: Why it was skipped or removed.
        shard: Number of the shard that holds its vectors, if indexed.
        estimate: The condition of its canonical view, as a JSON object, if indexed.
    """

    __tablename__ = "placement"
    __table_args__ = (
        CheckConstraint("state IN ('indexed', 'skipped', 'removed')", name="known_state"),
    )

    space_id: Mapped[int] = mapped_column(ForeignKey("space.id"), primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"), primary_key=True, index=True)
    state: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str | None] = mapped_column(Text)
    shard: Mapped[int | None]
    estimate: Mapped[str | None] = mapped_column(Text)


class Shard(Table):
    """A file of embeddings that belongs to a space."""

    __tablename__ = "shard"

    space_id: Mapped[int] = mapped_column(ForeignKey("space.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rows: Mapped[int]
    embeddings_sha256: Mapped[str] = mapped_column(String(64))
    ids_sha256: Mapped[str] = mapped_column(String(64))
