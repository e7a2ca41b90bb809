"""Vendors and suppliers: one on each side, adopted where it is there, held where two could be meant."""

from typing import Any

import pytest

from mlc_pipelines.errors import Cause
from mlc_pipelines.ledger.states import State
from mlc_pipelines.sandbox.bill.records import Vendor
from mlc_pipelines_tests.integrations.bill.organization import add_vendor, change
from mlc_pipelines_tests.roads.bill.tenancy import NORDHAVN, Tenancy

COMPLETE = {"Name": "Valpo Tooling", "Country": "US"}


def test_suppliers_become_vendors_in_one_call(bare: Tenancy) -> None:
    """With their currency, and their id for people to see."""
    bare.run("vendors")
    assert (bare.calls("POST", "/vendors/bulk"), bare.calls("POST", "/vendors")) == (1, 0)
    made = bare.vendor_of("S-1001")
    assert (made.name, made.address, made.bill_currency) == tuple(NORDHAVN.values())
    assert made.account_number is None
    assert {vendor.bill_currency for vendor in bare.bill.vendors.values()} == {"EUR", "USD", "JPY"}


def test_a_vendor_of_the_same_name_and_country_is_adopted(bare: Tenancy) -> None:
    """One exact hit is the same; nothing that agrees is written."""
    there = add_vendor(bare.bill, **NORDHAVN)
    bare.run("vendors")
    assert bare.books.dictionary.bound("vendor")["S-1001"] == there.id
    assert len([row for row in bare.bill.vendors.values() if row.name == NORDHAVN["name"]]) == 1


def test_a_vendor_of_the_same_name_elsewhere_is_another(bare: Tenancy) -> None:
    """Its country tells them apart."""
    add_vendor(bare.bill, **{**NORDHAVN, "address": {**NORDHAVN["address"], "country": "NO"}})
    bare.run("vendors")
    assert bare.vendor_of("S-1001").address["country"] == "DK"


def test_several_vendors_of_that_name_are_held(bare: Tenancy) -> None:
    """A person archives one; the other suppliers of the call go on."""
    for _ in range(2):
        twin = add_vendor(bare.bill, **NORDHAVN)
    bare.run("vendors")
    assert bare.causes("vendors") == {"S-1001": Cause.DUPLICATE_SUSPECTED}
    assert bare.states("vendors") == {"delivered": 3, "held": 1}
    bare.bill.people.archive_vendor(twin.id)
    bare.replay("vendors")
    assert bare.states("vendors") == {"delivered": 4}


def test_another_suppliers_vendor_is_not_taken(tenancy: Tenancy) -> None:
    """Two suppliers of one name and country are two vendors."""
    details = {**COMPLETE, "Name": "Nordhavn Bearings ApS", "Country": "DK"}
    supplier = add_supplier(tenancy, **details)
    tenancy.run("vendors")
    assert tenancy.vendor_of(supplier).id != tenancy.vendor_of("S-1001").id


def test_one_vendor_is_not_taken_by_two_suppliers_of_its_name(tenancy: Tenancy) -> None:
    """Nobody knows whose it is until a person writes the supplier's id into its short name; the other gets its own."""
    there = add_vendor(tenancy.bill, "Delta Freight", address={**NORDHAVN["address"], "country": "US"})
    one, two = (add_supplier(tenancy, Name="Delta Freight") for _ in range(2))
    abroad = add_supplier(tenancy, Name="Delta Freight", Country="DE")
    tenancy.run("vendors")
    assert tenancy.causes("vendors") == dict.fromkeys((one, two), Cause.DUPLICATE_SUSPECTED)
    change(tenancy.bill, there, short_name=f"IFS-{two}")
    tenancy.replay("vendors")
    bound = tenancy.books.dictionary.bound("vendor")
    assert bound[two] == there.id
    assert len({bound[supplier] for supplier in (one, two, abroad)}) == 3


def test_a_supplier_with_a_vendor_of_its_own_is_in_nobodys_way(tenancy: Tenancy) -> None:
    """Its namesake takes the vendor that is left."""
    one = add_supplier(tenancy, Name="Delta Freight")
    tenancy.run("vendors")
    there = add_vendor(tenancy.bill, "Delta Freight", address={**NORDHAVN["address"], "country": "US"})
    two = add_supplier(tenancy, Name="Delta Freight")
    tenancy.run("vendors")
    assert tenancy.books.dictionary.bound("vendor")[two] == there.id != tenancy.vendor_of(one).id


