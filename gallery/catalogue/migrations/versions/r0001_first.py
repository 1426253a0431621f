"""The tables that mindseye began with, and their version in a table of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "version",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_version"),
    )
    op.create_table(
        "identity",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_identity"),
        sa.UniqueConstraint("label", name="uq_identity_label"),
    )
    op.create_table(
        "space",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("contract_sha256", sa.String(64), nullable=False),
        sa.Column("generation", sa.Integer()),
        sa.Column("published_at", sa.String(32)),
        sa.PrimaryKeyConstraint("id", name="pk_space"),
        sa.UniqueConstraint("name", name="uq_space_name"),
    )
    op.create_table(
        "image",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("identity_id", sa.Integer()),
        sa.ForeignKeyConstraint(["identity_id"], ["identity.id"], name="fk_image_identity_id"),
        sa.PrimaryKeyConstraint("id", name="pk_image"),
        sa.UniqueConstraint("sha256", name="uq_image_sha256"),
    )
    op.create_index("ix_image_identity_id", "image", ["identity_id"])
    op.create_table(
        "shard",
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("embeddings_sha256", sa.String(64), nullable=False),
        sa.Column("ids_sha256", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name="fk_shard_space_id"),
        sa.PrimaryKeyConstraint("space_id", "number", name="pk_shard"),
    )
    op.create_table(
        "value",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("attribute", sa.String(64), nullable=False),
        sa.Column("value", sa.String(255), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_value_image_id"),
        sa.PrimaryKeyConstraint("image_id", "attribute", name="pk_value"),
    )
    op.create_index("ix_value_value", "value", ["value"])
    op.create_table(
        "file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("image_id", sa.Integer()),
        sa.Column("reason", sa.Text()),
        sa.Column("size_bytes", sa.Integer()),
        sa.Column("mtime_ns", sa.Integer()),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_file_image_id"),
        sa.PrimaryKeyConstraint("id", name="pk_file"),
        sa.UniqueConstraint("path", name="uq_file_path"),
    )
    op.create_index("ix_file_image_id", "file", ["image_id"])
    op.create_table(
        "placement",
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("shard", sa.Integer()),
        sa.Column("estimate", sa.Text()),
        sa.CheckConstraint(
            "state IN ('indexed', 'skipped', 'removed')", name="ck_placement_known_state"
        ),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_placement_image_id"),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name="fk_placement_space_id"),
        sa.PrimaryKeyConstraint("space_id", "image_id", name="pk_placement"),
    )
    op.create_index("ix_placement_image_id", "placement", ["image_id"])
