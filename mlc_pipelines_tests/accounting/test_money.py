"""Money: exact, with its currency, and refused where it does not fit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_pipelines.accounting.money import InexactAmountError, Money, places

CURRENCIES = st.sampled_from(["USD", "EUR", "JPY", "KWD", "CLF", "BGN", "IQD"])
UNITS = st.integers(-(10**18), 10**18)
SHARES = st.lists(st.decimals(0, 1000, places=4), min_size=1, max_size=12).filter(any)


def usd(text: str) -> Money:
    """Dollars."""
    return Money(Decimal(text), "USD")


@pytest.mark.parametrize(
    ("currency", "digits"),
    [("USD", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("IQD", 3), ("ISK", 0), ("BGN", 2), ("BYR", 0)],
)
def test_a_currency_has_its_places(currency: str, digits: int) -> None:
    """Places are those of ISO 4217, withdrawn currencies included."""
    assert places(currency) == digits


@pytest.mark.parametrize("currency", ["ANG", "BGN", "CUC", "HRK", "MRO", "SLL", "STD", "VEF", "ZWL"])
def test_a_withdrawn_currency_keeps_its_cents(currency: str) -> None:
    """A document of an earlier year is counted as it was."""
    assert Money.from_minor_units(1234, currency).to_text() == "12.34"


@pytest.mark.parametrize("currency", ["", "usd", "XYZ", "XAU", "XXX", "DOLLAR"])
def test_an_unknown_currency_is_named(currency: str) -> None:
    """What has no minor unit cannot be paid in."""
    with pytest.raises(ValueError, match=repr(currency)):
        places(currency)
    with pytest.raises(ValueError, match=repr(currency)):
        Money(Decimal(1), currency)


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+999999999", "1E-999999999", "1E+25"])
def test_what_is_no_amount_is_refused(amount: str) -> None:
    """Not a number, without end, or so large that counting it would fill the memory."""
    with pytest.raises(ValueError, match="not an amount of money"):
        Money(Decimal(amount), "USD")


@pytest.mark.parametrize("amount", ["1E+24", "9999999999999999999999999", "1E-24", "-1E-24"])
def test_the_widest_amounts_are_taken(amount: str) -> None:
    """Twenty-four places on either side of the first digit."""
    assert Money(Decimal(amount), "USD").amount == Decimal(amount)
    with pytest.raises(ValueError, match="not an amount of money"):
        Money(Decimal(amount).scaleb(1 if "-24" not in amount else -1), "USD")


@pytest.mark.parametrize("digits", [31, 91, 4000])
@pytest.mark.parametrize("sign", [1, -1])
def test_units_beyond_any_money_are_refused_shortly(digits: int, sign: int) -> None:
    """A spend system may write any whole number; its digits are not all repeated."""
    units = sign * (10**digits + 1)
    for count in (Money.from_minor_units, Money.from_micros):
        with pytest.raises(ValueError, match="not an amount of money") as refused:
            count(units, "USD")
        assert len(str(refused.value)) < 60


def test_floats_are_refused() -> None:
    """A float is not money even when it looks right."""
    with pytest.raises(TypeError, match="float"):
        Money(12.3, "USD")  # type: ignore[arg-type]  # that is the point


@given(UNITS, CURRENCIES)
def test_minor_units_come_back(units: int, currency: str) -> None:
    """Cents to money to cents, and to text, lose nothing."""
    money = Money.from_minor_units(units, currency)
    assert money.to_minor_units() == units
    assert Money(Decimal(money.to_text()), currency) == money


@given(UNITS, CURRENCIES)
def test_micros_come_back(micros: int, currency: str) -> None:
    """Millionths to money to millionths lose nothing."""
    assert Money.from_micros(micros, currency).micros == micros


@given(UNITS, CURRENCIES)
def test_text_has_exactly_the_currencys_places(units: int, currency: str) -> None:
    """Neither more nor fewer digits after the point, and no exponent."""
    text = Money.from_minor_units(units, currency).to_text()
    _, point, digits = text.partition(".")
    assert len(digits) == places(currency)
    assert bool(point) == bool(places(currency))
    assert "E" not in text


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("12.3", "USD", "12.30"),
        ("12.3000", "USD", "12.30"),
        ("1E+3", "JPY", "1000"),
        ("1E+3", "USD", "1000.00"),
        ("-0", "USD", "0.00"),
        ("0E+50", "KWD", "0.000"),
        ("-0.05", "USD", "-0.05"),
    ],
)
def test_texts(amount: str, currency: str, text: str) -> None:
    """However an amount was written, it is written out one way."""
    assert Money(Decimal(amount), currency).to_text() == text


@pytest.mark.parametrize(("amount", "currency"), [("0.001", "USD"), ("0.5", "JPY"), ("1.00001", "CLF")])
def test_what_does_not_fit_is_refused_not_rounded(amount: str, currency: str) -> None:
    """An amount finer than its currency is kept as it is, but not written out."""
    money = Money(Decimal(amount), currency)
    for write in (money.to_minor_units, money.to_text, lambda: money.split([Decimal(1)])):
        with pytest.raises(InexactAmountError, match=f"{amount} {currency}"):
            write()


def test_micros_are_exact_too() -> None:
    """Seven places do not fit millionths."""
    with pytest.raises(InexactAmountError):
        _ = usd("0.0000001").micros


@given(UNITS, UNITS, CURRENCIES)
def test_sums_and_differences_are_exact(one: int, other: int, currency: str) -> None:
    """Adding and taking away is counting units."""
    a, b = Money.from_minor_units(one, currency), Money.from_minor_units(other, currency)
    assert (a + b).to_minor_units() == one + other
    assert (a - b).to_minor_units() == one - other
    assert (a + b) - b == a
    back = -a
    assert -back == a
    assert a + -a == Money(Decimal(0), currency)


def test_large_and_small_add_without_rounding() -> None:
    """Digits that Python's usual precision would drop are kept."""
    total = usd("123456789012345678901234.01") + usd("0.0000000001")
    assert str(total) == "123456789012345678901234.0100000001 USD"


