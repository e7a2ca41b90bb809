"""Money as Ramp writes it: minor units in answers, major units in requests; two converters, never one.

An answer has `amount` in the smallest unit and `currency_code` (documented), and the rate between both units (seen in
public code), which goes before ISO 4217 where it is given. A request has a decimal in major units (schema documented,
meaning seen in public code); it is sent as text, so that no float stands between us and Ramp.
"""

from decimal import Decimal

import msgspec

from mlc_pipelines.accounting.money import Money


class Amount(msgspec.Struct, frozen=True):
    """An amount in an answer."""

    amount: int
    currency_code: str
    minor_unit_conversion_rate: int | None = None

    def money(self) -> Money:
        """Give the money meant; ValueError when the currency is unknown or the places do not fit it."""
        rate = self.minor_unit_conversion_rate
        if not rate:
            return Money.from_minor_units(self.amount, self.currency_code)
        amount = Decimal(self.amount) / rate
        if rate < 0 or amount * rate != self.amount:
            raise ValueError(f"amount {self.amount} of {self.currency_code} cannot be divided by {rate}")
        money = Money(amount, self.currency_code)
        money.to_minor_units()
        return money


def as_request(money: Money) -> str:
    """Write money for a request: major units with exactly the places of its currency."""
    return money.to_text()
