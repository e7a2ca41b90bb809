"""Bills as they are shown: index rows, full bills, lines in bulk; what each peculiar one is there for."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from mlc_pipelines.sandbox.procurify import ProcurifySandbox
from mlc_pipelines.sandbox.procurify.bill_records import Bill
from mlc_pipelines_tests.sandbox.procurify.caller import BILLS, FULL, ITEMS, Procurify


def allocated(full: dict[str, Any]) -> Decimal:
    """Add up what is charged to accounts: allocations of lines and costs."""
    rows = [row for line in full["items"] for row in line["cost_allocations"]]
    rows += [cost["cost_allocation"] for cost in full["costs"]]
    return sum((Decimal(row["amount"]) for row in rows), Decimal(0))


def test_every_bill_adds_up_to_the_cent_but_one(procurify: ProcurifySandbox, api: Procurify) -> None:
    """Lines, tax on top, costs and shipping are the total, read from the wire and by the simulator's own books."""
    wrong = []
    for key, bill in procurify.bills.items():
        full = api.full(key)
        parts = sum((Decimal(line["total_cost_with_tax"]) for line in full["items"]), Decimal(0))
        parts += sum((Decimal(cost["amount"]) for cost in full["costs"]), Decimal(0)) + full["shipping_amount"]
        assert (parts, full["total_cost_with_tax"]) == (bill.sum_of_parts, bill.total)
        assert full["tax_amount"] == full["inclusive_tax_amount"] + full["exclusive_tax_amount"]
        if parts != bill.total:
            wrong.append(bill.peculiarity)
        if all(line["cost_allocations"] for line in full["items"]):
            assert allocated(full) == full["total_cost"]
    assert wrong == ["wrong total"]


def test_the_list_is_an_index_only(procurify: ProcurifySandbox, api: Procurify) -> None:
    """Rows have ids of lines, dates without time, the currency's id, and totals that are sums of floats."""
    row = json.loads(api.get(BILLS, search="NO-2026-705").content)["data"][0]
    bill = procurify.peculiar("inclusive tax")
    assert row["items"] == [line.id for line in bill.lines]
    assert (row["invoice_date"], row["currency"]) == (bill.invoice_date.date().isoformat(), bill.currency.id)
    assert isinstance(row["total_cost_with_tax"], float)
    assert row["vendor"] == {"id": bill.vendor.id, "name": bill.vendor.name}
    assert not {"bill_statuses", "costs", "note"} & set(row)


def test_a_full_bill_is_found_by_number_and_uuid(procurify: ProcurifySandbox, api: Procurify) -> None:
    """Both name the same; others are 404."""
    bill = procurify.bills[4701]
    assert api.full(bill.uuid)["id"] == api.full(4701)["id"] == 4701
    for key in (99, "NO-2026-701", bill.uuid[:8]):
        assert api.get(FULL.format(key)).status_code == 404


