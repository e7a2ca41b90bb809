"""Vouchers: bills approved in Ramp become vouchers in IFS, and Ramp is told so."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from mlc_pipelines.errors import Cause, NotYetError, RecordError
from mlc_pipelines.flows.content import encode, fingerprint
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.integrations.erp.invoices import BILL
from mlc_pipelines.integrations.erp.periods import OpenPeriods
from mlc_pipelines.integrations.erp.vouchers import VoucherDesk
from mlc_pipelines.integrations.ramp.acknowledging import NOT_SYNCED, acknowledge
from mlc_pipelines.integrations.ramp.desk import Desk
from mlc_pipelines.integrations.ramp.mapping import field_id, to_voucher
from mlc_pipelines.integrations.ramp.models import Bill
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated
from mlc_pipelines.wire.rows import Unread

SERIE = "RAMP"
APPROVED = "APPROVED"
FIRST_TOLD = 2
"""Attempts of a record that arrived at once and of which Ramp is told for the first time."""


class VouchersToIfs:
    """Books approved bills in IFS; which ones is the setting `vouchers.bills`."""

    name = "vouchers"
    sentence = "Bills approved in Ramp become vouchers in IFS; Ramp is told with a sync."
    kind = "voucher"
    assets = Assets(
        collect=Asset("approved_bills", "Bills that Ramp says are approved and ready to be booked.", ("ramp",)),
        translate=Asset("coded_vouchers", "The same bills as vouchers: a debit per line, one credit."),
        deliver=Asset("vouchers", "Vouchers in IFS.", ("ifs",)),
        confirm=Asset("bill_syncs", "The word to Ramp that the bill is booked, with the voucher's number.", ("ramp",)),
    )
    deliver_batch = 1
    confirm_batch = 100
    amends = False

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._vouchers = VoucherDesk(desk.ifs, SERIE)
        self._periods = OpenPeriods(desk.ifs, desk.dictionary, desk.connection.companies)
        self._companies: dict[str, list[str]] = {}
        self._parts: dict[str, str] = {}  # field → code part
        self._found: set[int] = set()
        self.settle_after = desk.settings.ifs_settle_after_seconds

    def feeds(self) -> Sequence[str]:
        """One feed, if vouchers are configured at all."""
        return ["ready"] if self._desk.settings.vouchers is not None else []

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List what Ramp says is ready and not yet booked: a queue, not a feed."""
        for bill in self._desk.ramp.bills_carried(sync_ready=True, sync_status=NOT_SYNCED):
            yield Sighting.of_unread(bill) if isinstance(bill, Unread) else Sighting(bill.id, carry=bill)

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """A bill that is approved or ready, or was edited or archived."""
        return Sighting(object_id)

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Take the bill from the list, or read the one a webhook named; one that is not ready is left to the poll.

        One of which we made a voucher is taken as it is now, so that what was done to it since is told.
        """
        bill: Bill | None = sighting.carry or self._desk.ramp.find_bill(sighting.key)
        if bill is None:
            return None
        is_listed = sighting.carry is not None
        is_ready = bill.approval_status == APPROVED and (is_listed or bill.sync_status == NOT_SYNCED)
        if not is_ready and self._desk.dictionary.by_key(self.kind, bill.id) is None:
            return None
        return SourceRecord(
            key=bill.id,
            company="",
            content=bill.raw,
            fingerprint=fingerprint(_what_matters(bill)),
            label=bill.invoice_number or bill.id,
            partner=bill.vendor_name or "",
            amount=bill.amount.amount,
            currency=bill.amount.currency,
            dated=bill.issued_at,
        )

    def prepare(self) -> None:
        """Read which company each entity of Ramp stands for, what each company credits, and which periods are open."""
        desk = self._desk
        letters = [name.removeprefix("Code") for name in desk.dimensions()]
        self._parts = {field_id(letter): letter for letter in letters}
        self._companies = {}
        for company, entity in desk.entities().items():
            self._companies.setdefault(entity, []).append(company)
        rules = desk.settings.vouchers
        if rules:
            self._periods.prepare()
        desk.dictionary.learn("credit_account", rules.credited(desk.connection.companies) if rules else {})

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Make a voucher; an invoice that IFS books itself is only acknowledged, a bill taken back is for a person."""
        rules = self._desk.settings.vouchers
        bill = Bill.parse(entry.source)
        made = self._desk.dictionary.by_key(self.kind, bill.id)
        if made is not None:
            return _changed(entry.label, bill, made.external_id, invoice=self._desk.invoice_of(bill))
        companies = self._companies.get(bill.entity_id or "", [])
        if rules is None or not companies:
            return Ignored(
                Cause.NOT_OURS, f"bill {bill.invoice_number}: entity {bill.entity_id} is no company of this connection"
            )
        taken_back = _taken_back(bill)
        if taken_back:
            return Ignored(Cause.CANCELLED, f"bill {entry.label} is {taken_back} in Ramp: no voucher is made")
        invoice = self._desk.invoice_of(bill)
        if rules.bills == "born_in_ramp" and invoice is not None:
            if self._desk.dictionary.by_key(BILL, invoice) is None:
                raise RecordError(
                    f"bill {entry.label} has the reference {invoice}, and was not sent by this connection as an "
                    "invoice of IFS; book it by hand, or take the reference off the bill in Ramp",
                    cause=Cause.INVOICE_UNKNOWN,
                    key=f"{BILL}:{invoice}",
                )
            return Translated(encode({"booked": invoice}), bill.id)
        if len(companies) > 1:
            raise RecordError(
                f"bill {entry.label}: entity {bill.entity_id} stands for companies {' and '.join(companies)}, and a "
                "voucher is booked in one; give each its own entity under ramp.entities, or book the bill by hand",
                cause=Cause.ENTITY_UNMAPPED,
                key=f"entity:{companies[-1]}",
            )
        posted = bill.posting_date or bill.issued_at or entry.since.date()
        voucher = self._periods.dated(to_voucher(_plain(bill), companies[0], posted, rules, self._parts))
        return Translated(encode(voucher), bill.id)

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look for a voucher whose rows carry the bill's id; Ramp may have been told of one that is there already."""
        found = self._vouchers.find_all([outgoing for outgoing in batch if "booked" not in outgoing.payload])
        self._found.update(found)
        return found

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Create the voucher, header and rows in one change set."""
        (outgoing,) = batch
        payload = outgoing.payload
        if "booked" in payload:
            return [Landed(f"{payload['booked']}", {"booked": "by IFS itself, from the invoice"})]
        self._assure(outgoing.entry)
        return [self._vouchers.create(payload)]

    def _assure(self, entry: Entry) -> None:
        """See that the bill, which may have waited here for long, still stands in Ramp as it was read."""
        bill = self._desk.ramp.find_bill(entry.key)
        taken_back = _taken_back(bill) if bill is not None else "gone"
        if bill is None or taken_back is not None:
            raise RecordError(
                f"bill {entry.label} is {taken_back} in Ramp: no voucher is made; replay it if it is approved again",
                cause=Cause.CANCELLED,
            )
        if bill.sync_status != NOT_SYNCED:
            raise RecordError(
                f"bill {entry.label} is {bill.sync_status} in Ramp, and not by us: no voucher is made; "
                "find out who booked it",
                cause=Cause.DUPLICATE_SUSPECTED,
            )
        if _what_matters(bill) != _what_matters(Bill.parse(entry.source)):
            raise NotYetError(f"bill {entry.label} was edited in Ramp meanwhile; it is booked as it is read next")

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Tell Ramp which bills are booked, and under which number."""
        booked = {o.entry.key: o.entry.external_id or "" for o in batch}
        told_before = any(
            o.entry.attempts > FIRST_TOLD or o.entry.id in self._found or "booked" in o.payload for o in batch
        )
        return acknowledge(self._desk.ramp, "BILL_SYNC", booked, told_before=told_before)


