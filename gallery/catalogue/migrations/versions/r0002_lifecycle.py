"""Removal, landmarks, numbers to compare, and the indices that filters need.

The version moves to alembic's own table. Sizes and times of files become 64-bit where the database
tells integers apart (SQLite does not).
"""

import sqlalchemy as sa
from alembic import op

from gallery.attributes import as_number

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add columns and indices; fill in the numbers that values spell."""
    op.drop_table("version")
    op.add_column("image", sa.Column("removed_at", sa.String(32)))
    op.add_column("image", sa.Column("landmarks", sa.Text()))
    for name in ("last_shard", "removals"):
        counter = sa.Column(name, sa.Integer(), server_default="0", nullable=False)
        op.add_column("space", counter)
    op.add_column("placement", sa.Column("removed_in", sa.Integer()))
    op.add_column("placement", sa.Column("landmarks", sa.Text()))
    op.add_column("value", sa.Column("number", sa.Double()))
    _fill()
    op.drop_index("ix_value_value", "value")
    op.create_index("ix_value_attribute_value", "value", ["attribute", "value", "image_id"])
    op.create_index("ix_value_attribute_number", "value", ["attribute", "number", "image_id"])
    op.create_index("ix_placement_space_id_shard", "placement", ["space_id", "shard"])
    op.create_index("ix_placement_space_id_removed_in", "placement", ["space_id", "removed_in"])
    op.create_index("ix_placement_space_id_estimate", "placement", ["space_id", "estimate"])
    if op.get_bind().dialect.name != "sqlite":
        for name in ("size_bytes", "mtime_ns"):
            op.alter_column("file", name, type_=sa.BigInteger())


def _fill() -> None:
    connection = op.get_bind()
    value = sa.table("value", sa.column("value"), sa.column("number"))
    spelt = connection.scalars(sa.select(value.c.value).distinct()).all()
    for text in spelt:
        if (number := as_number(text)) is not None:
            connection.execute(sa.update(value).where(value.c.value == text).values(number=number))
    shard = sa.table("shard", sa.column("space_id"), sa.column("number"))
    last = sa.select(sa.func.coalesce(sa.func.max(shard.c.number), 0))
    space = sa.table("space", sa.column("id"), sa.column("last_shard"))
    ours = last.where(shard.c.space_id == space.c.id).scalar_subquery()
    connection.execute(sa.update(space).values(last_shard=ours))
