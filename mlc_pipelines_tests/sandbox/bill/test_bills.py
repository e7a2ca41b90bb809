"""Bills: exact amounts, references, bulk, changes, archive."""

from decimal import Decimal
from typing import Any

import pytest

from mlc_pipelines.sandbox.bill import BillSandbox
from mlc_pipelines_tests.sandbox.bill.caller import Bill, bill, codes, exact, said


def test_a_bill_is_made_and_read(sandbox: BillSandbox, api: Bill) -> None:
    """201; the total is the sum of the lines, exact; nested invoice; unset keys are left out."""
    vendor = api.vendor()
    row = api.bill(vendor, "1250.00", "87.50", "0.1", "0.2")
    assert (row["amount"], row["dueAmount"], row["paidAmount"]) == (Decimal("1337.80"), Decimal("1337.80"), Decimal(0))
    assert row["invoice"] == {"invoiceNumber": "INV-7781", "invoiceDate": "2026-03-02"}
    assert (row["paymentStatus"], row["approvalStatus"], row["archived"]) == ("UNPAID", "UNASSIGNED", False)
    assert (row["id"][:3], row["vendorName"]) == ("00n", "Nordic Bearings Inc")
    assert not {"exchangeRate", "classifications", "payFromChartOfAccountId"} & row.keys()
    assert exact(api.get(f"/bills/{row['id']}")) == row
    assert api.get("/bills/00nNOBODY").status_code == 404
    assert sandbox.journal.entries[-3].effect == f"created bill {row['id']}"
    assert sandbox.vendors[vendor].bill_currency == "USD"


def test_the_vendor_decides_currency_and_places(sandbox: BillSandbox, api: Bill) -> None:
    """Two places for EUR, none for JPY; foreign bills carry rate and funding amount."""
    euro, yen = api.vendor("E", billCurrency="EUR"), api.vendor("J", billCurrency="JPY")
    row = api.bill(yen, "125000")
    assert (str(row["amount"]), row["exchangeRate"]) == ("125000", Decimal("0.006453"))
    assert row["fundingAmount"] == Decimal("806.62") or row["fundingAmount"] == Decimal("806.63")
    assert api.bill(yen, "125000.0")["amount"] == 125000
    assert "billLineItems[0].amount" in said(api.post("/bills", bill(yen, "125000.5")))
    assert "billLineItems[1].amount" in said(api.post("/bills", bill(euro, "1.25", "10.005")))
    sandbox.switches.strict_places = False
    assert api.bill(euro, "10.005")["amount"] == Decimal("10.01")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"vendorId": "009NOBODY"}, "vendorId"),
        ({"dueDate": "01.04.2026"}, "dueDate"),
        ({"dueDate": "20260401"}, "dueDate"),
        ({"dueDate": "2026-02-30"}, "dueDate"),
        ({"invoice": {"invoiceNumber": "1"}}, "invoice.invoiceDate"),
        ({"billLineItems": []}, "billLineItems"),
        ({"billLineItems": [{"amount": "10.00"}]}, "billLineItems[0].amount"),
        ({"billLineItems": [{"amount": True}]}, "billLineItems[0].amount"),
        ({"billLineItems": [{"description": "free"}]}, "billLineItems[0].amount"),
        ({"billLineItems": [{"quantity": 2}]}, "billLineItems[0].quantity"),
        ({"billLineItems": [{"amount": 5, "quantity": 2, "price": 3}]}, "billLineItems[0].amount"),
        ({"billLineItems": [{"amount": 0}]}, "billLineItems"),
        ({"billLineItems": [{"amount": 5}, {"amount": -1}]}, "billLineItems[1].amount"),
        ({"payFromChartOfAccountId": "0caNOBODY"}, "payFromChartOfAccountId"),
        ({"classifications": {"departmentId": "0deNOBODY"}}, "classifications.departmentId"),
        ({"billLineItems": [{"amount": 5, "classifications": {"itemId": "x"}}]}, "billLineItems[0].classifications"),
    ],
)
def test_wrong_values_are_named(sandbox: BillSandbox, api: Bill, change: dict[str, Any], where: str) -> None:
    """The place stands before the message; nothing is made."""
    answer = api.post("/bills", {**bill(api.vendor(), "10.00"), **change})
    assert said(answer).startswith(where)
    assert sandbox.bills == {}


