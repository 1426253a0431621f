"""When an image's labels were set by hand: those of its files then no longer count."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the column; nobody set labels by hand before."""
    op.add_column("image", sa.Column("labelled_at", sa.String(32)))
