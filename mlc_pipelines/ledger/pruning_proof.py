"""Proof of prunings: what the ledger keeps of entries and days whose events are in archives, in a signed chain."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, select

from mlc_pipelines.ledger import chain
from mlc_pipelines.ledger.signing import SealKeys
from mlc_pipelines.ledger.tables import entries, prunings, seals
from mlc_pipelines.ledger.verifying import PAGE, Finding, as_stored

_KEPT = [column for column in as_stored(entries) if column.name not in {"source", "payload"}]


def rows_of(connection: Connection, pruning: int) -> str:
    """Hash what the ledger keeps of the entries of a pruning (SHA-256, hex)."""
    state = hashlib.sha256()
    query = select(*_KEPT).where(entries.c.pruning == pruning).order_by(entries.c.id)
    for row in connection.execute(query.execution_options(yield_per=PAGE)):
        told = f":{row.id}:{row.state}:{row.chain_seq}:{row.chain_head}:{chain.row_digest(dict(row._mapping))}"
        state.update(told.encode())
    return state.hexdigest()


def left_of(connection: Connection) -> str:
    """Hash what is left of all sealed days of which some events are in an archive (SHA-256, hex)."""
    query = select(*as_stored(seals)).where(seals.c.left_hash.is_not(None)).order_by(seals.c.day)
    told = (f":{row.day}:{row.hash}:{row.left_count}:{row.left_hash}" for row in connection.execute(query))
    return hashlib.sha256("".join(told).encode()).hexdigest()


def signed_text(pruning: Mapping[str, Any], previous_signature: str | None) -> str:
    """Write what is signed: the hash of a pruning, which covers all of it, and the signature before."""
    return chain.encode(["pruning", pruning["id"], pruning["hash"], previous_signature])


def verify_prunings(connection: Connection, keys: SealKeys | None) -> Iterator[Finding]:
    """Check every pruning, the entries it let go of, and what it left of sealed days."""
    previous, signature, left = chain.GENESIS, None, hashlib.sha256().hexdigest()
    for row in connection.execute(select(*as_stored(prunings)).order_by(prunings.c.id)).all():
        where, facts = f"pruning {row.id}", dict(row._mapping)
        if row.previous != previous or chain.pruning_hash(facts) != row.hash:
            yield Finding(where, "was changed or does not follow the one before")
        elif keys is not None and not keys.has_signed(signed_text(facts, signature), row.key_id, row.signature):
            yield Finding(where, "is not signed by a key of ours")
        elif rows_of(connection, row.id) != row.rows:
            yield Finding(where, "a record whose documents it archived was changed, or is gone")
        previous, signature, left = row.hash, row.signature, row.left
    if left_of(connection) != left:
        yield Finding("prunings", "what they left of sealed days was changed, or the newest pruning is gone")
