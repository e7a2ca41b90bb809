"""Tests of the records: how bills, vendors and orders are read, and what of a bill matters."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.integrations.procurify.models import Bill, Order
from mlc_pipelines_tests.integrations.procurify.builders import (
    ZONE,
    allocation,
    bill,
    bill_row,
    department,
    line,
    vendor,
)


def test_a_bill_is_read_with_its_allocations_and_its_approver() -> None:
    """Amounts are exact, whether written as text or number."""
    found = bill()
    assert (found.id, found.number, found.currency, found.total) == ("4711", "NT-2026-118", "EUR", Decimal("1250.0"))
    assert [(each.account, each.amount) for each in found.allocations] == [
        ("6110", Decimal(600)),
        ("6120", Decimal(400)),
    ]
    assert found.approver is not None
    assert (found.approver.external_id, found.approver.branch) == ("300", "1")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-03-30T00:00:00+02:00", date(2026, 3, 30)),
        ("2026-03-29T23:30:00Z", date(2026, 3, 30)),
        ("2026-03-30T23:30:00+00:00", date(2026, 3, 31)),
        ("2026-03-30T23:30:00", date(2026, 3, 30)),
        ("2026-03-30", date(2026, 3, 30)),
        (None, None),
    ],
)
def test_a_date_is_a_day_of_the_account(written: str | None, read: date | None) -> None:
    """A date-time is never cut: with an offset it is a moment, and the day depends on the zone."""
    assert bill(invoice_date=written).invoice_date == read


def test_a_date_that_is_none_is_named() -> None:
    """With the field and the value."""
    with pytest.raises(RecordError, match="bill 4711: due_date is 'soon'"):
        bill(due_date="soon")


def approvals(*rows: tuple[int, str, object]) -> list[dict[str, Any]]:
    return [{"status": status, "date": moment, "user": user} for status, moment, user in rows]


def test_the_last_approval_counts() -> None:
    """By its time, whatever the order of the rows."""
    first, last = ({"department": department(code)} for code in ("200", "310"))
    found = bill(
        bill_statuses=approvals((2, "2026-04-02T08:00:00Z", last), (2, "2026-04-01T08:00:00Z", first), (4, "x", first))
    )
    assert found.approver is not None
    assert found.approver.external_id == "310"


@pytest.mark.parametrize("user", [None, {"id": 4}, {"id": 4, "department": None}])
def test_an_automatic_approval_and_a_deleted_user_have_no_department(user: object) -> None:
    """What is left is the charged department."""
    assert bill(bill_statuses=approvals((2, "2026-04-01T08:00:00Z", user))).approver is None


def test_costs_of_a_bill_are_allocations_too() -> None:
    """Freight and fees have one each; one without is not coded."""
    found = bill(
        costs=[{"name": "Freight", "amount": "48.90", "cost_allocation": allocation("48.90", "4200")}, {"amount": "1"}]
    )
    assert [(each.text, each.amount) for each in found.allocations[2:]] == [("Freight", Decimal("48.90"))]
    assert found.uncoded == ("a cost",)


def test_archived_lines_are_left_out() -> None:
    """They are no part of the totals."""
    assert bill(items=[line(allocation("5"), archived=True)]).allocations == ()


def test_orders_are_named_once_each() -> None:
    """By the bill and by its lines."""
    found = bill(
        added_purchase_orders=[{"id": 1, "number": "1042"}], items=[line(po={"number": "1042"}), line(po={"number": 7})]
    )
    assert found.orders == ("1042", "7")


def test_tax_that_comes_on_top_is_told_from_the_tax_inside() -> None:
    """Where the one is not told, it is the difference."""
    found = bill(exclusive_tax_amount=None, tax_amount=250.0, inclusive_tax_amount=50.0)
    assert (found.tax, found.inclusive_tax) == (Decimal(200), Decimal("50.0"))


def test_shipping_of_the_lines_stands_in_for_that_of_the_bill() -> None:
    """Only where the bill does not tell it."""
    shipped = [line(allocation("1"), shipping_amount=3.5), line(allocation("1"), shipping_amount="1.5")]
    assert bill(shipping_amount=None, items=shipped).shipping == Decimal(5)


def test_a_bill_with_nothing_but_its_id_is_read() -> None:
    """Every field but the key may be missing (documented: the API changes at any time)."""
    found = Bill.parse(b'{"id": 5}', ZONE)
    assert (found.label, found.said_status, found.is_withdrawn) == ("PRC-5", "in status None", False)


def test_a_bill_in_another_shape_is_unreadable() -> None:
    """The message names the field."""
    with pytest.raises(RecordError, match=r"\$\.items") as caught:
        bill(items=[17])
    assert caught.value.cause is Cause.UNREADABLE


@pytest.mark.parametrize(("status", "withdrawn"), [(2, False), (3, True), (4, False), (5, True), (9, False)])
def test_denied_and_withdrawn_bills_are_withdrawn(status: int, withdrawn: bool) -> None:
    """So is one that was switched off; an unknown status is none of these."""
    assert bill(status=status).is_withdrawn is withdrawn
    assert bill(status=status, active=False).is_withdrawn


def matters(**fields: Any) -> dict[str, Any]:
    return bill(**fields).matters(approver=True, ready=True)


@pytest.mark.parametrize(
    "fields",
    [
        {"note": "call them"},
        {"version": 4},
        {"status": 4},
        {"comments": [{"text": "x"}], "invoice_attachments": [{"file": "x"}]},
        {"last_modified_datetime": "2026-05-01T00:00:00Z"},
        {"converted_total_cost": 1.0},
    ],
)
def test_notes_attachments_and_payment_do_not_matter(fields: dict[str, Any]) -> None:
    """They are no part of a posting."""
    assert matters(**fields) == matters()


@pytest.mark.parametrize(
    ("group", "fields"),
    [
        ("money", {"total_cost_with_tax": 1250.01}),
        ("money", {"currency": {"name": "SEK"}}),
        ("supplier", {"vendor": {"id": 89}}),
        ("supplier", {"invoice_number": "NT-2026-119"}),
        ("coding", {"items": [line(allocation("600"), allocation("400", "6130", external_id="310", id_=4))]}),
        ("coding", {"bill_statuses": []}),
        ("dates", {"gl_post_date": "2026-04-30"}),
        ("words", {"payment_terms": "Net 14"}),
        ("state", {"status": 5}),
    ],
)
def test_money_supplier_coding_and_dates_matter(group: str, fields: dict[str, Any]) -> None:
    """Each in its group, so that a person is told what changed."""
    before, now = matters(), matters(**fields)
    assert [name for name in now if now[name] != before[name]] == [group]


def test_the_approver_matters_only_where_it_codes() -> None:
    """With the allocation's own cost center another approver changes nothing."""
    never: list[object] = []
    told = [bill(bill_statuses=rows) for rows in (never, bill_row()["bill_statuses"])]
    assert told[0].matters(approver=False, ready=True) == told[1].matters(approver=False, ready=True)


