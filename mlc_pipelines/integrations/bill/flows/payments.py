"""Payments: bills paid in BILL mark their invoices in IFS; a payment that is undone later is a person's matter."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import encode, fingerprint
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.integrations.bill.bill_client import read_bill, read_payment
from mlc_pipelines.integrations.bill.desk import OVERLAP, Desk
from mlc_pipelines.integrations.bill.flows.bills import BillsToBill
from mlc_pipelines.integrations.bill.mapping import marked
from mlc_pipelines.integrations.bill.models import Bill, Payment, Row, day
from mlc_pipelines.integrations.bill.standing import Paid, failure, is_payment, is_rest_scheduled, is_undone, paid
from mlc_pipelines.integrations.erp.invoices import BILL
from mlc_pipelines.integrations.erp.payments import PAID, PaidMarks
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated
from mlc_pipelines.ledger.states import State
from mlc_pipelines.wire.rows import Unread

BILLS, PAYMENTS = "bills", "payments"
FINISHED = "finished_bill"
PROCESSED = "processed_payment"
"""Words that say of a payment on which day it was made, and for which bills: `2026-11-20 00nA 00nB`."""

FAILED, FAILED_AND_TOLD = "failed_payment", "failed_payment_told"
"""Words that say which bills a failed payment leaves as paid, and which of them IFS has been told of by now."""


class PaymentsToIfs:
    """Reports payments to IFS, under the ETag of a fresh read; a mark is never taken back.

    Records are of two kinds: bills we sent, which say what is paid, and payments, which say when one has failed.
    """

    name = "payments"
    sentence = (
        "Bills paid in BILL mark their invoices as paid in IFS; a payment undone afterwards is held for a person."
    )
    kind = "payment"
    assets = Assets(
        collect=Asset("paid_bills", "Bills of ours that BILL has paid, and the payments of them.", ("bill",)),
        translate=Asset("coded_payments", "The same with the invoice each belongs to; failed payments are held."),
        deliver=Asset("paid_marks", "The mark on the invoice in IFS that says how it was paid.", ("ifs",)),
    )
    deliver_batch = 1
    confirm_batch = 1
    amends = True
    settle_after = 0.0  # a write under an ETag can be tried again at once

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._marks = PaidMarks(desk.ifs)
        self._paid_on: dict[str, str] = {}  # bill → day of its last payment

    def feeds(self) -> Sequence[str]:
        """The bills we sent, then the payments."""
        return [BILLS, PAYMENTS]

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """Ask for every bill we watch, and list the payments changed since a little before the watermark."""
        return self._watched_bills() if feed == BILLS else self._payments(since)

    def _watched_bills(self) -> Iterator[Sighting]:
        """Watch each bill until it has been paid for a month; whether a void changes its time is not known."""
        dictionary = self._desk.dictionary
        finished, told = dictionary.known(FINISHED), dictionary.bound(self.kind)
        ids = sorted(id_ for id_ in dictionary.bound("bill").values() if id_ not in finished)
        long_ago = self._desk.clock.now() - timedelta(days=self._desk.settings.watch_days)
        for row in self._desk.bill.bill_rows_among(ids):
            if isinstance(row, Unread):
                yield Sighting.of_unread(row)
                continue
            yield Sighting(row.id, tag=digest(row.raw), carry=row)
            if row.updated is not None and row.updated < long_ago and row.id in told and self._is_all_told(row):
                finished[row.id] = row.updated.date().isoformat()
        dictionary.learn(FINISHED, finished)

    def _is_all_told(self, row: Row) -> bool:
        """Tell whether IFS knows that all of a bill is paid; what is only seen here may never be written down."""
        told = self._told(row.id)
        try:
            return told is not None and told.status == PAID and told == paid(read_bill(row.raw))
        except RecordError:  # held where it is read as a record
            return False

    def _payments(self, since: datetime | None) -> Iterator[Sighting]:
        dictionary, moment = self._desk.dictionary, since - OVERLAP if since is not None else None
        processed, failed = dictionary.known(PROCESSED), dictionary.known(FAILED)
        for row in self._desk.bill.payment_rows(moment=moment, by=self._desk.settings.payments_since):
            if isinstance(row, Unread):
                yield Sighting.of_unread(row)
                continue
            problem = None if is_payment(row.id) else f"bill: {row.id!r} is listed as a payment, and is no id of one"
            yield Sighting(row.id, tag=digest(row.raw), position=row.updated, carry=row, problem=problem)
            processed[row.id], failed[row.id] = _spoken_of(row)
        dictionary.learn(FAILED, {id_: said for id_, said in failed.items() if said})
        watched = set(dictionary.bound("bill").values()) - dictionary.known(FINISHED).keys()
        dictionary.learn(PROCESSED, {id_: said for id_, said in processed.items() if watched & {*said.split()}})

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """A bill or a payment that was changed; it is read anew, for notifications may overtake each other."""
        return Sighting(object_id)

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Take the bill or payment from the list, or read the one that a webhook named."""
        row: Row | None = sighting.carry
        if is_payment(sighting.key):
            payment = read_payment(row.raw) if row else self._desk.bill.find_payment(sighting.key)
            return self._payment_record(payment) if payment else None
        bill = read_bill(row.raw) if row else self._desk.bill.find_bill(sighting.key)
        return self._bill_record(bill) if bill else None

    def _bill_record(self, bill: Bill) -> SourceRecord | None:
        """Write down a bill with a payment, or that had one; others are left to the next poll."""
        stands = paid(bill)
        if stands is None and self._desk.dictionary.by_key(self.kind, bill.id) is None:
            return None
        currencies = self._desk.dictionary.known("vendor_currency")
        return SourceRecord(
            key=bill.id,
            company=(marked(bill.description) or "").partition("^")[0],
            content=bill.raw,
            fingerprint=fingerprint([bill.id, stands.text() if stands else None]),
            tag=digest(bill.raw),
            label=bill.invoice.invoice_number or bill.id,
            partner=bill.vendor_name or "",
            amount=stands.amount if stands else bill.amount,
            currency=currencies.get(bill.vendor_id or "", self._desk.settings.home_currency),
            dated=bill.updated.date() if bill.updated else bill.invoice_date,
        )

    def _payment_record(self, payment: Payment) -> SourceRecord | None:
        if not self._invoices_of(payment):
            return None
        return SourceRecord(
            key=payment.id,
            company="",
            content=payment.raw,
            fingerprint=fingerprint([payment.id, sorted(payment.bill_ids), payment.stands, failure(payment)]),
            tag=digest(payment.raw),
            label=payment.transaction_number or payment.id,
            partner=payment.vendor_name or "",
            dated=day(payment.process_date),
        )

    def _invoices_of(self, payment: Payment) -> dict[str, str]:
        bindings = {bill_id: self._desk.dictionary.by_external_id("bill", bill_id) for bill_id in payment.bill_ids}
        return {bill_id: binding.key for bill_id, binding in bindings.items() if binding is not None}

    def prepare(self) -> None:
        """Read on which day each bill was paid, and of which failed payments IFS was told; bindings name invoices."""
        dictionary = self._desk.dictionary
        told, failed = dictionary.bound(self.kind), dictionary.known(FAILED)
        told_of = {id_: " ".join(sorted(told.keys() & {*bills.split()})) for id_, bills in failed.items()}
        dictionary.learn(FAILED_AND_TOLD, {id_: bills for id_, bills in told_of.items() if bills})
        self._paid_on = {}
        for said in sorted(dictionary.known(PROCESSED).values()):
            on, *bills = said.split()
            self._paid_on |= dict.fromkeys(bills, on)

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Find the invoice of a bill and what to mark; hold what went back after it was marked."""
        if is_payment(entry.key):
            return self._judged(read_payment(entry.source))
        bill = read_bill(entry.source)
        invoice = self._invoice_of(bill)
        if isinstance(invoice, Ignored):
            return invoice
        stands, told = paid(bill), self._told(bill.id)
        if told is not None and stands is None and is_rest_scheduled(bill, told):
            return Ignored(Cause.NOT_READY, f"bill {bill.id} is {bill.payment_status}; {told.text()} is told already")
        if told is not None and (stands is None or stands.amount < told.amount):
            raise RecordError(
                f"invoice {invoice} was marked {told.text()} in IFS, and bill {bill.id} in BILL is "
                f"{stands.text() if stands else bill.payment_status} now; find out what became of the payment",
                cause=Cause.CHANGED_AFTER_DELIVERY,
            )
        if stands is None:
            return Ignored(Cause.NOT_READY, f"bill {bill.id} is {bill.payment_status}")
        self._refuse_another_amount(bill, invoice)
        company, _, invoice_id = invoice.partition("^")
        last = self._paid_on.get(bill.id) or (bill.updated.date().isoformat() if bill.updated else None)
        paid_on = last if stands.status == PAID else None
        payload = {
            "company": company, "invoice_id": int(invoice_id), "status": stands.status, "paid_date": paid_on,
        }  # fmt: skip
        return Translated(encode(payload), stands.text())

    def _refuse_another_amount(self, bill: Bill, invoice: str) -> None:
        """Refuse to call an invoice paid whose bill was changed in BILL; one that is held for a person is theirs."""
        for sent in self._desk.books.reports.select(flow=BillsToBill.name, keys=[invoice]):
            is_sent = sent.key == invoice and sent.state in (State.DELIVERED, State.CONFIRMED)
            if is_sent and bill.amount not in (None, sent.amount):
                raise RecordError(
                    f"bill {bill.id} is {bill.amount}, and invoice {invoice} is {sent.amount} {sent.currency}; correct "
                    "the invoice in IFS, or mark it there by hand as what it is",
                    cause=Cause.AMOUNT_MISMATCH,
                    key=f"{BILL}:{invoice}",
                )

    def _invoice_of(self, bill: Bill) -> str | Ignored:
        binding, ours = self._desk.dictionary.by_external_id("bill", bill.id), marked(bill.description)
        if binding is not None:
            return binding.key
        if ours is None:
            return Ignored(Cause.BORN_IN_TARGET, f"bill {bill.id} was made in BILL; it has no invoice in IFS")
        company = ours.partition("^")[0]
        if company not in self._desk.connection.companies:
            return Ignored(Cause.NOT_OURS, f"bill {bill.id}: company {company} is none of this connection")
        raise RecordError(
            f"bill {bill.id} is paid; its invoice {ours} was not sent by this connection",
            cause=Cause.INVOICE_UNKNOWN,
            key=f"bill:{ours}",
        )

    def _told(self, bill_id: str) -> Paid | None:
        binding = self._desk.dictionary.by_key(self.kind, bill_id)
        return Paid.from_text(binding.reference) if binding is not None and binding.reference else None

    def _judged(self, payment: Payment) -> Ignored:
        failed = failure(payment)
        marked_paid = {id_: key for id_, key in self._invoices_of(payment).items() if self._told(id_) is not None}
        if failed is None or not marked_paid:
            key = f"{FAILED_AND_TOLD}:{payment.id}" if failed else None  # its bills may be told of as paid after it
            return Ignored(Cause.NOT_READY, f"payment is {failed or payment.stands}; its bills say what is paid", key)
        raise RecordError(
            f"payment {payment.id} is {failed}, after {', '.join(sorted(marked_paid.values()))} was marked as paid "
            "in IFS; find out whether it is paid anew, else take the mark back by hand",
            cause=Cause.CHANGED_AFTER_DELIVERY,
        )

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Nothing to look for: the write itself reads the invoice first."""
        return {}

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Mark the invoice as paid, or partly so; one that says so already is left as it is."""
        (outgoing,) = batch
        wanted, said = outgoing.payload, f"bill:{outgoing.entry.key}"
        return [
            self._marks.mark(
                wanted["company"],
                wanted["invoice_id"],
                reference=said,
                paid_date=wanted["paid_date"],
                status=wanted["status"],
            )
        ]

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Nothing: BILL is not told."""
        return [Landed("") for _ in batch]


def _spoken_of(row: Row) -> tuple[str, str]:
    """Say when a payment was made and for which bills, else for which it failed; nothing of one that cannot be read."""
    try:
        payment = read_payment(row.raw)
    except RecordError:  # held where it is read as a record
        return "", ""
    if failure(payment):
        return "", "" if is_undone(payment) else " ".join(payment.bill_ids)
    on = day(payment.process_date)
    return ("" if on is None else " ".join([on.isoformat(), *payment.bill_ids])), ""
