"""Files: what a drop folder was seen to hold, how far each file has come, and a copy of each."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "files",
        sa.Column("id", _ID, nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime", sa.String(length=27), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("first_seen", sa.String(length=27), nullable=False),
        sa.Column("same_since", sa.String(length=27), nullable=False),
        sa.Column("last_seen", sa.String(length=27), nullable=False),
        sa.Column("checked_at", sa.String(length=27), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("layout", sa.Text(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=True),
        sa.Column("replaces", _ID, nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("archived", sa.Text(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("connection", "feed", "path", "size", "mtime", "sha256"),
    )
    op.create_index("ix_files_state", "files", ["connection", "feed", "state"], unique=False)
    op.create_index("ix_files_content", "files", ["connection", "feed", "sha256"], unique=False)
