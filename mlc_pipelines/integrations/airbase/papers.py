"""Payments on both sides, for the match at month end: what Airbase has, and the vouchers of it in IFS."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import islice

from mlc_pipelines.errors import RecordError
from mlc_pipelines.flows.reconciling import Document
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.records import Row
from mlc_pipelines.integrations.airbase.charges import read_charge
from mlc_pipelines.integrations.airbase.desk import Desk
from mlc_pipelines.integrations.airbase.flows.payment_vouchers import PaymentVouchersToIfs, payment_fields
from mlc_pipelines.integrations.airbase.models import SYNC_COMPLETE, SYNC_READY, read_entry
from mlc_pipelines.integrations.airbase.posting import ISO_CODE, SERIE
from mlc_pipelines.integrations.integration import Period
from mlc_pipelines.wire.rows import readable

PREFIX = "PAY-"
VOUCHER_DATE = "VoucherDate"
LOOKED_AT = 1000
"""So many completed entries are looked at for another connector; its traces are not rare where there is one."""


def payments(desk: Desk, period: Period) -> Iterator[Document]:
    """Give the payments of a period as Airbase has them; entries that another connector completed are not ours."""
    settings, companies = desk.settings, desk.companies()
    fields = payment_fields(settings)
    for raw in _rows(desk):
        try:
            charge = read_charge(raw, fields)
        except RecordError:
            continue  # held as unreadable, without an amount
        if charge.dated is None or not period.first <= charge.dated <= period.last:
            continue
        if charge.subsidiary in settings.foreign_subsidiaries or len(charge.currency) != ISO_CODE:
            continue
        company = companies.get(charge.subsidiary, "")
        yield Document(
            charge.id, company, charge.number, charge.vendor_name, charge.currency, charge.total, charge.dated
        )


def _rows(desk: Desk) -> Iterator[bytes]:
    flow = PaymentVouchersToIfs(desk)
    if not flow.feeds():
        return
    if desk.settings.payments_source == "payments_api":
        yield from desk.airbase.payments()
        return
    ours = set(desk.dictionary.bound(flow.kind).values())
    yield from desk.airbase.ledger_entries(SYNC_READY)
    for raw in desk.airbase.ledger_entries(SYNC_COMPLETE):
        if any(entry.erp_reference_id in ours for entry in readable([raw], read_entry)):
            yield raw


def completed_elsewhere(desk: Desk) -> list[str]:
    """Name what ledger entries were completed as that we did not post: another connector is active then."""
    if not PaymentVouchersToIfs(desk).feeds() or desk.settings.payments_source == "payments_api":
        return []
    ours = set(desk.dictionary.bound(PaymentVouchersToIfs.kind).values())
    rows = islice(desk.airbase.ledger_entries(SYNC_COMPLETE), LOOKED_AT)
    found = (entry.erp_reference_id or "" for entry in readable(rows, read_entry))
    return [reference for reference in found if reference not in ours]


def vouchers(desk: Desk, period: Period) -> Iterator[Document]:
    """Give the vouchers of payments in a period, by the rows that carry our reference.

    The last row of each is the other side of the whole; its sign turned is the amount of the payment.
    """
    keys = {f"{PREFIX}{key}": key for key in desk.dictionary.bound(PaymentVouchersToIfs.kind)}
    for company in desk.connection.companies:
        last: dict[tuple[str, str], Row] = {}
        for row in _voucher_rows(desk.ifs, company):
            reference = str(row.values.get("reference_number") or "")
            if reference.startswith(PREFIX) or reference in keys:
                named = (reference, str(row.values.get("number")))
                if named not in last or _number(row) > _number(last[named]):
                    last[named] = row
        for (reference, number), row in last.items():
            day = date.fromisoformat(str(row.values[VOUCHER_DATE])[:10])
            if period.first <= day <= period.last:
                key = keys.get(reference) or reference.removeprefix(PREFIX)
                amount = Decimal(str(row.values.get("credit") or 0)) - Decimal(str(row.values.get("debit") or 0))
                text = str(row.values.get("text") or "")
                yield Document(key, company, number, text, str(row.values["currency"]), amount, day, number)


def _voucher_rows(ifs: IfsClient, company: str) -> Iterator[Row]:
    return ifs.rows("voucher_row", company=company, where=[("reference_serie", "eq", SERIE)])


def _number(row: Row) -> int:
    return int(row.values.get("row_no") or 0)
