"""Vendors and suppliers: one and the same company on both sides, told apart from its namesakes."""

from typing import Any

import pytest

from mlc_pipelines.errors import Cause
from mlc_pipelines_tests.roads.ramp.tenancy import SELLERS, Tenancy


def vendor_of(tenancy: Tenancy, supplier: str) -> Any:
    (found,) = [vendor for vendor in tenancy.ramp.vendors.values() if vendor.external_vendor_id == supplier]
    return found


def new_supplier(tenancy: Tenancy, name: str = "Nordlicht Pumpen AG", **attributes: str | None) -> str:
    complete = {"Country": "DE", "Cf_Email": "faktura@nordlicht.example"}
    return tenancy.ifs.people.add_supplier(Name=name, **{**complete, **attributes})


def test_suppliers_become_vendors_linked_to_their_accounting_vendor(tenancy: Tenancy) -> None:
    """Each supplier has one vendor, by its id on both sides of Ramp."""
    assert sorted(str(vendor.external_vendor_id) for vendor in tenancy.ramp.vendors.values()) == sorted(SELLERS)
    for supplier in SELLERS:
        linked = tenancy.ramp.accounting_vendors[vendor_of(tenancy, supplier).accounting_vendor]
        assert linked.id == supplier


def test_a_second_pass_writes_nothing(tenancy: Tenancy) -> None:
    """Vendors that Ramp has are not written again."""
    tenancy.walk()
    assert tenancy.simulators.writes() == 0


@pytest.mark.parametrize(
    ("lacking", "completed"),
    [
        ({"Cf_Email": None}, {"Cf_Email": "faktura@nordlicht.example"}),
        ({"Country": None}, {"Country": "DE"}),
        ({"Country": "US"}, {"Cf_State": "OH"}),
    ],
)
def test_an_incomplete_supplier_is_held_until_it_is_complete(
    tenancy: Tenancy, lacking: dict[str, Any], completed: dict[str, str]
) -> None:
    """What Ramp demands is asked for in IFS; its ledger side takes the supplier all the same."""
    supplier = new_supplier(tenancy, **lacking)
    tenancy.run("accounting_vendors", "vendors")
    assert tenancy.causes("vendors") == {supplier: Cause.SUPPLIER_INCOMPLETE}
    assert supplier in {row.id for row in tenancy.ramp.accounting_vendors.values()}
    tenancy.ifs.people.edit_supplier(supplier, **completed)
    tenancy.run("vendors")
    assert vendor_of(tenancy, supplier).name == "Nordlicht Pumpen AG"


def test_a_vendor_of_exactly_that_name_is_adopted(tenancy: Tenancy) -> None:
    """People had it in Ramp before: it is linked, and no second one is made."""
    made = tenancy.ramp.people.add_vendor("Nordlicht Pumpen AG", country="DE")
    supplier = new_supplier(tenancy)
    tenancy.run("accounting_vendors", "vendors")
    assert vendor_of(tenancy, supplier).id == made
    assert tenancy.ramp.accounting_vendors[vendor_of(tenancy, supplier).accounting_vendor].id == supplier


def test_a_namesake_in_another_country_is_held(tenancy: Tenancy) -> None:
    """The same name is not always the same company."""
    tenancy.ramp.people.add_vendor("Nordlicht Pumpen AG", country="AT")
    supplier = new_supplier(tenancy)
    tenancy.run("accounting_vendors", "vendors")
    assert tenancy.causes("vendors") == {supplier: Cause.VENDOR_CONFLICT}
    assert supplier not in {vendor.external_vendor_id for vendor in tenancy.ramp.vendors.values()}


def test_two_vendors_of_that_name_are_for_a_person(tenancy: Tenancy) -> None:
    """We do not choose between them, and make no third; who deactivates one has chosen."""
    left, kept = (tenancy.ramp.people.add_vendor("Nordlicht Pumpen AG", country="DE") for _ in range(2))
    supplier = new_supplier(tenancy)
    tenancy.run("accounting_vendors", "vendors")
    assert tenancy.causes("vendors") == {supplier: Cause.DUPLICATE_SUSPECTED}
    assert len([vendor for vendor in tenancy.ramp.vendors.values() if vendor.name == "Nordlicht Pumpen AG"]) == 2
    tenancy.ramp.people.deactivate_vendor(left)
    tenancy.replay("vendors")
    assert vendor_of(tenancy, supplier).id == kept


def test_a_namesake_that_is_inactive_is_not_adopted(tenancy: Tenancy) -> None:
    """No bill could name it; the supplier gets a vendor of its own."""
    inactive = tenancy.ramp.people.add_vendor("Nordlicht Pumpen AG", country="DE")
    tenancy.ramp.people.deactivate_vendor(inactive)
    supplier = new_supplier(tenancy)
    tenancy.run("accounting_vendors", "vendors")
    assert vendor_of(tenancy, supplier).id != inactive
    assert vendor_of(tenancy, supplier).is_active


