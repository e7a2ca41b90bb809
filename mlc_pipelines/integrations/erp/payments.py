"""Payments coming home: the invoice in IFS is marked as paid, under the ETag of a fresh read."""

from collections.abc import Mapping
from typing import Any

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.conflicts import with_fresh
from mlc_pipelines.ifs.posting_proposals import PostingProposals, SupplierInvoice
from mlc_pipelines.ledger.records import Landed

PAID = "Paid"
PARTLY_PAID = "PartlyPaid"


class PaidMarks:
    """Marks invoices of one tenant as paid."""

    def __init__(self, ifs: IfsClient) -> None:
        self._proposals = PostingProposals(ifs)
        self._known = ifs.settings.marks.names()

    def mark(
        self, company: str, invoice_id: int, *, reference: str, paid_date: str | None, status: str = PAID
    ) -> Landed:
        """Write status, date and reference, unless they are there.

        An invoice paid by another needs a person, and so does one that was cancelled in IFS and is paid all the same.
        """

        def wanted(fresh: SupplierInvoice) -> Mapping[str, Any] | None:
            if fresh.payment_reference == reference and fresh.paid_status == status:
                return None
            if fresh.payment_reference not in (None, "", reference):
                raise RecordError(
                    f"invoice {fresh.number} is paid by {fresh.payment_reference} already; find out which is right",
                    cause=Cause.DUPLICATE_SUSPECTED,
                )
            if fresh.is_cancelled:
                raise RecordError(
                    f"invoice {fresh.number} was cancelled in IFS, and is paid by {reference}; find out what becomes "
                    "of the payment, then mark it by hand and replay",
                    cause=Cause.CANCELLED_AFTER_DELIVERY,
                )
            marks = {"paid_status": status, "paid_date": paid_date, "payment_reference": reference}
            return {name: value for name, value in marks.items() if name in self._known}

        try:
            with_fresh(lambda: self._proposals.read(company, invoice_id), wanted, self._proposals.mark)
        except RecordError as error:
            if error.cause is not Cause.INVOICE_UNKNOWN:
                raise
            raise RecordError(f"{error}; mark it by hand", cause=error.cause) from error
        return Landed(f"{company}^{invoice_id}")
