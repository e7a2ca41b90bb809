"""What every Procurify flow is handed: both clients, the settings, and the connection's books."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mlc_pipelines.connections.settings import Connection
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.integrations.procurify.client import ProcurifyClient
from mlc_pipelines.integrations.procurify.models import Department
from mlc_pipelines.integrations.procurify.settings import ProcurifySettings
from mlc_pipelines.integrations.procurify.words import Places
from mlc_pipelines.ledger.bindings import Dictionary
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.ledger.records import Entry
from mlc_pipelines.ledger.states import State
from mlc_pipelines.wire.clock import Clock

_WAITING = (State.RECEIVED, State.TRANSLATED, State.POSTPONED, State.HELD)
_PAGE = 500


@dataclass
class DepartmentList:
    """The department list by id and external id, read when a bill first needs it."""

    procurify: ProcurifyClient
    lock: threading.Lock = field(default_factory=threading.Lock)
    known: dict[str, Department] | None = None

    def __call__(self) -> Mapping[str, Department]:
        """Give the list."""
        with self.lock:
            if self.known is None:
                found: dict[str, Department] = {}
                for department in self.procurify.departments():
                    for name in (department.id, department.external_id):
                        if name:
                            found.setdefault(name, department)
                self.known = found
            return self.known


@dataclass(frozen=True, slots=True)
class Desk:
    """One connection's clients and settings."""

    connection: Connection
    books: Books
    ifs: IfsClient
    procurify: ProcurifyClient
    clock: Clock
    places: Places

    @classmethod
    def of(
        cls, connection: Connection, books: Books, ifs: IfsClient, procurify: ProcurifyClient, clock: Clock
    ) -> "Desk":
        """Set up the desk of a connection; nothing is asked yet."""
        settings = connection.section(ProcurifySettings)
        table = dict(connection.mapping.table("companies") or {})
        places = Places(table, settings.default_company, DepartmentList(procurify))
        return cls(connection, books, ifs, procurify, clock, places)

    @property
    def settings(self) -> ProcurifySettings:
        """The connection's `procurify` section."""
        return self.connection.section(ProcurifySettings)

    @property
    def dictionary(self) -> Dictionary:
        """What the connection knows of names."""
        return self.books.dictionary

    def now(self) -> datetime:
        """Tell the time."""
        return self.clock.now()

    def table(self, name: str) -> dict[str, str]:
        """Give a mapping table of the connection file; an empty one where it has none of that name."""
        return dict(self.connection.mapping.table(name) or {})

    def entries(self, flow: str) -> Iterator[Entry]:
        """Give the newest version of every record of a flow."""
        after = 0
        while found := self.books.reports.select(flow=flow, after=after, limit=_PAGE):
            after = found[-1].id
            yield from found

    def has_work(self, flow: str) -> bool:
        """Tell whether a flow has anything to translate, so that nobody is asked for nothing."""
        tally = self.books.entries.tally(flow)
        return any(tally.get(state.value) for state in _WAITING)

    def wanted(self, flow: str) -> dict[str, set[str]]:
        """Give what the held records of a flow wait for: keys by kind."""
        wanted: dict[str, set[str]] = {}
        for group in self.books.reports.held(flow=flow):
            kind, colon, key = (group.cause_key or "").partition(":")
            if colon:
                wanted.setdefault(kind, set()).add(key)
        return wanted
