"""Tests of companies: by location where a bill or the department list tells it, else the one of the tenant."""

import pytest

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.integrations.procurify.client import ProcurifyClient
from mlc_pipelines.integrations.procurify.desk import DepartmentList
from mlc_pipelines.integrations.procurify.models import Department
from mlc_pipelines.integrations.procurify.words import Places
from mlc_pipelines.sandbox.procurify import ProcurifySandbox
from mlc_pipelines_tests.integrations.procurify.builders import allocation, bill, department, line

LISTED = {"310": Department("4", "Warehouse", "310", "2", "SOUTH")}


def places(default: str | None = None, **table: str) -> Places:
    return Places({name.lstrip("_"): company for name, company in table.items()}, default, lambda: LISTED)


def charged(*where: object) -> list[dict[str, object]]:
    return [line(*(allocation("500", branch=each) for each in where))]


@pytest.mark.parametrize("table", [{"_1": "10"}, {"NORTH": "10", "_1": "20"}])
def test_a_location_is_known_by_external_id_or_id(table: dict[str, str]) -> None:
    """The external id goes first."""
    branch = {"id": 1, "external_id": "NORTH"}
    assert places(**table).company_of(bill(items=charged(branch))) == "10"


def test_a_location_may_be_an_id_only() -> None:
    """As older answers have it."""
    assert places(_7="10").company_of(bill(items=charged(7))) == "10"


def test_a_department_without_location_is_looked_up_in_the_list() -> None:
    """It is asked for once, and only then."""
    bare = {"department": {"external_id": "310"}, "account_code": {"code": "6110"}}
    found = bill(items=[line({"amount": "1000", "budget": bare})])
    assert places(SOUTH="20").company_of(found) == "20"


def test_one_company_stands_for_all_locations_that_are_not_named() -> None:
    """Where the tenant has one."""
    assert places("10", _9="20").company_of(bill()) == "10"


def test_without_allocations_the_approver_tells_the_company() -> None:
    """There is nobody else to ask."""
    rows = [{"status": 2, "date": "2026-04-01T08:00:00Z", "user": {"department": department()}}]
    assert places(_1="10").company_of(bill(items=[], bill_statuses=rows)) == "10"
    assert places("30").company_of(bill(items=[], bill_statuses=[])) == "30"


def test_a_bill_of_two_companies_is_held() -> None:
    """Both are named."""
    with pytest.raises(RecordError, match="company 10 and 20"):
        places(_1="10", _2="20").company_of(bill(items=charged(1, 2)))


def test_an_unknown_location_holds_the_bill_under_its_name() -> None:
    """So that the table releases it."""
    with pytest.raises(RecordError, match=r"mapping\.companies") as caught:
        places().company_of(bill(items=charged({"id": 1, "external_id": "NORTH"})))
    assert (caught.value.cause, caught.value.key) == (Cause.ENTITY_UNMAPPED, "company:NORTH")


def test_the_department_list_is_read_once_and_only_when_needed(
    procurify: ProcurifySandbox, client: ProcurifyClient
) -> None:
    """By id and by external id."""
    listed = DepartmentList(client)
    assert procurify.journal.entries == []
    (found,) = {department.name for name, department in [*listed().items(), *listed().items()] if name == "310"}
    assert (found, len([entry for entry in procurify.journal.entries if "departments" in entry.path])) == (
        "Warehouse and logistics",
        1,
    )