@pytest.mark.parametrize(
    "change",
    [
        {"invoiceNumber": "INV-1"},
        {"currency": "USD"},
        {"lineItems": []},
        {"billLineItems": [{"id": "bli1", "amount": 1}]},
        {"classifications": {"jobId": "x"}},
    ],
)
def test_misspelt_and_misplaced_fields_are_refused(api: Bill, change: dict[str, Any]) -> None:
    """The invoice is nested, lines have no id yet, a header has no job."""
    assert codes(api.post("/bills", {**bill(api.vendor(), "10.00"), **change})) == (400, ["BDC_1002"])


def test_quantity_and_price_make_an_amount(api: Bill) -> None:
    """Rounded to the currency; the numbers sent come back."""
    row = api.bill(api.vendor(), billLineItems=[{"quantity": 3, "price": Decimal("0.335"), "description": "Seals"}])
    assert row["amount"] == Decimal("1.01")
    assert row["billLineItems"][0] | {"id": ""} == {
        "id": "",
        "amount": Decimal("1.01"),
        "quantity": 3,
        "price": Decimal("0.335"),
        "description": "Seals",
    }


def test_codings_point_to_living_rows(sandbox: BillSandbox, api: Bill) -> None:
    """Each kind in its own place; an archived account is refused."""
    ids = {kind: next(iter(rows), "") for kind, rows in sandbox.classifications.items()}
    coding = {"chartOfAccountId": ids["chart-of-accounts"], "departmentId": ids["departments"]}
    row = api.bill(api.vendor(), billLineItems=[{"amount": 5, "classifications": coding}])
    assert row["billLineItems"][0]["classifications"] == coding
    wrong = {"departmentId": ids["locations"]}
    body = bill(api.vendor(), billLineItems=[{"amount": 5, "classifications": wrong}])
    assert "does not exist" in said(api.post("/bills", body))
    api.post(f"/classifications/departments/{ids['departments']}/archive")
    body["billLineItems"][0]["classifications"] = coding
    assert "is archived" in said(api.post("/bills", body))


def test_negative_lines_are_a_switch(sandbox: BillSandbox, api: Bill) -> None:
    """Refused; accepted by switch as long as the sum is above zero."""
    vendor = api.vendor()
    assert "negative" in said(api.post("/bills", bill(vendor, "10", "-2")))
    sandbox.switches.negative_lines = True
    assert api.bill(vendor, "10", "-2.50")["amount"] == Decimal("7.50")
    assert "above zero" in said(api.post("/bills", bill(vendor, "2", "-2")))


def test_duplicate_invoice_numbers_are_a_switch(sandbox: BillSandbox, api: Bill) -> None:
    """Accepted; refused by switch within a vendor, archived ones apart, and within a bulk."""
    vendor, other = api.vendor("A"), api.vendor("B")
    first, second = api.bill(vendor, "1"), api.bill(vendor, "1")
    assert first["id"] != second["id"]
    sandbox.switches.refuse_duplicate_invoice_numbers = True
    assert "invoice.invoiceNumber" in said(api.post("/bills", bill(vendor, "1")))
    assert "[1].invoice.invoiceNumber" in said(api.post("/bills/bulk", [bill(other, "1")] * 2))
    api.bill(other, "1")
    for row in (first, second):
        api.post(f"/bills/{row['id']}/archive")
    api.bill(vendor, "1")


def test_bulk_is_all_or_nothing(sandbox: BillSandbox, api: Bill) -> None:
    """Up to a hundred for several vendors; one bad bill refuses all."""
    bodies = [bill(api.vendor(f"V{number}"), "10.00") for number in range(3)]
    bad = {**bodies[0], "vendorId": "009NOBODY"}
    assert "[3].vendorId" in said(api.post("/bills/bulk", [*bodies, bad]))
    assert "At most 100" in said(api.post("/bills/bulk", [bodies[0]] * 101))
    assert sandbox.bills == {}
    answer = api.post("/bills/bulk", bodies)
    assert answer.status_code == 201
    assert [row["vendorId"] for row in answer.json()] == [body["vendorId"] for body in bodies]
    sandbox.switches.bulk_bills = 200
    assert api.post("/bills/bulk", [bodies[0]] * 101).status_code == 201