def test_of_two_vendors_with_a_suppliers_id_the_active_one_is_its(tenancy: Tenancy) -> None:
    """Somebody gave the id to an old vendor too."""
    new = tenancy.ramp.people.add_vendor("Nordlicht", country="DE")
    old = tenancy.ramp.people.add_vendor("Nordlicht alt", country="DE")
    tenancy.ramp.people.deactivate_vendor(old)
    supplier = new_supplier(tenancy)
    for vendor in (new, old):
        tenancy.ramp.vendors[vendor].external_vendor_id = supplier
    tenancy.run("accounting_vendors", "vendors")
    assert tenancy.books.dictionary.bound("vendor")[supplier] == new


def test_two_suppliers_do_not_share_a_vendor_of_their_name(tenancy: Tenancy) -> None:
    """Both are sent at the same time: neither takes it, and with another name it is out of the way."""
    made = tenancy.ramp.people.add_vendor("Nordlicht Pumpen AG", country="DE")
    suppliers = [new_supplier(tenancy), new_supplier(tenancy)]
    tenancy.run("accounting_vendors", "vendors")
    assert tenancy.causes("vendors") == dict.fromkeys(suppliers, Cause.DUPLICATE_SUSPECTED)
    tenancy.ramp.people.rename_vendor(made, "Nordlicht Pumpen AG (before 2020)")
    tenancy.replay("vendors")
    assert len({vendor_of(tenancy, supplier).id for supplier in suppliers} - {made}) == 2


def test_a_change_of_a_supplier_amends_its_vendor(tenancy: Tenancy) -> None:
    """The vendor follows; there is still one."""
    before = vendor_of(tenancy, "S-1001").id
    tenancy.ifs.people.edit_supplier("S-1001", Country="SE", Cf_City="Malmö")
    tenancy.run("accounting_vendors", "vendors")
    after = vendor_of(tenancy, "S-1001")
    assert (after.id, after.country, after.address["city"]) == (before, "SE", "Malmö")


def test_a_vendor_that_a_person_gave_to_another_supplier_is_not_taken_back(tenancy: Tenancy) -> None:
    """The next change of the first supplier is held: it needs a vendor of its own."""
    vendor = vendor_of(tenancy, "S-1001")
    vendor.external_vendor_id = "S-9999"
    tenancy.ifs.people.edit_supplier("S-1001", Name="Nordhavn Lejer ApS")
    tenancy.run("vendors")
    assert tenancy.causes("vendors") == {"S-1001": Cause.VENDOR_CONFLICT}
    assert (vendor.external_vendor_id, vendor.name) == ("S-9999", "Nordhavn Bearings ApS")


def test_a_lost_answer_to_a_new_vendor_is_looked_up(tenancy: Tenancy) -> None:
    """The second pass finds it by supplier id."""
    supplier = new_supplier(tenancy)
    tenancy.ramp.faults.once("lost", method="POST", path_part="/v1/vendors")
    tenancy.run("accounting_vendors", "vendors")
    assert tenancy.states("vendors")["unknown"] == 1
    tenancy.run("vendors")
    assert vendor_of(tenancy, supplier)
    assert tenancy.states("vendors") == {"delivered": len(SELLERS) + 1}


def test_a_vendor_born_in_ramp_is_held(tenancy: Tenancy) -> None:
    """By default a person decides whether IFS gets a new supplier."""
    vendor = tenancy.ramp.people.add_vendor("Blitz Büromöbel", country="DE")
    tenancy.run("suppliers")
    assert tenancy.entry("suppliers", vendor).cause == Cause.BORN_IN_TARGET
    assert len(tenancy.ifs.suppliers) == len(SELLERS)


def test_a_vendor_that_was_linked_long_after_it_was_made_is_no_longer_held(tenancy: Tenancy) -> None:
    """Ramp lists new vendors only, and no webhook tells of the link: what we know of it is enough."""
    tenancy.ramp.people.add_vendor("Nordlicht Pumpen AG", country="DE")
    tenancy.run("suppliers")
    assert tenancy.causes("suppliers") == {"Nordlicht Pumpen AG": Cause.BORN_IN_TARGET}
    tenancy.simulators.clock.sleep(5 * 24 * 3600)
    tenancy.ramp.people.add_vendor("Suedwind GmbH", country="DE")
    tenancy.run("suppliers")
    new_supplier(tenancy)
    tenancy.run("accounting_vendors", "vendors", "suppliers")
    assert tenancy.causes("suppliers") == {"Suedwind GmbH": Cause.BORN_IN_TARGET}


def test_a_vendor_that_is_gone_when_its_event_is_read_is_nothing(tenancy: Tenancy) -> None:
    """Somebody made and deleted it, and the event came late."""
    tenancy.hear("suppliers", "vendors.updated", "11111111-2222-4333-8444-555555555555")
    tenancy.run("suppliers")
    assert tenancy.causes("suppliers") == {}


