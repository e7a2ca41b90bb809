"""Two flows over the office: documents become bills and are marked as sent; paid bills mark their documents."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import encode, fingerprint
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.ifs.conflicts import with_fresh
from mlc_pipelines.ledger.bindings import Dictionary
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated
from mlc_pipelines_tests.machine.office import SETTLE_SECONDS, SOURCE, TARGET, Bill, Document, Office


class Papers:
    """Documents to bills, as the flows of the spend systems do it: looked for first, amended under the ETag."""

    name = "papers"
    sentence = "Documents become bills."
    kind = "paper"
    assets = Assets(Asset("written", "W."), Asset("read", "R."), Asset("kept", "K."), Asset("told", "T."))
    deliver_batch = 1
    confirm_batch = 1
    amends = True
    settle_after = SETTLE_SECONDS

    def __init__(self, office: Office, dictionary: Dictionary, accounts: Mapping[str, str]) -> None:
        self._office = office
        self._dictionary = dictionary
        self._accounts = accounts
        self._open: frozenset[str] = frozenset()

    def feeds(self) -> Sequence[str]:
        return ["all"]

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        documents = self._office.ask(SOURCE, lambda: list(self._office.documents.values()))
        return (Sighting(each.key, tag=str(each.etag), carry=each) for each in documents)

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        return None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        document = sighting.carry
        return SourceRecord(
            key=document.key,
            company="10",
            content=encode(asdict(document)),
            fingerprint=fingerprint([document.void, *document.content()]),
            tag=sighting.tag,
            label=document.key,
            amount=Decimal(document.amount),
            currency="EUR",
        )

    def prepare(self) -> None:
        self._open = frozenset(self._office.ask(TARGET, lambda: set(self._office.open_periods)))
        self._dictionary.learn("account", self._accounts)
        self._dictionary.learn("period", dict.fromkeys(self._open, "open"))

    def translate(self, entry: Entry) -> Translated | Ignored:
        document = read(entry.source)
        if document.void:
            if document.sent is None and self._dictionary.by_key(self.kind, entry.key) is None:
                return Ignored(Cause.CANCELLED, "cancelled before it was sent")
            raise RecordError("cancelled after it was sent", cause=Cause.CANCELLED_AFTER_DELIVERY)
        if document.account not in self._accounts:
            key = f"account:{document.account}"
            raise RecordError("no such account", cause=Cause.ACCOUNT_UNMAPPED, key=key)
        if document.period not in self._open:
            raise RecordError("closed", cause=Cause.PERIOD_CLOSED, key=f"period:{document.period}")
        payload = {
            "reference": document.key, "amount": document.amount, "account": self._accounts[document.account],
            "period": document.period,
        }  # fmt: skip
        return Translated(encode(payload), entry.key)

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        def bills() -> dict[int, Bill | None]:
            return {o.entry.id: self._office.bill_of(o.entry.key) for o in batch}

        there = self._office.ask(TARGET, bills)
        return {number: Landed(bill.id) for number, bill in there.items() if bill is not None}

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        (outgoing,) = batch
        office, payload = self._office, outgoing.payload
        if outgoing.bound is None:
            return [Landed(office.tell(TARGET, lambda: office.create(payload), lambda: None).id)]
        bound = outgoing.bound

        def wanted(fresh: Bill) -> Mapping[str, Any] | None:
            same = fresh.content() == (payload["amount"], payload["account"], payload["period"])
            return None if same else payload

        def write(fresh: Bill, values: Mapping[str, Any]) -> object:
            return office.tell(TARGET, lambda: office.amend(bound, fresh.etag, values), lambda: office.meddle(bound))

        with_fresh(lambda: office.ask(TARGET, lambda: office.bills[bound]), wanted, write)
        return [Landed(bound)]

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        (outgoing,) = batch
        return [_marked(self._office, outgoing.entry.key, "sent", outgoing.entry.external_id or "")]


class Payments:
    """Paid bills to marks on their documents; a bill whose document is not known waits for its binding."""

    name = "payments"
    sentence = "Paid bills mark their documents."
    kind = "payment"
    assets = Assets(Asset("paid", "P."), Asset("coded", "C."), Asset("marks", "M."))
    deliver_batch = 1
    confirm_batch = 1
    amends = True
    settle_after = 0.0

    def __init__(self, office: Office, dictionary: Dictionary) -> None:
        self._office = office
        self._dictionary = dictionary

    def feeds(self) -> Sequence[str]:
        return ["paid"]

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        bills = self._office.ask(TARGET, lambda: [bill for bill in self._office.bills.values() if bill.paid])
        return (Sighting(bill.id, tag=str(bill.etag), carry=bill) for bill in bills)

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        return None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        bill = sighting.carry
        return SourceRecord(bill.id, "10", encode(asdict(bill)), fingerprint([bill.id]), sighting.tag, bill.id)

    def prepare(self) -> None:
        pass

    def translate(self, entry: Entry) -> Translated | Ignored:
        binding = self._dictionary.by_external_id("paper", entry.key)
        if binding is None:
            reference = read_bill(entry.source).reference
            raise RecordError("not sent by us", cause=Cause.INVOICE_UNKNOWN, key=f"paper:{reference}")
        return Translated(encode({"document": binding.key}), entry.key)

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        return {}

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        (outgoing,) = batch
        return [_marked(self._office, outgoing.payload["document"], "paid", outgoing.entry.key)]

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        return [Landed("") for _ in batch]


def _marked(office: Office, key: str, name: str, mark: str) -> Landed:
    """Write a mark under the ETag of a fresh read, unless it is there."""

    def wanted(fresh: Document) -> Mapping[str, Any] | None:
        return None if getattr(fresh, name) == mark else {name: mark}

    def write(fresh: Document, values: Mapping[str, Any]) -> object:
        return office.tell(SOURCE, lambda: office.patch(key, fresh.etag, **values), lambda: office.touch(key))

    with_fresh(lambda: office.ask(SOURCE, lambda: office.document(key)), wanted, write)
    return Landed(mark)


def read(source: bytes) -> Document:
    """Read a document back from the ledger's copy."""
    return msgspec.json.decode(source, type=Document)


def read_bill(source: bytes) -> Bill:
    """Read a bill back from the ledger's copy."""
    return msgspec.json.decode(source, type=Bill)
