"""Bills of Ramp, and their drafts: a draft is approved in Ramp, a bill made here is approved already."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from typing import Any, TypedDict, Unpack

from mlc_pipelines.errors import Cause, OutcomeUnknownError, RecordError
from mlc_pipelines.integrations.ramp.errors import AbsentError
from mlc_pipelines.integrations.ramp.models import Bill, NewBill
from mlc_pipelines.integrations.ramp.vendor_client import VendorCalls
from mlc_pipelines.wire.addresses import segment
from mlc_pipelines.wire.http import HttpClient
from mlc_pipelines.wire.rows import Unread, each

UNSPECIFIED = "UNSPECIFIED"
VENDOR_DEFAULT = "vendor_default"
_DAY_ENDS = time(23, 59, 59)


class DraftFilters(TypedDict, total=False):
    """What lists of drafts can be narrowed by; a filter that is None is left out."""

    remote_id: str | None
    invoice_number: str | None
    vendor_id: str | None
    entity_id: str | None
    from_issued_date: date | None
    to_issued_date: date | None


class BillFilters(DraftFilters, total=False):
    """What lists of bills can be narrowed by."""

    draft_bill_id: str | None
    sync_ready: bool | None
    sync_status: str | None
    payment_status: str | None
    approval_status: str | None
    is_archived: bool | None
    from_paid_at: datetime | None
    to_paid_at: datetime | None


class BillCalls(VendorCalls):
    """Calls below /bills. A new bill names a contact of its vendor, so vendors are read too."""

    def __init__(
        self,
        http: HttpClient,
        *,
        page_size: int = 100,
        vendor_owner: str | None = None,
        payment_method: str = UNSPECIFIED,
    ) -> None:
        super().__init__(http, page_size=page_size, vendor_owner=vendor_owner)
        self._payment_method = payment_method

    def drafts(self, **filters: Unpack[DraftFilters]) -> Iterator[Bill]:
        """List drafts; `bills` does not show them (seen in public code)."""
        return self._rows("/bills/drafts", Bill.listed, **_asked(filters))

    def draft(self, draft_id: str) -> Bill:
        """Read one draft; AbsentError when there is none."""
        return Bill.parse(self._get(f"/bills/drafts/{segment(draft_id)}"))

    def create_draft(self, bill: NewBill) -> Bill:
        """Hand over a bill as a draft. It cannot be deleted again (seen in public code)."""
        return _taken(self._post("/bills/drafts", bill.to_create()), bill)

    def update_draft(self, draft_id: str, bill: NewBill) -> Bill:
        """Replace what a draft says, its lines whole."""
        return _taken(self._patch(f"/bills/drafts/{segment(draft_id)}", bill.to_create()), bill)

    def submit_draft(self, draft_id: str) -> None:
        """Ask for approval; NotSubmittableError when the vendor lacks what its payment needs."""
        self._post(f"/bills/drafts/{segment(draft_id)}/submit")

    def bills(self, **filters: Unpack[BillFilters]) -> Iterator[Bill]:
        """List bills; there is no filter by time of change (documented)."""
        return self._rows("/bills", Bill.listed, **_asked(filters))

    def bills_carried(self, **filters: Unpack[BillFilters]) -> Iterator[Bill | Unread]:
        """List bills to be carried, those that cannot even be named too."""
        return each(self._raw("/bills", **_asked(filters)), Bill.listed, names=("id",))

    def bill(self, bill_id: str) -> Bill:
        """Read one bill; AbsentError when there is none, or only a draft."""
        return Bill.parse(self._get(f"/bills/{segment(bill_id)}"))

    def find_bill(self, bill_id: str) -> Bill | None:
        """Read one bill, or give None when there is none."""
        try:
            return self.bill(bill_id)
        except AbsentError:
            return None

    def create_bill(self, bill: NewBill) -> Bill:
        """Make a bill that is approved at once, past the approvals of Ramp (documented)."""
        body = {**bill.to_create(), "vendor_contact_id": self.default_contact(bill.vendor_id), **self._payment()}
        return _taken(self._post("/bills", body), bill)

    def _payment(self) -> dict[str, Any]:
        """Say how the bill is paid; by its vendor's own way is newer than a method (seen in public code)."""
        if self._payment_method == VENDOR_DEFAULT:
            return {"use_default_payment_method": True}
        return {"payment_method": self._payment_method}

    def update_bill(self, bill_id: str, bill: NewBill) -> Bill:
        """Replace what an approved bill says, its lines whole."""
        return _taken(self._patch(f"/bills/{segment(bill_id)}", bill.to_change()), bill)

    def archive_bill(self, bill_id: str) -> None:
        """Archive a bill; Ramp cancels payments under way, and refuses paid ones (documented)."""
        self._delete(f"/bills/{segment(bill_id)}")


def _asked(filters: Mapping[str, Any]) -> dict[str, Any]:
    """Write the days of a period as Ramp wants them: as moments (documented), both days included."""
    asked = dict(filters)
    for name, moment in (("from_issued_date", time()), ("to_issued_date", _DAY_ENDS)):
        if asked.get(name):
            asked[name] = datetime.combine(asked[name], moment, tzinfo=UTC)
    return asked


def _taken(body: bytes, sent: NewBill) -> Bill:
    """Read the bill that Ramp made, and refuse one whose total is not what was sent: then a unit was misread."""
    try:
        made = Bill.listed(body)
    except RecordError as error:
        raise OutcomeUnknownError(f"{error}; look for {sent.remote_id} before sending again") from error
    if made.total is not None and made.total != sent.total():
        raise RecordError(
            f"ramp: bill {made.id} for {sent.remote_id} says {made.total}, {sent.total()} was sent; correct it in Ramp",
            cause=Cause.AMOUNT_MISMATCH,
        )
    return made
