"""Bills: supplier invoices of IFS, handed to BILL coded line by line; the sent mark goes back to IFS."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import encode
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.ifs.errors import AbsentError
from mlc_pipelines.integrations.bill.bill_client import MOST_AT_ONCE
from mlc_pipelines.integrations.bill.desk import Desk
from mlc_pipelines.integrations.bill.mapping import Words, marked, to_bill
from mlc_pipelines.integrations.bill.models import Bill, NewBill
from mlc_pipelines.integrations.erp.invoices import BILL, InvoiceSource, Sent
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated

MARK = "bill:"
"""The sent mark in IFS begins so; the id of the bill follows."""


class BillsToBill:
    """Makes bills of invoices. BILL takes no key of ours, so a create is preceded by a look at the vendor's bills."""

    name = "bills"
    sentence = "Supplier invoices of IFS become bills in BILL, every line coded; IFS is told that they were sent."
    kind = BILL
    assets = Assets(
        collect=Asset(
            "supplier_invoices", "Supplier invoices (posting proposals) with their lines, as IFS has them.", ("ifs",)
        ),
        translate=Asset(
            "coded_bills", "The same invoices as bills: vendor, account, class, department and location on every line."
        ),
        deliver=Asset("bills", "Bills in BILL.", ("bill",)),
        confirm=Asset("sent_marks", "The mark on the invoice in IFS that says where it was sent.", ("ifs",)),
    )
    deliver_batch = 1
    confirm_batch = 1
    amends = True

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._invoices = InvoiceSource(desk.ifs)
        self._sent = Sent(desk.dictionary, MARK)
        self._words = Words(desk.settings)
        self.deliver_batch = MOST_AT_ONCE if desk.settings.bulk_bills else 1
        self.settle_after = desk.settings.settle_after_seconds

    def feeds(self) -> Sequence[str]:
        """One feed a company."""
        return self._desk.connection.companies

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List invoices changed since, from a little before the watermark."""
        return self._invoices.sightings(feed, since)

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """Nothing: IFS sends no events."""
        return None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Read the lines of an invoice, a query of their own."""
        return self._invoices.record(sighting, self._sent)

    def prepare(self) -> None:
        """Read the tables of the connection file, the currencies of vendors, and what is bound in BILL."""
        desk, dictionary = self._desk, self._desk.dictionary
        desk.dimensions()  # a wrong word in the table stops here
        vendors = dictionary.bound("vendor")
        self._words = words = Words(
            desk.settings,
            vendors=vendors,
            currencies=desk.currencies(vendors.values()),
            chart=dictionary.bound("bill_account"),
            numbers=dictionary.known("account_number"),
            classes=dictionary.bound("bill_dimension"),
            accounts=desk.table("accounts"),
            dimensions=desk.table("dimensions") or {},
            tax_accounts=desk.table("tax_accounts") or {},
        )
        taxed = {company: words.tax_account_of(company) for company in desk.connection.companies}
        dictionary.learn("account", words.accounts or {})
        dictionary.learn("tax_account", {company: account for company, account in taxed.items() if account})

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Make a bill, unless the invoice was cancelled, or sent or paid by somebody else."""
        invoice = self._invoices.invoice(entry.source)
        return self._sent.refused(invoice, undo="archive the bill in BILL") or Translated(
            encode(to_bill(invoice, entry.key, self._words)), entry.key
        )

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look through the vendor's bills for one that begins with our key."""
        return {o.entry.id: Landed(bill.id) for o in batch if (bill := self._bill_of(o)) is not None}

    def _bill_of(self, outgoing: Outgoing) -> Bill | None:
        """Find our bill, archived or not; one of the same number that somebody else made needs a person."""
        payload, key, created = outgoing.payload, outgoing.entry.key, self._made_since(outgoing)
        named = self._marked_in_ifs(outgoing)
        if named is not None:
            return named
        for archived in (False, True):
            there = list(
                self._desk.bill.bills(archived=archived, vendor_id=payload["vendor_id"], created_since=created)
            )
            ours = [bill for bill in there if marked(bill.description) == key]
            if len(ours) > 1:
                raise RecordError(
                    f"BILL has {len(ours)} bills for invoice {key} ({', '.join(bill.id for bill in ours)}); "
                    "archive all but one",
                    cause=Cause.DUPLICATE_SUSPECTED,
                )
            if ours:
                return ours[0]
            if not archived:
                self._refuse_another(outgoing, there)
        return None

    def _marked_in_ifs(self, outgoing: Outgoing) -> Bill | None:
        """Give the bill that IFS has the invoice marked as, where it is ours: it may be older than is looked back."""
        for mark in self._sent.marks(self._invoices.invoice(outgoing.entry.source)):
            with suppress(RecordError):  # no bill of this organization, however BILL says so
                bill = self._desk.bill.bill(mark.removeprefix(MARK))
                if marked(bill.description) == outgoing.entry.key:
                    return bill
        return None

    def _refuse_another(self, outgoing: Outgoing, there: Sequence[Bill]) -> None:
        """Refuse a number under which the vendor may be paid already.

        Somebody else entered such a bill, or we did for an invoice of the company that is no longer valid in IFS.
        """
        number = outgoing.payload["invoice_number"]
        for bill in there:
            if bill.invoice.invoice_number != number:
                continue
            of = marked(bill.description)
            if of is not None and (_company(of) != _company(outgoing.entry.key) or self._is_valid(of)):
                continue
            whose = "not made by this connection" if of is None else f"of invoice {of}, no longer a valid one in IFS"
            raise RecordError(
                f"BILL has a bill {number} of {bill.amount} for this vendor already ({bill.id}), {whose}; "
                f"{outgoing.entry.amount} was to be sent: find out whether it is the same, and archive the wrong one",
                cause=Cause.DUPLICATE_SUSPECTED,
                key=f"bill_number:{number}",
            )

    def _is_valid(self, key: str) -> bool:
        """Tell whether an invoice is among the posting proposals and not cancelled."""
        try:
            return not self._invoices.fresh(key).is_cancelled
        except AbsentError:
            return False

    def _made_since(self, outgoing: Outgoing) -> datetime | None:
        """Say when the bill was made at the earliest; None for an invoice dated ahead: any day before may be that."""
        dated = date.fromisoformat(outgoing.payload["invoice_date"])
        if dated > outgoing.entry.since.date():
            return None
        return datetime.combine(dated, time(), tzinfo=UTC) - timedelta(days=self._desk.settings.look_back_days)

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Amend those that are there, one by one, then make the others: one in a call, or all in one where set so."""
        bills = {outgoing.entry.id: NewBill.from_payload(outgoing.payload) for outgoing in batch}
        landed = {o.entry.id: self._amended(o, o.bound, bills[o.entry.id]) for o in batch if o.bound is not None}
        for outgoing in batch:
            if outgoing.bound is None:
                self._sent.refuse_marked(outgoing.entry, self._invoices, where="this organization of BILL")
        new = {entry: bill for entry, bill in bills.items() if entry not in landed}
        if len(new) == 1:
            made = [self._desk.bill.create_bill(bill) for bill in new.values()]
        else:
            made = self._desk.bill.create_bills(list(new.values())) if new else []
        landed |= {entry: Landed(bill.id) for entry, bill in zip(new, made, strict=True)}
        return [landed[outgoing.entry.id] for outgoing in batch]

    def _amended(self, outgoing: Outgoing, bill_id: str, bill: NewBill) -> Landed:
        """Replace the whole bill, as long as nobody has decided on it or paid it."""
        there = self._desk.bill.find_bill(bill_id)
        if there is None:
            raise RecordError(f"bill {bill_id} is gone from BILL", cause=Cause.CHANGED_AFTER_DELIVERY)
        if bill.stands_in(there) and not there.archived:
            return Landed(bill_id, {"linked": "yes"})
        approved = there.approval_status not in (None, *self._desk.settings.amend_while)
        if there.archived or approved or there.payment_status not in (None, "UNPAID"):
            stands = "archived" if there.archived else f"{there.approval_status}, {there.payment_status}"
            raise RecordError(
                f"invoice {outgoing.entry.label} changed in IFS, but its bill {bill_id} in BILL is {stands}; "
                "correct the bill in BILL",
                cause=Cause.CHANGED_AFTER_DELIVERY,
            )
        self._desk.bill.replace_bill(bill_id, bill)
        return Landed(bill_id, {"amended": "yes"})

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Mark the invoice in IFS as sent, looking first."""
        (outgoing,) = batch
        said = f"{MARK}{outgoing.entry.external_id}"
        return [Landed(said, self._invoices.mark_sent(outgoing.entry.key, said, ours=said))]


def _company(key: str) -> str:
    return key.partition("^")[0]
