"""Amounts as Ramp takes them (major units) and gives them (minor units)."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

PLACES: Mapping[str, int] = {
    "AED": 2, "AUD": 2, "BRL": 2, "CAD": 2, "CHF": 2, "CNY": 2, "CZK": 2, "DKK": 2, "EUR": 2, "GBP": 2, "HKD": 2,
    "HUF": 2, "ILS": 2, "INR": 2, "JPY": 0, "KRW": 0, "KWD": 3, "MXN": 2, "NOK": 2, "NZD": 2, "PLN": 2, "RON": 2,
    "SEK": 2, "SGD": 2, "THB": 2, "TND": 3, "TRY": 2, "USD": 2, "VND": 0, "ZAR": 2,
}  # fmt: skip
DECIMAL_STRING = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")


def parse_amount(value: Any) -> Decimal:
    """Read a JSON number (already a Decimal or int) or a decimal string; ValueError says what is wrong."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise ValueError("Not a valid number.")  # noqa: TRY004  # one kind of problem for the caller
    if not DECIMAL_STRING.fullmatch(str(value)):
        raise ValueError("Not a valid number.")
    return Decimal(value)


def check_places(amount: Decimal, currency: str) -> None:
    """Refuse an amount with more decimal places than its currency has."""
    exponent = amount.as_tuple().exponent
    places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    if places > PLACES[currency]:
        raise ValueError(f"{currency} has {PLACES[currency]} decimal places.")


def as_answer(amount: Decimal, currency: str) -> dict[str, Any]:
    """Return the amount as an object with an integer of minor units."""
    rate = 10 ** PLACES[currency]
    return {"amount": int(amount * rate), "currency_code": currency, "minor_unit_conversion_rate": rate}