def add_supplier(tenancy: Tenancy, **attributes: Any) -> str:
    usual = {"Cf_Address1": "1 Mill Road", "Cf_City": "Akron", "Cf_Zip_Code": "44301", "Cf_State": "OH"}
    return tenancy.ifs.people.add_supplier(**{**COMPLETE, **usual, **attributes})


def test_a_supplier_that_lacks_its_address_is_held_until_it_has_one(tenancy: Tenancy) -> None:
    """The change is picked up by itself."""
    supplier = add_supplier(tenancy, Cf_Zip_Code=None)
    tenancy.run("vendors")
    assert tenancy.causes("vendors") == {supplier: Cause.SUPPLIER_INCOMPLETE}
    tenancy.ifs.people.edit_supplier(supplier, Cf_Zip_Code="44301")
    tenancy.run("vendors")
    assert tenancy.entry("vendors", supplier).state is State.DELIVERED


def test_one_bad_supplier_does_not_keep_the_others_back(bare: Tenancy) -> None:
    """BILL refuses the call whole; it is halved until the bad one stands alone."""
    bad = add_supplier(bare, Cf_Email="nobody")
    bare.run("vendors")
    assert bare.causes("vendors") == {bad: Cause.REJECTED_BY_TARGET}
    assert bare.states("vendors") == {"delivered": 4, "held": 1}
    assert len(bare.bill.vendors) == 4


@pytest.mark.parametrize("kind", ["lost", "lost_504"])
def test_a_lost_answer_makes_no_vendor_twice(bare: Tenancy, kind: str) -> None:
    """They are found by name and country afterwards."""
    bare.bill.faults.once(kind, method="POST", path_part="/vendors")
    bare.run("vendors")
    bare.run("vendors")
    assert bare.states("vendors") == {"delivered": 4}
    assert len(bare.bill.vendors) == 4


def test_a_change_in_ifs_changes_that_field_of_the_vendor(tenancy: Tenancy) -> None:
    """And no other."""
    change(tenancy.bill, tenancy.vendor_of("S-1001"), phone="+45 1")
    tenancy.change(bill={"field_authority": {"phone": "bill"}})
    tenancy.ifs.people.edit_supplier("S-1001", Cf_City="Aarhus")
    tenancy.run("vendors")
    there = tenancy.vendor_of("S-1001")
    assert (there.address["city"], there.phone) == ("Aarhus", "+45 1")


def test_a_field_that_a_person_decides_on_is_held(tenancy: Tenancy) -> None:
    """Nothing is overwritten."""
    tenancy.change(bill={"field_authority": {"address": "hold"}})
    tenancy.ifs.people.edit_supplier("S-1001", Cf_City="Aarhus")
    tenancy.run("vendors")
    assert tenancy.causes("vendors") == {"S-1001": Cause.VENDOR_CONFLICT}
    assert tenancy.vendor_of("S-1001").address["city"] == "København"


# Vendors of BILL


def test_vendors_that_are_our_suppliers_are_known(tenancy: Tenancy) -> None:
    """They agree, and nothing is to be done."""
    tenancy.run("suppliers")
    assert tenancy.states("suppliers") == {"ignored": 4}
    assert tenancy.entry("suppliers", tenancy.vendor_of("S-1001").id).cause == Cause.ALREADY_KNOWN


def test_a_vendor_that_was_renamed_in_bill_is_held(tenancy: Tenancy) -> None:
    """Unless BILL's word counts for names."""
    tenancy.bill.people.rename_vendor(tenancy.vendor_of("S-1001").id, "Nordhavn A/S")
    tenancy.run("suppliers")
    assert tenancy.causes("suppliers") == {"Nordhavn A/S": Cause.VENDOR_CONFLICT}
    tenancy.change(bill={"field_authority": {"name": "bill"}})
    tenancy.replay("suppliers")
    assert tenancy.causes("suppliers") == {}


def born(tenancy: Tenancy) -> Vendor:
    address = {"line1": "9 Pier", "city": "Duluth", "zipOrPostalCode": "55802", "country": "US"}
    return add_vendor(tenancy.bill, "Superior Chains", address=address, email="ar@superior.example")


