"""How far each canonical view is from its image; null of those indexed before."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column."""
    op.add_column("placement", sa.Column("error", sa.Double()))
