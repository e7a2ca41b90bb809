"""Supplier invoices on their way out of IFS: collected with their lines, marked as sent, compared at month end."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import encode, fingerprint, kept_parts, kept_rows
from mlc_pipelines.flows.flow import Sighting
from mlc_pipelines.flows.reconciling import Document
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.conflicts import with_fresh
from mlc_pipelines.ifs.posting_proposals import PostingProposals, ProposalHead, SupplierInvoice
from mlc_pipelines.integrations.erp.payments import PAID, PARTLY_PAID
from mlc_pipelines.integrations.integration import Period
from mlc_pipelines.ledger.bindings import Dictionary
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.ledger.records import Entry, Ignored, SourceRecord
from mlc_pipelines.wire.rows import Unread

BILL = "bill"
"""The kind of binding of an invoice that was sent as a bill."""


def invoice_reference(company: str, invoice_id: int) -> str:
    """Name an IFS invoice wherever it is sent: company and invoice id, the key in IFS, such as `10^2026000123`."""
    return f"{company}^{invoice_id}"


@dataclass(frozen=True, slots=True)
class Sent:
    """Tells whether this connection sent an invoice, or somebody else: by our bindings, and by the marks in IFS.

    Ours begin with `mark`. They are there even when the ledger was restored from a backup that knows nothing of them.
    """

    dictionary: Dictionary
    mark: str

    def by_us(self, invoice: SupplierInvoice) -> bool:
        """Tell whether this connection sent it."""
        if self.marks(invoice):
            return True
        return self.dictionary.by_key(BILL, invoice_reference(invoice.company, invoice.invoice_id)) is not None

    def marks(self, invoice: SupplierInvoice) -> list[str]:
        """Give the marks of an invoice that begin as ours do."""
        said = dict.fromkeys((invoice.sent_mark, invoice.payment_reference))
        return [mark for mark in said if mark and mark.startswith(self.mark)]

    def elsewhere(self, invoice: SupplierInvoice) -> str | None:
        """Say as what IFS has it marked by others; None where it has not."""
        if invoice.sent_mark and not invoice.sent_mark.startswith(self.mark):
            return f"sent as {invoice.sent_mark}"
        if invoice.paid_status in (PAID, PARTLY_PAID) and not self.by_us(invoice):
            return f"{invoice.paid_status}, {invoice.payment_reference or 'without a reference'}"
        return None

    def refused(self, invoice: SupplierInvoice, *, undo: str) -> Ignored | None:
        """Decide on an invoice that is not to be sent; None for any other.

        A cancelled one that was never sent is left out; one sent before needs a person, told what to `undo`, and so
        does one that somebody else has sent or paid.
        """
        if invoice.is_cancelled and not self.by_us(invoice):
            return Ignored(Cause.CANCELLED, f"invoice {invoice.number} was cancelled in IFS before it was sent")
        if invoice.is_cancelled:
            raise RecordError(
                f"invoice {invoice.number} was cancelled in IFS after it was sent; {undo}",
                cause=Cause.CANCELLED_AFTER_DELIVERY,
            )
        said = self.elsewhere(invoice)
        if said is not None:
            raise RecordError(
                f"invoice {invoice.number} is marked in IFS as {said}, and not by this connection; "
                "find out who pays it, and clear the mark in IFS if it is to be sent here all the same",
                cause=Cause.SENT_ELSEWHERE,
            )
        return None

    def refuse_marked(self, entry: Entry, source: "InvoiceSource", *, where: str) -> None:
        """Refuse an invoice with a mark that begins as ours do, of which `where` has no bill: another business has it.

        Unless the mark has been cleared since it was read.
        """
        marks = self.marks(source.invoice(entry.source)) and self.marks(source.fresh(entry.key))
        if marks:
            raise RecordError(
                f"invoice {entry.label} is marked in IFS as {marks[0]}, and {where} has no bill of it; find out who "
                "pays it, and clear the mark in IFS and replay if it is to be sent here",
                cause=Cause.SENT_ELSEWHERE,
            )


class InvoiceSource:
    """Supplier invoices (posting proposals) of one tenant, for a flow that sends them to a spend system."""

    def __init__(self, ifs: IfsClient) -> None:
        self._ifs = ifs
        self._proposals = PostingProposals(ifs)

    def sightings(self, company: str, since: datetime | None) -> Iterator[Sighting]:
        """List invoices changed since, from a little before the watermark."""
        for head in self._proposals.changed_since(company, since):
            if head.problem and not head.invoice_id:
                yield Sighting.of_unread(Unread(head.raw, head.problem), prefix=f"{company}^")
                continue
            key = invoice_reference(company, head.invoice_id)
            yield Sighting(key, tag=head.etag, position=head.modified, carry=head)

    def record(self, sighting: Sighting, sent: Sent) -> SourceRecord:
        """Read the lines of an invoice, a query of their own; that others sent it, or no longer did, is a change."""
        head: ProposalHead = sighting.carry
        lines = self._proposals.lines(head)
        content = encode({"head": msgspec.Raw(head.raw), "lines": [msgspec.Raw(line) for line in lines]})
        try:
            invoice = self._proposals.whole(head, lines)
        except RecordError as error:  # without a tag it is read again: its lines may only have been torn on their way
            return SourceRecord(
                sighting.key, head.company, content, digest(content), None, sighting.key, problem=str(error)
            )
        return SourceRecord(
            key=sighting.key,
            company=invoice.company,
            content=content,
            fingerprint=fingerprint(_what_matters(invoice, sent.elsewhere(invoice))),
            tag=sighting.tag,
            label=invoice.number,
            partner=invoice.supplier,
            amount=invoice.gross,
            currency=invoice.currency,
            dated=invoice.invoice_date,
        )

    def invoice(self, source: bytes) -> SupplierInvoice:
        """Read an invoice back from our copy."""
        head, lines = kept_parts(source, "head", "lines")
        return self._proposals.invoice(head, kept_rows(lines))

    def fresh(self, key: str) -> SupplierInvoice:
        """Read an invoice from IFS as it is now; AbsentError when it is no longer among the proposals."""
        company, _, invoice_id = key.partition("^")
        return self._proposals.read(company, int(invoice_id))

    def mark_sent(self, key: str, mark: str, *, ours: str) -> dict[str, str]:
        """Write the sent mark under the ETag of a fresh read, unless it is there; give what the trail should know.

        One that does not begin as `ours` do is another's: it is left, and needs a person.
        """
        if self._ifs.settings.marks.sent is None:
            return {"mark": "none configured"}
        company, _, invoice_id = key.partition("^")

        def wanted(fresh: SupplierInvoice) -> Mapping[str, Any] | None:
            if fresh.sent_mark and not fresh.sent_mark.startswith(ours):
                raise RecordError(
                    f"invoice {fresh.number} was sent as {mark}, and is marked in IFS as sent as {fresh.sent_mark}; "
                    "find out which of them pays it, take the other back and clear the mark in IFS, then replay",
                    cause=Cause.SENT_ELSEWHERE,
                )
            return None if fresh.sent_mark == mark else {"sent": mark}

        try:
            with_fresh(lambda: self._proposals.read(company, int(invoice_id)), wanted, self._proposals.mark)
        except RecordError as error:
            if error.cause is not Cause.INVOICE_UNKNOWN:
                raise
            return {"mark": "the invoice has left the proposals"}
        return {}

    def documents(self, companies: Sequence[str], period: Period) -> Iterator[Document]:
        """Give the invoices of a period as IFS has them now, cancelled ones too: the ledger ignores them."""
        for company in companies:
            for invoice in self._proposals.in_period(company, first=period.first, last=period.last):
                key = invoice_reference(company, invoice.invoice_id)
                yield Document(
                    key, company, invoice.number, invoice.supplier, invoice.currency, invoice.gross,
                    invoice.invoice_date,
                )  # fmt: skip


def _what_matters(invoice: SupplierInvoice, elsewhere: str | None) -> object:
    """Give what a bill depends on; our own marks, the ETag, and what no bill shows are left out: they are no change."""
    plain = replace(
        invoice,
        etag=None,
        modified=None,
        state=None,
        series=None,
        pay_term=None,
        text=None,
        sent_mark=None,
        paid_status=None,
        paid_date=None,
        payment_reference=None,
    )
    matters = [invoice.is_cancelled, msgspec.to_builtins(plain)]
    return matters if elsewhere is None else [*matters, elsewhere]
