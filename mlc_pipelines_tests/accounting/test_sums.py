"""Sums of documents."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_pipelines.accounting.money import Money
from mlc_pipelines.accounting.sums import add_up, check_document, sums_by_currency
from mlc_pipelines.errors import Cause, RecordError

AMOUNTS = st.builds(Money.from_minor_units, st.integers(-(10**9), 10**9), st.sampled_from(["USD", "JPY", "EUR"]))


def usd(text: str) -> Money:
    """Dollars."""
    return Money(Decimal(text), "USD")


def test_nothing_is_zero_of_its_currency() -> None:
    """An empty document has a sum."""
    assert add_up([], "JPY") == Money(Decimal(0), "JPY")


def test_another_currency_is_refused() -> None:
    """A line in euro does not count in a document in dollars."""
    with pytest.raises(ValueError, match="two currencies"):
        add_up([usd("1"), Money(Decimal(1), "EUR")], "USD")


@given(st.lists(AMOUNTS, max_size=30))
def test_each_currency_is_summed_by_itself(amounts: list[Money]) -> None:
    """The sums are complete and in the order of their codes."""
    sums = sums_by_currency(amounts)
    assert list(sums) == sorted({amount.currency for amount in amounts})
    for currency, total in sums.items():
        assert total == add_up([amount for amount in amounts if amount.currency == currency], currency)


def test_a_document_that_adds_up_passes() -> None:
    """Lines and tax are the gross amount, also with negative lines."""
    check_document("invoice 1", lines=[usd("10.00"), usd("-1.50")], tax=usd("0.85"), gross=usd("9.35"))


def test_a_document_that_does_not_is_held_with_the_difference() -> None:
    """The message says what was found, what was expected and what is missing."""
    with pytest.raises(
        RecordError, match=r"invoice 7: 2 lines and tax of 1.00 USD make 11.00 USD.*0.01 USD is missing"
    ) as caught:
        check_document("invoice 7", lines=[usd("5.00"), usd("5.00")], tax=usd("1.00"), gross=usd("11.01"))
    assert caught.value.cause == Cause.AMOUNT_MISMATCH
