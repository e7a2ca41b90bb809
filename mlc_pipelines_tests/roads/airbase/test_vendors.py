"""Vendors: one for each supplier, linked where it was known, and no call for what is as wanted."""

from mlc_pipelines.errors import Cause
from mlc_pipelines_tests.roads.airbase.tenancy import Tenancy

BELLANDI, PRAIRIE = "Officine Bellandi S.p.A.", "Prairie Safety Products"


def test_every_supplier_is_one_vendor(tenancy: Tenancy) -> None:
    """Known ones are kept, two are linked by their exact name, the rest is made, in all subsidiaries."""
    before = set(tenancy.airbase.vendors)
    bellandi = tenancy.named(BELLANDI).airbase_id
    tenancy.run("vendors")
    references = [vendor.erp_reference_id for vendor in tenancy.airbase.vendors.values() if vendor.erp_reference_id]
    assert sorted(references) == sorted(tenancy.ifs.suppliers)
    assert tenancy.vendor("S-1004").airbase_id == bellandi
    assert len(tenancy.airbase.vendors) == len(before) + 25 - 17
    for vendor in tenancy.airbase.vendors.values():
        if vendor.erp_reference_id:
            assert {row.erp_reference_id for row in vendor.subsidiaries} >= {"10", "20"}


def test_a_second_run_makes_no_call_that_writes(tenancy: Tenancy) -> None:
    """Nothing has changed."""
    tenancy.run("vendors")
    before = tenancy.asked("POST", "bulk_upsert")
    tenancy.run("vendors")
    assert tenancy.asked("POST", "bulk_upsert") == before


def test_a_changed_supplier_changes_its_vendor_and_no_other(tenancy: Tenancy) -> None:
    """By its id, and without the reference that can not be sent again."""
    tenancy.run("vendors")
    before = tenancy.asked("POST", "bulk_upsert")
    tenancy.ifs.people.edit_supplier("S-1001", Name="Nordhavn Lejer ApS")
    tenancy.ifs.people.edit_supplier("S-1002", Cf_Phone="+49 1")
    tenancy.run("vendors")
    assert tenancy.vendor("S-1001").name == "Nordhavn Lejer ApS"
    assert tenancy.asked("POST", "bulk_upsert") == before + 1


def test_subsidiaries_of_others_are_kept(tenancy: Tenancy) -> None:
    """The list takes the place of the one there."""
    service = next(row for row in tenancy.airbase.subsidiaries.values() if row.erp_reference_id == "90")
    tenancy.vendor("S-1001").subsidiaries.append(service)
    tenancy.run("vendors")
    assert {row.erp_reference_id for row in tenancy.vendor("S-1001").subsidiaries} == {"10", "20", "90"}


def test_two_vendors_of_a_name_are_held(tenancy: Tenancy) -> None:
    """A wrong link can only be mended in the portal."""
    tenancy.airbase.people.create_vendor(BELLANDI)
    tenancy.run("vendors")
    assert tenancy.causes("vendors") == {"S-1004": Cause.DUPLICATE_SUSPECTED}
    assert tenancy.states("vendors")["delivered"] == 24


def test_two_suppliers_of_a_name_are_held(tenancy: Tenancy) -> None:
    """Nobody knows which of them the vendor is."""
    twin = tenancy.ifs.people.add_supplier(Name=BELLANDI, Country="IT")
    tenancy.run("vendors")
    assert tenancy.causes("vendors") == {"S-1004": Cause.DUPLICATE_SUSPECTED, twin: Cause.DUPLICATE_SUSPECTED}
    assert tenancy.named(BELLANDI).erp_reference_id == ""


def test_a_row_that_the_answer_leaves_out_is_held_alone(tenancy: Tenancy) -> None:
    """The batch is halved until it stands alone; the others are made once."""
    tenancy.airbase.switches.bulk_leaves_out = True
    tenancy.ifs.people.edit_supplier("S-2007", Cf_Email="no address")
    tenancy.run("vendors")
    assert tenancy.causes("vendors") == {"S-2007": Cause.REJECTED_BY_TARGET}
    references = [vendor.erp_reference_id for vendor in tenancy.airbase.vendors.values() if vendor.erp_reference_id]
    assert len(references) == len(set(references)) == 24


def test_a_row_that_refuses_the_batch_is_held_alone(tenancy: Tenancy) -> None:
    """The usual answer: all or none."""
    tenancy.ifs.people.edit_supplier("S-2007", Cf_Email="no address")
    tenancy.run("vendors")
    assert tenancy.causes("vendors") == {"S-2007": Cause.REJECTED_BY_TARGET}
    assert tenancy.states("vendors")["delivered"] == 24


def test_a_lost_answer_makes_no_vendor_twice(tenancy: Tenancy) -> None:
    """It is looked up by the reference when the other side can no longer perform it."""
    tenancy.airbase.faults.once("lost", method="POST", path_part="bulk_upsert", times=2)
    tenancy.run("vendors")
    tenancy.simulators.clock.sleep(120)
    tenancy.run("vendors")
    references = [vendor.erp_reference_id for vendor in tenancy.airbase.vendors.values() if vendor.erp_reference_id]
    assert len(references) == len(set(references)) == 25
    assert tenancy.states("vendors") == {"delivered": 25}


def test_a_tenant_that_lets_nobody_link_is_told_what_to_do(tenancy: Tenancy) -> None:
    """That a bulk call may fill an empty reference is an assumption."""
    tenancy.airbase.switches.linking = "never"
    tenancy.run("vendors")
    assert tenancy.causes("vendors") == {"S-1004": Cause.REJECTED_BY_TARGET, "S-2006": Cause.REJECTED_BY_TARGET}


def test_a_vendor_relinked_in_the_portal_is_not_written_over(tenancy: Tenancy) -> None:
    """It is another supplier's now."""
    tenancy.run("vendors")
    tenancy.airbase.people.relink_vendor("S-1001", "S-9999")
    tenancy.ifs.people.edit_supplier("S-1001", Name="Nordhavn Lejer ApS")
    tenancy.run("vendors")
    assert tenancy.causes("vendors") == {"S-1001": Cause.VENDOR_CONFLICT}


def test_subsidiaries_are_named_by_the_settings(tenancy: Tenancy) -> None:
    """A company whose subsidiary Airbase does not have is left out of the list."""
    tenancy.airbase_settings(subsidiaries={"10": "10", "20": "21"})
    tenancy.run("vendors")
    assert [row.erp_reference_id for row in tenancy.vendor("S-1012").subsidiaries] == ["10"]
