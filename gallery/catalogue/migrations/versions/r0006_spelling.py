"""Names of people composed, to compare by; which bytes landmarks written by hand were used with."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

TEXT = sa.Text()
NAME = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")


def upgrade() -> None:
    """Add the columns, and compose the names there are."""
    op.add_column("file", sa.Column("landmarks", TEXT))
    op.add_column("file", sa.Column("marked_sha256", sa.String(64)))
    op.add_column("identity", sa.Column("composed", NAME, nullable=False, server_default=""))
    op.execute("UPDATE identity SET composed = label")
    identity = sa.table("identity", sa.column("id"), sa.column("label"), sa.column("composed"))
    connection = op.get_bind()
    for key, label in connection.execute(sa.select(identity.c.id, identity.c.label)).all():
        composed = unicodedata.normalize("NFC", label)
        if composed != label:
            changed = sa.update(identity).where(identity.c.id == key).values(composed=composed)
            connection.execute(changed)
    op.create_index("ix_identity_composed", "identity", ["composed"])