def test_a_put_replaces_everything(sandbox: BillSandbox, api: Bill) -> None:
    """Lines by id or new, what is not sent is gone, required fields are required, the vendor stays."""
    vendor = api.vendor()
    row = api.bill(vendor, "10.00", "20.00")
    kept = {"id": row["billLineItems"][1]["id"], "amount": Decimal("25.00")}
    sandbox.clock.advance(1)
    body = bill(vendor, billLineItems=[kept, {"amount": 1}])
    del body["description"], body["purchaseOrderNumber"]
    after = exact(api.put(f"/bills/{row['id']}", body))
    assert [line["amount"] for line in after["billLineItems"]] == [25, 1]
    assert after["billLineItems"][0]["id"] == kept["id"]
    assert not {"description", "purchaseOrderNumber"} & after.keys()
    assert after["updatedTime"] > row["updatedTime"]
    assert "dueDate" in said(api.put(f"/bills/{row['id']}", {"vendorId": vendor}))
    assert "vendorId" in said(api.put(f"/bills/{row['id']}", bill(api.vendor("Other"), "1")))
    unknown = bill(vendor, billLineItems=[{"id": "bliNOBODY", "amount": 1}])
    assert "billLineItems[0].id" in said(api.put(f"/bills/{row['id']}", unknown))


def test_what_a_patch_does_with_lines_is_a_switch(sandbox: BillSandbox, api: Bill) -> None:
    """Lines without id are appended, or replace all; header fields change alone."""
    row = api.bill(api.vendor(), "10.00")
    path = f"/bills/{row['id']}"
    assert exact(api.patch(path, {"description": "new"}))["amount"] == 10
    assert exact(api.patch(path, {"invoice": {"invoiceNumber": "B"}}))["invoice"]["invoiceDate"] == "2026-03-02"
    assert exact(api.patch(path, {"billLineItems": [{"amount": 5}]}))["amount"] == 15
    first = row["billLineItems"][0]["id"]
    assert exact(api.patch(path, {"billLineItems": [{"id": first, "amount": 7}]}))["amount"] == 12
    sandbox.switches.patch_lines = "replace"
    assert exact(api.patch(path, {"billLineItems": [{"amount": 5}]}))["amount"] == 5


def test_paid_bills_keep_their_lines_and_archived_ones_everything(sandbox: BillSandbox, api: Bill) -> None:
    """A description may still change on a paid bill; an archived one must be restored first."""
    vendor = api.vendor()
    row = api.bill(vendor, "10.00")
    path = f"/bills/{row['id']}"
    sandbox.people.pay_bills([row["id"]])
    assert "PAID" in said(api.patch(path, {"billLineItems": [{"amount": 5}]}))
    assert api.patch(path, {"description": "seen"}).json()["description"] == "seen"
    assert api.post(f"{path}/archive").json()["archived"] is True
    assert "archived" in said(api.patch(path, {"description": "x"}))
    assert api.post(f"{path}/restore").json()["archived"] is False


def test_lengths_are_switches(sandbox: BillSandbox, api: Bill) -> None:
    """No limit is known; with one the field is named."""
    sandbox.switches.invoice_number_length, sandbox.switches.description_length = 5, 10
    assert codes(api.post("/bills", bill(api.vendor(), "1"))) == (400, [None, None])


def test_someone_may_be_quicker(sandbox: BillSandbox, api: Bill) -> None:
    """Under the edit fault a person writes into the description just before the change."""
    row = api.bill(api.vendor(), "10.00")
    sandbox.faults.once("edit", method="PATCH")
    after = api.patch(f"/bills/{row['id']}", {"dueDate": "2026-06-01"}).json()
    assert after["description"] == f"{row['description']} (checked)"


def test_novel_fields_and_misspelt_switches(sandbox: BillSandbox, api: Bill) -> None:
    """Rows may carry a field no client knows; a switch takes only the words it knows."""
    sandbox.switches.novel_fields = True
    assert api.bill(api.vendor(), "10.00")["riskBand"] == "BAND_7"
    with pytest.raises(ValueError, match="patch_lines"):
        BillSandbox(world=sandbox.world, patch_lines="merge")