@pytest.mark.parametrize(("amount", "text"), [("1E+3", "1000 USD"), ("1E-10", "0.0000000001 USD"), ("0E+9", "0 USD")])
def test_money_is_told_without_an_exponent(amount: str, text: str) -> None:
    """A clerk reads digits."""
    assert str(usd(amount)) == text


def test_two_currencies_do_not_add_up() -> None:
    """The message names both."""
    for act in (Money.__add__, Money.__sub__):
        with pytest.raises(ValueError, match=r"1.00 USD and 1 EUR"):
            act(usd("1.00"), Money(Decimal(1), "EUR"))


def test_the_same_amount_is_equal_however_written() -> None:
    """1.5 and 1.50 are one amount; of two currencies they are two."""
    assert usd("1.5") == usd("1.50")
    assert hash(usd("1.5")) == hash(usd("1.50"))
    assert usd("1.5") != Money(Decimal("1.5"), "EUR")
    assert not usd("0.00")
    assert usd("0.01")


@given(UNITS, CURRENCIES, SHARES)
def test_the_parts_are_the_whole(units: int, currency: str, shares: list[Decimal]) -> None:
    """A split loses nothing, gives every share its part, and turns no sign."""
    whole = Money.from_minor_units(units, currency)
    parts = whole.split(shares)
    assert len(parts) == len(shares)
    assert sum(part.to_minor_units() for part in parts) == units
    assert all(part.to_minor_units() * units >= 0 for part in parts)


@given(st.integers(0, 10**12), SHARES)
def test_a_part_is_its_share_to_the_unit(units: int, shares: list[Decimal]) -> None:
    """No part but the last is more than half a unit above its share."""
    parts = Money.from_minor_units(units, "USD").split(shares)
    for part, share in list(zip(parts, shares, strict=True))[:-1]:
        assert part.to_minor_units() <= units * share / sum(shares) + Decimal("0.501")


@pytest.mark.parametrize(
    ("amount", "shares", "parts"),
    [
        ("100.00", ["1", "1", "1"], ["33.33", "33.33", "33.34"]),
        ("100.00", ["2", "1"], ["66.67", "33.33"]),
        ("-100.00", ["2", "1"], ["-66.67", "-33.33"]),
        ("10.01", ["50", "50"], ["5.01", "5.00"]),
        ("0.02", ["1", "1", "1", "1"], ["0.01", "0.01", "0.00", "0.00"]),
        ("5.00", ["0", "1"], ["0.00", "5.00"]),
        ("0.00", ["1", "2"], ["0.00", "0.00"]),
    ],
)
def test_splits(amount: str, shares: list[str], parts: list[str]) -> None:
    """Half up, and the last takes the remainder."""
    assert [part.to_text() for part in usd(amount).split([Decimal(share) for share in shares])] == parts


@pytest.mark.parametrize("shares", [[], ["0"], ["-1", "2"], ["NaN"], ["Infinity"]])
def test_shares_that_divide_nothing(shares: list[str]) -> None:
    """None, nothing, negative or no number."""
    with pytest.raises(ValueError, match=rf"shares {', '.join(shares) or 'none'} do not divide 1\.00 USD"):
        usd("1.00").split([Decimal(share) for share in shares])
