"""Tests of vouchers made of requests and payments."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.integrations.airbase.booking import (
    inverted,
    payment_reference,
    request_reference,
    to_payment_voucher,
    to_request_voucher,
)
from mlc_pipelines.integrations.airbase.charges import Charge
from mlc_pipelines_tests.integrations.airbase.builders import (
    payment,
    payment_rules,
    request,
    request_rules,
    voucher_words,
)

TODAY = date(2026, 4, 30)
TYPES = {"services": "4600"}


def booked_request(charge: Charge, *, rules: dict[str, Any] | None = None, **words: Any) -> dict[str, Any]:
    return to_request_voucher(charge, voucher_words(**words), request_rules(**(rules or {})), TYPES, today=TODAY)


def booked_payment(charge: Charge, *, rules: dict[str, Any] | None = None, **words: Any) -> dict[str, Any]:
    return to_payment_voucher(charge, voucher_words(**words), payment_rules(**(rules or {})), today=TODAY)


def sides(voucher: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
    return [(row["account"], row["debit"], row["credit"]) for row in voucher["rows"]]


def held(make: Any, charge: Charge, **given_: Any) -> tuple[Cause, str | None]:
    with pytest.raises(RecordError) as caught:
        make(charge, **given_)
    return caught.value.cause, caught.value.key


def test_a_request_is_a_debit_per_line_and_one_credit() -> None:
    """On the line's account, with the code part its tag names, under the reference of the request."""
    voucher = booked_request(request())
    assert sides(voucher) == [("6110", "1830.00", None), ("2400", None, "1830.00")]
    assert voucher["rows"][0]["parts"] == {"B": "300"}
    assert (voucher["reference"], voucher["date"], voucher["text"]) == ("PR-pr_5521", "2026-04-02", "Nordtek PR-881")


def test_a_line_without_an_account_is_on_that_of_its_purchase_type() -> None:
    """The type decides only where nobody coded."""
    charge = request(lines=[{"amount": "1830.00", "description": "Calibration"}])
    assert sides(booked_request(charge))[0] == ("4600", "1830.00", None)


def test_code_parts_of_the_settings_are_overruled_by_tags() -> None:
    """What a person chose counts more than what is usual."""
    voucher = booked_request(request(), usual_parts={"B": "100", "C": "P1"})
    assert voucher["rows"][0]["parts"] == {"B": "300", "C": "P1"}


def test_the_account_table_is_read_backwards() -> None:
    """It says which of Airbase's codes an IFS account has; a code that stands for two names neither."""
    assert sides(booked_request(request(), accounts={"6110": "4010"}))[0][0] == "4010"
    assert inverted({"4010": "A", "4020": "B", "4030": "B"}) == {"A": "4010"}
    assert inverted(None) is None


@pytest.mark.parametrize(
    ("charge", "words", "cause", "key"),
    [
        (request(subsidiary={"erp_reference_id": "90"}), {}, Cause.ENTITY_UNMAPPED, "subsidiary:90"),
        (request(currency="GBP"), {}, Cause.REJECTED_BY_TARGET, "currency:GBP"),
        (request(), {"chart": frozenset()}, Cause.ACCOUNT_UNMAPPED, "account:10^6110"),
        (request(), {"accounts": {}}, Cause.ACCOUNT_UNMAPPED, "account_of:6110"),
        (
            request(purchase_type="goods", lines=[{"amount": "1830.00"}]),
            {},
            Cause.ACCOUNT_UNMAPPED,
            "purchase_type:goods",
        ),
        (request(total_amount="1830.01"), {}, Cause.AMOUNT_MISMATCH, None),
        (request(total_amount="0.001", lines=[{"amount": "0.001"}]), {}, Cause.AMOUNT_INEXACT, None),
    ],
)
def test_a_request_that_cannot_be_booked_says_what_must_change(
    charge: Charge, words: dict[str, Any], cause: Cause, key: str | None
) -> None:
    """The key is the word that releases it."""
    assert held(booked_request, charge, **words) == (cause, key)


def test_a_company_without_a_credit_account_is_held() -> None:
    """Both sides or none."""
    assert held(booked_request, request(), rules={"credit_account": {}}) == (
        Cause.ACCOUNT_UNMAPPED,
        "credit_account:10",
    )


