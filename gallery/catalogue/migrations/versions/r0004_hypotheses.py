"""Second hypotheses: an image may have two vectors in a space."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add a column and its index; every image that is there has one vector."""
    op.add_column("placement", sa.Column("second_estimate", sa.Text()))
    doubled = sa.text("second_estimate IS NOT NULL")
    op.create_index(
        "ix_placement_doubled",
        "placement",
        ["space_id", "shard", "image_id"],
        sqlite_where=doubled,
        postgresql_where=doubled,
    )