def test_a_number_in_the_tax_field_is_no_tax_number() -> None:
    """It is the id of a tax rate (documented); text is what some tenants keep there."""
    assert (vendor(tax=12345678).tax_number, vendor(tax="SE556000-1234").tax_number) == (None, "SE556000-1234")
    assert vendor(email=["", "ap@nordtek.example"]).email == "ap@nordtek.example"


def test_an_order_is_known_by_its_own_number() -> None:
    """The custom number may come twice or not at all (documented)."""
    row = {"procurify_PO": 1042, "number": "1042", "PO_Num": "PO-7", "state": 1, "pref_vendor": {"id": 88, "name": "N"}}
    order = Order.parse(json.dumps(row | {"total": "12.50", "purchased_currency": "EUR"}).encode(), ZONE)
    assert (order.id, order.number, order.custom_number, order.is_cancelled) == ("1042", "1042", "PO-7", True)
    assert (order.vendor_id, order.currency, order.total) == ("88", "EUR", Decimal("12.50"))


@pytest.mark.parametrize("row", [{"uuid": "a"}, {"id": 1, "date": "soon"}])
def test_an_order_that_cannot_be_read_says_why(row: dict[str, Any]) -> None:
    """Its key, or a date."""
    with pytest.raises(RecordError, match="order"):
        Order.parse(json.dumps(row).encode(), ZONE)
