"""Bills: those approved in Procurify become supplier invoices in IFS, each with its voucher."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import encode, fingerprint
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.ifs.code_parts import CodeParts
from mlc_pipelines.ifs.supplier_invoices import SupplierInvoices
from mlc_pipelines.integrations.erp.accounts import AccountSource, company_code
from mlc_pipelines.integrations.erp.periods import OpenPeriods
from mlc_pipelines.integrations.erp.proposals import DocumentDesk
from mlc_pipelines.integrations.procurify.client import Listed
from mlc_pipelines.integrations.procurify.desk import Desk
from mlc_pipelines.integrations.procurify.errors import AbsentError
from mlc_pipelines.integrations.procurify.mapping import SERIE, bill_mark, invoice_number, shown_total, to_document
from mlc_pipelines.integrations.procurify.models import Bill
from mlc_pipelines.integrations.procurify.periods import first_day, windows
from mlc_pipelines.integrations.procurify.words import ELSEWHERE, LOOKED_UP, Words
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated
from mlc_pipelines.ledger.states import Stage

_POSTED = (Stage.CONFIRM, Stage.DONE)
_GROUPS = {"money": "amounts", "supplier": "vendor or number", "coding": "coding", "dates": "dates"}


class BillsToIfs:
    """Posts approved bills: looked up by supplier and number first, and never a second time."""

    name = "bills"
    sentence = "Bills approved in Procurify become supplier invoices in IFS, with a voucher for the general ledger."
    kind = "bill"
    assets = Assets(
        collect=Asset("procurify_bills", "Bills with lines and allocations, as Procurify has them.", ("procurify",)),
        translate=Asset("coded_bills", "The same bills as invoices: supplier, accounts, cost centers and tax."),
        deliver=Asset("supplier_invoices", "Supplier invoices in IFS, each with its voucher.", ("ifs",)),
    )
    deliver_batch = 1
    confirm_batch = 1
    amends = False

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._documents = DocumentDesk(desk.ifs, desk.dictionary, SERIE)
        self._invoices = SupplierInvoices(desk.ifs)
        self._periods = OpenPeriods(desk.ifs, desk.dictionary, desk.connection.companies)
        self._words = Words()
        self._numbers: dict[str, str] = {}
        self._writing = [threading.Lock() for _ in range(16)]
        self.settle_after = desk.settings.ifs_settle_after_seconds

    def feeds(self) -> Sequence[str]:
        """One feed: bills are global."""
        return ["bills"]

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List bills modified since a little before the watermark, up to a moment ago: their index, no more."""
        settings = self._desk.settings
        last = self._desk.now() - timedelta(minutes=settings.lag_minutes)
        for first, until in windows(self._begin(since), last, settings.backfill_days):
            for row in self._desk.procurify.bills_changed(first, until):
                yield Sighting(row.key, tag=row.tag, position=row.modified, carry=row)

    def _begin(self, since: datetime | None) -> datetime:
        settings = self._desk.settings
        if since is not None:
            return since - timedelta(minutes=settings.overlap_minutes)
        return datetime.combine(first_day(settings, self._desk.now()), time(), settings.zone).astimezone(UTC)

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """Nothing: Procurify sends no events."""
        return None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Read the bill in full: the list has neither lines nor exact amounts."""
        row: Listed = sighting.carry
        if row.problem:
            raise RecordError(row.problem, cause=Cause.UNREADABLE)
        try:
            raw = self._desk.procurify.bill(sighting.key)
        except AbsentError as error:
            raise RecordError(
                f"bill {sighting.key} is listed, but cannot be read: {error}", cause=Cause.UNREADABLE
            ) from error
        try:
            bill = Bill.parse(raw, self._desk.settings.zone)
        except RecordError as error:  # without a tag it is asked for again: it may only have been torn on its way
            return SourceRecord(sighting.key, "", raw, digest(raw), None, sighting.key, problem=str(error))
        total = shown_total(bill)
        return SourceRecord(
            key=bill.id,
            company=self._company(bill),
            content=raw,
            fingerprint=fingerprint(self._matters(bill)),
            tag=sighting.tag,
            label=bill.label,
            partner=bill.vendor_name,
            amount=total.amount if total else None,
            currency=total.currency if total else None,
            dated=bill.invoice_date,
        )

    def _company(self, bill: Bill) -> str:
        try:
            return self._desk.places.company_of(bill)
        except RecordError:
            return ""  # translation says why

    def _matters(self, bill: Bill) -> dict[str, Any]:
        settings = self._desk.settings
        ready = bill.status in settings.bill_statuses
        return bill.matters(approver=settings.cost_center_source == "approver", ready=ready)

    def prepare(self) -> None:
        """Read tables, accounts, cost centers and periods; what held bills wait for goes into the dictionary."""
        desk, dictionary, settings = self._desk, self._desk.dictionary, self._desk.settings
        self._numbers = {}
        dictionary.learn("company", {**desk.places.table, **_default(settings.default_company)})
        if not desk.has_work(self.name):
            return
        companies = desk.connection.companies
        parts = CodeParts(desk.ifs)
        known = [value for company in companies for value in parts.of(company, settings.cost_center_part)]
        codes = list(desk.procurify.account_codes())
        self._periods.prepare()
        self._words = words = Words(
            companies=companies,
            suppliers=dictionary.known("supplier") | dictionary.bound("supplier"),
            accounts=desk.table("accounts") or None,
            inactive=frozenset(row.code for row in codes if row.code and row.active is False),
            chart=AccountSource(desk.ifs).all(companies),
            part=settings.cost_center_part,
            cost_centers=desk.table("cost_centers"),
            values={company_code(value.company, value.value): value for value in known},
            tax_accounts=desk.table("tax_accounts"),
            shipping_accounts=desk.table("shipping_accounts"),
            payment_terms=desk.table("payment_terms"),
            orders=dictionary.known("order"),
            vouchers=settings.vouchers,
        )
        wanted = desk.wanted(self.name)
        for kind in LOOKED_UP:
            found = {key: words.resolve(kind, key) for key in wanted.get(kind, ())}
            dictionary.learn(kind, {key: value for key, value in found.items() if value is not None})

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Make the invoice and its voucher; what is not approved, not ours or posted already is decided on first."""
        bill, settings = Bill.parse(entry.source, self._desk.settings.zone), self._desk.settings
        if bill.type not in settings.bill_types:
            return Ignored(Cause.NOT_OURS, f"bill {bill.label} is of type {bill.type}, which is not carried")
        decided = self._posted(bill, entry) or self._not_ready(bill, entry)
        if decided is not None:
            return decided
        company = self._desk.places.company_of(bill)
        if company not in self._desk.connection.companies:
            if self._documents.has_begun(entry.key):
                raise _begun(bill, f"is of company {company}, which is not of this connection")
            return Ignored(
                Cause.NOT_OURS, f"bill {bill.label} is of company {company}, which is not of this connection"
            )
        document = to_document(bill, company, self._words, settings, content=entry.fingerprint)
        invoice = document["invoice"]
        self._check_number(bill, f"{company}^{invoice['supplier']}^{invoice['number']}")
        document["voucher"] = self._dated(document)
        return Translated(encode(document), f"{company}^{invoice['supplier']}^{invoice['number']}")

    def _posted(self, bill: Bill, entry: Entry) -> Ignored | None:
        """Decide on a bill that is in IFS already: the same is left alone, a change is for a person."""
        if self._desk.dictionary.by_key(self.kind, entry.key) is None:
            return None
        zone = self._desk.settings.zone
        posted = [each for each in self._versions(entry) if each.stage in _POSTED]
        if bill.is_withdrawn:
            raise RecordError(
                f"bill {bill.label} is {bill.said_status if bill.active else 'switched off'} in Procurify, but posted "
                "in IFS; cancel the invoice and its voucher there, or approve the bill again",
                cause=Cause.CANCELLED_AFTER_DELIVERY,
            )
        copies = [each.source for each in posted if each.source]  # of a pruned version there is no copy: a person looks
        before = self._matters(Bill.parse(copies[-1], zone)) if copies else {}
        now = self._matters(bill)
        changed = [said for group, said in _GROUPS.items() if before.get(group) != now[group]]
        if not changed:
            return Ignored(
                Cause.ALREADY_KNOWN, f"bill {bill.label} is posted, and what changed is no part of a posting"
            )
        raise RecordError(
            f"bill {bill.label} changed in Procurify after it was posted ({', '.join(changed)}); "
            "compare both and correct the invoice and its voucher in IFS",
            cause=Cause.CHANGED_AFTER_DELIVERY,
        )

    def _not_ready(self, bill: Bill, entry: Entry) -> Ignored | None:
        if not bill.is_withdrawn:
            if bill.status in self._desk.settings.bill_statuses:
                return None
            if self._documents.has_begun(entry.key):
                raise _begun(bill, f"is {bill.said_status} in Procurify")
            return Ignored(Cause.NOT_READY, f"bill {bill.label} is {bill.said_status}")
        if any(each.attempts for each in self._versions(entry)):
            raise _begun(bill, f"is {bill.said_status} in Procurify")
        return Ignored(Cause.CANCELLED, f"bill {bill.label} is {bill.said_status} and was never posted")

    def _versions(self, entry: Entry) -> list[Entry]:
        """Give the earlier versions of a bill, oldest first."""
        if entry.version == 1:
            return []
        found = self._desk.books.reports.find(entry.key)
        return [each for each in found if (each.flow, each.key) == (self.name, entry.key) and each.id != entry.id]

    def _check_number(self, bill: Bill, reference: str) -> None:
        """Hold a second bill of one supplier with one number: two people entered one invoice.

        Of a posted bill that was withdrawn since, delivery asks whether its invoice was cancelled in IFS.
        """
        bound = self._desk.dictionary.by_reference(self.kind, reference)
        other = bound.key if bound is not None else self._numbers.setdefault(reference, bill.id)
        if other != bill.id and not self._was_withdrawn(other):
            raise RecordError(
                f"bill {bill.id} has the invoice number {bill.label} of bill {other} of the same vendor; withdraw the "
                "one that is wrong in Procurify",
                cause=Cause.DUPLICATE_SUSPECTED,
            )

    def _was_withdrawn(self, bill_id: str) -> bool:
        """Tell whether a bill that was posted is withdrawn by now; of one that cannot be read it is not known."""
        known = self._desk.books.reports.select(flow=self.name, keys=[bill_id])
        copy = next((each.source for each in known if each.key == bill_id), b"")
        try:
            withdrawn = bool(copy) and Bill.parse(copy, self._desk.settings.zone).is_withdrawn
        except RecordError:
            return False
        return withdrawn and self._documents.has_begun(bill_id)

    def _dated(self, document: Mapping[str, Any]) -> dict[str, Any] | None:
        """See that the period of the posting date is open, with a voucher or without one."""
        voucher = document["voucher"]
        if voucher is not None:
            return self._periods.dated(voucher)
        head = document["invoice"]
        self._periods.dated({"company": head["company"], "date": head["invoice_date"], "text": head["number"]})
        return None

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look what became of a lost posting: its invoice by supplier and number, its voucher by the bill's id."""
        return self._documents.find_all(batch)

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Make the invoice and its voucher, what is not there yet; two bills of one number wait for each other."""
        (outgoing,) = batch
        with self._writing[hash(outgoing.entry.reference) % len(self._writing)]:
            self._check_typed(outgoing.payload, outgoing.entry.key)
            landed = self._documents.deliver(outgoing)
        return [Landed(landed.external_id, {**landed.detail, **outgoing.payload["notes"]})]

    def _check_typed(self, payload: Mapping[str, Any], bill_id: str) -> None:
        """Look for the number as it was typed, too; an invoice of others is a duplicate."""
        head, typed = payload["invoice"], payload["as_typed"]
        if not typed or typed == head["number"]:
            return
        there = self._invoices.find(head["company"], head["supplier"], typed)
        if there is not None and not (there.text or "").startswith(bill_mark(bill_id)):
            raise RecordError(
                f"invoice {typed} of supplier {head['supplier']} is in IFS already (company {there.company}, "
                f"id {there.invoice_id}); find out whether it is the same",
                cause=Cause.DUPLICATE_SUSPECTED,
            )

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Nothing: Procurify is never written."""
        return [Landed("") for _ in batch]


def _begun(bill: Bill, how: str) -> RecordError:
    return RecordError(
        f"bill {bill.label} {how}, and its posting had begun; look for invoice {invoice_number(bill)} in IFS and "
        "cancel it",
        cause=Cause.CANCELLED_AFTER_DELIVERY,
    )


def _default(company: str | None) -> dict[str, str]:
    return {ELSEWHERE: company} if company else {}
