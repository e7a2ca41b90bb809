"""Documents approved in a spend system on their way into IFS: a supplier invoice and its GL voucher, as one step.

A payload is plain: `invoice` (company, supplier, number, series, invoice_type, invoice_date, due_date, currency, net,
vat, text, pay_term, po_reference, lines with account, parts, amount, text) and `voucher` (as in `vouchers`, or null).
Amounts are text. `text` begins with our reference: by it the invoice is known as ours when an answer was lost.
"""

import threading
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from mlc_pipelines.errors import Cause, ConfigurationError, RecordError, TransientError
from mlc_pipelines.flows.content import fingerprint
from mlc_pipelines.flows.flow import Outgoing
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.errors import AbsentError
from mlc_pipelines.ifs.posting_proposals import NewProposal, PostingLine, PostingProposals
from mlc_pipelines.ifs.supplier_invoices import FoundInvoice, SupplierInvoices
from mlc_pipelines.integrations.erp.vouchers import VoucherDesk
from mlc_pipelines.ledger.bindings import Binding, Dictionary
from mlc_pipelines.ledger.records import Landed
from mlc_pipelines.ledger.states import State

MADE = "supplier_invoice"
NUMBERS = "invoice_number"
BEGUN = "begun"  # it is being made; until its id is noted it may be there or not
REFUSED = "refused"  # it was not made


