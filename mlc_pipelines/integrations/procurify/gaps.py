"""What only one side has, or what differs; it is reported, and neither side is changed."""

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from mlc_pipelines.integrations.erp.accounts import AccountSource
from mlc_pipelines.integrations.erp.suppliers import SupplierSource
from mlc_pipelines.integrations.integration import Gap
from mlc_pipelines.integrations.procurify.desk import Desk
from mlc_pipelines.integrations.procurify.flows.bills import BillsToIfs
from mlc_pipelines.integrations.procurify.flows.suppliers import SuppliersToIfs
from mlc_pipelines.integrations.procurify.matching import Ladder, said
from mlc_pipelines.wire.rows import Unread

_PAYLOAD = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NOTES = msgspec.json.Decoder(dict[str, str])
DIFFERS = "cost_center_differs"


def gaps(desk: Desk) -> Iterator[Gap]:
    """Compare suppliers with vendors, accounts with account codes, departments with cost centers."""
    yield from _vendors(desk)
    yield from _accounts(desk)
    yield from _departments(desk)
    yield from _charged_elsewhere(desk)


def _vendors(desk: Desk) -> Iterator[Gap]:
    bound = desk.dictionary.bound(SuppliersToIfs.kind)
    ladder = Ladder(SupplierSource(desk.ifs).all(), bound, desk.table("suppliers"), desk.table("countries"))
    vendors = list(desk.procurify.vendors())
    matched = set()
    for vendor in vendors:
        if isinstance(vendor, Unread):
            yield Gap("vendor", vendor.name or "without an id", vendor.problem)
            continue
        match = ladder.match(vendor)
        if match.supplier is not None:
            matched.add(match.supplier.id)
        else:
            may_be = f"; may be {said(match.proposals)}" if match.proposals else ""
            yield Gap("vendor", vendor.id, f"{vendor.name}: no supplier in IFS{may_be}")
    for number, supplier in sorted(ladder.known.items()):
        if number not in matched:
            yield Gap("supplier", number, f"{supplier.name}: no vendor in Procurify")
    listed = {vendor.name if isinstance(vendor, Unread) else vendor.id for vendor in vendors}
    for entry in desk.entries(SuppliersToIfs.name):
        if entry.key not in listed:
            yield Gap("vendor", entry.key, f"{entry.label}: no longer listed, so inactive, or our user lost rights")


def _accounts(desk: Desk) -> Iterator[Gap]:
    codes = list(desk.procurify.account_codes())
    parents = {row.parent for row in codes if row.parent is not None}
    table, chart = desk.table("accounts"), AccountSource(desk.ifs).all(desk.connection.companies)
    here = {account.code for account in chart.values()}
    for row in sorted(codes, key=lambda row: row.code or ""):
        if not row.code or row.active is False or row.id in parents:
            continue
        wanted = table.get(row.code) if table else row.code
        if wanted is None:
            yield Gap("gl_account", row.code, f"{row.description}: not in mapping.accounts")
        elif wanted not in here:
            yield Gap("gl_account", row.code, f"{row.description}: account {wanted} is in no company's chart")


def _departments(desk: Desk) -> Iterator[Gap]:
    table = desk.table("cost_centers")
    for department in desk.procurify.departments():
        if not department.external_id and department.id not in table:
            yield Gap("department", department.id or "", f"{department.name}: no external id, not in cost_centers")


def _charged_elsewhere(desk: Desk) -> Iterator[Gap]:
    """Say how often approver and charged department have another cost center: the setting decides which counts."""
    bills, count, amounts = 0, 0, dict[str, Decimal]()
    for entry in desk.entries(BillsToIfs.name):
        if not entry.payload:
            continue
        bills += 1
        if DIFFERS in _NOTES.decode(_PAYLOAD.decode(entry.payload)["notes"]):
            count += 1
            money = entry.currency or ""
            amounts[money] = amounts.get(money, Decimal(0)) + (entry.amount or Decimal(0))
    if count:
        sums = ", ".join(f"{amount} {currency}" for currency, amount in sorted(amounts.items()))
        source = desk.settings.cost_center_source
        yield Gap(
            "cost_center", source,
            f"approver and charged department differ on {count} of {bills} bills ({sums}); the {source}'s was taken",
        )  # fmt: skip
