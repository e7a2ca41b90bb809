"""The road: takes the entries of one flow through its stages, under a lease, telling each step it makes."""

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime

from mlc_pipelines.flows.flow import Flow
from mlc_pipelines.ledger.leases import Lease
from mlc_pipelines.ledger.ledger import Books, Ledger

Watcher = Callable[[str, int], None]
"""Hears of each step: its name (`received`, `translated`, `announced`, `called`, `settled`, …) and how many records."""


def unwatched(_step: str, _records: int) -> None:
    """Hear nothing."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which held entries a person puts back on the road or closes, and why. Empty conditions choose all."""

    reason: str
    actor: str = "operator"
    keys: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    since: datetime | None = None


@dataclass
class Tally:
    """What one pass through a stage came to; `interrupted` says why it ended early."""

    counts: dict[str, int] = field(default_factory=dict)
    interrupted: str | None = None

    def add(self, what: str, number: int = 1) -> None:
        """Count."""
        if number:
            self.counts[what] = self.counts.get(what, 0) + number


@dataclass(frozen=True, slots=True)
class Road:
    """One flow of one connection with what it needs: its books, a worker's concurrency, a watcher.

    What is dated before the day it `begins` is left to whoever carried it until then; None where days do not matter.
    """

    flow: Flow
    ledger: Ledger
    books: Books
    calls_in_flight: int = 8
    watch: Watcher = unwatched
    workers: Callable[[int], Executor] = ThreadPoolExecutor  # a simulation hands in one that works in turn
    begins: date | None = None

    def worked(self) -> AbstractContextManager[Lease]:
        """Take the connection's lease: one worker at a time."""
        return self.ledger.leases.hold(self.books.connection)
