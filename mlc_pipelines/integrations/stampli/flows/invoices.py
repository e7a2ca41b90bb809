"""Invoices: approved in Stampli, checked against IFS, and posted there as supplier invoice and voucher."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import encode, fingerprint
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.integrations.stampli.desk import Desk
from mlc_pipelines.integrations.stampli.files import Found, Kind, original, whole_file
from mlc_pipelines.integrations.stampli.mapping import to_document, to_supplier
from mlc_pipelines.integrations.stampli.models import Invoice, invoice_key, read_invoice, reference_of, status_of
from mlc_pipelines.integrations.stampli.opening_words import open_words
from mlc_pipelines.integrations.stampli.posting import Posting
from mlc_pipelines.integrations.stampli.raw import RawRecord
from mlc_pipelines.integrations.stampli.values import normalised
from mlc_pipelines.integrations.stampli.vendors import VENDOR_TABLE
from mlc_pipelines.integrations.stampli.words import KINDS, Words
from mlc_pipelines.ledger.bindings import Binding
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated
from mlc_pipelines.ledger.states import State

HASH_SIGNS = 20


class InvoicesToIfs:
    """Posts invoices that Stampli has approved; what changes after that is for a person."""

    name = "invoices"
    sentence = "Invoices approved in Stampli are checked against IFS and posted as supplier invoice and voucher."
    kind = "invoice"
    assets = Assets(
        collect=Asset("stampli_invoices", "Invoices of the export files, with file and rows.", ("sftp",)),
        translate=Asset("coded_invoices", "The same invoices with supplier, accounts and cost centers found in IFS."),
        deliver=Asset("posted_invoices", "Supplier invoices and their vouchers in IFS.", ("ifs",)),
    )
    deliver_batch = 1
    confirm_batch = 1
    amends = True  # an invoice that is there can be marked as paid; any other change is held in translation

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._feed = desk.settings.feeds.invoices
        kind = Kind(lambda raw: invoice_key(raw, self._feed), self._source, self._matters)
        self._files = desk.file_feed(self.name, "invoices", self._feed, kind)
        by_supplier = desk.settings.dedup_scope == "vendor_invoice"
        self._posting = Posting(desk.ifs, desk.books.dictionary, by_supplier=by_supplier)
        self._words: Words | None = None
        self.settle_after = desk.settings.ifs_settle_after_seconds

    def feeds(self) -> Sequence[str]:
        """One feed: the folder of invoices."""
        return ["invoices"]

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """Poll the folder; files, not a position, say what is new."""
        return self._files.sightings()

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """Stampli has no webhooks."""
        return None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Write down an invoice as the file has it."""
        return self._files.record(sighting)

    def prepare(self) -> None:
        """Bring files to their end, then ask IFS for all that invoices name, if there is anything to translate."""
        self._files.finish()
        desk = self._desk
        if not desk.has_work(self.name):
            return
        words = open_words(desk)
        wanted = desk.wanted(self.name)
        for kind in KINDS:
            found = {key: "there" for key in wanted.get(kind, ()) if words.has(kind, key)}
            desk.books.dictionary.learn(kind, found)
        self._words = words

    # Reading

    def _source(self, found: Found, raw: RawRecord, content: bytes) -> SourceRecord:
        invoice, problem = self._read(raw)
        companies = self._desk.table("companies")
        return SourceRecord(
            key=found.key,
            company=companies.get(invoice.company, invoice.company) if invoice else raw.get("company") or "",
            content=content,
            fingerprint=self._hash(raw, invoice),
            tag=found.tag,
            label=raw.get("invoice_number") or f"row {raw.rows[0] if raw.rows else 0}",
            partner=raw.get("vendor_name") or raw.get("vendor_id") or "",
            amount=invoice.total if invoice else None,
            currency=invoice.currency if invoice else None,
            dated=invoice.invoice_date if invoice else None,
            problem=problem,
        )

    def _read(self, raw: RawRecord) -> tuple[Invoice | None, str | None]:
        try:
            return read_invoice(raw, self._feed), None
        except RecordError as error:
            return None, str(error)

    def _matters(self, raw: RawRecord) -> str:
        return self._hash(raw, self._read(raw)[0])

    def _hash(self, raw: RawRecord, invoice: Invoice | None) -> str:
        """Hash content and status; the words of an unreadable one."""
        word = raw.get("status") or ""
        status = status_of(word, self._feed) or normalised(word)
        if invoice is not None:
            return fingerprint([invoice.content_hash(), status])
        return fingerprint([sorted(raw.fields.items()), [sorted(line.items()) for line in raw.lines], status])

    def exported(self, since: date) -> dict[str, Invoice]:
        """Give the newest readable export of every invoice in the files that came since a day, by key."""
        found: dict[str, tuple[str, Invoice]] = {}
        for each in self._files.kept(since):
            if each.raw is None or (each.key in found and found[each.key][0] > each.tag):
                continue
            with contextlib.suppress(RecordError):  # it is held, and told of there
                found[each.key] = (each.tag, read_invoice(each.raw, self._feed))
        return {key: invoice for key, (_, invoice) in found.items()}

    # Translating

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Decide by what was posted before and by the status; then make the documents."""
        about_file = whole_file(entry.source, self._desk.books)
        if about_file is not None:
            return about_file
        words = self._opened()
        invoice = read_invoice(original(entry.source, self._feed), self._feed)
        if invoice.key != entry.key:
            raise RecordError(
                f"invoice {invoice.number}: by the layout as it is now its key is {invoice.key}; export it anew",
                cause=Cause.UNREADABLE,
            )
        status = words.status(invoice.status_word)
        content = invoice.content_hash()[:HASH_SIGNS]
        posted = self._desk.books.dictionary.by_key(self.kind, entry.key)
        if posted is not None:
            return self._after_posting(invoice, status, content, posted)
        if status in {"REJECTED", "CANCELLED"}:
            return self._never_posted(entry, invoice, status)
        if status not in self._feed.post_when:
            if self._posting.has_begun(entry.key):
                raise _begun(invoice, status)
            return Ignored(Cause.NOT_READY, f"invoice {invoice.number} is {status.lower()} in Stampli")
        self._check_number(entry, invoice)
        payload: dict[str, Any] = {**to_document(invoice, words, self._desk.settings), "supplier": None}
        seller = words.vendor(invoice.vendor_id, invoice.vendor_name)
        if seller.is_new:
            payload["supplier"] = self._newborn(invoice, seller.supplier, seller.name)
        payload["paid"] = self._paid(invoice) if status == "PAID" else None
        return Translated(encode(payload), f"{reference_of(entry.key)}/{content}")

    def _opened(self) -> Words:
        if self._words is None:
            self._words = open_words(self._desk)
        return self._words

    def _after_posting(self, invoice: Invoice, status: str, content: str, posted: Binding) -> Translated | Ignored:
        number = invoice.number
        if status in {"REJECTED", "CANCELLED"}:
            raise RecordError(
                f"invoice {number} was {status.lower()} in Stampli after it was posted as {posted.external_id}; "
                "reverse it in IFS if that is right",
                cause=Cause.CANCELLED_AFTER_DELIVERY,
            )
        if (posted.reference or "").rpartition("/")[2] != content:
            raise RecordError(
                f"invoice {number} has changed in Stampli after it was posted as {posted.external_id}; "
                "compare both and correct IFS by hand",
                cause=Cause.CHANGED_AFTER_DELIVERY,
            )
        paid = self._paid(invoice)
        if status == "PAID" and paid is not None:
            payload = {"invoice": None, "voucher": None, "supplier": None, "posted": posted.external_id, "paid": paid}
            return Translated(encode(payload), posted.reference or "")
        return Ignored(Cause.ALREADY_KNOWN, f"invoice {number} is posted as {posted.external_id}, now {status.lower()}")

    def _paid(self, invoice: Invoice) -> str | None:
        return f"stampli:{reference_of(invoice.key)}" if self._desk.settings.paid == "mark" else None

    def _never_posted(self, entry: Entry, invoice: Invoice, status: str) -> Ignored:
        """Leave it out, unless the delivery of an earlier version had begun: then a part of it may be in IFS."""
        earlier = [each for each in self._desk.books.reports.find(entry.key) if each.version < entry.version]
        if any(each.flow == self.name and each.attempts for each in earlier):
            raise _begun(invoice, status)
        return Ignored(Cause.CANCELLED, f"invoice {invoice.number} was {status.lower()} in Stampli and never posted")

    def _check_number(self, entry: Entry, invoice: Invoice) -> None:
        """Where numbers must be unique by themselves, hold the second invoice of a number."""
        if self._desk.settings.dedup_scope == "vendor_invoice":
            return
        for other in self._desk.books.reports.select(flow=self.name, keys=[invoice.number]):
            first = other.id < entry.id or self._posting.has_begun(other.key)
            taken = other.key != entry.key and first and other.state is not State.IGNORED
            if taken and other.key.rsplit("^", 1)[-1] == entry.key.rsplit("^", 1)[-1]:
                raise RecordError(
                    f"invoice {invoice.number} has the number of another one, of {other.partner}; find out whether "
                    "it is the same",
                    cause=Cause.DUPLICATE_SUSPECTED,
                )

    def _newborn(self, invoice: Invoice, supplier_id: str, name: str) -> dict[str, Any]:
        known = self._desk.books.dictionary.known(VENDOR_TABLE).get(normalised(invoice.vendor_id or ""))
        details: Mapping[str, str] = msgspec.json.decode(known) if known else {}
        made = to_supplier(supplier_id, name, details, self._desk.settings.vendor_country)
        return {"currency": invoice.currency, **made}

    # Delivering

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look what became of a lost posting: its invoice by supplier and number, its voucher by its reference."""
        return self._posting.find_all(batch)

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Make supplier, supplier invoice and voucher, whatever of them is not there yet; or mark one as paid."""
        (outgoing,) = batch
        return [self._posting.deliver(outgoing)]

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Stampli is told nothing: its files are put away once all of them is in the ledger."""
        return [Landed(outgoing.entry.external_id or "") for outgoing in batch]


def _begun(invoice: Invoice, status: str) -> RecordError:
    return RecordError(
        f"invoice {invoice.number} was {status.lower()} in Stampli while its posting had begun; look in IFS",
        cause=Cause.CANCELLED_AFTER_DELIVERY,
    )
