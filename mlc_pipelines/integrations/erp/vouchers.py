"""Vouchers made of documents of a spend system: balanced, under our reference, and never a second one.

A payload is plain: company, voucher_type, user_group, date, text, currency, reference, and rows with account, parts,
debit, credit, text. Amounts are text; one of debit and credit is null. Year and period are added by `periods`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.flow import Outgoing
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.vouchers import NewVoucher, VoucherRow, Vouchers
from mlc_pipelines.ledger.records import Landed

LONGEST_REFERENCE = 50
LONGEST_TEXT = 200


def debit_row(account: str, parts: Mapping[str, str], amount: Decimal, text: str) -> dict[str, Any]:
    """Make a row of a voucher payload: a debit, or a credit of the opposite amount where it is below zero.

    A text is cut to what a row takes.
    """
    debit, credit = (str(amount), None) if amount >= 0 else (None, str(-amount))
    return {"account": account, "parts": dict(parts), "debit": debit, "credit": credit, "text": text[:LONGEST_TEXT]}


def voucher(
    head: Mapping[str, str], rows: Sequence[Mapping[str, Any]], *, total: Decimal, against: tuple[str, str]
) -> dict[str, Any]:
    """Make a payload of `head` (company, voucher_type, user_group, date, text, currency, reference) and its rows.

    `total` goes to the other side on the account `against[0]` with the text `against[1]`; RecordError when the rows
    do not add up to it.
    """
    summed = sum(
        (Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0) for row in rows),
        Decimal(0),
    )
    if summed != total:
        raise RecordError(
            f"{head['text']}: lines are {summed}, the document says {total} {head['currency']}",
            cause=Cause.AMOUNT_MISMATCH,
        )
    counter = debit_row(against[0], {}, -total, against[1])
    return {**head, "text": head["text"][:LONGEST_TEXT], "rows": [*rows, counter]}


def short_reference(text: str) -> str:
    """Give a reference that fits IFS's column; a longer one is replaced by its hash, the same each time."""
    return text if len(text) <= LONGEST_REFERENCE else hashlib.sha256(text.encode()).hexdigest()[:20]


class VoucherDesk:
    """Makes vouchers under a reference serie, looking for the reference first."""

    def __init__(self, ifs: IfsClient, serie: str) -> None:
        self._vouchers = Vouchers(ifs)
        self._serie = serie

    def find(self, payload: Mapping[str, Any]) -> Landed | None:
        """Look for the voucher whose rows carry the payload's reference; one of another amount needs a person."""
        company, reference = payload["company"], payload["reference"]
        key = self._vouchers.find(company, self._serie, reference, rows=len(payload["rows"]))
        if key is None:
            return None
        booked = self._vouchers.debits(company, self._serie, reference)
        debits = sum((Decimal(row["debit"] or 0) for row in payload["rows"]), Decimal(0))
        if booked and booked != {payload["currency"]: debits}:
            said = ", ".join(f"{amount} {currency}" for currency, amount in booked.items())
            raise RecordError(
                f"voucher {key.text()} has the reference {self._serie} {reference} of {payload['text']}, but debits "
                f"{said}, not {debits} {payload['currency']}; find out whether it is of an earlier content or of "
                "another document, and correct IFS by hand",
                cause=Cause.DUPLICATE_SUSPECTED,
                key=f"voucher:{company}^{reference}",
            )
        return Landed(key.text())

    def find_all(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look for the vouchers of a batch, by entry id."""
        found = ((outgoing.entry.id, self.find(outgoing.payload)) for outgoing in batch)
        return {entry: landed for entry, landed in found if landed is not None}

    def create(self, payload: Mapping[str, Any]) -> Landed:
        """Make the voucher, header and rows in one change set."""
        rows = tuple(
            VoucherRow(
                account=row["account"],
                parts=row["parts"],
                currency=payload["currency"],
                debit=Decimal(row["debit"]) if row["debit"] is not None else None,
                credit=Decimal(row["credit"]) if row["credit"] is not None else None,
                text=row["text"],
                reference_serie=self._serie,
                reference_number=payload["reference"],
            )
            for row in payload["rows"]
        )
        made = self._vouchers.create(
            NewVoucher(
                company=payload["company"],
                voucher_type=payload["voucher_type"],
                date=date.fromisoformat(payload["date"]),
                user_group=payload["user_group"],
                text=payload["text"],
                rows=rows,
                year=payload.get("year"),
                period=payload.get("period"),
            )
        )
        return Landed(made.text())
