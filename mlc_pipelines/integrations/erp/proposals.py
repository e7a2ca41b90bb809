"""Documents approved in a spend system on their way into IFS: a supplier invoice and its GL voucher, as one step.

A payload is plain: `invoice` (company, supplier, number, series, invoice_type, invoice_date, due_date, currency, net,
vat, text, pay_term, po_reference, lines with account, parts, amount, text) and `voucher` (as in `vouchers`, or null).
Amounts are text. `text` begins with our reference: by it the invoice is known as ours when an answer was lost.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.flow import Outgoing
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.posting_proposals import NewProposal, PostingLine, PostingProposals, SupplierInvoice
from mlc_pipelines.integrations.erp.vouchers import VoucherDesk
from mlc_pipelines.ledger.records import Landed


class DocumentDesk:
    """Makes a supplier invoice, then its voucher; a crash between them is resumed, not started again."""

    def __init__(self, ifs: IfsClient, serie: str) -> None:
        self._proposals = PostingProposals(ifs)
        self._vouchers = VoucherDesk(ifs, serie)

    def find_all(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look for documents of which every part is there, by entry id; one begun by us only is to be finished."""
        found = {}
        for outgoing in batch:
            invoice = self._ours(outgoing.payload["invoice"])
            if invoice is None:
                continue
            wanted = outgoing.payload["voucher"]
            made = self._vouchers.find(wanted) if wanted else None
            if made is not None or not wanted:
                found[outgoing.entry.id] = _landed(invoice, made)
        return found

    def deliver(self, payload: Mapping[str, Any]) -> Landed:
        """Make what is not there yet: the invoice, then its voucher."""
        invoice = self._ours(payload["invoice"]) or self._proposals.create(_new_proposal(payload["invoice"]))
        wanted = payload["voucher"]
        made = (self._vouchers.find(wanted) or self._vouchers.create(wanted)) if wanted else None
        return _landed(invoice, made)

    def _ours(self, wanted: Mapping[str, Any]) -> SupplierInvoice | None:
        """Find our invoice by supplier and number; one of somebody else is a duplicate that needs a person."""
        company, supplier, number = wanted["company"], wanted["supplier"], wanted["number"]
        there = self._proposals.find(company, supplier, number)
        if there is None:
            return None
        reference = wanted["text"].split(" ", 1)[0]
        if not (there.text or "").startswith(reference):
            raise RecordError(
                f"invoice {number} of supplier {supplier} is in IFS already (company {company}, "
                f"id {there.invoice_id}) and was not made by this connection; find out whether it is the same",
                cause=Cause.DUPLICATE_SUSPECTED,
                key=f"invoice:{company}^{supplier}^{number}",
            )
        coded = len(self._proposals.read(company, there.invoice_id).lines)
        if coded < len(wanted["lines"]):
            raise RecordError(
                f"invoice {number} of supplier {supplier} (company {company}, id {there.invoice_id}) was left with "
                f"{coded} of its {len(wanted['lines'])} lines; cancel it in IFS, then release",
                cause=Cause.OUTCOME_UNSETTLED,
                key=f"invoice:{company}^{supplier}^{number}",
            )
        return there


def _landed(invoice: SupplierInvoice, voucher: Landed | None) -> Landed:
    detail = {"voucher": voucher.external_id} if voucher is not None else {}
    return Landed(f"{invoice.company}^{invoice.invoice_id}", detail)


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
