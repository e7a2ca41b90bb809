"""Vendors: what a body may say, bulk, changes, archive, and the first day."""

from typing import Any

import pytest

from mlc_pipelines.sandbox.bill import BillSandbox
from mlc_pipelines_tests.sandbox.bill.caller import ADDRESS, Bill, codes, said

FULL: dict[str, Any] = {
    "name": "Nordic Bearings Inc",
    "shortName": "IFS-20017",
    "accountType": "BUSINESS",
    "email": "ap@nordic.example",
    "phone": "5550100",
    "address": {**ADDRESS, "stateOrProvince": "OH"},
    "billCurrency": "EUR",
    "additionalInfo": {"taxId": "31-555", "track1099": False},
}


def test_a_vendor_is_made_and_read(api: Bill) -> None:
    """201 with the fields sent, id, times and balance; unset keys are left out."""
    answer = api.post("/vendors", FULL)
    row = answer.json()
    assert answer.status_code == 201
    assert row.items() >= FULL.items()
    assert (row["id"][:3], len(row["id"]), row["archived"]) == ("009", 20, False)
    assert "accountNumber" not in row
    assert api.get(f"/vendors/{row['id']}").json() == row
    assert api.get("/vendors/009NOBODY").status_code == 404


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"name": " "}, "name"),
        ({"name": None}, "name"),
        ({"address": {"line1": "x"}}, "address.city"),
        ({"address": {**ADDRESS, "country": "USA"}}, "address.country"),
        ({"address": "1 Mill Road"}, "address"),
        ({"accountType": "COMPANY"}, "accountType"),
        ({"email": "nobody"}, "email"),
        ({"billCurrency": "euro"}, "billCurrency"),
        ({"phone": 5550100}, "phone"),
    ],
)
def test_wrong_values_are_named(api: Bill, change: dict[str, Any], where: str) -> None:
    """A bare message with the place; nothing is made."""
    answer = api.post("/vendors", {**FULL, **change})
    assert f"{where}:" in said(answer)
    assert set(answer.json()[0]) == {"message", "severity"}


def test_misspelt_fields_are_refused(api: Bill) -> None:
    """BDC_1002, at any depth; missing ones are named together."""
    assert codes(api.post("/vendors", {**FULL, "currency": "USD"})) == (400, ["BDC_1002"])
    assert codes(api.post("/vendors", {**FULL, "address": {**ADDRESS, "zip": "1"}})) == (400, ["BDC_1002"])
    assert codes(api.post("/vendors", {})) == (400, [None, None])
    assert "not JSON" in said(api.http.post(f"{api.sandbox.ap_url}/v3/vendors", content="{", headers=JSON))


JSON = {"Content-Type": "application/json"}


def test_two_vendors_may_have_one_name(sandbox: BillSandbox, api: Bill) -> None:
    """No duplicate check is known, so there is none."""
    assert api.vendor("Twice") != api.vendor("Twice")
    assert len(api.rows("/vendors", filters='name:eq:"Twice"')) == 2


def test_bulk_is_all_or_nothing(sandbox: BillSandbox, api: Bill) -> None:
    """An array of up to twenty; one bad row refuses all and is named by its place."""
    before = len(sandbox.vendors)
    rows = [{"name": f"V{number}", "address": ADDRESS} for number in range(20)]
    assert "[3].name" in said(api.post("/vendors/bulk", [*rows[:3], {**rows[3], "name": ""}]))
    assert "At most 20" in said(api.post("/vendors/bulk", [*rows, rows[0]]))
    assert said(api.post("/vendors/bulk", [])).startswith("A list")
    assert said(api.post("/vendors/bulk", {"vendors": rows})).startswith("A list")
    assert len(sandbox.vendors) == before
    answer = api.post("/vendors/bulk", rows)
    assert (answer.status_code, [row["name"] for row in answer.json()]) == (201, [row["name"] for row in rows])


def test_a_patch_changes_what_it_names(sandbox: BillSandbox, api: Bill) -> None:
    """Parts of the address too; updatedTime moves; the currency stays once there are bills."""
    vendor_id = api.vendor()
    before = api.get(f"/vendors/{vendor_id}").json()
    sandbox.clock.advance(5)
    after = api.patch(f"/vendors/{vendor_id}", {"address": {"city": "Canton"}, "billCurrency": "EUR"}).json()
    assert after["address"] == {**ADDRESS, "city": "Canton"}
    assert (after["name"], after["billCurrency"]) == (before["name"], "EUR")
    assert after["updatedTime"] > before["updatedTime"]
    api.bill(vendor_id, "10.00")
    assert "billCurrency" in said(api.patch(f"/vendors/{vendor_id}", {"billCurrency": "USD"}))
    assert api.patch("/vendors/009NOBODY", {"name": "x"}).status_code == 404