def test_a_vendor_born_in_ramp_becomes_a_supplier_where_the_policy_says_so(tenancy: Tenancy) -> None:
    """Made in IFS once, and linked in Ramp."""
    tenancy.change(ramp={"new_vendors": "create"})
    vendor = tenancy.ramp.people.add_vendor("Blitz Büromöbel", country="DE")
    tenancy.run("suppliers")
    tenancy.run("suppliers")
    (made,) = [supplier for supplier in tenancy.ifs.suppliers.values() if supplier["Name"] == "Blitz Büromöbel"]
    assert made["Country"] == "DE"
    assert tenancy.ramp.vendors[vendor].external_vendor_id == made["SupplierId"]


def test_a_supplier_of_that_very_name_is_linked_and_not_made_again(tenancy: Tenancy) -> None:
    """IFS has it already: the vendor gets its id."""
    tenancy.change(ramp={"new_vendors": "create"})
    supplier = tenancy.ifs.people.add_supplier(Name="Blitz Büromöbel", Country="DE")
    vendor = tenancy.ramp.people.add_vendor("Blitz Büromöbel", country="DE")
    tenancy.run("suppliers")
    assert tenancy.ramp.vendors[vendor].external_vendor_id == supplier
    assert len(tenancy.ifs.suppliers) == len(SELLERS) + 1


def test_two_suppliers_of_that_name_are_for_a_person(tenancy: Tenancy) -> None:
    """The vendor is held, and the other vendors go on."""
    tenancy.change(ramp={"new_vendors": "create"})
    for _ in range(2):
        tenancy.ifs.people.add_supplier(Name="Blitz Büromöbel", Country="DE")
    twice = tenancy.ramp.people.add_vendor("Blitz Büromöbel", country="DE")
    other = tenancy.ramp.people.add_vendor("Kranich Transporte", country="DE")
    tenancy.run("suppliers")
    assert tenancy.entry("suppliers", twice).cause == Cause.DUPLICATE_SUSPECTED
    assert tenancy.ramp.vendors[other].external_vendor_id


@pytest.mark.parametrize(("country", "flows"), [("FR", ()), ("DE", ("accounting_vendors", "vendors"))])
def test_a_namesake_elsewhere_or_with_its_own_vendor_is_another(
    tenancy: Tenancy, country: str, flows: tuple[str, ...]
) -> None:
    """The vendor is held: with the supplier's id on it the supplier's invoices would be paid to the vendor."""
    tenancy.change(ramp={"new_vendors": "create"})
    new_supplier(tenancy, "Delta Services", Country="DE")
    tenancy.run(*flows)
    vendor = tenancy.ramp.people.add_vendor("Delta Services", country=country)
    tenancy.run("suppliers")
    entry = tenancy.entry("suppliers", vendor)
    assert entry.cause == Cause.DUPLICATE_SUSPECTED
    assert tenancy.ramp.vendors[vendor].external_vendor_id is None


def test_a_lost_answer_to_a_new_supplier_makes_no_second_one(tenancy: Tenancy) -> None:
    """IFS would gladly take the same supplier twice; we look by its name."""
    tenancy.change(ramp={"new_vendors": "create"})
    tenancy.ifs.faults.once("lost", method="POST", path_part="SupplierInfoGeneralSet")
    vendor = tenancy.ramp.people.add_vendor("Blitz Büromöbel", country="DE")
    tenancy.run("suppliers")
    tenancy.run("suppliers")
    (made,) = [supplier for supplier in tenancy.ifs.suppliers.values() if supplier["Name"] == "Blitz Büromöbel"]
    assert tenancy.ramp.vendors[vendor].external_vendor_id == made["SupplierId"]


def test_a_vendor_renamed_in_ramp_is_a_conflict(tenancy: Tenancy) -> None:
    """Neither side is overwritten: a person makes them agree."""
    vendor = vendor_of(tenancy, "S-1002")
    tenancy.run("suppliers")
    tenancy.ramp.people.rename_vendor(vendor.id, "Eisenwerk Lautertal AG")
    tenancy.run("suppliers")
    entry = tenancy.entry("suppliers", vendor.id)
    assert (entry.cause, entry.cause_key) == (Cause.VENDOR_CONFLICT, "vendor:S-1002")
    assert tenancy.ifs.suppliers["S-1002"]["Name"] == "Eisenwerk Lautertal GmbH"
    assert vendor.name == "Eisenwerk Lautertal AG"


def test_vendors_that_agree_are_known(tenancy: Tenancy) -> None:
    """Our own vendors come back from Ramp and are told apart from new ones."""
    tenancy.run("suppliers")
    assert tenancy.states("suppliers") == {"ignored": len(SELLERS)}
    assert tenancy.simulators.writes() == 0
