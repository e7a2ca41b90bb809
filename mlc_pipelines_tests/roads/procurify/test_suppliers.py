"""Suppliers: each vendor finds its supplier, or a person is asked; Procurify is compared and never written."""

import pytest

from mlc_pipelines.errors import Cause
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.roads.procurify.tenancy import Tenancy

STRANGER = "Quellwerk Kaffeeservice GmbH"


def gap_keys(tenancy: Tenancy, kind: str) -> dict[str, str]:
    return {gap.key: gap.what for gap in tenancy.session.gaps() if gap.kind == kind}


def words(tenancy: Tenancy) -> dict[str, str]:
    """Give the suppliers of vendors, by the numbers that IFS knows them by on both sides."""
    known = tenancy.books.dictionary.known("supplier")
    return {tenancy.procurify.vendors[int(vendor)].supplier or "": supplier for vendor, supplier in known.items()}


def test_vendors_find_their_suppliers(bare: Tenancy) -> None:
    """By number, tax number, or name with country; all vendors of two kinds, and no other."""
    bare.run("suppliers")
    found = words(bare)
    assert all(ours == theirs for ours, theirs in found.items())
    assert {"S-1001", "S-1004", "S-1012", "S-2006", "S-3001"} <= set(found)
    kinds = {bare.procurify.vendors[int(entry.key)].type for entry in bare.books.reports.select(flow="suppliers")}
    assert kinds == {3, 4}


def test_a_match_under_another_name_is_looked_at_by_a_person(bare: Tenancy) -> None:
    """The tax number is enough for bills; the names should agree all the same, and then they do by themselves."""
    bare.run("suppliers")
    entry = bare.entry("suppliers", "Sant Jordi Herramientas")
    assert (entry.cause, words(bare)["S-1012"]) == (Cause.VENDOR_CONFLICT, "S-1012")
    bare.ifs.people.edit_supplier("S-1012", Name="Sant Jordi Herramientas")
    bare.settle("suppliers")
    assert bare.entry("suppliers", entry.key).cause is Cause.ALREADY_KNOWN


def test_a_vendor_born_in_procurify_waits_for_its_supplier(bare: Tenancy) -> None:
    """Somebody makes the supplier, with name and country, and the vendor goes on by itself."""
    bare.run("suppliers")
    entry = bare.entry("suppliers", STRANGER)
    assert (entry.state, entry.cause) == (State.HELD, Cause.BORN_IN_TARGET)
    bare.ifs.people.add_supplier(Name=STRANGER.upper(), Country="DE")
    bare.settle("suppliers")
    assert bare.entry("suppliers", STRANGER).cause is Cause.ALREADY_KNOWN


def test_a_person_may_confirm_a_pair_in_the_table(bare: Tenancy) -> None:
    """It goes before every other evidence but a binding."""
    vendor = str(bare.procurify.people.new_vendor("Nordhavn, Filiale Süd"))
    bare.run("suppliers")
    assert bare.entry("suppliers", vendor).cause is Cause.BORN_IN_TARGET
    bare.change(mapping={"suppliers": {vendor: "S-1001"}})
    bare.settle("suppliers")
    assert bare.books.dictionary.known("supplier")[vendor] == "S-1001"


def test_a_name_alone_is_only_proposed(bare: Tenancy) -> None:
    """Neither linked nor made anew, even where the policy is to create."""
    bare.change(procurify={"new_suppliers": "create"})
    vendor = str(bare.procurify.people.new_vendor("Nordhavn Bearings ApS", country="Atlantis"))
    bare.run("suppliers")
    entry = bare.entry("suppliers", vendor)
    assert (entry.cause, "S-1001" in (entry.problem or "")) == (Cause.DUPLICATE_SUSPECTED, True)


def test_a_number_that_is_no_supplier_is_named(bare: Tenancy) -> None:
    """Nothing is guessed past it; corrected, it goes on."""
    vendor = bare.procurify.people.new_vendor("Kestrel Tooling Ltd", external_id="S-9999")
    bare.run("suppliers")
    assert bare.entry("suppliers", str(vendor)).cause is Cause.VENDOR_UNKNOWN
    number = bare.ifs.people.add_supplier(Name="Kestrel Tooling Ltd", Country="DE")
    bare.procurify.people.link_vendor(vendor, number)
    bare.settle("suppliers")
    assert bare.entry("suppliers", str(vendor)).cause is Cause.ALREADY_KNOWN


