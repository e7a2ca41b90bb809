"""Purchase orders, purchase requests and payments, at the made-up paths."""

from decimal import Decimal
from typing import Any

import pytest

from mlc_pipelines.sandbox.airbase import AirbaseSandbox
from mlc_pipelines_tests.sandbox.airbase.caller import ENTRIES, ORDERS, REQUESTS, Airbase, order

PAYMENTS = "/v1/payments/"


def test_an_order_is_found_by_its_number(airbase: AirbaseSandbox, api: Airbase) -> None:
    """Created once, listed by number, read by id, changed by id."""
    made = api.post(ORDERS, order())
    assert made.status_code == 201
    row = made.json()
    assert row == {"id": row["id"], **order()}
    assert api.rows(ORDERS, po_number="P-10428") == [row]
    assert api.rows(ORDERS, po_number="P-1") == []
    assert api.get(f"{ORDERS}{row['id']}/").json() == row
    changed = api.patch(f"{ORDERS}{row['id']}/", {"status": "closed"}).json()
    assert changed == {**row, "status": "closed"}
    assert airbase.orders[row["id"]].body["status"] == "closed"


def test_a_number_is_taken_once(airbase: AirbaseSandbox, api: Airbase) -> None:
    """The second order of a number is 409, or 400 with the switch, and the number never changes."""
    row = api.post(ORDERS, order()).json()
    assert api.post(ORDERS, order()).status_code == 409
    airbase.switches.duplicate_order_status = 400
    refused = api.post(ORDERS, order())
    assert (refused.status_code, "already exists" in refused.json()["po_number"][0]) == (400, True)
    assert api.patch(f"{ORDERS}{row['id']}/", order()).status_code == 200
    assert api.patch(f"{ORDERS}{row['id']}/", {"po_number": "P-2"}).status_code == 400
    assert api.patch(f"{ORDERS}po_0/", order()).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"status": "Released"}, "status"),
        ({"issued_date": "04.03.2026"}, "issued_date"),
        ({"lines": []}, "lines"),
        ({"vendor": "S-1001"}, "vendor"),
        ({"vendor": {"erp_reference_id": ""}}, "vendor"),
        ({"supplier": "S-1001"}, "supplier"),
        ({"po_number": 10428}, "po_number"),
    ],
)
def test_orders_are_checked_strictly(api: Airbase, wrong: dict[str, Any], field: str) -> None:
    """400 names the field."""
    answer = api.post(ORDERS, order(**wrong))
    assert (answer.status_code, list(answer.json())) == (400, [field])


@pytest.mark.parametrize("value", [450, 450.5, "450,00", "NaN", "", None])
def test_money_is_a_decimal_string(api: Airbase, value: Any) -> None:
    """JSON numbers and anything else are refused at their line."""
    line = {**order()["lines"][0], "amount": value}
    answer = api.post(ORDERS, order(lines=[order()["lines"][0], line]))
    assert answer.status_code == 400
    assert [list(problem) for problem in answer.json()["lines"]] == [[], ["amount"]]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"vendor": {"erp_reference_id": "S-1012"}}, "vendor"),
        ({"subsidiary": {"erp_reference_id": "77"}}, "subsidiary"),
        ({"currency": "CHF"}, "currency"),
        ({"lines": [{**order()["lines"][0], "account": {"erp_reference_id": "4800"}}]}, "lines"),
    ],
)
def test_what_an_order_names_must_be_there(api: Airbase, wrong: dict[str, Any], field: str) -> None:
    """An unlinked vendor, and an unknown subsidiary, currency or account are 422."""
    answer = api.post(ORDERS, order(**wrong))
    assert (answer.status_code, list(answer.json())) == (422, [field])
    assert api.rows(ORDERS) == []


def test_somebody_enters_the_same_order_by_hand(airbase: AirbaseSandbox, api: Airbase) -> None:
    """The push meets 409 and finds the other one, which it may change; screens can change it too."""
    airbase.faults.once("edit", method="POST", path_part=ORDERS)
    assert api.post(ORDERS, order()).status_code == 409
    [row] = api.rows(ORDERS, po_number="P-10428")
    assert row["memo"] == "Entered by hand"
    airbase.people.edit_order("P-10428", memo="Edited")
    assert api.get(f"{ORDERS}{row['id']}/").json()["memo"] == "Edited"
    airbase.faults.once("edit", method="PATCH")
    assert api.patch(f"{ORDERS}{row['id']}/", {"status": "closed"}).json()["memo"] == "Edited meanwhile"
    assert api.patch(f"{ORDERS}{row['id']}/", {"memo": None}).json()["memo"] is None