def _changed(label: str, bill: Bill, voucher: str, *, invoice: str | None) -> Ignored:
    """Hold what was done to a bill after its voucher; an invoice that IFS booked itself has none of ours."""
    if voucher == invoice:
        return Ignored(Cause.ALREADY_KNOWN, f"bill {label} is booked by IFS itself, from its invoice")
    taken_back = _taken_back(bill)
    if taken_back:
        raise RecordError(
            f"bill {label} is {taken_back} in Ramp, but voucher {voucher} was made of it; reverse the voucher in IFS",
            cause=Cause.CANCELLED_AFTER_DELIVERY,
        )
    raise RecordError(
        f"bill {label} was edited in Ramp after voucher {voucher} was made of it; compare both, and correct the "
        "voucher in IFS by hand",
        cause=Cause.CHANGED_AFTER_DELIVERY,
    )


def _taken_back(bill: Bill) -> str | None:
    """Say what has become of a bill that was approved; None while it still is."""
    if bill.archived_at is not None:
        return "archived"
    return None if bill.approval_status == APPROVED else bill.approval_status or "not approved"


def _what_matters(bill: Bill) -> list[Any]:
    """Give what a voucher depends on.

    What is seldom so is told only where it is: a bill without it has the fingerprint that it always had.
    """
    lines = [[line.amount.to_text(), line.memo, line.codings()] for line in bill.line_items]
    taken_back, posted = _taken_back(bill), bill.posting_date
    seldom = [["taken back", taken_back]] if taken_back is not None else []
    seldom += [["posted", str(posted)]] if posted not in (None, bill.issued_at) else []
    return [
        bill.entity_id,
        bill.vendor_id,
        bill.invoice_number,
        bill.amount.to_text(),
        bill.amount.currency,
        str(bill.issued_at),
        lines,
        *seldom,
    ]


def _plain(bill: Bill) -> dict[str, Any]:
    lines = [
        {"amount": line.amount.to_text(), "memo": line.memo or "", "selections": line.codings()}
        for line in bill.line_items
    ]
    return {
        "id": bill.id,
        "invoice_number": bill.invoice_number or bill.id,
        "vendor_name": bill.vendor_name or "",
        "amount": bill.amount.to_text(),
        "currency": bill.amount.currency,
        "lines": lines,
    }
