"""Accounts and dimensions: Ramp offers what IFS has, once, under IFS's codes; IFS is never written."""

import pytest

from mlc_pipelines.errors import Cause, ConfigurationError
from mlc_pipelines.integrations.integration import Gap
from mlc_pipelines_tests.roads.ramp.tenancy import ACCOUNTS, Tenancy, all_bills

EXPIRED = "4950"


def test_every_account_of_every_company_is_offered_once(tenancy: Tenancy) -> None:
    """The same code in two companies is two GL accounts."""
    offered = sorted(row.id for row in tenancy.ramp.accounts.values())
    assert offered == sorted(f"{company}^{code}" for company in ("10", "20") for code in ACCOUNTS if code != EXPIRED)
    bearings = next(row for row in tenancy.ramp.accounts.values() if row.id == "10^4010")
    assert (bearings.name, bearings.code, bearings.classification) == ("Bearings and seals", "4010", "EXPENSE")


def test_an_account_no_longer_valid_is_not_offered(tenancy: Tenancy) -> None:
    """Its invoices would be refused later."""
    assert tenancy.entry("gl_accounts", f"10^{EXPIRED}").cause == Cause.NOT_READY


def test_a_second_pass_writes_nothing(tenancy: Tenancy) -> None:
    """IFS lists all accounts each time; nothing of it is sent again."""
    tenancy.run("gl_accounts", "dimensions")
    assert tenancy.simulators.writes() == 0


def test_values_of_mapped_code_parts_are_options_of_fields_with_the_names_chosen(tenancy: Tenancy) -> None:
    """One field a code part, its values told apart by company."""
    assert {row.id: row.name for row in tenancy.ramp.fields.values()} == {
        "ifs-code-part-b": "Cost center",
        "ifs-code-part-c": "Plant",
        "ifs-code-part-d": "Project",
    }
    plants = next(row.ramp_id for row in tenancy.ramp.fields.values() if row.id == "ifs-code-part-c")
    options = {row.id: row.name for row in tenancy.ramp.options.values() if row.field_id == plants}
    assert options == {
        "10^P1": "P1 Plant Hamburg",
        "10^P2": "P2 Plant Brno",
        "20^P3": "P3 Plant Dayton",
    }


def test_a_code_part_that_is_not_mapped_is_not_sent(bare: Tenancy) -> None:
    """Ramp only gets the dimensions that the connection names."""
    bare.change(mapping={"dimensions": {"CodeC": "Plant"}})
    bare.run("dimensions")
    assert [row.id for row in bare.ramp.fields.values()] == ["ifs-code-part-c"]
    assert len(bare.ramp.options) == 3


@pytest.mark.parametrize("flow", ["dimensions", "bills", "vouchers"])
def test_a_code_part_that_there_is_not_stops_the_connection(tenancy: Tenancy, flow: str) -> None:
    """Its values were sent, and no line of a bill had them."""
    tenancy.change(mapping={"dimensions": {"B": "Cost center"}})
    tenancy.invoice("INV-1")
    with pytest.raises(ConfigurationError, match="B: code parts are CodeB to CodeJ"):
        tenancy.run(flow)
    assert all_bills(tenancy.ramp) == []


@pytest.mark.parametrize(("flow", "path"), [("gl_accounts", "/accounting/accounts"), ("dimensions", "/field-options")])
def test_an_upload_whose_answer_is_lost_is_looked_up(bare: Tenancy, flow: str, path: str) -> None:
    """Uploads are all or nothing and not idempotent: the second pass finds what the first one made."""
    bare.ramp.faults.once("lost", method="POST", path_part=path)
    bare.run(flow)
    bare.run(flow)
    rows = bare.ramp.accounts if flow == "gl_accounts" else bare.ramp.options
    ids = [(row.field_id, row.id) for row in rows.values()]
    assert ids
    assert len(ids) == len(set(ids))
    assert set(bare.states(flow)) <= {"delivered", "ignored"}


def test_what_only_ramp_has_is_reported_and_stays(tenancy: Tenancy) -> None:
    """People made an account in Ramp: a gap to look at, nothing to delete."""
    made = tenancy.ramp.people.add_account("Team events", code="4711")
    tenancy.run("gl_accounts")
    assert list(tenancy.session.gaps()) == [Gap("gl_account", "4711", "Team events: only in Ramp")]
    assert tenancy.ramp.accounts[made].is_active


def test_a_name_that_differs_is_reported(tenancy: Tenancy) -> None:
    """Somebody renamed an account in Ramp."""
    row = next(row for row in tenancy.ramp.accounts.values() if row.id == "10^4010")
    row.name = "Bearings"
    (gap,) = tenancy.session.gaps()
    assert (gap.key, gap.what) == ("10^4010", "called 'Bearings' in Ramp, 'Bearings and seals' in IFS")


def test_ifs_is_only_read(bare: Tenancy) -> None:
    """Reference data flows one way."""
    bare.reference()
    assert bare.ifs.journal.writes() == []
