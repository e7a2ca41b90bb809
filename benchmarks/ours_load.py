"""Our loading of the target: the real road, HTTP client, rate budget and ledger, and a flow as for any REST system."""

import argparse
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from benchmarks.documents import Document, documents
from benchmarks.rivals.watch import Watch
from mlc_pipelines.connections.budgets import SharedBudget
from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.content import encode, fingerprint
from mlc_pipelines.flows.delivery import deliver
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.flows.road import Road
from mlc_pipelines.flows.translating import translate
from mlc_pipelines.ledger.database import open_engine, upgrade
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated
from mlc_pipelines.ledger.states import State
from mlc_pipelines.wire.answers import judge_by_status
from mlc_pipelines.wire.clock import SystemClock
from mlc_pipelines.wire.http import HttpClient

NAME = "acme"
FEED = "all"


class HandOver:
    """Hands documents to the target: looks for each by our reference, then makes it."""

    name = "documents"
    sentence = "Documents are handed to the target, each once."
    kind = "document"
    assets = Assets(Asset("read", "As read."), Asset("coded", "As coded."), Asset("kept", "As kept there."))
    deliver_batch = 1
    confirm_batch = 1
    amends = False
    settle_after = 0.0  # the target has performed a write whose answer it loses

    def __init__(self, http: HttpClient, wanted: Sequence[Document]) -> None:
        self._http = http
        self._wanted = wanted

    def feeds(self) -> Sequence[str]:
        """All of them."""
        return [FEED]

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List them."""
        return (Sighting(document["reference"], carry=document) for document in self._wanted)

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """Nothing."""
        return None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Take the document from the list."""
        found: Document = sighting.carry
        return SourceRecord(
            key=found["reference"],
            company="10",
            content=encode(found),
            fingerprint=fingerprint(found),
            label=found["number"],
            partner=found["supplier"],
            amount=Decimal(found["amount"]),
            currency=found["currency"],
            dated=date.fromisoformat(found["dated"]),
        )

    def prepare(self) -> None:
        """Nothing."""

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Leave it as it is."""
        return Translated(entry.source, entry.key)

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look for documents that carry our reference."""
        found = {}
        for outgoing in batch:
            rows = self._http.send("GET", f"/documents?reference={outgoing.entry.key}").json()["value"]
            if rows:
                found[outgoing.entry.id] = Landed(str(rows[0]["id"]))
        return found

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Make the document."""
        (outgoing,) = batch
        made = self._http.send("POST", "/documents", json=outgoing.payload).json()
        return [Landed(str(made["id"]))]

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Nobody is told."""
        raise NotImplementedError


def hand_over(url: str, folder: Path, watch: AbstractContextManager[object], *, number: int, in_flight: int) -> int:
    """Walk the whole road under a watch, as long as something is due; give how many documents are delivered."""
    clock = SystemClock()
    engine, quick = (open_engine(f"sqlite:///{folder / 'mlc.db'}", durable=durable) for durable in (True, False))
    upgrade(engine)
    ledger = Ledger(engine, clock)
    budget = SharedBudget(quick, "target", limit=1_000_000, window_seconds=60, burst=1000, clock=clock)
    judge = judge_by_status("target", clock=clock)
    with HttpClient("target", url, judge=judge, budget=budget, guard=lambda: ledger.leases.guard(NAME)) as http:
        road = Road(HandOver(http, documents(number)), ledger, ledger.books(NAME), calls_in_flight=in_flight)
        with watch:
            collect(road)
            translate(road)
            while sum(deliver(road).counts.values()):
                pass
    done = road.books.entries.tally(road.flow.name).get(State.DELIVERED.value, 0)
    for each in (engine, quick):
        each.dispose()
    return done


def main() -> None:
    """Load, and tell what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--documents", type=int, required=True)
    parser.add_argument("--in-flight", type=int, required=True)
    given = parser.parse_args()
    logging.disable()
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        done = hand_over(given.url, Path(folder), watch, number=given.documents, in_flight=given.in_flight)
    watch.tell(delivered=done)


if __name__ == "__main__":
    main()
