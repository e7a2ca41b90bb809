"""Supplier invoices wherever IFS has them: among the posting proposals, or finally posted and gone from there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.errors import AbsentError
from mlc_pipelines.ifs.posting_proposals import CANCELLED, PostingProposals, only
from mlc_pipelines.ifs.records import TypedReader

SET = "supplier_invoice"


@dataclass(frozen=True, slots=True)
class FoundInvoice:
    """An invoice that was looked for, and not cancelled. `text` is None where nothing tells it."""

    company: str
    invoice_id: int
    text: str | None
    is_proposal: bool

    def word(self) -> str:
        """What names it, as one word: `10^900001`."""
        return f"{self.company}^{self.invoice_id}"


class _Invoice(msgspec.Struct, frozen=True, kw_only=True):
    company: str
    invoice_id: int
    state: str | None = None
    text: str | None = None


class SupplierInvoices:
    """The supplier invoices of one tenant: its proposals, then the set that has all of them, where one is named."""

    def __init__(self, client: IfsClient) -> None:
        self._client = client
        self._proposals = PostingProposals(client)
        self.shows_posted = SET in client.settings.sets
        self._reader = (
            TypedReader(_Invoice, client.settings.names(SET), where="supplier invoice") if self.shows_posted else None
        )

    def find(self, company: str, supplier: str, number: str) -> FoundInvoice | None:
        """The invoice with this number of this supplier; cancelled ones do not count."""
        proposal = self._proposals.find(company, supplier, number)
        if proposal is not None:
            return FoundInvoice(company, proposal.invoice_id, proposal.text, is_proposal=True)
        alive = list(self._posted(company, supplier=supplier, number=number))
        only(alive, company, supplier=supplier, number=number)
        return alive[0] if alive else None

    def read(self, company: str, invoice_id: int) -> FoundInvoice | None:
        """The invoice with this id. One that is nowhere to be seen was finally posted; None: it was cancelled."""
        try:
            proposal = self._proposals.read(company, invoice_id)
        except AbsentError:
            if not self.shows_posted:
                return FoundInvoice(company, invoice_id, None, is_proposal=False)
            return next(self._posted(company, invoice_id=invoice_id), None)
        if proposal.is_cancelled:
            return None
        return FoundInvoice(company, invoice_id, proposal.text, is_proposal=True)

    def _posted(self, company: str, **wanted: Any) -> Iterator[FoundInvoice]:
        if self._reader is None:
            return
        where = [(name, "eq", value) for name, value in wanted.items()]
        for row in self._client.rows(SET, company=company, where=where):
            invoice = self._reader.read(row.raw)
            if invoice.state != CANCELLED:
                yield FoundInvoice(invoice.company, invoice.invoice_id, invoice.text, is_proposal=False)
