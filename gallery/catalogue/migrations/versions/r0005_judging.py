"""What every query asks of a whole gallery is answered by indices alone: errors, and landmarks."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the indices."""
    op.create_index("ix_placement_error", "placement", ["space_id", "state", "error"])
    cut = sa.text("landmarks IS NOT NULL")
    op.create_index("ix_image_cut", "image", ["id"], sqlite_where=cut, postgresql_where=cut)
