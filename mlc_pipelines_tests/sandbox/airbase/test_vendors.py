"""Vendors: found, created, changed, linked once, and upserted in bulk."""

from typing import Any

import pytest

from mlc_pipelines.sandbox.airbase import AirbaseSandbox
from mlc_pipelines_tests.sandbox.airbase.caller import BULK, VENDORS, Airbase

KEYS = [
    *("id", "airbase_id", "erp_reference_id", "erp_parent_reference_id", "name", "is_active", "email"),
    "subsidiary_reference_ids",
]
HOME = [{"erp_reference_id": "10"}]


def unlinked(api: Airbase) -> dict[str, Any]:
    """Return a vendor that has a supplier's name and no reference."""
    return next(row for row in api.rows(VENDORS, erp_reference_id="") if row["name"] == "Officine Bellandi S.p.A.")


def test_vendors_have_the_recorded_keys(api: Airbase) -> None:
    """Exactly these; the two ids are one, and terms are not among them."""
    for row in api.rows(VENDORS):
        assert list(row) == KEYS
        assert row["id"] == row["airbase_id"]


def test_an_empty_reference_finds_the_unlinked(airbase: AirbaseSandbox, api: Airbase) -> None:
    """By empty value the vendors no ERP knows, by value that one."""
    free = api.rows(VENDORS, erp_reference_id="")
    assert {row["name"] for row in free} == {
        "Officine Bellandi S.p.A.",
        "Prairie Safety Products",
        "Altmark Druckerei e.K.",
        "Quellwerk Kaffeeservice GmbH",
    }
    [found] = api.rows(VENDORS, erp_reference_id="S-1001")
    assert found["name"] == airbase.world.supplier("S-1001").name
    assert api.rows(VENDORS, erp_reference_id="S-9999") == []
    [inactive] = [row for row in free if not row["is_active"]]
    assert (inactive["email"], inactive["subsidiary_reference_ids"]) == (None, [])


def test_a_vendor_is_created(airbase: AirbaseSandbox, api: Airbase) -> None:
    """Subsidiaries are named by reference, id or plain text; a reference is taken once."""
    body = {"name": "New Co", "erp_reference_id": "S-77", "email": "a@new.example", "subsidiary_reference_ids": HOME}
    answer = api.post(VENDORS, body)
    assert (answer.status_code, answer.json()["erp_reference_id"]) == (201, "S-77")
    [home] = answer.json()["subsidiary_reference_ids"]
    assert home["airbase_id"] in airbase.subsidiaries
    again = api.post(VENDORS, {"name": "New Co", "erp_reference_id": "S-77"})
    assert (again.status_code, list(again.json())) == (400, ["erp_reference_id"])
    assert api.post(VENDORS, {"name": "Third", "subsidiary_reference_ids": ["20", home]}).status_code == 201


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"email": "nobody"}, "email"),
        ({"is_active": "yes"}, "is_active"),
        ({"erp_reference_id": 77}, "erp_reference_id"),
        ({"payment_term": "Net 30"}, "payment_term"),
        ({"subsidiary_reference_ids": [{"erp_reference_id": "77"}]}, "subsidiary_reference_ids"),
        ({"subsidiary_reference_ids": "10"}, "subsidiary_reference_ids"),
    ],
)
def test_vendors_are_checked_strictly(api: Airbase, wrong: dict[str, Any], field: str) -> None:
    """Unknown fields, wrong types and unknown subsidiaries are 400 by field."""
    answer = api.post(VENDORS, {"name": "New Co", **wrong})
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert api.post(VENDORS, {}).json() == {"name": ["This field is required."]}
    assert "non_field_errors" in api.post(VENDORS, []).json()


def test_a_patch_replaces_what_it_names(airbase: AirbaseSandbox, api: Airbase) -> None:
    """Subsidiaries are replaced as a whole; what is not named stays."""
    [row] = api.rows(VENDORS, erp_reference_id="S-1001")
    changed = api.patch(f"{VENDORS}{row['id']}/", {"subsidiary_reference_ids": [{"erp_reference_id": "20"}]}).json()
    assert [held["erp_reference_id"] for held in changed["subsidiary_reference_ids"]] == ["20"]
    assert changed["name"] == row["name"]
    assert api.patch(f"{VENDORS}none/", {"name": "x"}).status_code == 404
    assert api.get(f"{VENDORS}{row['id']}/").status_code == 405
    airbase.faults.once("edit", method="PATCH")
    assert api.patch(f"{VENDORS}{row['id']}/", {"name": "Nordhavn"}).json()["email"].startswith("moved")


def test_a_patch_never_takes_the_reference(airbase: AirbaseSandbox, api: Airbase) -> None:
    """Not even the same one; with the switch it may fill an empty one, once."""
    [row] = api.rows(VENDORS, erp_reference_id="S-1001")
    refused = api.patch(f"{VENDORS}{row['id']}/", {"erp_reference_id": "S-1001"})
    assert refused.json() == {"erp_reference_id": ["This field can not be changed after creation."]}
    free = unlinked(api)
    assert api.patch(f"{VENDORS}{free['id']}/", {"erp_reference_id": "S-1004"}).status_code == 400
    airbase.switches.linking = "both"
    assert api.patch(f"{VENDORS}{free['id']}/", {"erp_reference_id": "S-1001"}).status_code == 400
    assert api.patch(f"{VENDORS}{free['id']}/", {"erp_reference_id": "S-1004"}).status_code == 200
    assert api.patch(f"{VENDORS}{free['id']}/", {"erp_reference_id": "S-1012"}).status_code == 400


