"""Bills of BILL and their payments; neither an idempotency key nor an id of ours exists there (seen in public code)."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal

from mlc_pipelines.errors import Cause, OutcomeUnknownError, RecordError
from mlc_pipelines.integrations.bill.calls import Calls, among, eq, made_rows, since
from mlc_pipelines.integrations.bill.errors import AbsentError
from mlc_pipelines.integrations.bill.models import Bill, NewBill, Payment, Row, reader
from mlc_pipelines.wire.addresses import segment
from mlc_pipelines.wire.rows import Unread

PATH = "/v3/bills"
PAYMENTS = "/v3/payments"
GROUP = 50
"""Ids asked for in one list (assumed)."""

MOST_AT_ONCE = 100
"""Bills in one bulk call, all or nothing (documented; an older page said 200)."""

read_bill = reader(Bill, "bill")
read_payment = reader(Payment, "payment")
_read_row = reader(Row, "row")


class BillCalls(Calls):
    """Calls below /v3/bills and /v3/payments; payments are only read."""

    def bills(
        self, *, archived: bool, vendor_id: str | None = None, created_since: datetime | None = None
    ) -> Iterator[Bill]:
        """List bills; by invoice number there is no filter. Whether archived ones come unasked is not stated."""
        filters = [eq("archived", archived)]
        filters += [eq("vendorId", vendor_id)] if vendor_id else []
        filters += [since("createdTime", created_since)] if created_since else []
        return self._rows(PATH, read_bill, filters=filters)

    def bill_rows_among(self, ids: Sequence[str]) -> Iterator[Row | Unread]:
        """Read bills by id, in groups, as far as they must be readable to be named.

        Whether archived ones come unasked is not stated: what a list leaves out is asked for as archived.
        """
        for start in range(0, len(ids), GROUP):
            left_out = set(ids[start : start + GROUP])
            for row in self._carried(PATH, _read_row, filters=[among("id", sorted(left_out))]):
                left_out.discard((row.name or "") if isinstance(row, Unread) else row.id)
                yield row
            if left_out:
                archived = [among("id", sorted(left_out)), eq("archived", value=True)]
                yield from self._carried(PATH, _read_row, filters=archived)

    def bill(self, bill_id: str) -> Bill:
        """Read one bill; AbsentError when there is none."""
        return read_bill(self._get(f"{PATH}/{segment(bill_id)}"))

    def find_bill(self, bill_id: str) -> Bill | None:
        """Read one bill, or give None when there is none."""
        try:
            return self.bill(bill_id)
        except AbsentError:
            return None

    def create_bill(self, bill: NewBill) -> Bill:
        """Make a bill; it goes into the approvals of BILL."""
        return _taken(self._post(PATH, bill.body()), bill)

    def create_bills(self, bills: Sequence[NewBill]) -> list[Bill]:
        """Make up to a hundred bills, all or none, of any vendors."""
        body = self._post(f"{PATH}/bulk", [bill.body() for bill in bills])
        marks = [(bill.description,) for bill in bills]
        made = made_rows(body, read_bill, "bills", sent=marks, named=lambda bill: (bill.description,))
        return [_as_sent(*pair) for pair in zip(made, bills, strict=True)]

    def replace_bill(self, bill_id: str, bill: NewBill) -> Bill:
        """Replace what a bill says, its lines whole: what a partial change does to lines is not known."""
        return _taken(self._change("PUT", f"{PATH}/{segment(bill_id)}", bill.body()), bill)

    def payment_rows(
        self, *, moment: datetime | None, by: Literal["updatedTime", "processDate", "nothing"]
    ) -> Iterator[Row | Unread]:
        """List payments from a moment on, as far as they must be readable to be named; the filter is assumed."""
        if by == "nothing" or moment is None:
            return self._carried(PAYMENTS, _read_row)
        return self._carried(PAYMENTS, _read_row, filters=[since(by, moment if by == "updatedTime" else moment.date())])

    def find_payment(self, payment_id: str) -> Payment | None:
        """Read one payment, or give None when there is none."""
        try:
            return read_payment(self._get(f"{PAYMENTS}/{segment(payment_id)}"))
        except AbsentError:
            return None


def _taken(body: bytes, sent: NewBill) -> Bill:
    try:
        made = read_bill(body)
    except RecordError as error:
        raise OutcomeUnknownError(f"{error}; look for {sent.description} before sending again") from error
    return _as_sent(made, sent)


def _as_sent(made: Bill, sent: NewBill) -> Bill:
    """Refuse a bill whose total is not what was sent: then an amount was misread."""
    if made.amount is not None and made.amount != sent.total():
        raise RecordError(
            f"bill: bill {made.id} for {sent.description} says {made.amount}, {sent.total()} was sent; "
            "correct it in BILL",
            cause=Cause.AMOUNT_MISMATCH,
        )
    return made
