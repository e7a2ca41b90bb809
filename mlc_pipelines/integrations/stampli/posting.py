"""Posting: supplier, supplier invoice and voucher of one invoice as one step that is resumed, never started again."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.flow import Outgoing
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.errors import AbsentError
from mlc_pipelines.ifs.suppliers import NewSupplier, Suppliers
from mlc_pipelines.integrations.erp.payments import PaidMarks
from mlc_pipelines.integrations.erp.proposals import DocumentDesk
from mlc_pipelines.integrations.stampli.mapping import SERIE
from mlc_pipelines.ledger.bindings import Dictionary
from mlc_pipelines.ledger.records import Landed


class Posting:
    """Writes what translation made: `invoice` with `voucher` and perhaps a new `supplier`, or only a `paid` mark."""

    def __init__(self, ifs: IfsClient, dictionary: Dictionary, *, by_supplier: bool) -> None:
        self._documents = DocumentDesk(ifs, dictionary, SERIE, by_supplier=by_supplier)
        self._suppliers = Suppliers(ifs)
        self._marks = PaidMarks(ifs)
        self._births = threading.Lock()

    def has_begun(self, key: str) -> bool:
        """Tell whether something of an invoice may be in IFS."""
        return self._documents.has_begun(key)

    def find_all(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look for documents that are whole; one that is paid too is left to `deliver`, which looks part by part."""
        paid = {each.entry.id for each in batch if each.payload["paid"]}
        return {entry: landed for entry, landed in self._documents.find_all(batch).items() if entry not in paid}

    def deliver(self, outgoing: Outgoing) -> Landed:
        """Make what is not there yet."""
        payload = outgoing.payload
        if payload["invoice"] is None:
            return self._mark(payload["posted"], payload["paid"])
        if payload["supplier"] is not None:
            self._ensure(payload["supplier"])
        landed = self._documents.deliver(outgoing)
        if payload["paid"] is None:
            return landed
        marked = self._mark(landed.external_id, payload["paid"])
        return Landed(landed.external_id, {**landed.detail, **marked.detail})

    def _ensure(self, wanted: Mapping[str, Any]) -> None:
        """Make the supplier unless it is there; two invoices of one new vendor make it once."""
        with self._births:
            if self._is_there(wanted["id"]):
                return
            named = [supplier.id for supplier in self._suppliers.find_by_name(wanted["name"])]
            if named:
                raise RecordError(
                    f"vendor {wanted['name']}: IFS has supplier {', '.join(named)} of that name by now; replay",
                    cause=Cause.VENDOR_UNKNOWN,
                )
            try:
                self._suppliers.create(NewSupplier(**wanted))
            except RecordError:
                # Its id is our choice: a refusal may mean that an earlier try, whose answer was lost, made it.
                if not self._is_there(wanted["id"]):
                    raise

    def _is_there(self, supplier_id: str) -> bool:
        try:
            self._suppliers.read(supplier_id)
        except AbsentError:
            return False
        return True

    def _mark(self, posted: str, reference: str) -> Landed:
        company, _, invoice_id = posted.partition("^")
        # Finally posted: IFS keeps its own book of what is paid, and Stampli's word stays in this ledger.
        left = Landed(posted, {"paid": "the invoice has left the proposals; not marked"})
        if not invoice_id.isdecimal():  # it is known by its voucher alone
            return left
        try:
            return self._marks.mark(company, int(invoice_id), reference=reference, paid_date=None)
        except RecordError as error:
            if error.cause is not Cause.INVOICE_UNKNOWN:
                raise
            return left