def test_archive_and_restore(sandbox: BillSandbox, api: Bill) -> None:
    """There is no delete; an archived vendor takes no bill."""
    vendor_id = api.vendor()
    assert api.post(f"/vendors/{vendor_id}/archive").json()["archived"] is True
    answer = api.post("/bills", {"vendorId": vendor_id, **MINIMAL})
    assert "archived" in said(answer)
    assert api.post(f"/vendors/{vendor_id}/restore").json()["archived"] is False
    assert api.post("/bills", {"vendorId": vendor_id, **MINIMAL}).status_code == 201
    assert codes(api.http.delete(f"{sandbox.ap_url}/v3/vendors/{vendor_id}")) == (405, ["BDC_1121"])


MINIMAL: dict[str, Any] = {
    "dueDate": "2026-04-01",
    "invoice": {"invoiceNumber": "1", "invoiceDate": "2026-03-02"},
    "billLineItems": [{"amount": 1}],
}


def test_bank_data_is_taken_and_never_shown(sandbox: BillSandbox, api: Bill) -> None:
    """Only the payee's name comes back; unknown parts are refused."""
    account = {"nameOnAccount": "Nordic", "accountNumber": "000123", "routingNumber": "021000021"}
    payment = {"payeeName": "Nordic", "bankAccount": account}
    answer = api.post("/vendors", {**FULL, "paymentInformation": payment})
    assert answer.json()["paymentInformation"] == {"payeeName": "Nordic"}
    assert "000123" not in answer.text
    assert sandbox.vendors[answer.json()["id"]].payment_information == payment
    assert codes(api.post("/vendors", {**FULL, "paymentInformation": {"iban": "x"}})) == (400, ["BDC_1002"])


def test_vendors_in_the_united_states_may_need_a_contact(sandbox: BillSandbox, api: Bill) -> None:
    """By switch, as the guide says and the schema does not."""
    bare = {"name": "N", "address": ADDRESS}
    assert api.post("/vendors", bare).status_code == 201
    sandbox.switches.us_vendor_contact = True
    assert codes(api.post("/vendors", bare)) == (400, [None, None])
    assert api.post("/vendors", FULL).status_code == 201
    assert api.post("/vendors", {"name": "N", "address": {**ADDRESS, "country": "DE"}}).status_code == 201


def test_people_keep_vendors_too(sandbox: BillSandbox, api: Bill) -> None:
    """Made, renamed, put away and brought back by id or name; seen by updatedTime."""
    made = sandbox.people.create_vendor("Born In BILL", currency="EUR", country="DE", email="a@b.example")
    assert api.get(f"/vendors/{made}").json()["billCurrency"] == "EUR"
    sandbox.people.rename_vendor("Born In BILL", "Renamed")
    sandbox.people.archive_vendor(made)
    row = api.get(f"/vendors/{made}").json()
    assert (row["name"], row["archived"]) == ("Renamed", True)
    sandbox.people.archive_vendor(made, archived=False)
    assert sandbox.vendors[made].archived is False
    with pytest.raises(KeyError):
        sandbox.people.rename_vendor("Nobody", "x")


def test_the_first_day_has_known_strange_and_archived_vendors(sandbox: BillSandbox) -> None:
    """Five suppliers by name in their currency, one archived, one that no ERP knows; the same ids every time."""
    suppliers = {row.name: row for row in sandbox.world.suppliers}
    known = [row for row in sandbox.vendors.values() if row.name in suppliers and not row.archived]
    assert len(known) == 5
    assert all(row.bill_currency == suppliers[row.name].currency for row in known)
    assert [row.name for row in sandbox.vendors.values() if row.archived] == [sandbox.world.supplier("S-2006").name]
    assert [row.name for row in sandbox.vendors.values() if row.name not in suppliers] == [
        "Wright Field Coffee Service"
    ]
    ids = list(sandbox.vendors)
    sandbox.reset()
    assert (list(sandbox.vendors), sandbox.notifications) == (ids, [])
