"""A source and a target small enough to hold in the hand, for tests of the road itself."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.flows.road import Road, Watcher, unwatched
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.ledger.database import open_engine
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated
from mlc_pipelines_tests.databases import USUAL, address


def _moment(version: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=version)


class TestClock:
    """A clock that moves only when told, a microsecond at each look so that moments differ."""

    __test__ = False

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)

    def now(self) -> datetime:
        """Tell the time."""
        self.at += timedelta(microseconds=1)
        return self.at

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.at += timedelta(seconds=seconds)


class Paper:
    """Documents of a source, by key."""

    def __init__(self, **amounts: str) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        for key, amount in amounts.items():
            self.write(key, amount=amount)

    def write(self, key: str, **values: Any) -> None:
        """Write or change a document."""
        document = self.documents.setdefault(key, {"key": key, "version": 0, "account": "4010", "amount": "1.00"})
        document.update(values)
        document["version"] += 1


class PaperFlow:
    """Carries documents of a source to a target that remembers every create, however often."""

    name = "papers"
    sentence = "Documents go from one desk to the other."
    kind = "paper"
    assets = Assets(
        Asset("papers_written", "Documents as written."),
        Asset("papers_read", "Documents as understood."),
        Asset("papers_kept", "Documents as kept."),
        Asset("papers_told", "Word to the writer."),
    )
    deliver_batch = 1
    confirm_batch = 1
    amends = True
    settle_after = 0.0

    def __init__(self, paper: Paper) -> None:
        self.paper = paper
        self.kept: list[tuple[str, str]] = []  # reference and amount, one per create
        self.amended: list[tuple[str, str]] = []
        self.told: list[str] = []
        self.accounts: Mapping[str, str] = {"4010": "4010"}
        self.before_find: Callable[[Sequence[Outgoing]], None] = lambda batch: None
        self.before_deliver: Callable[[Sequence[Outgoing]], None] = lambda batch: None
        self.after_deliver: Callable[[Sequence[Outgoing]], None] = lambda batch: None
        self.before_confirm: Callable[[Sequence[Outgoing]], None] = lambda batch: None
        self.lists = 0

    def feeds(self) -> Sequence[str]:
        return ["all"]

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        self.lists += 1
        for key, document in sorted(self.paper.documents.items()):
            yield Sighting(key, tag=str(document["version"]), position=_moment(document["version"]))

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        return Sighting(object_id) if event_type == "paper.written" else None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        if sighting.key not in self.paper.documents:
            return None
        document = self.paper.documents[sighting.key]
        matters = {name: value for name, value in document.items() if name != "version"}
        return SourceRecord(
            key=sighting.key,
            company="10",
            content=msgspec.json.encode(document),
            fingerprint=digest(msgspec.json.encode(matters)),
            tag=str(document["version"]),
            label=f"INV-{sighting.key}",
            amount=Decimal(document["amount"]),
            currency="EUR",
            dated=date(2026, 11, 3),
        )

    def prepare(self) -> None:
        pass

    def translate(self, entry: Entry) -> Translated | Ignored:
        document = msgspec.json.decode(entry.source)
        if document["account"] == "none":
            return Ignored(Cause.NOT_OURS, "no account")
        if document["account"] not in self.accounts:
            raise RecordError("no such account", cause=Cause.ACCOUNT_UNMAPPED, key=f"account:{document['account']}")
        return Translated(msgspec.json.encode({"amount": document["amount"]}), entry.key)

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        self.before_find(batch)
        there = {reference for reference, _ in self.kept}
        return {o.entry.id: Landed(f"T-{o.entry.key}") for o in batch if o.entry.key in there}

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        self.before_deliver(batch)
        for outgoing in batch:
            written = self.amended if outgoing.bound else self.kept
            written.append((outgoing.entry.key, outgoing.payload["amount"]))
        self.after_deliver(batch)
        return [Landed(f"T-{outgoing.entry.key}") for outgoing in batch]

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        self.before_confirm(batch)
        self.told.extend(outgoing.entry.key for outgoing in batch)
        return [Landed("told") for _ in batch]


def open_ledger(folder: Path, *, kind: str = USUAL) -> Ledger:
    """Open a fresh ledger, in a folder or on the server."""
    engine = open_engine(address(folder, kind=kind, name="ledger.db"))
    return Ledger(engine, TestClock())


def road_of(
    ledger: Ledger,
    flow: PaperFlow,
    *,
    watch: Watcher = unwatched,
    calls_in_flight: int = 4,
    begins: date | None = None,
) -> Road:
    """Lay the road of a flow."""
    return Road(flow, ledger, ledger.books("acme"), calls_in_flight=calls_in_flight, watch=watch, begins=begins)
