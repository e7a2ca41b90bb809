"""Our copies of files in parts, so that a long file is written and read a piece at a time."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table; a copy that is there becomes its file's only part."""
    op.create_table(
        "file_parts",
        sa.Column("file_id", _ID, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("file_id", "number"),
    )
    op.execute(
        "INSERT INTO file_parts (file_id, number, content) SELECT id, 0, content FROM files WHERE content IS NOT NULL"
    )
    op.drop_column("files", "content")
