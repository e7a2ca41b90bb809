"""Request vouchers: purchase requests approved in Airbase become vouchers in IFS, on the account of their type."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.integrations.airbase.booking import VoucherWords, to_request_voucher
from mlc_pipelines.integrations.airbase.charges import Charge, read_charge
from mlc_pipelines.integrations.airbase.desk import Desk
from mlc_pipelines.integrations.airbase.posting import (
    GONE,
    SERIE,
    changed_since_posted,
    check_unchanged,
    gone_record,
    posted,
    posted_record,
    sightings,
    unread_record,
    withdrawn,
)
from mlc_pipelines.integrations.airbase.settings import RequestSettings
from mlc_pipelines.integrations.erp.invoices import InvoiceSource
from mlc_pipelines.integrations.erp.periods import OpenPeriods
from mlc_pipelines.integrations.erp.vouchers import VoucherDesk
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated

NOTHING_SET = RequestSettings(voucher_type="", user_group="", credit_account={})


class RequestVouchersToIfs:
    """Books approved requests. A webhook is only a hint: the request itself is read before anything is made of it."""

    name = "request_vouchers"
    sentence = "Purchase requests approved in Airbase become vouchers in IFS."
    kind = "request_voucher"
    assets = Assets(
        collect=Asset("approved_requests", "Purchase requests that Airbase says are approved.", ("airbase",)),
        translate=Asset("coded_requests", "The same requests as vouchers: a debit per line, one credit."),
        deliver=Asset("request_vouchers", "Vouchers of approved requests in IFS.", ("ifs",)),
        confirm=Asset("request_marks", "The mark on the IFS invoice that a request names, if it names one.", ("ifs",)),
    )
    deliver_batch = 1
    confirm_batch = 1
    amends = False

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._invoices = InvoiceSource(desk.ifs)
        self._vouchers = VoucherDesk(desk.ifs, SERIE)
        self._periods = OpenPeriods(desk.ifs, desk.dictionary, desk.connection.companies)
        self._words: VoucherWords | None = None
        self._types: Mapping[str, str] = {}
        self.settle_after = desk.settings.ifs_settle_after_seconds

    def feeds(self) -> Sequence[str]:
        """One feed, where the tenant has named the path and how requests are booked."""
        return ["approved"] if self._desk.settings.paths.purchase_requests and self._desk.settings.requests else []

    def _rules(self) -> RequestSettings:
        return self._desk.settings.requests or NOTHING_SET

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List approved requests; those that look as before are not read again."""
        rules = self._rules()
        yield from sightings(self._desk, self.name, self._desk.airbase.requests(rules.filters), rules.fields)

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """A request that moved through its workflow; without a path there is nothing to read it by."""
        return Sighting(object_id)

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Take the request from the list, or read the one a webhook named."""
        if not self.feeds():
            raise RecordError(
                f"request {sighting.key} was approved, but cannot be read: set airbase.paths.purchase_requests and "
                "airbase.requests, the next poll takes it in",
                cause=Cause.NOT_READY,
            )
        raw: bytes | None = sighting.carry or self._desk.airbase.request(sighting.key)
        if raw is None:
            return gone_record(sighting)
        try:
            charge = read_charge(raw, self._rules().fields)
        except RecordError as error:
            return unread_record(sighting, raw, error)
        matters = [self._is_approved(charge), *charge.what_matters()]
        return posted_record(self._desk, sighting, raw, charge, matters=matters)

    def prepare(self) -> None:
        """Read charts of accounts, currencies and open periods."""
        if not self.feeds():
            return
        self._types = self._desk.table("purchase_types") or {}
        self._desk.dictionary.learn("purchase_type", self._types)
        self._words = self._desk.voucher_words()
        self._periods.prepare()

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Make a voucher; an approval that is no longer one is dropped, or after the voucher needs a person."""
        rules, words = self._rules(), self._words
        made = self._desk.dictionary.by_key(self.kind, entry.key)
        if entry.source == GONE:
            return withdrawn(f"request {entry.key}", "no longer in Airbase", made)
        charge = read_charge(entry.source, rules.fields)
        if charge.subsidiary in self._desk.settings.foreign_subsidiaries:
            return Ignored(Cause.NOT_OURS, f"{charge.number} belongs to subsidiary {charge.subsidiary}, another's")
        if not self._is_approved(charge):
            return withdrawn(charge.number, f"{charge.status or 'without a status'}, not approved", made)
        changed_since_posted(charge.number, made)
        if words is None:
            raise RecordError(f"{charge.number}: requests are no longer booked here", cause=Cause.NOT_READY)
        voucher = self._periods.dated(to_request_voucher(charge, words, rules, self._types, today=entry.since.date()))
        return posted(voucher)

    def _is_approved(self, charge: Charge) -> bool:
        """Tell whether a request is approved now; without a pointer to the status the list vouches for it."""
        rules = self._rules()
        return rules.fields.status is None or charge.status in rules.approved

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look for a voucher whose rows carry the request's reference."""
        return self._vouchers.find_all(batch)

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Create the voucher, header and rows in one change set, if the request is still what it was."""
        (outgoing,) = batch
        there = self._desk.airbase.request(outgoing.entry.key)
        check_unchanged(outgoing.entry, there, self._rules().fields, self._is_approved)
        return [self._vouchers.create(outgoing.payload)]

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Write the sent mark on the IFS invoice that the request names; most name none."""
        (outgoing,) = batch
        invoice = outgoing.payload.get("erp_invoice")
        if not invoice:
            return [Landed("the request names no invoice")]
        if not invoice.rpartition("^")[2].isdecimal():
            raise RecordError(
                f"request {outgoing.entry.label} names invoice {invoice!r}; it should be company^invoice id",
                cause=Cause.INVOICE_UNKNOWN,
            )
        mark = f"{SERIE} {outgoing.entry.reference}"
        return [Landed(invoice, self._invoices.mark_sent(invoice, mark, ours=f"{SERIE} "))]
