"""Vendors, accounts, places, payments and purchase orders as they are shown."""

from decimal import Decimal

import pytest

from mlc_pipelines.sandbox.procurify import ProcurifySandbox
from mlc_pipelines_tests.sandbox.procurify.caller import (
    ACCOUNT_CODES,
    BUDGETS,
    CURRENCIES,
    DEPARTMENTS,
    HISTORY,
    LOCATIONS,
    ORDERS,
    PAYMENTS,
    VENDORS,
    Procurify,
)


def test_the_vendor_list_shows_active_ones_only(procurify: ProcurifySandbox, api: Procurify) -> None:
    """Who is deactivated leaves the list and can still be read alone."""
    before = api.ids(VENDORS)
    assert before == {key for key, vendor in procurify.vendors.items() if vendor.active}
    gone = procurify.people.deactivate_vendor("S-1001")
    assert before - api.ids(VENDORS) == {gone}
    assert api.one(f"{VENDORS}{gone}/")["active"] is False
    assert api.get(f"{VENDORS}S-1001/").status_code == 404


def test_vendors_are_found_by_the_documented_filters(api: Procurify) -> None:
    """External id and name exactly, type once or often, search in part."""
    assert [row["external_id"] for row in api.rows(VENDORS, external_id="S-1002")] == ["S-1002"]
    assert api.rows(VENDORS, external_id="S-1004") == []
    assert [row["id"] for row in api.rows(VENDORS, name="other")] == [1]
    assert {row["type"] for row in api.rows(VENDORS, type__in=["2", "5", "6"])} == {2, 5, 6}
    assert len(api.rows(VENDORS, search="gmbh")) > 1


def test_some_vendors_are_not_linked(procurify: ProcurifySandbox, api: Procurify) -> None:
    """Known by exact name and tax id, by tax id alone, or not at all; countries are as somebody typed them."""
    suppliers = {row.tax_id: row.name for row in procurify.world.suppliers}
    unlinked = [row for row in api.rows(VENDORS, type__in=["3", "4"]) if row["external_id"] is None]
    matches = {row["name"]: suppliers.get(row["tax"]) for row in unlinked}
    assert sum(name == known for name, known in matches.items()) == 2
    assert matches["Sant Jordi Herramientas"] == "Sant Jordi Herramientas S.L."
    assert matches["Quellwerk Kaffeeservice GmbH"] is None
    assert {"Germany", "USA", "CZ"} <= {row["country"] for row in api.rows(VENDORS)}


def test_people_make_and_link_vendors(procurify: ProcurifySandbox, api: Procurify) -> None:
    """A new one appears, pending or not, and gets its external id later."""
    made = procurify.people.new_vendor("Altmark Druckerei", kind="pending")
    assert api.one(f"{VENDORS}{made}/")["type"] == "pending"
    procurify.people.link_vendor(made, "S-9001")
    assert api.ids(VENDORS, external_id="S-9001") == {made}


def test_accounts_are_the_manufacturers_and_one_more(procurify: ProcurifySandbox, api: Procurify) -> None:
    """One is inactive, one groups others, one is known here only; budgets may name a pair twice."""
    codes = {row["code"] for row in api.rows(ACCOUNT_CODES)}
    assert codes == {row.code for row in procurify.world.accounts} | {"7777", "40"}
    assert [row["code"] for row in api.rows(ACCOUNT_CODES, active="false")] == ["4950"]
    parent = api.rows(ACCOUNT_CODES, is_parent="true")[0]
    assert {row["code"] for row in api.rows(ACCOUNT_CODES) if row["parent"] == parent["id"]} == {
        "4000", "4010", "4020", "4030",
    }  # fmt: skip
    procurify.people.deactivate_account("4800")
    assert api.rows(ACCOUNT_CODES, code="4800")[0]["active"] is False
    assert {row["start_date"] for row in api.rows(BUDGETS)} == {"2025-01-01", "2026-01-01"}


def test_places_and_money_are_listed(procurify: ProcurifySandbox, api: Procurify) -> None:
    """Each company has its cost centers, each plant its offset, each currency its rate to the euro."""
    departments = api.rows(DEPARTMENTS)
    assert len(departments) == 24
    assert sum(row["external_id"] is None for row in departments) == 1
    plants = {row["id"]: row["timezone"] for row in api.rows(LOCATIONS)}
    assert plants == {1: "+01:00", 2: "+01:00", 3: "-05:00"}
    assert {procurify.locations[row["branch"]["id"]].company for row in departments} == {"10", "20"}
    assert {row["name"]: row["rate"] for row in api.rows(CURRENCIES)} == {
        "EUR": "1.000000", "USD": "0.921500", "JPY": "0.005946",
    }  # fmt: skip


