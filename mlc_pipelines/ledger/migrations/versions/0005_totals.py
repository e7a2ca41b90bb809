"""Totals beside the entries, and indexes that hold only the rows that are looked for."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_HELD = ["connection", "flow", "stage", "cause", "cause_key", "currency", "amount_micros", "since", "id"]
_COUNTED = """
INSERT INTO totals (connection, flow, company, stage, state, currency, latest, count, units, micros)
SELECT connection, flow, company, stage, state, coalesce(currency, ''), latest, count(*),
       coalesce(sum(amount_micros / 1000000), 0), coalesce(sum(amount_micros % 1000000), 0)
FROM entries GROUP BY connection, flow, company, stage, state, coalesce(currency, ''), latest
"""


def upgrade() -> None:
    """Make the table and count what is there."""
    op.create_table(
        "totals",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("stage", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("latest", sa.Boolean(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "flow", "company", "stage", "state", "currency", "latest"),
    )
    op.execute(_COUNTED)
    op.create_index("ix_entries_label", "entries", ["connection", "label"], unique=False)
    _partial("ix_entries_held", "entries", _HELD, "state = 'held'")
    _partial("ix_entries_external", "entries", ["connection", "external_id"], "external_id IS NOT NULL")
    for name, columns, where in (
        ("ix_entries_cause", ["connection", "flow", "cause_key"], "cause_key IS NOT NULL"),
        ("ix_entries_reference", ["connection", "reference"], "reference IS NOT NULL"),
    ):
        op.drop_index(name, "entries")
        _partial(name, "entries", columns, where)
    op.drop_index("ix_inbox_pending", "inbox")
    _partial("ix_inbox_pending", "inbox", ["connection", "flow"], "finished_at IS NULL")
    op.drop_index("ix_intents_open", "intents")


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
