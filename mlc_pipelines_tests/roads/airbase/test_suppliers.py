"""Suppliers born in Airbase, and the payment terms agreed there."""

from mlc_pipelines.errors import Cause
from mlc_pipelines_tests.roads.airbase.tenancy import Tenancy

BORN = "Quellwerk Kaffeeservice GmbH"
CREATE = {"new_vendors": "create", "born_supplier": {"country": "DE", "currency": "EUR"}}


def test_a_vendor_born_in_airbase_waits_for_a_person(tenancy: Tenancy) -> None:
    """Linked and inactive ones are left alone."""
    tenancy.run("vendors", "suppliers")
    assert tenancy.causes("suppliers") == {BORN: Cause.BORN_IN_TARGET}
    assert tenancy.states("suppliers") == {"held": 1, "ignored": 26}


def test_a_supplier_made_by_hand_under_that_name_is_linked(tenancy: Tenancy) -> None:
    """Nobody has to do it in the portal."""
    tenancy.run("vendors", "suppliers")
    made = tenancy.ifs.people.add_supplier(Name=BORN, Country="DE")
    tenancy.run("vendors", "suppliers")
    assert tenancy.named(BORN).erp_reference_id == made
    assert tenancy.states("suppliers")["ignored"] == 27


def test_the_policy_makes_it_and_links_it(tenancy: Tenancy) -> None:
    """Once, with what the settings add."""
    tenancy.airbase_settings(**CREATE)
    for _ in range(2):
        tenancy.run("vendors", "suppliers")
    (supplier,) = [row for row in tenancy.ifs.suppliers.values() if row["Name"] == BORN]
    assert tenancy.named(BORN).erp_reference_id == supplier["SupplierId"]
    assert supplier["SupplierId"].startswith("A-")
    assert (supplier["Country"], supplier["Cf_Currency"]) == ("DE", "EUR")
    assert supplier["Cf_Email"] == "rechnung@quellwerk.example"


def test_a_lost_answer_makes_no_supplier_twice(tenancy: Tenancy) -> None:
    """Its id is derived from the vendor's, and it is looked up by name."""
    tenancy.airbase_settings(**CREATE)
    tenancy.ifs.faults.once("lost", method="POST", path_part="Supplier")
    tenancy.run("vendors", "suppliers")
    tenancy.simulators.clock.sleep(1000)
    tenancy.run("vendors", "suppliers")
    assert len([row for row in tenancy.ifs.suppliers.values() if row["Name"] == BORN]) == 1
    assert tenancy.named(BORN).erp_reference_id


def test_a_link_that_is_refused_waits_for_the_portal(tenancy: Tenancy) -> None:
    """When a person has linked it there, the record is done."""
    tenancy.airbase_settings(**CREATE)
    tenancy.run("vendors")
    tenancy.airbase.switches.linking = "never"
    tenancy.run("suppliers")
    assert tenancy.causes("suppliers") == {BORN: Cause.REJECTED_BY_TARGET}
    entry = tenancy.entry("suppliers", tenancy.named(BORN).airbase_id)
    assert "portal" in (entry.problem or "")
    tenancy.airbase.people.relink_vendor(entry.key, entry.external_id or "")
    tenancy.replay("suppliers", stage="confirm")
    assert tenancy.causes("suppliers") == {}


def test_an_inactive_vendor_is_no_supplier(tenancy: Tenancy) -> None:
    """Not even where the policy makes them."""
    tenancy.airbase_settings(**CREATE)
    tenancy.airbase.people.deactivate_vendor(tenancy.named(BORN).airbase_id)
    tenancy.run("suppliers")
    assert BORN not in {row["Name"] for row in tenancy.ifs.suppliers.values()}
    assert "Altmark Druckerei e.K." not in {row["Name"] for row in tenancy.ifs.suppliers.values()}


# Payment terms


def test_terms_are_compared(tenancy: Tenancy) -> None:
    """Agreed, other, unknown, and of a vendor without a supplier."""
    tenancy.run("vendors", "suppliers", "payment_terms")
    assert tenancy.causes("payment_terms") == {
        "Eisenwerk Lautertal GmbH": Cause.VENDOR_CONFLICT,
        "Tři Duby Strojírna s.r.o.": Cause.VENDOR_CONFLICT,
        BORN: Cause.VENDOR_UNKNOWN,
    }
    assert tenancy.states("payment_terms")["delivered"] == 14
    problem = tenancy.entry("payment_terms", tenancy.vendor("S-1002").airbase_id).problem or ""
    assert "set payment term 45 in IFS" in problem


def test_a_term_changed_in_ifs_releases_what_waits(tenancy: Tenancy) -> None:
    """Nobody has to replay."""
    tenancy.run("vendors", "suppliers", "payment_terms")
    tenancy.ifs.people.edit_supplier("S-1002", Cf_Pay_Term="45")
    tenancy.run("payment_terms")
    assert "Eisenwerk Lautertal GmbH" not in tenancy.causes("payment_terms")
    assert tenancy.entry("payment_terms", tenancy.vendor("S-1002").airbase_id).external_id == "S-1002^45"


def test_a_word_added_to_the_table_releases_what_waits(tenancy: Tenancy) -> None:
    """It is compared then."""
    tenancy.run("payment_terms")
    tenancy.change(mapping={"payment_terms": {"2/10 Net 60": "14", "Net 30": "30", "Net 45": "45"}})
    tenancy.run("payment_terms")
    assert "Tři Duby Strojírna s.r.o." not in tenancy.causes("payment_terms")


def test_a_new_term_is_a_new_comparison(tenancy: Tenancy) -> None:
    """What was agreed before does not count."""
    tenancy.run("payment_terms")
    tenancy.airbase.people.set_vendor_term("S-1001", "Net 14")
    tenancy.run("payment_terms")
    assert tenancy.causes("payment_terms")["Nordhavn Bearings ApS"] is Cause.VENDOR_CONFLICT


def test_the_list_is_read_through_pointers(tenancy: Tenancy) -> None:
    """A tenant's may look otherwise."""
    tenancy.airbase_settings(vendor_terms={"pointer": "/id"})
    tenancy.run("payment_terms")
    assert "delivered" not in tenancy.states("payment_terms")


def test_a_flow_without_its_path_does_not_run_and_the_others_do(tenancy: Tenancy) -> None:
    """The check says which setting is missing, and calls it no fault."""
    tenancy.change(airbase={"paths": {}})
    tenancy.walk()
    assert tenancy.states("vendors") == {"delivered": 25}
    said = {finding.name: finding for finding in tenancy.session.check()}
    for flow in ("payment_terms", "purchase_orders", "request_vouchers"):
        assert tenancy.states(flow) == {}
        assert said[f"airbase: {flow}"].ok
        assert "not configured: set airbase.paths." in said[f"airbase: {flow}"].message