def test_types_are_those_of_the_documents(api: Procurify) -> None:
    """Totals are numbers, quantities and allocations decimal strings, dates carry an offset, money has its object."""
    full = api.full(4703)
    line = full["items"][0]
    assert full["currency"] == {"id": 1, "name": "EUR", "description": "Euro", "rate": "1.000000", "base": True}
    assert isinstance(full["total_cost_with_tax"], Decimal)
    assert [row["amount"] for row in line["cost_allocations"]] == ["33.33333333", "33.33333333", "33.33333334"]
    assert (line["quantity"], line["tax_percentage"]) == ("1.00000000", "19.0000")
    assert datetime.fromisoformat(full["invoice_date"]).tzinfo is not None
    assert line["cost_allocations"][0]["budget"]["account_code"].keys() >= {"code", "account_type", "active"}


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("first of two", lambda bill: bill["status"] == 2 and bill["type"] == 0),
        ("no allocation", lambda bill: not any(line["cost_allocations"] for line in bill["items"])),
        ("many allocations", lambda bill: {len(line["cost_allocations"]) for line in bill["items"]} == {5}),
        ("freight", lambda bill: [cost["amount"] for cost in bill["costs"]] == ["48.90"]),
        ("inclusive tax", lambda bill: bill["inclusive_tax_amount"] > 0 and bill["exclusive_tax_amount"] == 0),
        ("credit note", lambda bill: bill["total_cost_with_tax"] == Decimal("-490.70")),
        ("paid", lambda bill: bill["status"] == 4 and bill["bill_payment"] and bill["locked"]),
        ("draft", lambda bill: bill["status"] == 0 and bill["bill_statuses"] == []),
        ("denied", lambda bill: bill["status"] == 3),
        ("dollars", lambda bill: bill["currency"]["name"] == "USD"),
        ("yen", lambda bill: bill["total_cost_with_tax"] % 1 == 0),
        ("shipping", lambda bill: bill["shipping_amount"] == Decimal("19.95")),
        ("auto-approval", lambda bill: bill["bill_statuses"][-1] == {**bill["bill_statuses"][-1], "user": None}),
        ("deleted approver", lambda bill: bill["bill_statuses"][-1]["user"]["department"] is None),
        ("near midnight", lambda bill: bill["invoice_date"] == "2026-10-31T23:30:00+00:00"),
        ("expense", lambda bill: bill["type"] == 1),
        ("card", lambda bill: bill["type"] == 2),
        ("unknown enum", lambda bill: bill["status"] == 9 and bill["sustainability_rating"]),
        ("exact name", lambda bill: bill["vendor"]["external_id"] is None and bill["vendor"]["name"]),
        ("tax id only", lambda bill: bill["vendor"]["tax"] == "ESB65551012"),
        ("no invoice number", lambda bill: bill["invoice_number"] == ""),
        (
            "payment limbo",
            lambda bill: bill["status"] == 8 and [row["status"] for row in bill["bill_statuses"]][1] == 2,
        ),
        ("uneven yen", lambda bill: bill["items"][0]["cost_allocations"][0]["amount"] == "3333.33333333"),
    ],
)
def test_the_peculiar_ones_are_what_they_are_called(
    procurify: ProcurifySandbox, api: Procurify, name: str, holds: Callable[[dict[str, Any]], bool]
) -> None:
    """Each name of the first day can be seen on the wire."""
    assert holds(api.full(procurify.peculiar(name).id))


def test_accounts_and_companies_that_stop_a_bill(procurify: ProcurifySandbox, api: Procurify) -> None:
    """An account in nobody's table, an inactive one, plants of two companies, a number that comes twice."""
    codes = {
        name: {row["budget"]["account_code"]["code"] for line in full["items"] for row in line["cost_allocations"]}
        for name in ("unmapped account", "inactive account")
        for full in [api.full(procurify.peculiar(name).id)]
    }
    assert codes == {"unmapped account": {"6990"}, "inactive account": {"4950"}}
    spanning = api.full(procurify.peculiar("two companies").id)["items"][0]["cost_allocations"]
    branches = [row["budget"]["department"]["branch"]["id"] for row in spanning]
    assert {procurify.locations[branch].company for branch in branches} == {"10", "20"}
    assert [bill for bill in procurify.bills.values() if len(bill.companies) > 1] == [
        procurify.peculiar("two companies")
    ]
    first, second = (procurify.peculiar(f"{which} of two") for which in ("first", "second"))
    assert (first.invoice_number, first.vendor) == (second.invoice_number, second.vendor)
    assert first.uuid != second.uuid


def test_inclusive_tax_may_be_outside_the_line_cost(procurify: ProcurifySandbox, api: Procurify) -> None:
    """With the switch off costs and allocations are net, the totals with tax unchanged."""
    bill = procurify.peculiar("inclusive tax")
    inside = api.full(bill.id)
    procurify.switches.inclusive_inside = False
    outside = api.full(bill.id)
    assert inside["total_cost"] - outside["total_cost"] == inside["inclusive_tax_amount"]
    assert allocated(outside) == outside["total_cost"]
    assert outside["total_cost_with_tax"] == inside["total_cost_with_tax"]
    assert [line["total_cost_with_tax"] for line in outside["items"]] == [
        line["total_cost_with_tax"] for line in inside["items"]
    ]


FILTERS: list[tuple[dict[str, Any], Callable[[Bill], bool]]] = [
    ({"vendor": 81}, lambda bill: bill.vendor.id == 81),
    ({"vendor[]": [81, 82]}, lambda bill: bill.vendor.id in (81, 82)),
    ({"currency": 3}, lambda bill: bill.currency.name == "JPY"),
    ({"type": 1}, lambda bill: bill.type == 1),
    ({"exclude_expense_bills": "true"}, lambda bill: bill.type != 1),
    ({"has_payment": "true"}, lambda bill: bill.status in (4, 6, 7, 8)),
    ({"has_posting_date": "false"}, lambda bill: bill.gl_post_date is None),
    ({"is_exported": "true"}, lambda bill: False),
    ({"sync_status_v2": "synced"}, lambda bill: False),
    ({"location": 3}, lambda bill: "20" in bill.companies),
    ({"search": "nordhavn"}, lambda bill: bill.vendor.supplier == "S-1001"),
    (
        {"department": 5, "account_code": 25},
        lambda bill: (
            any(row.budget.department.id == 5 for row in bill.allocations)
            and any(row.budget.account_code.id == 25 for row in bill.allocations)
        ),
    ),
]


