"""Whom the labels of every file name: equal files may be labelled as several people."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

NAME = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")


def upgrade() -> None:
    """Add the column; the next build fills it."""
    op.add_column("file", sa.Column("identity", NAME))
