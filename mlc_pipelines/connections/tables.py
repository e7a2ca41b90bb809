"""Tables of the vault, and of what processes share: tokens, rate budgets, slots. Times are seconds since 1970, UTC."""

from sqlalchemy import Column, Float, Integer, MetaData, String, Table, Text

METADATA = MetaData()

vault_secrets = Table(
    "vault_secrets",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("key_id", String(32), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("changed_at", Float(53), nullable=False),
)

tokens = Table(
    "tokens",
    METADATA,
    Column("credential", Text, primary_key=True),
    Column("sealed", Text),
    Column("claimed_by", Text),
    Column("claimed_until", Float(53), nullable=False),
)

rate_budgets = Table(
    "rate_budgets",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("tat", Float(53), nullable=False),
    Column("blocked_until", Float(53), nullable=False),
)

slots = Table(
    "slots",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("holder", Text),
    Column("until", Float(53), nullable=False),
)
