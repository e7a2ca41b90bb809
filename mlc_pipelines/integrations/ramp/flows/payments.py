"""Payments: bills paid in Ramp mark their invoices as paid in IFS, and Ramp is told so."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.collecting import in_parts
from mlc_pipelines.flows.content import encode, fingerprint
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.integrations.erp.invoices import BILL
from mlc_pipelines.integrations.erp.payments import PaidMarks
from mlc_pipelines.integrations.ramp.acknowledging import acknowledge
from mlc_pipelines.integrations.ramp.desk import Desk
from mlc_pipelines.integrations.ramp.flows.bills import BillsToRamp
from mlc_pipelines.integrations.ramp.models import Bill
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated
from mlc_pipelines.ledger.states import State
from mlc_pipelines.wire.rows import Unread

OVERLAP = timedelta(days=1)
PAID, OPEN = "PAID", "OPEN"
PAID_FEED, RETURNED_FEED = "paid", "returned"
LOOKED_UP = 500
"""So many open bills are looked up in the ledger at once."""


class PaymentsToIfs:
    """Reports payments to IFS, under the ETag of a fresh read; a mark is never taken back."""

    name = "payments"
    sentence = "Bills paid in Ramp mark their invoices as paid in IFS; a payment that comes back is held for a person."
    kind = "payment"
    assets = Assets(
        collect=Asset("paid_bills", "Bills that Ramp has paid, heard by webhook or found by poll.", ("ramp",)),
        translate=Asset("coded_payments", "The same payments, with the invoice each belongs to."),
        deliver=Asset("paid_marks", "The mark on the invoice in IFS that says how it was paid.", ("ifs",)),
        confirm=Asset("payment_syncs", "The word to Ramp that the payment is booked.", ("ramp",)),
    )
    deliver_batch = 1
    confirm_batch = 100
    amends = True
    settle_after = 0.0  # a write under an ETag can be tried again at once

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._marks = PaidMarks(desk.ifs)

    def feeds(self) -> Sequence[str]:
        """Ramp's payments are global: what is paid, and what no longer is."""
        return [PAID_FEED, RETURNED_FEED]

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List bills paid since a day before the watermark, or open ones whose invoice was marked as paid."""
        return self._returned() if feed == RETURNED_FEED else self._paid(since)

    def _paid(self, since: datetime | None) -> Iterator[Sighting]:
        moment = since - OVERLAP if since is not None else None
        for bill in self._desk.ramp.bills_carried(payment_status=PAID, from_paid_at=moment):
            if isinstance(bill, Unread):
                yield Sighting.of_unread(bill)
                continue
            yield Sighting(bill.id, position=bill.paid_at, carry=bill)

    def _returned(self) -> Iterator[Sighting]:
        """Look through all that is open, for Ramp has no list of payments that came back."""
        rows = self._desk.ramp.bills_carried(payment_status=OPEN)
        for part in in_parts((row for row in rows if not isinstance(row, Unread)), LOOKED_UP):
            told = self._desk.dictionary.bound_among(self.kind, [bill.id for bill in part])
            yield from (Sighting(bill.id, carry=bill) for bill in part if bill.id in told)

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """A paid bill. Of a payment that changed, which names no bill, the lists tell that are read next."""
        return Sighting(object_id) if event_type == "bills.paid" else None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Take the bill from the list, or read the one a webhook named; one not paid yet is left to the poll."""
        bill: Bill | None = sighting.carry or self._desk.ramp.find_bill(sighting.key)
        if bill is None or (bill.status != PAID and self._desk.dictionary.by_key(self.kind, bill.id) is None):
            return None
        stands = str(bill.paid_at) if bill.status == PAID else "not paid any more"
        return SourceRecord(
            key=bill.id,
            company=(bill.remote_id or "").partition("^")[0],
            content=bill.raw,
            fingerprint=fingerprint([bill.remote_id, bill.amount.to_text(), bill.amount.currency, stands]),
            label=bill.invoice_number or bill.id,
            partner=bill.vendor_name or "",
            amount=bill.amount.amount,
            currency=bill.amount.currency,
            dated=_paid_on(bill) or bill.issued_at,
        )

    def prepare(self) -> None:
        """Nothing to open: the bill names its invoice."""

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Find the invoice that the bill was made of; hold what came back after the invoice was marked."""
        bill = Bill.parse(entry.source)
        invoice = self._desk.invoice_of(bill)
        if invoice is None:
            return Ignored(
                Cause.BORN_IN_TARGET, f"bill {bill.invoice_number} was made in Ramp; it has no invoice in IFS"
            )
        if bill.status != PAID:
            raise RecordError(
                f"invoice {invoice} was marked as paid in IFS, and bill {bill.invoice_number} in Ramp is "
                f"{bill.status} now ({bill.status_summary}); find out whether it is paid anew, else take the mark back "
                "by hand",
                cause=Cause.CHANGED_AFTER_DELIVERY,
            )
        company, _, invoice_id = invoice.partition("^")
        if invoice_id.isdigit() and company not in self._desk.connection.companies:
            return Ignored(Cause.NOT_OURS, f"bill {bill.invoice_number}: company {company} is none of this connection")
        if not invoice_id.isdigit() or self._desk.dictionary.by_key("bill", invoice) is None:
            raise RecordError(
                f"bill {bill.invoice_number} is paid; its invoice {invoice} was not sent by this connection",
                cause=Cause.INVOICE_UNKNOWN,
                key=f"bill:{invoice}",
            )
        self._refuse_another_amount(bill, invoice)
        paid_on = _paid_on(bill)
        paid_date = paid_on.isoformat() if paid_on is not None else None
        return Translated(encode({"company": company, "invoice_id": int(invoice_id), "paid_date": paid_date}), bill.id)

    def _refuse_another_amount(self, bill: Bill, invoice: str) -> None:
        """Refuse to call an invoice paid whose bill was changed in Ramp; one that is held for a person is theirs."""
        for sent in self._desk.books.reports.select(flow=BillsToRamp.name, keys=[invoice]):
            is_sent = sent.key == invoice and sent.state in (State.DELIVERED, State.CONFIRMED)
            if is_sent and (sent.amount, sent.currency) != (bill.amount.amount, bill.amount.currency):
                raise RecordError(
                    f"bill {bill.invoice_number} was paid as {bill.amount}, and invoice {invoice} is {sent.amount} "
                    f"{sent.currency}; correct the invoice in IFS, or mark it there by hand as what it is",
                    cause=Cause.AMOUNT_MISMATCH,
                    key=f"{BILL}:{invoice}",
                )

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Nothing to look for: the write itself reads the invoice first."""
        return {}

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Mark the invoice as paid; one that says so already is left as it is."""
        (outgoing,) = batch
        payload = outgoing.payload
        reference = f"ramp:{outgoing.entry.key}"
        return [
            self._marks.mark(
                payload["company"], payload["invoice_id"], reference=reference, paid_date=payload["paid_date"]
            )
        ]

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Tell Ramp which payments are booked; without vouchers the bills themselves were not, and Ramp is not told."""
        if self._desk.settings.vouchers is None:
            return [Landed("not acknowledged: no vouchers are configured") for _ in batch]
        return acknowledge(
            self._desk.ramp, "BILL_PAYMENT_SYNC", {o.entry.key: o.entry.external_id or "" for o in batch}
        )


def _paid_on(bill: Bill) -> date | None:
    """Give the day its payment says, else the day (UTC) on which Ramp took the bill for paid."""
    if bill.payment is not None and bill.payment.paid_on is not None:
        return bill.payment.paid_on
    return bill.paid_at.date() if bill.paid_at is not None else None
