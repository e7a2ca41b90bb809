"""Money: an exact amount and its currency, never one without the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import MAX_PREC, Context, Decimal
from fractions import Fraction
from functools import cache
from typing import Self

from iso4217 import raw_table

MICRO_PLACES = 6
_WIDEST = 24  # digits before or after the point, far beyond any ledger; keeps 1E+999999999 from filling the memory
_EXACT = Context(prec=MAX_PREC)  # nothing is divided in it, so nothing is rounded, however many digits come in
# Withdrawn, but still found in documents of earlier years.
_WITHDRAWN = {"ANG": 2, "BGN": 2, "BYR": 0, "CUC": 2, "HRK": 2, "MRO": 2, "SLL": 2, "STD": 2, "VEF": 2, "ZWL": 2}


class InexactAmountError(ValueError):
    """An amount has finer places than its currency, or than what it is written into."""


@cache
def places(currency: str) -> int:
    """Decimal places of a currency by ISO 4217; ValueError names one that has none or is not known."""
    units = raw_table.get(currency, {}).get("CcyMnrUnts")
    if isinstance(units, str) and units.isdigit():
        return int(units)
    if currency in _WITHDRAWN:
        return _WITHDRAWN[currency]
    raise ValueError(f"currency {currency!r} is not a currency of ISO 4217 with decimal places")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount as it was given, places and all; what does not fit a currency is refused where it is written out."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        places(self.currency)
        if not isinstance(self.amount, Decimal):
            raise TypeError(f"amount {self.amount!r} is a {type(self.amount).__name__}; money is counted in Decimal")
        if not self.amount:
            object.__setattr__(self, "amount", Decimal(0))
        if self.amount.adjusted() > _WIDEST or _exponent(self.amount) < -_WIDEST:
            raise ValueError(f"amount {self.amount:.2E} is not an amount of money")

    def __add__(self, other: Self) -> Self:
        return self._with(_EXACT.add(self.amount, self._same(other)))

    def __sub__(self, other: Self) -> Self:
        return self._with(_EXACT.subtract(self.amount, self._same(other)))

    def __neg__(self) -> Self:
        return self._with(self.amount.copy_negate())

    def __bool__(self) -> bool:
        return bool(self.amount)

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"

    @classmethod
    def from_minor_units(cls, units: int, currency: str) -> Self:
        """Count in cents, or whatever the currency's smallest unit is."""
        return cls(_EXACT.scaleb(Decimal(units), -places(currency)), currency)

    @classmethod
    def from_micros(cls, micros: int, currency: str) -> Self:
        """Count in millionths of the currency's main unit."""
        return cls(_EXACT.scaleb(Decimal(micros), -MICRO_PLACES), currency)

    @property
    def micros(self) -> int:
        """The amount in millionths of the main unit, the same for every currency."""
        return self._scaled(MICRO_PLACES)

    def to_minor_units(self) -> int:
        """The amount in the currency's smallest unit; InexactAmountError when there is a rest."""
        return self._scaled(places(self.currency))

    def to_text(self) -> str:
        """The amount with exactly the currency's places: 12.30, and 1200 in yen."""
        minor = self.to_minor_units()
        return str(Decimal(minor).scaleb(-places(self.currency), _EXACT))

    def split(self, shares: Sequence[Decimal]) -> list[Self]:
        """Divide by shares, half up at the currency's places; the last share takes the remainder.

        The parts add up to the whole, and none has the opposite sign of it.
        """
        if any(not share.is_finite() or share < 0 for share in shares) or not any(shares):
            raise ValueError(f"shares {', '.join(map(str, shares)) or 'none'} do not divide {self}")
        whole = self.to_minor_units()
        sign, left = (-1 if whole < 0 else 1), abs(whole)
        total = sum(map(Fraction, shares))
        parts = []
        for share in shares[:-1]:
            part = min(left, int(abs(whole) * Fraction(share) / total + Fraction(1, 2)))
            left -= part
            parts.append(sign * part)
        return [self.from_minor_units(part, self.currency) for part in [*parts, sign * left]]

    def _with(self, amount: Decimal) -> Self:
        return type(self)(amount, self.currency)

    def _same(self, other: Self) -> Decimal:
        if other.currency != self.currency:
            raise ValueError(f"{self} and {other} are of two currencies and do not add up")
        return other.amount

    def _scaled(self, wanted: int) -> int:
        scaled = self.amount.scaleb(wanted, _EXACT)
        if scaled != scaled.to_integral_value():
            raise InexactAmountError(f"amount {self} has more than {wanted} decimal places")
        return int(scaled)


def _exponent(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, str):
        raise ValueError(f"amount {amount} is not an amount of money")  # noqa: TRY004 - NaN and infinity are Decimals
    return exponent
