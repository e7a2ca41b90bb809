"""Vouchers: the journal documents IFS makes, found again by the reference on their rows.

A new voucher waits in the hold table until it is updated to the general ledger and may then leave its entity set
(documented); therefore it is looked for among the voucher rows, never by reading the voucher again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Self

import msgspec

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.records import Row, TypedReader, unreadable

SET = "voucher"
ROW_SET = "voucher_row"
ROWS = "rows"


@dataclass(frozen=True, slots=True, order=True)
class VoucherKey:
    """What names a voucher."""

    company: str
    voucher_type: str
    year: int
    number: int

    def text(self) -> str:
        """As one word: `10^M^2026^2026000017`."""
        return f"{self.company}^{self.voucher_type}^{self.year}^{self.number}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the word that `text` wrote."""
        try:
            company, voucher_type, year, number = text.split("^")
            return cls(company, voucher_type, int(year), int(number))
        except ValueError as exc:
            raise ValueError(f"{text!r} is not a voucher key such as 10^M^2026^2026000017") from exc


@dataclass(frozen=True, slots=True)
class VoucherRow:
    """One row: an account with its code parts, and an amount on one side, never negative."""

    account: str
    currency: str
    debit: Decimal | None = None
    credit: Decimal | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None
    reference_serie: str | None = None
    reference_number: str | None = None


@dataclass(frozen=True, slots=True)
class NewVoucher:
    """A voucher to be made; our reference stands on its rows.

    Accounting year and period are those of the date unless given; a company whose year is not the calendar year
    must give them.
    """

    company: str
    voucher_type: str
    date: date
    user_group: str
    rows: Sequence[VoucherRow]
    text: str | None = None
    year: int | None = None
    period: int | None = None


class _Debited(msgspec.Struct, frozen=True, kw_only=True):
    currency: str = ""
    debit: Decimal | None = None


class Vouchers:
    """The vouchers of one tenant."""

    def __init__(self, client: IfsClient) -> None:
        self._client = client

    def create(self, voucher: NewVoucher) -> VoucherKey:
        """Make a voucher with its rows; IFS numbers it. Look with `find` first: IFS makes a second one gladly."""
        check_balance(voucher.rows)
        header = {
            "company": voucher.company,
            "voucher_type": voucher.voucher_type,
            "year": voucher.date.year if voucher.year is None else voucher.year,
            "period": voucher.date.month if voucher.period is None else voucher.period,
            "date": voucher.date,
            "user_group": voucher.user_group,
        }
        if voucher.text is not None:
            header["text"] = voucher.text
        rows = [_row_values(voucher.company, row) for row in voucher.rows]
        return _key(self._client.create_with_rows(SET, header, child=ROWS, rows=rows))

    def find(self, company: str, serie: str, number: str, *, rows: int = 1) -> VoucherKey | None:
        """The voucher whose rows carry our reference; one with fewer than so many `rows` is for a person."""
        where = [("reference_serie", "eq", serie), ("reference_number", "eq", number)]
        rows_found = list(self._client.rows(ROW_SET, company=company, where=where))
        found = {_key(row) for row in rows_found}
        if len(found) > 1:
            keys = ", ".join(key.text() for key in sorted(found))
            raise RecordError(
                f"company {company}: reference {serie} {number} is on {len(found)} vouchers ({keys}); "
                "reverse the wrong one in IFS",
                cause=Cause.DUPLICATE_SUSPECTED,
                key=f"reference:{serie}^{number}",
            )
        key = next(iter(found), None)
        if key is not None and len(rows_found) < rows:
            raise RecordError(
                f"company {company}: voucher {key.text()} has {len(rows_found)} of the {rows} rows of reference "
                f"{serie} {number}, as when it was left half made; delete it in IFS, then release",
                cause=Cause.OUTCOME_UNSETTLED,
                key=f"reference:{serie}^{number}",
            )
        return key

    def debits(self, company: str, serie: str, number: str) -> Mapping[str, Decimal]:
        """What is debited on the rows that carry our reference, by currency; empty where the rows do not tell."""
        where = [("reference_serie", "eq", serie), ("reference_number", "eq", number)]
        reader = TypedReader(_Debited, self._client.settings.names(ROW_SET), where="voucher row")
        found: dict[str, Decimal] = {}
        for row in self._client.rows(ROW_SET, company=company, where=where):
            debited = reader.read(row.raw)
            if debited.debit is not None:
                found[debited.currency] = found.get(debited.currency, Decimal(0)) + debited.debit
        return found


def check_balance(rows: Sequence[VoucherRow]) -> None:
    """Refuse rows with both sides, none or a negative one, and a voucher whose sides differ in a currency."""
    balance: dict[str, Decimal] = {}
    for row in rows:
        sides = [amount for amount in (row.debit, row.credit) if amount is not None]
        if len(sides) != 1 or sides[0] < 0:
            raise RecordError(
                f"voucher row on account {row.account}: debit {row.debit}, credit {row.credit}; one side, not negative",
                cause=Cause.NEGATIVE_LINE,
            )
        balance[row.currency] = balance.get(row.currency, Decimal(0)) + (row.debit or 0) - (row.credit or 0)
    wrong = {currency: amount for currency, amount in balance.items() if amount != 0}
    if wrong or not rows:
        said = ", ".join(f"{amount} {currency}" for currency, amount in wrong.items()) or "no rows"
        raise RecordError(f"voucher does not balance: debit minus credit is {said}", cause=Cause.AMOUNT_MISMATCH)


def _row_values(company: str, row: VoucherRow) -> dict[str, Any]:
    values: dict[str, Any] = {"company": company, "account": row.account, "currency": row.currency}
    values |= {f"code_{letter.lower()}": value for letter, value in row.parts.items()}
    given = {
        "debit": row.debit,
        "credit": row.credit,
        "text": row.text,
        "reference_serie": row.reference_serie,
        "reference_number": row.reference_number,
    }
    return values | {name: value for name, value in given.items() if value is not None}


def _key(row: Row) -> VoucherKey:
    values = row.values
    try:
        return VoucherKey(
            str(values["company"]), str(values["voucher_type"]), int(values["year"]), int(values["number"])
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise unreadable(
            "voucher", "VoucherNo", values.get("number"), "the key of the voucher is not complete"
        ) from exc