def test_requests_are_listed_by_status(airbase: AirbaseSandbox, api: Airbase) -> None:
    """Approved ones have a date; unknown words and ids are refused."""
    approved, pending = (api.rows(REQUESTS, status=status) for status in ("approved", "pending"))
    assert (len(approved), len(pending), len(api.rows(REQUESTS))) == (10, 2, 12)
    assert {row["approved_date"] for row in pending} == {None}
    assert all(len(row["approved_date"]) == 10 for row in approved)
    assert api.get(f"{REQUESTS}{approved[0]['id']}/").json() == approved[0]
    assert api.get(REQUESTS, status="done").status_code == 400
    assert api.get(f"{REQUESTS}none/").status_code == 404
    assert airbase.requests[approved[0]["id"]].status == "approved"


def test_the_first_requests_are_the_awkward_ones(api: Airbase) -> None:
    """Three currencies, a subsidiary nobody mapped, one without accounts; lines make the total."""
    rows = api.rows(REQUESTS, status="approved")
    assert {row["currency"] for row in rows} == {"EUR", "USD", "JPY"}
    assert [row["number"] for row in rows if row["subsidiary"]["erp_reference_id"] == "90"] == ["PR-884"]
    [uncoded] = [row for row in rows if all(line["account"] is None for line in row["lines"])]
    assert uncoded["purchase_type"] == "services"
    for row in rows:
        assert sum(Decimal(line["amount"]) for line in row["lines"]) == Decimal(row["total_amount"])
        assert row["vendor"]["erp_reference_id"]


def test_people_approve_what_waits_and_then_more(airbase: AirbaseSandbox, api: Airbase) -> None:
    """Waiting requests come first; a wish makes a new one as wished; an approval can be taken back."""
    waiting = [row["id"] for row in api.rows(REQUESTS, status="pending")]
    approved = airbase.people.approve_requests(3)
    assert (approved[:2], len(airbase.requests)) == (waiting, 13)
    [wished] = airbase.people.approve_requests(subsidiary="20", currency="USD", amount="99.5", account="7777")
    row = api.get(f"{REQUESTS}{wished}/").json()
    assert (row["total_amount"], row["lines"][0]["account"]) == ("99.50", {"erp_reference_id": "7777"})
    assert airbase.people.withdraw_approval(wished) == wished
    assert api.get(f"{REQUESTS}{wished}/").json()["status"] == "withdrawn"
    with pytest.raises(ValueError, match="not approved"):
        airbase.people.withdraw_approval(wished)
    with pytest.raises(ValueError, match="already"):
        airbase.people.approve_request(approved[0])
    assert airbase.people.approve_request(airbase.people.create_request(vendor="S-1002", kind="goods"))


def test_payments_tell_what_the_ledger_entries_tell(airbase: AirbaseSandbox, api: Airbase) -> None:
    """Both lists have the same facts; reimbursements have an employee and no vendor."""
    assert len(api.rows(PAYMENTS)) == len(airbase.entries) == 10
    [both] = airbase.people.pay(currency="USD", vendor="S-2001", amount="-12.00")
    payment = api.get(f"{PAYMENTS}{both['payment']}/").json()
    entry = api.get(f"{ENTRIES}{both['ledger_entry']}/").json()
    assert payment["total_amount"] == entry["total_amount"] == "-12.00"
    assert payment["payment_date"] == entry["entry_date"][:10]
    [refund] = airbase.people.pay(kind="reimbursement", where="ledger_entries")
    row = api.get(f"{ENTRIES}{refund['ledger_entry']}/").json()
    assert (refund["payment"], row["vendor"], list(row["employee"])) == (None, None, ["name", "email"])
    [only] = airbase.people.pay(where="payments")
    assert (only["ledger_entry"], len(airbase.payments), len(airbase.entries)) == (None, 12, 12)
    with pytest.raises(ValueError, match="where"):
        airbase.people.pay(where="nowhere")


def test_answers_may_carry_what_nobody_knows(airbase: AirbaseSandbox, api: Airbase) -> None:
    """With the switch rows have one more field."""
    airbase.switches.novel_fields = True
    assert all("renamed_in_2027" in row for row in api.rows(REQUESTS))
