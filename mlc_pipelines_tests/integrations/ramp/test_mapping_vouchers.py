"""Vouchers of bills: both sides equal to the last place, on the code strings that the invoice had, or held."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_pipelines.accounting.money import Money, places
from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.ifs.posting_proposals import PostingLine
from mlc_pipelines.integrations.erp.voucher_rules import VoucherRules
from mlc_pipelines.integrations.ramp.mapping import to_bill, to_voucher
from mlc_pipelines.integrations.ramp.models import GL_FIELD
from mlc_pipelines_tests.integrations.ramp.builders import line, posting_line, ready_bill, supplier_invoice
from mlc_pipelines_tests.integrations.ramp.test_mapping import ANY_MINOR, CENTERS, CURRENCIES, WORDS, units

RULES = VoucherRules(voucher_type="M", user_group="AC", credit_account={"*": "2400"})
PARTS = {"ifs-code-part-b": "B", "ifs-code-part-c": "C"}
POSTED = date(2026, 11, 3)


@given(st.sampled_from(CURRENCIES), st.lists(ANY_MINOR, min_size=1, max_size=6))
def test_a_voucher_always_balances(currency: str, lines: list[int]) -> None:
    """Whatever the lines are, both sides are the same sum, exact, and a line below zero stands on the other side."""
    coded = [line(Money(Decimal(units(count, currency)), currency).to_text(), (GL_FIELD, "10^4010")) for count in lines]
    voucher = to_voucher(ready_bill(*coded, currency=currency), "10", POSTED, RULES, PARTS)
    debits = [Decimal(row["debit"]) for row in voucher["rows"] if row["debit"] is not None]
    credits_ = [Decimal(row["credit"]) for row in voucher["rows"] if row["credit"] is not None]
    assert sum(debits) == sum(credits_)
    assert all(amount >= 0 for amount in debits + credits_)
    assert len(voucher["rows"]) == len(lines) + 1
    below = sum(1 for amount in lines if amount < 0)
    against = Decimal(sum(lines)).scaleb(-places(currency))
    assert len(credits_) == below + (1 if against > 0 else 0)
    assert voucher["currency"] == currency


def test_a_voucher_books_each_line_on_its_code_string() -> None:
    """Account and code parts come back as IFS knows them; the credit is on the account of the rules."""
    coded = line("12.34", (GL_FIELD, "10^0010"), ("ifs-code-part-b", "10^300"), ("somebody-elses", "10^1"))
    voucher = to_voucher(ready_bill(coded), "10", POSTED, RULES, PARTS)
    assert voucher["rows"] == [
        {"account": "0010", "parts": {"B": "300"}, "debit": "12.34", "credit": None, "text": "Bearings"},
        {"account": "2400", "parts": {}, "debit": None, "credit": "12.34", "text": "Nordhavn Bearings ApS"},
    ]
    assert (voucher["company"], voucher["voucher_type"], voucher["user_group"]) == ("10", "M", "AC")
    assert (voucher["date"], voucher["reference"]) == ("2026-11-03", "b-1")


def test_a_code_made_in_ramp_is_taken_as_it_is() -> None:
    """A coding without a company is that very code."""
    voucher = to_voucher(ready_bill(line("1.00", (GL_FIELD, "4010"))), "10", POSTED, RULES, PARTS)
    assert voucher["rows"][0]["account"] == "4010"


@pytest.mark.parametrize("field", [GL_FIELD, "ifs-code-part-b"])
def test_a_coding_of_another_company_holds_the_bill(field: str) -> None:
    """Neither account nor cost center of company 20 is booked in company 10."""
    coded = line("1.00", (GL_FIELD, "10^4010"), (field, "20^4010"))
    with pytest.raises(RecordError, match=r"20\^4010 is of company 20, the bill of company 10") as caught:
        to_voucher(ready_bill(coded), "10", POSTED, RULES, PARTS)
    assert caught.value.cause is Cause.ACCOUNT_UNMAPPED


def test_a_line_without_an_account_holds_the_bill() -> None:
    """A person codes it in Ramp first."""
    with pytest.raises(RecordError, match="no GL account"):
        to_voucher(ready_bill(line("1.00", ("ifs-code-part-b", "10^300"))), "10", POSTED, RULES, PARTS)


@given(ANY_MINOR.filter(bool))
def test_a_bill_whose_lines_are_not_its_amount_is_held(off: int) -> None:
    """A voucher is never made to balance."""
    bill = ready_bill()
    wrong = ready_bill(amount=str(Decimal(bill["amount"]) + Decimal(off).scaleb(-2)))
    with pytest.raises(RecordError, match="lines are") as caught:
        to_voucher(wrong, "10", POSTED, RULES, PARTS)
    assert caught.value.cause is Cause.AMOUNT_MISMATCH


def test_a_long_text_is_cut() -> None:
    """The voucher's text fits its column, whatever a vendor is called."""
    voucher = to_voucher(ready_bill(vendor_name="N" * 300), "10", POSTED, RULES, PARTS)
    assert len(voucher["text"]) == 200


LINES = st.builds(
    posting_line,
    st.integers(min_value=0, max_value=10**9).map(lambda count: units(count, "EUR")),
    st.sampled_from(["4010", "0010"]),
    B=st.sampled_from(["", *CENTERS]),
    C=st.sampled_from(["", "P1"]),
)


@given(st.lists(LINES, min_size=1, max_size=5))
def test_codings_come_back_as_they_went(posted: list[PostingLine]) -> None:
    """A voucher of the bill of an invoice books the invoice's own code strings and amounts."""
    bill = to_bill(supplier_invoice(*posted), WORDS)
    voucher = to_voucher(ready_bill(*bill["lines"]), "10", POSTED, RULES, PARTS)
    booked = [(row["account"], row["parts"], Decimal(row["debit"])) for row in voucher["rows"][:-1]]
    assert booked == [
        (each.account, {part: value for part, value in each.parts.items() if value}, each.amount) for each in posted
    ]