def test_a_bulk_answer_tells_created_from_updated(airbase: AirbaseSandbox, api: Airbase) -> None:
    """By airbase_id it links, by a known reference it updates, else it creates."""
    free = unlinked(api)
    entities = [
        {"name": "Brand new", "erp_reference_id": "S-90", "subsidiary_reference_ids": HOME},
        {"airbase_id": free["airbase_id"], "erp_reference_id": "S-1004"},
        {"name": "Nordhavn renamed", "erp_reference_id": "S-1001"},
    ]
    answer = api.post(BULK, {"entities": entities}).json()
    assert [row["erp_reference_id"] for row in answer["created"]] == ["S-90"]
    assert [row["erp_reference_id"] for row in answer["updated"]] == ["S-1004", "S-1001"]
    assert airbase.vendors[free["id"]].erp_reference_id == "S-1004"
    assert airbase.vendors[free["id"]].name == free["name"]


def test_an_invalid_row_refuses_the_batch_or_is_left_out(airbase: AirbaseSandbox, api: Airbase) -> None:
    """By default 400 names its index and nothing is done; with the switch it is missing from both lists."""
    entities = [{"name": "Good", "erp_reference_id": "S-91"}, {"name": "", "erp_reference_id": "S-92"}]
    before = len(airbase.vendors)
    refused = api.post(BULK, {"entities": entities})
    assert refused.status_code == 400
    assert refused.json() == {"validation_errors": [{"index": 1, "name": ["This field may not be blank."]}]}
    assert len(airbase.vendors) == before
    airbase.switches.bulk_leaves_out = True
    answer = api.post(BULK, {"entities": entities})
    assert (answer.status_code, len(answer.json()["created"]), answer.json()["updated"]) == (200, 1, [])


@pytest.mark.parametrize("linked_to", ["S-1002", "S-77"])
def test_a_linked_vendor_stays_linked(airbase: AirbaseSandbox, api: Airbase, linked_to: str) -> None:
    """Bulk refuses another reference too; only the portal mends a wrong link."""
    [row] = api.rows(VENDORS, erp_reference_id="S-1001")
    refused = api.post(BULK, {"entities": [{"airbase_id": row["id"], "erp_reference_id": linked_to}]})
    assert list(refused.json()["validation_errors"][0]) == ["index", "erp_reference_id"]
    assert airbase.people.relink_vendor("S-1001", "S-88") == row["id"]
    assert airbase.vendors[row["id"]].erp_reference_id == "S-88"


def test_nothing_links_where_nothing_may(airbase: AirbaseSandbox, api: Airbase) -> None:
    """With linking never, and with a reference another vendor holds, an unlinked vendor stays so."""
    free = unlinked(api)
    taken = api.post(BULK, {"entities": [{"airbase_id": free["id"], "erp_reference_id": "S-1001"}]})
    airbase.switches.linking = "never"
    never = api.post(BULK, {"entities": [{"airbase_id": free["id"], "erp_reference_id": "S-1004"}]})
    unknown = api.post(BULK, {"entities": [{"airbase_id": "none", "name": "x"}]})
    assert [taken.status_code, never.status_code, unknown.status_code] == [400, 400, 400]


def test_a_batch_has_one_to_a_hundred_rows(airbase: AirbaseSandbox, api: Airbase) -> None:
    """More and none are refused, and the same reference twice."""
    many = [{"name": f"V{n}", "erp_reference_id": f"X-{n}"} for n in range(101)]
    assert list(api.post(BULK, {"entities": many}).json()) == ["entities"]
    assert api.post(BULK, {"entities": []}).status_code == 400
    assert api.post(BULK, {"rows": many[:1]}).status_code == 400
    assert api.post(BULK, {"entities": [many[0], many[0]]}).json()["validation_errors"][0]["index"] == 1
    assert len(api.post(BULK, {"entities": many[:100]}).json()["created"]) == 100


def test_terms_are_read_elsewhere(airbase: AirbaseSandbox, api: Airbase) -> None:
    """The list of terms has a vendor each: known words, an unknown one, and none."""
    by_reference = {row["vendor"]["erp_reference_id"]: row["payment_term"] for row in api.rows("/v1/vendor_terms/")}
    assert by_reference["S-1001"] == "Net 30"
    assert (by_reference["S-1003"], by_reference["S-1005"]) == ("2/10 Net 60", None)
    airbase.people.set_vendor_term("S-1001", "Net 14")
    [row] = api.rows("/v1/vendor_terms/", erp_reference_id="S-1001")
    assert (row["payment_term"], len(row["updated_date"]) in (19, 26)) == ("Net 14", True)


def test_people_make_and_change_vendors(airbase: AirbaseSandbox, api: Airbase) -> None:
    """A vendor born here has no reference; renaming and retiring show at once."""
    made = airbase.people.create_vendor("Born Here Ltd", email="hi@born.example", subsidiary="20")
    assert airbase.vendors[made].created_in_airbase
    assert made in {row["id"] for row in api.rows(VENDORS, erp_reference_id="")}
    airbase.people.rename_vendor(made, "Born Here Limited")
    airbase.people.deactivate_vendor("S-1002")
    shown = {row["id"]: row for row in api.rows(VENDORS)}
    assert shown[made]["name"] == "Born Here Limited"
    assert sorted(row["erp_reference_id"] for row in shown.values() if not row["is_active"]) == ["", "S-1002"]
    with pytest.raises(KeyError):
        airbase.people.rename_vendor("S-9999", "Nobody")
