"""Amounts of a bill: allocations with up to eight places become money, and nothing is gained or lost on the way."""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from mlc_pipelines.accounting.money import Money, places
from mlc_pipelines.errors import Cause, RecordError

NOISE = Decimal("0.000001")
"""Totals are sums of binary floats (documented): what is below this is their noise, not money."""


def smallest(currency: str) -> Decimal:
    """Give the minor unit of a currency; ValueError for one that is not known."""
    return Decimal(1).scaleb(-places(currency))


def rounded(amount: Decimal, currency: str) -> Money:
    """Round to the minor unit, half to even; ValueError for what is no amount of money."""
    try:
        return Money(amount.quantize(smallest(currency), ROUND_HALF_EVEN), currency)
    except InvalidOperation as error:
        raise ValueError(f"amount {amount:E} is not an amount of money") from error


def stated(amount: Decimal, currency: str, *, what: str) -> Money:
    """Read a total as the bill states it: exact but for the noise of a float."""
    try:
        money = rounded(amount, currency)
    except ValueError as error:
        raise RecordError(f"{what}: {error}", cause=Cause.UNREADABLE) from error
    if abs(money.amount - amount) > NOISE:
        raise RecordError(
            f"{what} is {amount:f} {currency}, finer than the currency; correct the bill in Procurify",
            cause=Cause.AMOUNT_INEXACT,
        )
    return money


def spread(amounts: Sequence[Decimal], total: Money) -> list[Money]:
    """Round amounts so that they add up to a total: what rounding leaves goes to the largest.

    Raises ValueError with the difference when the amounts are not that total within one minor unit.
    """
    difference = sum(amounts, Decimal(0)) - total.amount
    if abs(difference) > smallest(total.currency):
        raise ValueError(f"{difference.normalize():f}")
    parts = [rounded(amount, total.currency) for amount in amounts]
    rest = total.amount - sum((part.amount for part in parts), Decimal(0))
    if rest and parts:
        largest = max(range(len(parts)), key=lambda place: (abs(amounts[place]), -place))
        parts[largest] = Money(parts[largest].amount + rest, total.currency)
    return parts
