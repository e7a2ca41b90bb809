"""The ledger's front door: one database, and the books of each connection in it."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from mlc_pipelines.ledger.audit import Audit
from mlc_pipelines.ledger.bindings import Dictionary
from mlc_pipelines.ledger.entries import Entries
from mlc_pipelines.ledger.files import FileLedger
from mlc_pipelines.ledger.inbox import Inbox
from mlc_pipelines.ledger.intents import Intents
from mlc_pipelines.ledger.leases import LEASE_SECONDS, Leases
from mlc_pipelines.ledger.progress import Progress
from mlc_pipelines.ledger.pruning import Retention
from mlc_pipelines.ledger.reports import Reports
from mlc_pipelines.ledger.signing import SealKeys
from mlc_pipelines.wire.clock import Clock


@dataclass(frozen=True, slots=True)
class Books:
    """Everything written down for one connection."""

    connection: str
    entries: Entries
    intents: Intents
    dictionary: Dictionary
    progress: Progress
    reports: Reports
    inbox: Inbox
    files: FileLedger


class Ledger:
    """One database of records; `books` opens the part of one connection."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        *,
        anchor: Path | None = None,
        keys: SealKeys | None = None,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.leases = Leases(engine, clock, seconds=lease_seconds)
        self.inbox = Inbox(engine, clock)
        self.audit = Audit(engine, clock, anchor, keys)
        self.retention = Retention(engine, clock, self.leases, self.audit)

    def books(self, connection: str) -> Books:
        """Open the books of a connection."""
        shared = (self.engine, self.clock, connection)
        return Books(
            connection,
            Entries(*shared),
            Intents(*shared),
            Dictionary(*shared, self.leases.held),
            Progress(*shared),
            Reports(self.engine, connection),
            self.inbox,
            FileLedger(*shared),
        )