def test_the_currency_of_the_erp_is_found_by_iso_code() -> None:
    """The row that a transaction made has no reference and does not count."""
    assert booked_request(request(), currencies={"EUR": "EURO"})["currency"] == "EURO"
    assert booked_request(request(), currencies=None)["currency"] == "EUR"


def test_a_payment_of_a_bill_is_what_we_owe_against_the_bank() -> None:
    """The expense was booked before; its lines only have to add up."""
    voucher = booked_payment(payment())
    assert sides(voucher) == [("2400", "1830.00", None), ("1800", None, "1830.00")]
    assert (voucher["reference"], voucher["date"], voucher["text"]) == ("PAY-pr_5521", "2026-04-05", "Nordtek INV-1")


def test_a_payment_by_lines_is_the_expense_against_the_bank() -> None:
    """Without a bank account it is against what we owe, and without that against the credit account."""
    assert sides(booked_payment(payment(type="card"))) == [("6110", "1830.00", None), ("1800", None, "1830.00")]
    assert sides(booked_payment(payment(type="card", bank_account=None)))[1][0] == "2400"
    bare = payment(type="card", bank_account=None, ap_account=None)
    assert sides(booked_payment(bare, rules={"credit_account": {"10": "1800"}}))[1][0] == "1800"


def test_a_credit_turns_both_sides_around() -> None:
    """Only for a type that may be below zero."""
    credit = payment(type="card", total_amount="-5.00", bank_account=None,
                     lines=[{"amount": "-5.00", "account": {"erp_reference_id": "6110"}}])  # fmt: skip
    assert sides(booked_payment(credit, rules={"credit_types": ["card"]})) == [
        ("6110", None, "5.00"),
        ("2400", "5.00", None),
    ]
    assert held(booked_payment, credit) == (Cause.CREDIT_NOTE, "credit_type:card")


UNLINKED = {"erp_reference_id": "", "airbase_id": "v-7", "name": "New Co"}


@pytest.mark.parametrize(
    ("charge", "cause", "key"),
    [
        (payment(type="wallet"), Cause.ACCOUNT_UNMAPPED, "payment_type:wallet"),
        (payment(vendor=UNLINKED), Cause.VENDOR_UNKNOWN, "vendor_link:v-7"),
        (payment(total_amount="1.00"), Cause.AMOUNT_MISMATCH, None),
        (payment(type="card", lines=[{"amount": "1830.00"}]), Cause.ACCOUNT_UNMAPPED, None),
        (payment(ap_account=None), Cause.ACCOUNT_UNMAPPED, "payable_account:10"),
    ],
)
def test_a_payment_that_cannot_be_booked_says_what_must_change(charge: Charge, cause: Cause, key: str | None) -> None:
    """The key is the word that releases it."""
    assert held(booked_payment, charge) == (cause, key)


def test_a_vendor_linked_meanwhile_and_an_employee_are_no_obstacle() -> None:
    """The link is in the dictionary; a reimbursement has no vendor at all."""
    assert booked_payment(payment(vendor=UNLINKED), links={"v-7": "S-9"})["reference"]
    assert booked_payment(payment(vendor=None))["text"] == "INV-1"


def test_an_account_of_what_we_owe_may_be_set() -> None:
    """For tenants whose payments do not name one."""
    voucher = booked_payment(payment(ap_account=None), rules={"payable_account": {"*": "2400"}})
    assert sides(voucher)[0][0] == "2400"


@given(st.text(min_size=1, max_size=80))
def test_a_reference_fits_its_column_and_is_the_same_each_time(id_: str) -> None:
    """A long id is hashed; requests and payments never share one."""
    assert len(request_reference(id_)) <= 50
    assert request_reference(id_) == request_reference(id_) != payment_reference(id_)


@given(st.lists(st.decimals(min_value=-10_000, max_value=10_000, places=2), min_size=1, max_size=6))
def test_every_voucher_balances(amounts: list[Decimal]) -> None:
    """To the cent, whatever the signs of its lines."""
    lines = [{"amount": str(amount), "account": {"erp_reference_id": "6110"}} for amount in amounts]
    voucher = booked_request(request(lines=lines, total_amount=str(sum(amounts, Decimal(0)))))
    debits, credits_ = (sum(Decimal(row[side] or 0) for row in voucher["rows"]) for side in ("debit", "credit"))
    assert debits == credits_
