"""Signed seals: which key, and its signature. Those made before have none; the first signed one covers them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns."""
    with op.batch_alter_table("seals") as seals:
        seals.add_column(sa.Column("key_id", sa.String(length=32), nullable=True))
        seals.add_column(sa.Column("signature", sa.String(length=128), nullable=True))
