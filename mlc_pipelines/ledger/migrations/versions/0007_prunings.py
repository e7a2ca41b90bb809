"""Prunings: which entries' documents and events are in an archive, and what is left of sealed days."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table, and the columns that point to it."""
    op.create_table(
        "prunings",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("archive", sa.Text(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("part", sa.String(length=64), nullable=False),
        sa.Column("rows", sa.String(length=64), nullable=False),
        sa.Column("left", sa.String(length=64), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=True),
        sa.Column("signature", sa.String(length=128), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("seals", sa.Column("left_count", sa.Integer(), nullable=True))
    op.add_column("seals", sa.Column("left_hash", sa.String(length=64), nullable=True))
    reference = "REFERENCES prunings (id)"
    op.execute(f"ALTER TABLE entries ADD COLUMN pruning INTEGER {reference}")  # in place also on SQLite
