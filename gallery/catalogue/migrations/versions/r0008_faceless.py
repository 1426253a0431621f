"""Whether a space takes in images in which no face was found."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column; no space of before says so."""
    op.add_column(
        "space", sa.Column("keeps_faceless", sa.Integer, nullable=False, server_default="0")
    )
