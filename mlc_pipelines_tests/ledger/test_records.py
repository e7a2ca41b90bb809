"""Amounts as the ledger counts them: whole millionths, exact or refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_pipelines.ledger.records import from_micros, to_micros


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_millionths_come_back(micros: int) -> None:
    """What is counted is what was given."""
    amount = from_micros(micros)
    assert amount is not None
    assert to_micros(amount) == micros


@pytest.mark.parametrize(
    ("amount", "micros"),
    [
        ("12.30", 12_300_000),
        ("-0.000001", -1),
        ("1E+3", 10**9),
        ("0.0000010", 1),
        ("9223372036854.775807", 2**63 - 1),
        ("0E+50", 0),
    ],
)
def test_amounts_are_counted_exactly(amount: str, micros: int) -> None:
    """However an amount is written, its millionths are whole."""
    assert to_micros(Decimal(amount)) == micros


@pytest.mark.parametrize(
    ("micros", "text"), [(12_300_000, "12.30"), (0, "0.00"), (1_234_500, "1.2345"), (-1, "-0.000001")]
)
def test_amounts_are_told_with_two_places_or_what_they_need(micros: int, text: str) -> None:
    """Twelve thirty is 12.30."""
    assert format(from_micros(micros) or Decimal("0.00"), "f") == text


def test_nothing_is_counted_as_nothing() -> None:
    """A record without an amount has none, which is not zero."""
    assert to_micros(None) is None
    assert from_micros(None) is None
    assert from_micros(0) == 0


@pytest.mark.parametrize("amount", ["0.0000001", "1.0000000000000000000000000000000001", "999999999999.9999999"])
def test_finer_places_than_millionths_are_refused(amount: str) -> None:
    """Nothing is rounded away, however many digits there are before it."""
    with pytest.raises(ValueError, match="decimal places"):
        to_micros(Decimal(amount))


@pytest.mark.parametrize(
    "amount", ["9223372036854.775808", "-9223372036854.775808", "1E+999999999", "-Infinity", "NaN", "sNaN"]
)
def test_what_is_beyond_counting_is_refused(amount: str) -> None:
    """A database's whole numbers hold nine thousand billions in millionths."""
    with pytest.raises(ValueError, match="beyond what the ledger counts"):
        to_micros(Decimal(amount))


@pytest.mark.parametrize("amount", [Decimal(10**4000), Decimal("1." + "1" * 4000)])
def test_what_is_refused_is_told_shortly(amount: Decimal) -> None:
    """A hold's problem is read by a person."""
    with pytest.raises(ValueError, match="amount 1") as refused:
        to_micros(amount)
    assert len(str(refused.value)) < 80
