"""Amounts keep their value on the way in and out."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_pipelines.sandbox.ramp.money import PLACES, as_answer, check_places, parse_amount


@given(st.sampled_from(sorted(PLACES)), st.integers(min_value=0, max_value=10**12))
def test_an_amount_that_fits_comes_back_as_its_minor_units(currency: str, minor: int) -> None:
    """Any whole number of minor units, written in major units, is answered as that number."""
    written = f"{Decimal(minor).scaleb(-PLACES[currency]):f}"
    amount = parse_amount(written)
    check_places(amount, currency)
    answer = as_answer(amount, currency)
    assert (answer["amount"], answer["currency_code"]) == (minor, currency)
    assert answer["minor_unit_conversion_rate"] == 10 ** PLACES[currency]


@pytest.mark.parametrize("wrong", ["", " 1", "1.", ".5", "+1", "1_000", "\u0661", "Infinity", None, [], 1.5])
def test_other_notations_are_not_amounts(wrong: object) -> None:
    """Only plain decimal notation is read; a binary float never gets this far."""
    with pytest.raises(ValueError, match="Not a valid number"):
        parse_amount(wrong)
