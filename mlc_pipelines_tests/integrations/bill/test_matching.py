"""Tests of which account or dimension of BILL a code of IFS means."""

import pytest

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.ifs.accounts import Account
from mlc_pipelines.ifs.code_parts import CodePartValue
from mlc_pipelines.integrations.bill.matching import (
    dimension_kinds,
    same_account,
    same_dimension,
    to_account,
    to_dimension,
)
from mlc_pipelines.integrations.bill.settings import ACCOUNT_TYPES
from mlc_pipelines_tests.integrations.bill.builders import classification


def account(code: str = "4010", name: str = "Bearings", kind: str = "cost") -> Account:
    return Account(company="10", code=code, description=name, kind=kind)


def test_an_account_is_described_with_number_and_type() -> None:
    """Types are words of the settings, for BILL's own are not documented."""
    described = to_account(account(), "60-4010", ACCOUNT_TYPES)
    assert described == {"name": "Bearings", "account": {"type": "EXPENSE", "number": "60-4010"}}


def test_an_account_of_an_unknown_type_is_held() -> None:
    """No type is guessed."""
    with pytest.raises(RecordError, match="account_types") as caught:
        to_account(account(kind="statistical"), "4010", ACCOUNT_TYPES)
    assert (caught.value.cause, caught.value.key) == (Cause.ACCOUNT_UNMAPPED, "account_type:statistical")


def test_an_account_is_found_by_number_before_name() -> None:
    """A name counts only where BILL has no number for it."""
    rows = [classification("0ca1", "Bearings", "4010"), classification("0ca2", "Seals")]
    assert same_account(rows, "4010", "Seals") == rows[0]
    assert same_account(rows, "4020", "Seals") == rows[1]
    assert same_account(rows, "4020", "Bearings") is None


def test_two_accounts_of_one_number_need_a_person() -> None:
    """An archived one does not count."""
    rows = [classification("0ca1", "Bearings", "4010"), classification("0ca2", "Bearings, old", "4010")]
    with pytest.raises(RecordError, match="0ca1, 0ca2") as caught:
        same_account(rows, "4010", "Bearings")
    assert caught.value.cause is Cause.DUPLICATE_SUSPECTED
    rows[1] = classification("0ca2", "Bearings, old", "4010", archived=True)
    assert same_account(rows, "4010", "Bearings") == rows[0]


def test_an_archived_account_is_not_made_a_second_time() -> None:
    """A person restores it."""
    with pytest.raises(RecordError, match="restore"):
        same_account([classification("0ca1", "Bearings", "4010", archived=True)], "4010", "Bearings")


@pytest.mark.parametrize(("naming", "name"), [("code_text", "300 Assembly"), ("code", "300"), ("text", "Assembly")])
def test_a_dimension_is_named_as_the_connection_says(naming: str, name: str) -> None:
    """By code, by text or by both."""
    value = CodePartValue("10", "B", "300", "Assembly")
    assert to_dimension(value, naming) == {"name": name, "code": "300"}


@pytest.mark.parametrize("naming", ["code_text", "code", "text"])
def test_a_dimension_without_text_is_named_by_its_code(naming: str) -> None:
    """IFS repeats the code where there is no description."""
    assert to_dimension(CodePartValue("10", "B", "300", "300"), naming)["name"] == "300"


def test_a_dimension_is_found_by_its_name_else_by_its_code() -> None:
    """What people in BILL made as `300` is not doubled."""
    rows = [classification("0de1", "300"), classification("0de2", "300 Assembly")]
    assert same_dimension(rows, "300 Assembly", "300") == rows[1]
    assert same_dimension(rows[:1], "300 Assembly", "300") == rows[0]
    assert same_dimension(rows, "310 Machining", "310") is None


def test_a_code_part_is_a_class_a_department_or_a_location() -> None:
    """Another word in the table is named."""
    assert dimension_kinds({"CodeB": "department", "CodeC": "location"}) == {"B": "department", "C": "location"}
    with pytest.raises(ValueError, match="CodeD: project"):
        dimension_kinds({"CodeB": "class", "CodeD": "project"})