def test_payments_tell_of_groups_of_bills(procurify: ProcurifySandbox, api: Procurify) -> None:
    """Two bills paid together are one payment and one group; filters find it."""
    bills = [procurify.people.new_bill(vendor="S-1001", currency="EUR", amount="100.10", tax=0) for _ in range(2)]
    since = procurify.clock.now().isoformat()
    made = procurify.people.pay(bills[0], together_with=[bills[1]])
    row = api.rows(PAYMENTS, updated_at_after=since)[0]
    assert (row["id"], row["status"], row["amount"]) == (made, "paid", "200.20")
    assert {procurify.bills[key].group for key in bills} == set(row["bill_groups"])
    group = str(row["bill_groups"][0])
    number = procurify.bills[bills[1]].invoice_number
    for params in ({"bill_groups": group}, {"invoice_number": number}, {"status": "paid,failed", "vendor": "81"}):
        assert made in api.ids(PAYMENTS, **params)
    assert api.rows(PAYMENTS, updated_at_before="2026-01-01T00:00:00Z") == []
    rising = [item["created_at"] for item in api.rows(PAYMENTS, order_by="created_at")]
    assert rising == sorted(rising)


def test_orders_are_listed_by_role_and_status(procurify: ProcurifySandbox, api: Procurify) -> None:
    """States and deliveries decide; a role or status nobody knows is 404."""
    found = {
        status: len(api.rows(ORDERS.format(f"purchased/{status}")))
        for status in ("all", "open", "partial", "closed", "cancelled", "paid")
    }
    assert found == {"all": 15, "open": 9, "partial": 2, "closed": 1, "cancelled": 1, "paid": 1}
    assert len(api.rows(ORDERS.format("receivable/all"))) == 11
    for path in ("requested/all", "purchased/lost"):
        assert api.get(ORDERS.format(path)).status_code == 404


def test_an_order_has_its_departments_on_its_lines(procurify: ProcurifySandbox, api: Procurify) -> None:
    """The head has none, and the list has no lines; subtotal is the sum of the lines, to the cent."""
    order = procurify.orders[1041]
    full = api.one(ORDERS.format(order.uuid))
    assert full == api.one(ORDERS.format(1041))
    assert len({line["account"]["department"]["id"] for line in full["order_items"]}) > 1
    lines = sum((Decimal(line["total_cost"]) for line in full["order_items"]), Decimal(0))
    assert (lines, Decimal(full["total"])) == (Decimal(full["subtotal"]), order.total)
    head = api.rows(ORDERS.format("purchased/all"), purchase_order="1041")[0]
    assert not {"order_items", "department"} & set(head)
    assert api.get(ORDERS.format("PO-HH-7")).status_code == 404
    named = [row["PO_Num"] for row in api.rows(ORDERS.format("purchased/all"))]
    assert (named.count("PO-HH-7"), named.count(None)) == (2, 12)


def test_orders_change_by_days(procurify: ProcurifySandbox, api: Procurify) -> None:
    """The filter knows days; an edit brings an order into today's, with a new version."""
    path = ORDERS.format("purchased/all")
    today = procurify.store.day(procurify.clock.now())
    assert api.rows(path, modified_date_0=today) == []
    assert procurify.people.edit_po(1041, quantity="3", note="fewer") == 2
    made = procurify.people.approve_po(company="20")
    assert api.ids(path, modified_date_0=today, modified_date_1=today) == {1041, made}
    assert api.ids(path, date_0=today) == {made}
    procurify.people.edit_po(made, cancel=True)
    assert api.one(ORDERS.format(made))["state"] == 1


@pytest.mark.parametrize("params", [{"total_0": "50000"}, {"total_1": "50000"}, {"pref_vendor": "81"}])
def test_orders_are_found_by_amount_and_vendor(
    procurify: ProcurifySandbox, api: Procurify, params: dict[str, str]
) -> None:
    """What is found fits, and something is."""
    found = api.ids(ORDERS.format("purchased/all"), **params)
    orders = procurify.orders.values()
    fits = {
        "total_0": {row.id for row in orders if row.total >= 50000},
        "total_1": {row.id for row in orders if row.total <= 50000},
        "pref_vendor": {row.id for row in orders if row.vendor.id == 81},
    }
    assert found == fits[next(iter(params))]
    assert found


def test_deliveries_and_bills_are_counted_per_line(procurify: ProcurifySandbox, api: Procurify) -> None:
    """Billing history says what was ordered, received and billed."""
    procurify.people.receive_po(1041, close=True)
    rows = api.rows(HISTORY, purchase_order=1041)
    assert [row["received_quantity"] for row in rows] == [row["quantity"] for row in rows]
    billed = sum(Decimal(row["billed_quantity"]) for row in rows)
    assert billed == sum(line.billed for line in procurify.orders[1041].lines) > 0
    assert api.one(ORDERS.format(1041))["fulfilment_status"] == "full"