class DocumentDesk:
    """Makes a supplier invoice, then its voucher; a crash between them is resumed, not started again.

    An invoice leaves the posting proposals when it is finally posted. So that it is never made a second time, a note
    by document is kept in the connection's dictionary: BEGUN before it is sent, its id as soon as IFS has made it. So
    is the document that a number was made of: a number is one supplier's, or unique by itself (`by_supplier` is False).
    """

    def __init__(self, ifs: IfsClient, dictionary: Dictionary, serie: str, *, by_supplier: bool = True) -> None:
        self._proposals = PostingProposals(ifs)
        self._invoices = SupplierInvoices(ifs)
        self._vouchers = VoucherDesk(ifs, serie)
        self._dictionary = dictionary
        self._serie = serie
        self._by_supplier = by_supplier
        self._making = [threading.Lock() for _ in range(256)]

    def find_all(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look what became of lost writes, by entry id; a document that is only begun is to be finished.

        For a first write nothing is asked here: `deliver` looks for each part before it makes it.
        """
        lost = [outgoing for outgoing in batch if outgoing.entry.state is State.UNKNOWN]
        found = {outgoing.entry.id: self._settled(outgoing) for outgoing in lost}
        return {entry: landed for entry, landed in found.items() if landed is not None}

    def has_begun(self, key: str) -> bool:
        """Tell whether something of a document may be in IFS: its invoice was begun, and not refused."""
        note = self._dictionary.by_key(MADE, key)
        return note is not None and note.external_id != REFUSED

    def deliver(self, outgoing: Outgoing) -> Landed:
        """Make what is not there yet: the invoice, then its voucher; documents of one number wait for each other."""
        with self._making[hash(self._number(outgoing)) % len(self._making)]:
            return self._deliver(outgoing)

    def _deliver(self, outgoing: Outgoing) -> Landed:
        invoice, voucher = self._parts(outgoing)
        landed = self._whole(outgoing, invoice, voucher)
        if landed is not None:
            return landed
        if invoice is None:
            self._refuse_what_may_be_there(outgoing, released=True)
            self._refuse_a_second(outgoing)
            invoice = self._make(outgoing)
        wanted = outgoing.payload["voucher"]
        return _landed(invoice, voucher or (self._vouchers.create(wanted) if wanted else None))

    def _settled(self, outgoing: Outgoing) -> Landed | None:
        invoice, voucher = self._parts(outgoing)
        landed = self._whole(outgoing, invoice, voucher)
        if landed is None and invoice is None:
            self._refuse_what_may_be_there(outgoing)
        return landed

    def _parts(self, outgoing: Outgoing) -> tuple[str | None, Landed | None]:
        """Look for both parts; an invoice that is there is noted, for it may leave the proposals at any time."""
        voucher = outgoing.payload["voucher"]
        return self._ours(outgoing), self._vouchers.find(voucher) if voucher else None

    def _whole(self, outgoing: Outgoing, invoice: str | None, voucher: Landed | None) -> Landed | None:
        """Give what landed where nothing is to be made any more: a voucher alone tells that its invoice has left."""
        if invoice is not None and (voucher is not None or not outgoing.payload["voucher"]):
            return _landed(invoice, voucher)
        if invoice is None and voucher is not None and not self._was_cancelled(outgoing):
            detail = {"voucher": voucher.external_id, "invoice": "has left the posting proposals"}
            return Landed(voucher.external_id, detail)
        return None

    # The invoice

    def _ours(self, outgoing: Outgoing) -> str | None:
        """Give the id of our invoice; one of somebody else, or of another content, needs a person."""
        note, mark = self._note(outgoing), _mark(outgoing)
        there = self._looked_for(outgoing, note)
        if there is None:
            return None
        text, stem = there.text or "", _stem(mark)
        noted = note.reference if note is not None and note.external_id == there.word() else None
        if not text.startswith(mark) and noted != mark:
            raise _changed(outgoing, there) if noted or text.startswith(stem) else self._taken(outgoing, there)
        if noted != mark:
            self._see_that_it_is_whole(outgoing, there)
            self._take_number(outgoing)
            self._write_note(outgoing, there.word())
        return there.word()

    def _taken(self, outgoing: Outgoing, there: FoundInvoice) -> RecordError:
        wanted, other = outgoing.payload["invoice"], self._dictionary.by_external_id(MADE, there.word())
        maker = "was not made by this connection" if other is None else f"was made of the record {other.key}"
        return RecordError(
            f"{_named(wanted)} is in IFS already (id {there.invoice_id}{_posted(there)}) and {maker}; find out whether "
            "it is the same",
            cause=Cause.DUPLICATE_SUSPECTED,
            key=_key(wanted),
        )

    def _looked_for(self, outgoing: Outgoing, note: Binding | None) -> FoundInvoice | None:
        """Look for it by supplier and number, then by the id that was noted."""
        wanted = outgoing.payload["invoice"]
        there = self._invoices.find(wanted["company"], wanted["supplier"], wanted["number"])
        if there is not None or note is None or note.external_id in {BEGUN, REFUSED}:
            return there
        company, _, invoice_id = note.external_id.partition("^")
        return self._invoices.read(company, int(invoice_id))

    def _see_that_it_is_whole(self, outgoing: Outgoing, there: FoundInvoice) -> None:
        wanted = outgoing.payload["invoice"]
        if not there.is_proposal:
            return
        try:
            coded = len(self._proposals.read(there.company, there.invoice_id).lines)
        except AbsentError:  # finally posted in this very moment: it was whole
            return
        if coded < len(wanted["lines"]):
            raise RecordError(
                f"{_named(wanted)} (id {there.invoice_id}) was left with {coded} of its {len(wanted['lines'])} lines; "
                "cancel it in IFS, then release",
                cause=Cause.OUTCOME_UNSETTLED,
                key=_key(wanted),
            )

    def _was_cancelled(self, outgoing: Outgoing) -> bool:
        wanted, stem = outgoing.payload["invoice"], _stem(_mark(outgoing))
        same = self._proposals.numbered(wanted["company"], wanted["supplier"], wanted["number"])
        return any(each.is_cancelled and (each.text or "").startswith(stem) for each in same)

    def _make(self, outgoing: Outgoing) -> str:
        self._take_number(outgoing)
        self._write_note(outgoing, BEGUN)
        try:
            made = self._proposals.create(_new_proposal(outgoing.payload["invoice"]))
        except (ConfigurationError, TransientError, RecordError) as error:
            # A half of it may have been left; of any other error nobody knows whether it came before or after.
            if getattr(error, "cause", None) is not Cause.OUTCOME_UNSETTLED:
                self._write_note(outgoing, REFUSED)
            raise
        invoice = f"{made.company}^{made.invoice_id}"
        self._write_note(outgoing, invoice)
        return invoice

    def _refuse_what_may_be_there(self, outgoing: Outgoing, *, released: bool = False) -> None:
        """Refuse to make an invoice that may have been made and finally posted, where nothing would show it.

        It is said once of each version: who has it `released` has looked, but a newer version that came by itself is
        nobody's word.
        """
        note, said = self._note(outgoing), _said(outgoing)
        if note is None or note.external_id != BEGUN or self._invoices.shows_posted:
            return
        if released and note.reference == said:
            return
        self._write_note(outgoing, BEGUN, reference=said)
        wanted = outgoing.payload["invoice"]
        raise RecordError(
            f"{_named(wanted)} was sent and the answer lost; it is not among the posting proposals, but finally posted "
            "invoices leave them. Look for supplier and number in IFS: replay if it is not there; if it is, name a set "
            "that lists it (ifs.sets.supplier_invoice), then replay",
            cause=Cause.OUTCOME_UNSETTLED,
            key=_key(wanted),
        )

    def _refuse_a_second(self, outgoing: Outgoing) -> None:
        """Refuse a number that was made of another document, unless IFS has refused or somebody cancelled that one.

        Where nothing shows whether that one stands, it is said once: who releases the document has looked.
        """
        other = self._dictionary.by_key(NUMBERS, self._number(outgoing))
        note = self._dictionary.by_key(MADE, other.external_id) if other is not None else None
        if other is None or note is None or note.key == outgoing.entry.key or note.external_id == REFUSED:
            return
        company, _, invoice_id = note.external_id.partition("^")
        there = self._invoices.read(company, int(invoice_id)) if note.external_id != BEGUN else None
        if there is None and note.external_id != BEGUN:
            return
        if there is None or not (there.is_proposal or self._invoices.shows_posted):
            own, said = self._note(outgoing), _said(outgoing)
            if own is not None and own.reference == said:
                return
            self._write_note(outgoing, REFUSED, reference=said)
        wanted = outgoing.payload["invoice"]
        made = "was begun" if there is None else f"was made (id {invoice_id}{_posted(there)})"
        raise RecordError(
            f"{_named(wanted)} has the number of the record {note.key}, which {made}; find out whether it is the same, "
            "and replay if it is not",
            cause=Cause.DUPLICATE_SUSPECTED,
            key=_key(wanted),
        )

    def _take_number(self, outgoing: Outgoing) -> None:
        self._dictionary.link(NUMBERS, [(replace(outgoing.entry, key=self._number(outgoing)), outgoing.entry.key)])

    def _number(self, outgoing: Outgoing) -> str:
        """Name what may be there once: a number of one type, however it is typed."""
        wanted = outgoing.payload["invoice"]
        number = " ".join(unicodedata.normalize("NFKC", wanted["number"]).upper().split())
        whose = [wanted["company"], wanted["supplier"]] if self._by_supplier else []
        return fingerprint([*whose, number, wanted["invoice_type"]])

    # Notes

    def _note(self, outgoing: Outgoing) -> Binding | None:
        return self._dictionary.by_key(MADE, outgoing.entry.key)

    def _write_note(self, outgoing: Outgoing, what: str, *, reference: str | None = None) -> None:
        self._dictionary.link(MADE, [(replace(outgoing.entry, reference=reference or _mark(outgoing)), what)])


def _mark(outgoing: Outgoing) -> str:
    """Give the word that begins the invoice's text: serie, document and content."""
    return str(outgoing.payload["invoice"]["text"]).split(" ", 1)[0]


def _said(outgoing: Outgoing) -> str:
    """Give the word that a person was told of this version of a document."""
    return f"said^{outgoing.entry.id}"


def _stem(mark: str) -> str:
    """Give the part of the mark that all contents of one document share."""
    return mark.rpartition(":")[0] + ":"


def _named(wanted: Mapping[str, Any]) -> str:
    return f"invoice {wanted['number']} of supplier {wanted['supplier']} in company {wanted['company']}"


def _key(wanted: Mapping[str, Any]) -> str:
    return f"invoice:{wanted['company']}^{wanted['supplier']}^{wanted['number']}"


def _changed(outgoing: Outgoing, there: FoundInvoice) -> RecordError:
    wanted = outgoing.payload["invoice"]
    return RecordError(
        f"{_named(wanted)} is in IFS with an earlier content (id {there.invoice_id}{_posted(there)}), perhaps without "
        "its voucher; cancel it there and replay, or correct it",
        cause=Cause.CHANGED_AFTER_DELIVERY,
        key=_key(wanted),
    )


def _posted(there: FoundInvoice) -> str:
    return "" if there.is_proposal else ", finally posted"


def _landed(invoice: str, voucher: Landed | None) -> Landed:
    return Landed(invoice, {"voucher": voucher.external_id} if voucher is not None else {})


def _new_proposal(wanted: Mapping[str, Any]) -> NewProposal:
    lines = tuple(
        PostingLine(line["account"], Decimal(line["amount"]), line["parts"], line["text"]) for line in wanted["lines"]
    )
    return NewProposal(
        company=wanted["company"],
        supplier=wanted["supplier"],
        series=wanted["series"],
        number=wanted["number"],
        invoice_type=wanted["invoice_type"],
        invoice_date=date.fromisoformat(wanted["invoice_date"]),
        due_date=date.fromisoformat(wanted["due_date"]),
        currency=wanted["currency"],
        net=Decimal(wanted["net"]),
        vat=Decimal(wanted["vat"]),
        lines=lines,
        pay_term=wanted.get("pay_term"),
        po_reference=wanted.get("po_reference"),
        text=wanted["text"],
    )
