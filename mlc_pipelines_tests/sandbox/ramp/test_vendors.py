"""Spend vendors: strict on creation, linked to an accounting vendor, found by their keys."""

from typing import Any

import pytest

from mlc_pipelines.sandbox.ramp import RampSandbox
from mlc_pipelines_tests.sandbox.ramp.client import Ramp, refusal, vendor


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"country": None}, "country"),
        ({"country": "Denmark"}, "country"),
        ({"business_vendor_contacts": None}, "business_vendor_contacts"),
        ({"business_vendor_contacts": [{"email": "a@b.example"}]}, "business_vendor_contacts"),
        ({"business_vendor_contacts": {"first_name": "Ida"}}, "business_vendor_contacts.email"),
        ({"business_vendor_contacts": {"email": "nobody"}}, "business_vendor_contacts.email"),
        ({"name": None}, "name"),
        ({"currency": "EUR"}, "currency"),
        ({"address": {"city": "Brno", "postal_code": "1"}}, "address.address_line_1"),
        ({"accounting_vendor_remote_id": "S-9999"}, "accounting_vendor_remote_id"),
        ({"vendor_owner_id": "mara"}, "vendor_owner_id"),
    ],
)
def test_a_vendor_is_checked_strictly(ramp: RampSandbox, api: Ramp, wrong: dict[str, Any], where: str) -> None:
    """Each mistake is 422 and named by its field; nothing is made."""
    status, code, info = refusal(api.post("/vendors", vendor(**wrong)))
    assert (status, code, list(info)) == (422, "DEVELOPER_7001", [where])
    assert not ramp.vendors


def test_a_vendor_in_the_us_needs_a_state(api: Ramp) -> None:
    """Country US without state is 400 DEVELOPER_7080, on creation and on change."""
    assert refusal(api.post("/vendors", vendor(country="US")))[:2] == (400, "DEVELOPER_7080")
    vendor_id = api.vendor(country="US", state="OH")
    danish = api.vendor()
    assert refusal(api.patch(f"/vendors/{danish}", {"country": "US"}))[:2] == (400, "DEVELOPER_7080")
    assert api.patch(f"/vendors/{vendor_id}", {"state": "IN"}).json()["state"] == "IN"


def test_a_vendor_without_link_gets_an_accounting_vendor_of_its_name(ramp: RampSandbox, api: Ramp) -> None:
    """With neither link Ramp makes a new accounting option; with one it takes that."""
    api.connect()
    api.post("/accounting/vendors", {"vendors": [{"id": "S-1001", "name": "Nordhavn"}]})
    linked = api.vendor(accounting_vendor_remote_id="S-1001")
    free = api.vendor(name="Free")
    assert api.get(f"/vendors/{linked}").json()["accounting_vendor_remote_id"] == "S-1001"
    assert [row.name for row in ramp.accounting_vendors.values()] == ["Nordhavn", "Free"]
    assert api.get(f"/vendors/{free}").json()["accounting_vendor_remote_id"] not in (None, "S-1001")
    both = vendor(accounting_vendor_remote_id="S-1001", vendor_tracking_category_option_id=free)
    assert api.post("/vendors", both).status_code == 422


def test_vendors_are_found_by_their_keys(ramp: RampSandbox, api: Ramp) -> None:
    """The filters by external id, accounting id, name and time of creation find exactly theirs."""
    api.connect()
    api.post("/accounting/vendors", {"vendors": [{"id": "S-10'4", "name": "O'Dwyer"}]})
    first = api.vendor(external_vendor_id="S-10'4", accounting_vendor_remote_id="S-10'4", name="O'Dwyer & Sons")
    ramp.clock.advance(60)
    later = ramp.clock.now().isoformat()
    second = api.vendor(external_vendor_id="S-2")
    found = {
        "external": api.rows("/vendors", external_vendor_id="S-10'4"),
        "accounting": api.rows("/vendors", accounting_vendor_remote_ids="S-10'4"),
        "name": api.rows("/vendors", name="O'Dwyer & Sons"),
    }
    assert {key: [row["id"] for row in rows] for key, rows in found.items()} == {key: [first] for key in found}
    assert [row["id"] for row in api.rows("/vendors", from_created_at=later)] == [second]
    assert api.get("/vendors", supplier="S-2").status_code == 422


def test_creating_twice_makes_two_vendors(ramp: RampSandbox, api: Ramp) -> None:
    """Nothing about a vendor is unique: a blind retry is visible."""
    assert api.vendor(external_vendor_id="S-1") != api.vendor(external_vendor_id="S-1")
    assert len(ramp.vendors) == 2


def test_description_is_the_name_in_a_change(api: Ramp) -> None:
    """PATCH renames by description; `name` is an unknown field there."""
    vendor_id = api.vendor()
    changed = api.patch(f"/vendors/{vendor_id}", {"description": "Nordhavn A/S", "external_vendor_id": "S-1001"})
    assert (changed.json()["name"], changed.json()["external_vendor_id"]) == ("Nordhavn A/S", "S-1001")
    assert api.patch(f"/vendors/{vendor_id}", {"name": "No"}).status_code == 422
    assert api.patch(f"/vendors/{vendor_id}", {}).status_code == 422


def test_contacts_are_listed_and_the_first_is_default(api: Ramp) -> None:
    """The contact of the creation is there with an id of its own; bank accounts are none."""
    vendor_id = api.vendor()
    [contact] = api.rows(f"/vendors/{vendor_id}/contacts")
    assert (contact["email"], contact["is_default"]) == ("faktura@nordhavn-bearings.example", True)
    assert api.get(f"/vendors/{vendor_id}").json()["contacts"] == [contact["id"]]
    assert api.get(f"/vendors/{vendor_id}/contacts/{contact['id']}").json() == contact
    assert api.get(f"/vendors/{vendor_id}/contacts/none").status_code == 404
    assert api.rows(f"/vendors/{vendor_id}/accounts") == []


def test_a_vendor_with_bills_stays(api: Ramp) -> None:
    """Deleting is refused while a draft names the vendor."""
    unused = api.vendor(name="Unused")
    used = api.draft()["vendor"]["id"]
    assert api.delete(f"/vendors/{used}").status_code == 400
    assert api.delete(f"/vendors/{unused}").status_code == 204
    assert refusal(api.get(f"/vendors/{unused}"))[:2] == (404, "DEVELOPER_7002")


def test_the_owner_may_be_required(ramp: RampSandbox, api: Ramp) -> None:
    """With the switch of 2025 a vendor needs an owner."""
    ramp.switches.owner_required = True
    assert refusal(api.post("/vendors", vendor()))[2] == {"vendor_owner_id": ["required"]}
    assert api.post("/vendors", vendor(vendor_owner_id=ramp.store.owner_id)).status_code == 200


def test_people_add_and_rename_vendors(ramp: RampSandbox, api: Ramp) -> None:
    """A vendor born in Ramp carries no key of ours."""
    vendor_id = ramp.people.add_vendor("Canteen Ostsee", country="DE")
    ramp.people.rename_vendor(vendor_id, "Canteen Nordsee")
    row = api.get(f"/vendors/{vendor_id}").json()
    assert (row["name"], row["external_vendor_id"]) == ("Canteen Nordsee", None)
    ramp.people.deactivate_vendor(vendor_id)
    assert api.rows("/vendors", is_active=True) == []
    assert api.post("/bills/drafts", {"vendor_id": vendor_id}).status_code == 422