def test_a_supplier_that_has_our_number_by_chance_is_somebody_else(bare: Tenancy) -> None:
    """Nothing is posted to it; a person names the right one, and all goes on."""
    bare.change(procurify={"new_suppliers": "create"})
    (vendor,) = [vendor.id for vendor in bare.procurify.vendors.values() if vendor.name == STRANGER]
    bare.ifs.people.add_supplier(SupplierId=f"P-{vendor}", Name="Paderborner Stahlhandel", Country="DE")
    key = bare.bill(vendor=STRANGER, tax=0)
    bare.settle("suppliers", "bills")
    assert bare.entry("suppliers", STRANGER).cause is Cause.DUPLICATE_SUSPECTED
    assert f"supplier P-{vendor} is Paderborner Stahlhandel (DE) in IFS" in bare.problem("suppliers", STRANGER)
    assert bare.invoices(key) == []
    right = bare.ifs.people.add_supplier(Name="Quellwerk", Country="DE")
    bare.change(mapping={"suppliers": {str(vendor): right}})
    bare.settle("suppliers", "bills")
    assert bare.invoice(key)["Identity"] == right


@pytest.mark.parametrize(
    ("there", "state"),
    [
        ({"Name": STRANGER.upper()}, State.DELIVERED),
        ({"Country": None}, State.DELIVERED),
        ({"Name": "Quellwerk"}, State.HELD),
        ({"Country": "AT"}, State.HELD),
    ],
)
def test_a_supplier_made_without_an_answer_is_known_by_name_and_country(
    bare: Tenancy, there: dict[str, str | None], state: State
) -> None:
    """What somebody made of it meanwhile is for a person."""
    bare.change(procurify={"new_suppliers": "create"})
    bare.ifs.faults.once("lost", method="POST", path_part="SupplierHandling")
    bare.run("suppliers")
    (lost,) = bare.books.reports.select(flow="suppliers", states=[State.UNKNOWN])
    bare.ifs.people.edit_supplier(f"P-{lost.key}", **there)
    bare.settle("suppliers")
    assert bare.entry("suppliers", lost.key).state is state


def test_suppliers_are_made_where_the_policy_says_so(bare: Tenancy) -> None:
    """Once, with what the vendor tells, and bills know it in the same pass."""
    bare.change(procurify={"new_suppliers": "create"})
    key = bare.bill(vendor=STRANGER, tax=0)
    bare.settle("suppliers", "bills")
    entry = bare.entry("suppliers", STRANGER)
    supplier = bare.ifs.suppliers[str(entry.external_id)]
    assert (supplier["Name"], supplier["Country"], supplier["Cf_Currency"]) == (STRANGER, "DE", "EUR")
    assert bare.invoice(key)["Identity"] == entry.external_id
    bare.settle("suppliers", "bills")
    assert len([row for row in bare.ifs.suppliers.values() if row["Name"] == STRANGER]) == 1


def test_a_supplier_whose_answer_was_lost_is_found_by_its_number(bare: Tenancy) -> None:
    """The number is our choice, the same each time."""
    bare.change(procurify={"new_suppliers": "create"})
    bare.ifs.faults.once("lost", method="POST", path_part="SupplierHandling")
    bare.run("suppliers")
    assert bare.entry("suppliers", STRANGER).state is State.UNKNOWN
    bare.settle("suppliers")
    assert bare.entry("suppliers", STRANGER).state is State.DELIVERED
    assert len([row for row in bare.ifs.suppliers.values() if row["Name"] == STRANGER]) == 1


def test_a_vendor_that_cannot_be_a_supplier_yet_is_completed_first(bare: Tenancy) -> None:
    """A country in free words that the table lacks; added there, it goes on by itself."""
    bare.change(procurify={"new_suppliers": "create"})
    vendor = str(bare.procurify.people.new_vendor("Lahti Valimo Oy", country="Suomi"))
    bare.run("suppliers")
    assert bare.entry("suppliers", vendor).cause is Cause.SUPPLIER_INCOMPLETE
    bare.change(mapping={"countries": {"Suomi": "FI"}})
    bare.settle("suppliers")
    assert bare.ifs.suppliers[str(bare.entry("suppliers", vendor).external_id)]["Country"] == "FI"


def test_the_other_direction_is_reported(bare: Tenancy) -> None:
    """Suppliers without a vendor, vendors without a supplier, and vendors that vanished."""
    bare.run("suppliers")
    gone = bare.procurify.people.deactivate_vendor("S-1002")
    vendors = gap_keys(bare, "vendor")
    assert set(gap_keys(bare, "supplier")) == {"S-2008", "S-1002"}
    assert "no longer listed" in vendors[str(gone)]
    assert [what for what in vendors.values() if STRANGER in what] == [f"{STRANGER}: no supplier in IFS"]


def test_a_vendor_of_another_kind_takes_no_part(bare: Tenancy) -> None:
    """Even where the list does not heed the filter."""
    vendor = bare.procurify.people.new_vendor("Somebody on trial")
    bare.run_stages("suppliers", "collect")
    bare.procurify.vendors[vendor].type = "pending"
    bare.change(procurify={"vendor_types": [3]})
    bare.run_stages("suppliers", "translate")
    assert bare.entry("suppliers", str(vendor)).cause is Cause.NOT_OURS