@pytest.mark.parametrize(("params", "fits"), FILTERS)
def test_filters_find_what_they_say(
    procurify: ProcurifySandbox, api: Procurify, params: dict[str, Any], fits: Callable[[Bill], bool]
) -> None:
    """The rows found are those that the books say."""
    assert api.ids(BILLS, **params) == {key for key, bill in procurify.bills.items() if fits(bill)}


def test_windows_include_both_ends(procurify: ProcurifySandbox, api: Procurify) -> None:
    """A row is in the window that begins or ends with its own time, and a millisecond apart it is not."""
    row = api.rows(BILLS, search="NO-2026-705")[0]
    at = datetime.fromisoformat(row["last_modified_datetime"])
    tick = timedelta(milliseconds=1)

    def within(low: datetime, high: datetime) -> bool:
        window = {"last_modified_datetime_0": low.isoformat(), "last_modified_datetime_1": high.isoformat()}
        return row["id"] in api.ids(BILLS, **window)

    assert within(at, at)
    assert not within(at + tick, at + tick)
    assert not within(at - tick, at - tick)


def test_days_are_the_accounts(procurify: ProcurifySandbox, api: Procurify) -> None:
    """An hour before midnight in UTC is November in Berlin; in another zone it is October."""
    late = procurify.peculiar("near midnight").id
    assert late in api.ids(BILLS, invoice_date_0="2026-11-01", invoice_date_1="2026-11-01")
    assert api.rows(BILLS, invoice_date_0="2026-11-01", search="-716")[0]["invoice_date"] == "2026-11-01"
    procurify.switches.zone = "America/Chicago"
    assert late in api.ids(BILLS, invoice_date_0="2026-10-31", invoice_date_1="2026-10-31")


def test_the_order_can_be_asked_for(procurify: ProcurifySandbox, api: Procurify) -> None:
    """By time, both ways, and by id without asking."""
    rising = [row["last_modified_datetime"] for row in api.rows(BILLS, order_by="last_modified_datetime")]
    falling = [row["last_modified_datetime"] for row in api.rows(BILLS, order_by="-last_modified_datetime")]
    assert rising == sorted(rising) == falling[::-1]
    assert [row["id"] for row in api.rows(BILLS)] == sorted(procurify.bills, reverse=True)


def test_lines_come_in_bulk(procurify: ProcurifySandbox, api: Procurify) -> None:
    """Every line of every bill once, with its bill; filters are checked against the books."""
    rows = api.rows(ITEMS)
    assert [row["id"] for row in rows] == [line.id for bill in procurify.bills.values() for line in bill.lines]
    bill = procurify.peculiar("many allocations")
    assert {row["bill"] for row in api.rows(ITEMS, bill_uuid=bill.uuid)} == {bill.id}
    assert [row["id"] for row in api.rows(ITEMS, bill=bill.id)] == [line.id for line in bill.lines]
    assert api.rows(ITEMS, billed="false") == []
    assert all(row["po"] for row in api.rows(ITEMS, received_on_0="2026-01-01"))
    created = bill.lines[0].created_at.astimezone(UTC).date().isoformat()
    assert bill.id in {row["bill"] for row in api.rows(ITEMS, created_at_0=created, vendor=bill.vendor.id)}


def test_a_note_may_be_written_between_list_and_full_read(procurify: ProcurifySandbox, api: Procurify) -> None:
    """Version and time move once, the money does not."""
    procurify.faults.once("edit", method="GET", path_part="/4701/")
    row = next(row for row in api.rows(BILLS) if row["id"] == 4701)
    full = api.full(4701)
    assert (full["version"], full["total_cost_with_tax"]) == (row["version"] + 1, Decimal("1404.8"))
    assert full["last_modified_datetime"] > row["last_modified_datetime"]
    assert api.full(4701)["version"] == full["version"]


def test_novel_keys_appear_everywhere(procurify: ProcurifySandbox, api: Procurify) -> None:
    """With the switch lists and single records have a key nobody knows."""
    procurify.switches.novel_fields = True
    assert "ai_summary" in api.rows(BILLS)[0]
    assert "ai_summary" in api.full(4701)