def test_a_vendor_born_in_bill_is_held_until_it_has_a_supplier(tenancy: Tenancy) -> None:
    """Somebody makes the supplier; the vendors flow adopts the vendor, and the hold ends by itself."""
    vendor = born(tenancy)
    tenancy.walk()
    assert tenancy.causes("suppliers") == {"Superior Chains": Cause.BORN_IN_TARGET}
    supplier = add_supplier(tenancy, Name="Superior Chains")
    tenancy.walk()
    assert tenancy.books.dictionary.bound("vendor")[supplier] == vendor.id
    assert tenancy.entry("suppliers", vendor.id).state is State.IGNORED


def test_a_vendor_born_in_bill_becomes_a_supplier_where_policy_says_so(tenancy: Tenancy) -> None:
    """With its address; the vendor shows the supplier's id, and both are one in the passes after."""
    tenancy.change(bill={"new_vendors": "create"})
    vendor = born(tenancy)
    tenancy.walk()
    supplier = tenancy.entry("suppliers", vendor.id).external_id
    assert supplier is not None
    made = tenancy.ifs.suppliers[supplier]
    assert (made["Name"], made["Country"], made["Cf_City"]) == ("Superior Chains", "US", "Duluth")
    assert vendor.short_name == f"IFS-{supplier}"
    tenancy.walk()
    assert tenancy.books.dictionary.bound("vendor")[supplier] == vendor.id
    assert len([row for row in tenancy.bill.vendors.values() if row.name == "Superior Chains"]) == 1
    before = tenancy.simulators.writes()
    tenancy.walk()
    assert tenancy.simulators.writes() == before


@pytest.mark.parametrize(("country", "sent"), [("DE", False), ("US", True)])
def test_a_vendor_born_in_bill_is_not_taken_for_its_namesake(tenancy: Tenancy, country: str, *, sent: bool) -> None:
    """One in another country, or that is another vendor already: the invoices of one would be paid to the other."""
    tenancy.change(bill={"new_vendors": "create"})
    namesake = add_supplier(tenancy, Name="Superior Chains", Country=country)
    tenancy.run(*["vendors"] * sent)
    vendor = born(tenancy)
    tenancy.run("suppliers")
    assert tenancy.causes("suppliers") == {"Superior Chains": Cause.DUPLICATE_SUSPECTED}
    said = tenancy.books.reports.trail(tenancy.entry("suppliers", vendor.id))[-1].detail
    assert f"{namesake} ({f'it is vendor {tenancy.vendor_of(namesake).id}' if sent else 'in DE'}" in said
    assert vendor.short_name is None


def test_two_vendors_born_under_one_name_are_not_one_supplier(tenancy: Tenancy) -> None:
    """The first that asks is linked, the other is held."""
    tenancy.change(bill={"new_vendors": "create"})
    supplier = add_supplier(tenancy, Name="Superior Chains")
    born(tenancy), born(tenancy)
    tenancy.run("suppliers")
    assert tenancy.states("suppliers") == {"ignored": 4, "confirmed": 1, "held": 1}
    assert [vendor.short_name for vendor in tenancy.bill.vendors.values()].count(f"IFS-{supplier}") == 1


def test_a_short_name_of_their_own_is_left_to_people(tenancy: Tenancy) -> None:
    """It is for human eyes only."""
    tenancy.change(bill={"new_vendors": "create"})
    vendor = born(tenancy)
    change(tenancy.bill, vendor, short_name="CHAINS")
    tenancy.walk()
    assert vendor.short_name == "CHAINS"


def test_only_changed_vendors_are_read_again(tenancy: Tenancy) -> None:
    """By the time of their change."""
    tenancy.run("suppliers")
    tenancy.simulators.clock.sleep(3600)
    born(tenancy)
    counts = tenancy.run_stages("suppliers", "collect")["collect"].counts
    assert counts["new"] == 1
    newest = [entry.query for entry in tenancy.bill.journal.entries if entry.path.endswith("/vendors")][-1]
    assert "updatedTime" in newest


def test_a_vendor_that_a_person_gave_to_another_supplier_is_not_changed(tenancy: Tenancy) -> None:
    """Its short name says so; the next change of the first supplier is held."""
    vendor = tenancy.vendor_of("S-1001")
    before = vendor.name
    change(tenancy.bill, vendor, short_name="IFS-S-9999")
    tenancy.ifs.people.edit_supplier("S-1001", Name="Nordhavn Lejer ApS")
    tenancy.run("vendors")
    assert tenancy.causes("vendors") == {"S-1001": Cause.VENDOR_CONFLICT}
    assert vendor.name == before
