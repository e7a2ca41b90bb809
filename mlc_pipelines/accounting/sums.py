"""Sums of documents: what adds up, and what does not."""

from collections.abc import Iterable

from mlc_pipelines.accounting.money import Money
from mlc_pipelines.errors import Cause, RecordError


def add_up(amounts: Iterable[Money], currency: str) -> Money:
    """Add amounts of one currency; nothing at all is zero of it."""
    total = Money.from_minor_units(0, currency)
    for amount in amounts:
        total += amount
    return total


def sums_by_currency(amounts: Iterable[Money]) -> dict[str, Money]:
    """Add amounts of any currencies, each by itself, in the order of their codes."""
    sums: dict[str, Money] = {}
    for amount in amounts:
        known = sums.get(amount.currency)
        sums[amount.currency] = amount if known is None else known + amount
    return dict(sorted(sums.items()))


def check_document(name: str, *, lines: Iterable[Money], tax: Money, gross: Money) -> None:
    """Hold a document whose lines and tax are not its gross amount, to the last place."""
    counted = list(lines)
    found = add_up(counted, gross.currency) + tax
    if found != gross:
        raise RecordError(
            f"{name}: {len(counted)} lines and tax of {tax} make {found}, but the document says {gross}; "
            f"{gross - found} is missing: correct the document",
            cause=Cause.AMOUNT_MISMATCH,
        )
