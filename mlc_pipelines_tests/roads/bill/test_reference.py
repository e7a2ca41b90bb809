"""Accounts and dimensions: each finds its counterpart in BILL, by number or name; what is missing is held, or made."""

import pytest

from mlc_pipelines.errors import Cause, ConfigurationError
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.integrations.bill.organization import add_row
from mlc_pipelines_tests.roads.bill.tenancy import UNMAPPED, Tenancy

DEPARTMENTS, CHART = "departments", "chart-of-accounts"


def test_accounts_of_all_companies_share_one_chart(bare: Tenancy) -> None:
    """The same number of two companies is one account in BILL, bound twice."""
    bare.run("chart_of_accounts")
    numbers = [row.number for row in bare.bill.accounts.values()]
    assert len(numbers) == len(set(numbers)) > 5
    bound = bare.books.dictionary.bound("bill_account")
    assert bound["10^4010"] == bound["20^4010"]
    assert bare.bill.accounts[bound["10^4010"]].name == "Bearings and seals"
    assert bare.bill.accounts[bound["10^4010"]].account == {"type": "EXPENSE", "number": "4010"}


def test_two_companies_that_call_an_account_otherwise_have_one_in_bill(bare: Tenancy) -> None:
    """Two of one number would hold everything that comes to either of them."""
    store = bare.ifs._tenant.store  # no person of the simulator edits accounts
    for row in store.matching("Account", {"Company": "20", "Account": "4010"}):
        store.change(row, {"Description": "Bearings, Dayton"})
    for _ in range(2):
        bare.run("chart_of_accounts")
    assert len([row for row in bare.bill.accounts.values() if row.number == "4010"]) == 1
    bound = bare.books.dictionary.bound("bill_account")
    assert bound["10^4010"] == bound["20^4010"]


def test_accounts_that_are_expired_or_not_in_the_table_are_left_out(bare: Tenancy) -> None:
    """Each for its reason."""
    bare.run("chart_of_accounts")
    assert bare.entry("chart_of_accounts", "10^4950").cause == Cause.NOT_READY
    assert bare.entry("chart_of_accounts", f"10^{UNMAPPED}").cause == Cause.ACCOUNT_UNMAPPED
    assert set(bare.states("chart_of_accounts")) == {"delivered", "ignored"}


def test_an_account_comes_when_the_table_names_it(bare: Tenancy) -> None:
    """Nobody has to replay anything."""
    bare.run("chart_of_accounts")
    bare.change(mapping={"accounts": {"4010": "4010", UNMAPPED: "9990"}})
    bare.run("chart_of_accounts")
    assert bare.entry("chart_of_accounts", f"10^{UNMAPPED}").state is State.DELIVERED
    assert "9990" in {row.number for row in bare.bill.accounts.values()}


def test_without_leave_to_make_them_missing_accounts_are_held_until_they_are_there(bare: Tenancy) -> None:
    """Somebody makes one in BILL, and the next pass binds it by itself."""
    bare.change(bill={"create_accounts": False})
    bare.run("chart_of_accounts")
    assert bare.bill.accounts == {}
    assert bare.causes("chart_of_accounts")["4010"] == Cause.ACCOUNT_UNMAPPED
    made = add_row(bare.bill, CHART, "Kugellager", "4010")
    bare.run("chart_of_accounts")
    assert bare.entry("chart_of_accounts", "10^4010").external_id == made.id
    assert made.name == "Kugellager"  # the name people gave it stays
    assert not [entry for entry in bare.bill.journal.entries if entry.effect]


def test_an_account_without_a_number_is_known_by_its_name(bare: Tenancy) -> None:
    """Only where BILL has no number for it."""
    made = add_row(bare.bill, CHART, "Bearings and seals")
    bare.run("chart_of_accounts")
    assert bare.entry("chart_of_accounts", "10^4010").external_id == made.id


def test_two_accounts_of_one_number_are_held(bare: Tenancy) -> None:
    """The others go on."""
    for name in ("Bearings", "Bearings, new"):
        add_row(bare.bill, CHART, name, "4010")
    bare.run("chart_of_accounts")
    assert bare.causes("chart_of_accounts") == {"4010": Cause.DUPLICATE_SUSPECTED}
    assert bare.states("chart_of_accounts")["delivered"] > 5


def test_a_lost_answer_makes_no_account_twice(bare: Tenancy) -> None:
    """They are found by number afterwards."""
    bare.bill.faults.once("lost", method="POST", path_part="/chart-of-accounts")
    bare.run("chart_of_accounts")
    bare.run("chart_of_accounts")
    numbers = [row.number for row in bare.bill.accounts.values()]
    assert len(numbers) == len(set(numbers))
    assert set(bare.states("chart_of_accounts")) == {"delivered", "ignored"}


def test_code_parts_become_departments_locations_and_classes(bare: Tenancy) -> None:
    """By the words of mapping.dimensions, named by code and text."""
    bare.run("dimensions")
    names = {kind: {row.name for row in rows.values()} for kind, rows in bare.bill.classifications.items()}
    assert "210 Assembly" in names[DEPARTMENTS]
    assert "P1 Plant Hamburg" in names["locations"]
    assert "PR-100 Gearbox line renewal" in names["accounting-classes"]
    bound = bare.books.dictionary.bound("bill_dimension")
    assert bound["10^B^210"] == bound["20^B^210"]


def test_a_department_that_people_named_by_its_code_is_bound(bare: Tenancy) -> None:
    """No second one beside it."""
    made = add_row(bare.bill, DEPARTMENTS, "210")
    bare.run("dimensions")
    assert bare.entry("dimensions", "10^B^210").external_id == made.id


def test_without_leave_to_make_them_missing_dimensions_are_held_until_they_are_there(bare: Tenancy) -> None:
    """As accounts are."""
    bare.change(bill={"create_dimensions": False})
    bare.run("dimensions")
    assert bare.bill.classifications[DEPARTMENTS] == {}
    made = add_row(bare.bill, DEPARTMENTS, "210 Assembly")
    bare.run("dimensions")
    assert bare.entry("dimensions", "10^B^210").external_id == made.id
    assert bare.entry("dimensions", "10^B^220").cause == Cause.DIMENSION_UNMAPPED


def test_a_code_part_that_is_no_longer_mapped_is_not_sent(bare: Tenancy) -> None:
    """Its values stay where they are."""
    bare.run_stages("dimensions", "collect")
    bare.change(mapping={"dimensions": {"CodeB": "department"}})
    bare.run_stages("dimensions", "translate", "deliver")
    assert bare.entry("dimensions", "10^C^P1").cause == Cause.NOT_READY
    assert bare.bill.classifications["locations"] == {}


def test_a_wrong_word_for_a_code_part_stops_the_connection(bare: Tenancy) -> None:
    """It names the words there are."""
    bare.change(mapping={"dimensions": {"CodeB": "cost center"}})
    with pytest.raises(Exception, match="class, department, location"):
        bare.run("dimensions")


def test_a_code_part_that_there_is_not_stops_the_connection(tenancy: Tenancy) -> None:
    """Its values were sent, and no line of a bill had them."""
    tenancy.change(mapping={"dimensions": {"B": "department"}})
    tenancy.invoice("INV-1")
    with pytest.raises(ConfigurationError, match="B: code parts are CodeB to CodeJ"):
        tenancy.run("bills")
    assert tenancy.bill.bills == {}


def test_a_second_pass_over_the_reference_data_writes_nothing(tenancy: Tenancy) -> None:
    """All is seen."""
    tenancy.run("chart_of_accounts", "dimensions", "vendors")
    assert tenancy.simulators.writes() == 0
